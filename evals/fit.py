"""The training loop of the encoder: seeded, resumable, on one thread, in bfloat16 where the processor can."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from evals.draws import Draws
from evals.encoder import Encoder
from evals.progress import Progress
from sallyport.inspection.learned import wordpiece
from sallyport.inspection.learned.encoder import LENGTH, OVERLAPPING
from sallyport.inspection.learned.wordpiece import WordPiece

BATCH, POOL = 32, 16  # rows; batches that are sorted by length together
SAVED = 8  # pools from one checkpoint to the next


@dataclass(frozen=True)
class Plan:
    """How one encoder is trained."""

    draws: int
    seed: int = 7
    rate: float = 1e-4
    head_rate: float = 1e-3
    warm_up: float = 0.06
    smoothing: float = 0.05
    frozen: int = 3  # layers that stay as they came, beside the embeddings


def fit(model: Encoder, draws: Draws, pieces: WordPiece, plan: Plan, checkpoint: Path, title: str) -> Encoder:
    """Train to the end of the plan, from the checkpoint if there is one."""
    model.freeze(plan.frozen)
    head = [*model.head.parameters()]
    body = [p for name, p in model.named_parameters() if p.requires_grad and not name.startswith("head")]
    optimizer = torch.optim.AdamW(
        [{"params": body, "lr": plan.rate}, {"params": head, "lr": plan.head_rate}],
        weight_decay=0.01,
        fused=True,
    )
    steps = plan.draws // BATCH
    warm = max(int(steps * plan.warm_up), 1)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm, max((steps - step) / (steps - warm), 0.0))
    )
    done = _restore(checkpoint, model, optimizer, schedule)
    torch.manual_seed(plan.seed + done)
    losses: list[float] = []
    progress = Progress(title, plan.draws, done * BATCH)
    model.train()
    for pool in range(done // POOL, (steps + POOL - 1) // POOL):
        for rows, labels in _batches(draws, pieces, pool, plan.seed):
            losses.append(_step(model, optimizer, rows, labels, plan))
            schedule.step()
        recent = losses[-80:]
        progress.at(min((pool + 1) * POOL * BATCH, plan.draws), f"loss {sum(recent) / len(recent):.3f}")
        if pool % SAVED == SAVED - 1:
            _save(checkpoint, model, optimizer, schedule, (pool + 1) * POOL)
    _save(checkpoint, model, optimizer, schedule, steps)
    return model


def _step(
    model: Encoder, optimizer: torch.optim.Optimizer, rows: Tensor, labels: Tensor, plan: Plan
) -> float:
    targets = labels * (1 - plan.smoothing) + plan.smoothing / 2
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(rows)
    loss = nn.functional.binary_cross_entropy_with_logits(logits.float(), targets)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss.item()


def _batches(draws: Draws, pieces: WordPiece, pool: int, seed: int) -> list[tuple[Tensor, Tensor]]:
    drawn = []
    for number in range(pool * POOL * BATCH, (pool + 1) * POOL * BATCH):
        text, label = draws.draw(number)
        chance = random.Random(f"{seed}-window-{number}")
        drawn.append((one_window(pieces.encode(text[:20_000]), chance), label))
    drawn.sort(key=lambda pair: len(pair[0]))
    batches = [drawn[at : at + BATCH] for at in range(0, len(drawn), BATCH)]
    random.Random(f"{seed}-order-{pool}").shuffle(batches)
    return [
        (padded([row for row, _ in batch]), torch.tensor([float(label) for _, label in batch]))
        for batch in batches
    ]


def one_window(encoded: list[int], chance: random.Random) -> list[int]:
    """One window of a text: often the first, where most texts say what they are about."""
    choices = wordpiece.spans(len(encoded), LENGTH, OVERLAPPING)
    start, end = choices[0] if chance.random() < 0.4 else chance.choice(choices)
    return wordpiece.window(encoded[start:end])


def padded(rows: list[list[int]]) -> Tensor:
    """Rows of piece numbers as one tensor."""
    length = max(map(len, rows))
    return torch.tensor([row + [wordpiece.PAD] * (length - len(row)) for row in rows])


def logits(model: Encoder, pieces: WordPiece, texts: list[str], most: int = 24) -> list[float]:
    """The highest window's logit of each text (at most `most` windows, evenly spread)."""
    model.eval()
    owned: list[tuple[int, list[int]]] = []
    for number, text in enumerate(texts):
        encoded = pieces.encode(text)
        spans = wordpiece.spans(len(encoded), LENGTH, OVERLAPPING)
        step = max(-(-len(spans) // most), 1)
        owned += [(number, wordpiece.window(encoded[start:end])) for start, end in spans[::step]]
    owned.sort(key=lambda pair: len(pair[1]))
    best = [float("-inf")] * len(texts)
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        for at in range(0, len(owned), 64):
            batch = owned[at : at + 64]
            scores = model(padded([row for _, row in batch])).float().tolist()
            for (number, _), score in zip(batch, scores, strict=True):
                best[number] = max(best[number], score)
    return best


def _save(
    path: Path,
    model: Encoder,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LambdaLR,
    done: int,
) -> None:
    parts = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "schedule": schedule.state_dict(),
        "done": done,
    }
    temporary = path.with_suffix(".new")
    torch.save(parts, temporary)
    temporary.replace(path)


def _restore(
    path: Path, model: Encoder, optimizer: torch.optim.Optimizer, schedule: torch.optim.lr_scheduler.LambdaLR
) -> int:
    if not path.exists():
        return 0
    parts = torch.load(path, weights_only=True)
    model.load_state_dict(parts["model"])
    optimizer.load_state_dict(parts["optimizer"])
    schedule.load_state_dict(parts["schedule"])
    return int(parts["done"])
