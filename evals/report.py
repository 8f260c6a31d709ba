"""Measures the detectors and writes evals/REPORT.md and evals/REPORT.json.

    scripts/eval --data DIR [--work DIR]

The held-out part uses the scores that `scripts/train` left in its work folder: each text was judged by layers
that had not seen its fold of sources, and by weights and thresholds fitted on the other folds.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evals import fuse
from evals.data import EXPLICIT, FOLDS, Row, load
from evals.disguises import DISGUISES
from evals.figures import Share, mean, share, table
from evals.own import own_harmless
from evals.pipeline import Judged, Pipeline
from evals.rules_seen import CHANNELS, evidence
from sallyport.inspection.learned import shipped
from sallyport.inspection.learned.fusion import interpolated
from sallyport.inspection.thresholds import BLOCK_SCORE, FLAG_SCORE

HERE = Path(__file__).parent
DISGUISED = 250
TIMED = 400
LONG = 512  # characters, from which what a call costs by itself no longer counts
KINDS = ("attack", "everyday", "hard")
Numbers = fuse.Numbers


@dataclass(frozen=True)
class HeldOut:
    """Scores of rows by layers that had not seen their fold."""

    seen: fuse.Seen
    asked: Numbers  # 1 where the encoder would be asked
    scores: dict[str, Numbers]  # by the layers that are used


def held_out(rows: list[Row], work: Path) -> HeldOut:
    """Each fold is judged with what was fitted on the others."""
    linear = json.loads((work / "linear.json").read_text())
    encoder: dict[int, float] = {}
    for number in range(len(FOLDS)):
        encoder |= {int(n): v for n, v in json.loads((work / f"encoder-{number}.json").read_text()).items()}
    judged = sorted(encoder)
    seen = _part(rows, judged, linear, encoder)
    folds = np.array([row.fold for row in seen.rows])
    scores = {
        name: np.zeros(len(judged))
        for name in ("rules", "linear", "encoder", "rules + linear", "all", "shipped")
    }
    asked = np.zeros(len(judged))
    for number in range(len(FOLDS)):
        mine, others = folds == number, folds != number
        other = _select(seen, others)
        for name, values in _judged(_select(seen, mine), other).items():
            scores[name][mine] = values
        gates = fuse.gates(other)
        documents = np.array([row.channel != "user" for row in seen.rows])[mine]
        asked[mine] = seen.linear[mine] >= np.where(documents, gates["gate_document"], gates["gate_user"])
    asked *= seen.rules < BLOCK_SCORE
    scores["shipped"] = np.where(asked > 0, scores["all"], scores["rules + linear"])
    return HeldOut(seen, asked, scores)


def _judged(seen: fuse.Seen, other: fuse.Seen) -> dict[str, Numbers]:
    quick, quick_other = _without_encoder(seen), _without_encoder(other)
    found: dict[str, Numbers] = {"rules": seen.rules}
    quick_mix, full_mix = fuse.mixed(quick_other), fuse.mixed(other)
    for name, mix, part, fitted in (
        ("rules + linear", quick_mix, quick, quick_other),
        ("all", full_mix, seen, other),
    ):
        knots = fuse.knots(mix, fitted)
        learned = np.array([interpolated(knots, x) for x in fuse.logits(mix, part)])
        found[name] = np.maximum(seen.rules, learned)
    for name, mine, theirs in (
        ("linear", seen.linear, other.linear),
        ("encoder", seen.encoder, other.encoder),
    ):
        found[name] = fuse.alone(mine, theirs, other)
    return found


def _part(rows: list[Row], judged: list[int], linear: list[float], encoder: dict[int, float]) -> fuse.Seen:
    chosen = [rows[n] for n in judged]
    return fuse.Seen(
        chosen,
        np.array([evidence(row) for row in chosen]),
        np.array([linear[n] for n in judged]),
        np.array([encoder[n] for n in judged]),
    )


def _select(seen: fuse.Seen, mask: Numbers) -> fuse.Seen:
    assert seen.encoder is not None
    rows = [row for row, chosen in zip(seen.rows, mask, strict=True) if chosen]
    return fuse.Seen(rows, seen.rules[mask], seen.linear[mask], seen.encoder[mask])


def _without_encoder(seen: fuse.Seen) -> fuse.Seen:
    return fuse.Seen(seen.rows, seen.rules, seen.linear)


def by(rows: Sequence[Row], flags: Numbers, kind: str, key: Callable[[Row], str]) -> dict[str, Share]:
    """Shares of flagged rows of a kind, by whatever the key says."""
    groups: dict[str, list[bool]] = defaultdict(list)
    for row, flag in zip(rows, flags, strict=True):
        if row.kind == kind:
            groups[key(row)].append(bool(flag))
    return {name: share(found) for name, found in sorted(groups.items())}


def layers(found: HeldOut) -> list[list[object]]:
    """One line a layer: recall at the thresholds that let 1 % of everyday texts, and of all harmless ones, be flagged."""
    rows, lines = found.seen.rows, []
    for name, scores in found.scores.items():
        line: list[object] = [name]
        for kinds in (("everyday",), ("everyday", "hard")):
            flags = scores > fuse.threshold(scores, found.seen, kinds, fuse.EVERYDAY_FLAGGED)
            attacks = by(rows, flags, "attack", lambda row: row.source)
            hard = by(rows, flags, "hard", lambda row: row.source)
            line += [
                f"{100 * mean([*attacks.values()]):.1f}",
                _total(attacks),
                f"{100 * mean([*hard.values()]):.1f}",
                _total(hard),
            ]
        lines.append(line)
    return lines


def _total(shares: dict[str, Share]) -> Share:
    return Share(sum(s.hits for s in shares.values()), sum(s.total for s in shares.values()))


def sources(found: HeldOut, key: Callable[[Row], str]) -> list[list[object]]:
    """One line a source or family: flagged and blocked at the scores of the default actions."""
    rows, scores = found.seen.rows, found.scores["shipped"]
    lines: list[list[object]] = []
    for kind in KINDS:
        flagged = by(rows, scores >= FLAG_SCORE, kind, key)
        blocked = by(rows, scores >= BLOCK_SCORE, kind, key)
        asked = by(rows, found.asked, kind, key)
        lines += [
            [kind, name, s.total, s, blocked[name], f"{100 * asked[name].share:.0f}"]
            for name, s in flagged.items()
        ]
        lines.append(
            [
                f"**{kind}**",
                "all",
                _total(flagged).total,
                _total(flagged),
                _total(blocked),
                f"{100 * _total(asked).share:.0f}",
            ]
        )
        lines.append(
            [
                f"**{kind}**",
                "mean of groups",
                "",
                f"{100 * mean([*flagged.values()]):.1f}",
                f"{100 * mean([*blocked.values()]):.1f}",
                "",
            ]
        )
    return lines


def explicit(found: HeldOut) -> Share:
    """Blocked, of the sources whose attacks are explicit."""
    blocked = found.scores["shipped"] >= BLOCK_SCORE
    of = [row.attack and row.source in EXPLICIT for row in found.seen.rows]
    return share([bool(b) for b, counts in zip(blocked, of, strict=True) if counts])


def disguised(pipeline: Pipeline, rows: list[Row]) -> list[list[object]]:
    """Of attacks that are flagged as they are, how many still are in each disguise."""
    chance = random.Random(3)
    pool = [
        r for r in rows if r.attack and r.text.isascii() and 30 < len(r.text) < 600 and r.channel == "user"
    ]
    plain = [
        r.text
        for r in chance.sample(pool, 3 * DISGUISED)
        if pipeline.judge(r.text, "user").score >= FLAG_SCORE
    ][:DISGUISED]
    return [
        [name, share([pipeline.judge(disguise(text), "user").score >= FLAG_SCORE for text in plain])]
        for name, disguise in DISGUISES.items()
    ]


def harmless(pipeline: Pipeline) -> list[list[object]]:
    """Our own harmless sentences through all layers as shipped."""
    groups: dict[tuple[str, str], list[Judged]] = defaultdict(list)
    for text, channel, kind in own_harmless():
        groups[channel, kind].append(pipeline.judge(text, channel))
    return [
        [
            channel,
            kind,
            len(found),
            share([j.score >= FLAG_SCORE for j in found]),
            share([j.score >= BLOCK_SCORE for j in found]),
            f"{100 * sum(j.encoder is not None for j in found) / len(found):.0f}",
        ]
        for (channel, kind), found in groups.items()
    ]


def own_texts(pipeline: Pipeline) -> list[list[object]]:
    """The shipped layers on texts of our own that nothing was trained on."""
    groups: dict[tuple[str, str], list[float]] = defaultdict(list)
    for line in (HERE / "own" / "texts.jsonl").read_text(encoding="utf-8").splitlines():
        raw = json.loads(line)
        groups[raw["kind"], raw["family"]].append(pipeline.judge(raw["text"], CHANNELS[raw["channel"]]).score)
    return [
        [
            kind,
            family,
            len(found),
            share([s >= FLAG_SCORE for s in found]),
            share([s >= BLOCK_SCORE for s in found]),
        ]
        for (kind, family), found in groups.items()
    ]


def costs(pipeline: Pipeline, rows: list[Row]) -> list[list[object]]:
    """CPU time of each layer, of texts of every source alike."""
    chance = random.Random(4)
    texts = [row.text for row in chance.sample(rows, TIMED)]
    lines: list[list[object]] = []
    work: tuple[tuple[str, Callable[[str], object]], ...] = (
        (
            "rules (with identifiers and secrets)",
            lambda text: pipeline.engine.scan(((text, "user"),), "input"),
        ),
        ("linear model, all readings", pipeline.suspicion.most),
        ("encoder", lambda text: pipeline.encoder.scan(text, "user", "input")),
        ("encoder, of 512 characters and more", lambda text: pipeline.encoder.scan(text, "user", "input")),
    )
    for name, act in work:
        spent = []
        for text in texts:
            if "more" in name and len(text) < LONG:
                continue
            started = time.process_time()
            act(text)
            spent.append((time.process_time() - started) * 1e3 / max(len(text) / 1024, 0.05))
        lines.append(
            [name, *(f"{np.quantile(spent, at):.2f}" for at in (0.5, 0.9, 0.99)), f"{np.mean(spent):.2f}"]
        )
    return lines


def main() -> None:
    """Measure, and write both files."""
    arguments = argparse.ArgumentParser(prog="scripts/eval")
    arguments.add_argument("--data", type=Path, required=True, help="the folder that holds detect/")
    arguments.add_argument(
        "--work", type=Path, default=Path(".state/train"), help="where scripts/train left its scores"
    )
    chosen = arguments.parse_args()
    rows = load(chosen.data)
    found, pipeline = held_out(rows, chosen.work), Pipeline()
    parts = {
        "layers": (("layer", "recall, mean of sources", "recall, all", "hard flagged, mean", "hard flagged, all",
                    "recall, mean of sources", "recall, all", "hard flagged, mean", "hard flagged, all"), layers(found)),
        "sources": (("kind", "source", "texts", "flagged %", "blocked %", "encoder asked %"), sources(found, lambda row: row.source)),
        "families": (("kind", "family", "texts", "flagged %", "blocked %", "encoder asked %"), sources(found, lambda row: row.family)),
        "own": (("kind", "family", "texts", "flagged %", "blocked %"), own_texts(pipeline)),
        "harmless": (("channel", "kind", "texts", "flagged %", "blocked %", "encoder asked %"), harmless(pipeline)),
        "disguises": (("disguise", "still flagged %"), disguised(pipeline, rows)),
        "costs": (("layer", "p50 ms/kB", "p90", "p99", "mean"), costs(pipeline, rows)),
    }  # fmt: skip
    tables = {name: table(head, lines) for name, (head, lines) in parts.items()}
    text = (HERE / "report.template.md").read_text(encoding="utf-8")
    text = text.format(version=shipped.parameters().version, explicit=explicit(found), **tables)
    (HERE / "REPORT.md").write_text(text, encoding="utf-8")
    plain = {
        name: [[c.plain() if isinstance(c, Share) else c for c in line] for line in lines]
        for name, (_, lines) in parts.items()
    }
    (HERE / "REPORT.json").write_text(
        json.dumps({"version": shipped.parameters().version, **plain}, indent=1) + "\n"
    )


if __name__ == "__main__":
    main()
