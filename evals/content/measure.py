"""Recall and false alarms of the content policy's rules by source, and what they cost. Writes REPORT.md beside it.

    python evals/content/measure.py --data DIR [--show misses|alarms [--count N]]

DIR/detect holds `harmful_requests.jsonl` (plain requests for harm, without an injection) and `benign.jsonl`. Each text is
taken as a user's turn. "Clear" is what the default actions block; "any" is every finding of a `harm.*` type, for those
who turn the rest on. The rules were written with a sample of the harmful sources in sight, and corrected after alarms on the harmless ones: on new text both figures are worse.
The texts are hostile data: they are scanned, never followed.
"""

# ruff: noqa: T201 - a script
from __future__ import annotations

import argparse
import json
import math
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from sallyport.inspection.actions import CLEAR_HARM
from sallyport.inspection.detector import HARMS
from sallyport.inspection.engine import Engine

POLICY = "copyright"  # a category of harmbench that no rule here is about
BETWEEN = "\n\n"


def rows(folder: Path, name: str) -> Iterator[dict[str, str]]:
    """The rows of one file."""
    with (folder / f"{name}.jsonl").open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def level(engine: Engine, text: str) -> tuple[str, str]:
    """`clear`, `any` or "" for a text, and the rule that says most."""
    found = [f for f in engine.scan(((text, "user"),), "input") if f.type in HARMS]
    if not found:
        return "", ""
    best = max(found, key=lambda f: f.score)
    return ("clear" if best.score >= CLEAR_HARM else "any"), best.detector


def interval(hits: int, total: int) -> str:
    """Wilson's 95 % interval in per cent."""
    z, p = 1.96, hits / total
    middle = (p + z * z / (2 * total)) / (1 + z * z / total)
    half = z * math.sqrt(p * (1 - p) / total + z * z / (4 * total * total)) / (1 + z * z / total)
    return f"{100 * max(middle - half, 0):.1f}-{100 * min(middle + half, 1):.1f}"


def table(title: str, counted: dict[str, Counter[str]]) -> str:
    """A Markdown table by source."""
    lines = [f"| {title} | texts | clear % | 95 % | any % | 95 % |", "|---|---|---|---|---|---|"]
    for name, counts in sorted(counted.items()):
        total, clear = counts.total(), counts["clear"]
        both = clear + counts["any"]
        lines.append(
            f"| {name} | {total} | {100 * clear / total:.1f} | {interval(clear, total)}"
            f" | {100 * both / total:.1f} | {interval(both, total)} |"
        )
    return "\n".join(lines)


def cost(engine: Engine, texts: list[str]) -> float:
    """Microseconds per kB (1,024 characters) of the whole engine on these texts, one by one."""
    began = time.process_time()
    for text in texts:
        engine.scan(((text, "user"),), "input")
    return (time.process_time() - began) * 1e6 / (sum(map(len, texts)) / 1024)


def main() -> None:
    """Measure, and write or show."""
    options = argparse.ArgumentParser()
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--show", choices=("misses", "alarms"))
    options.add_argument("--count", type=int, default=40)
    chosen = options.parse_args()
    folder, engine = chosen.data / "detect", Engine()
    harmful: dict[str, Counter[str]] = defaultdict(Counter)
    benign: dict[str, Counter[str]] = defaultdict(Counter)
    rules: Counter[str] = Counter()
    shown: list[str] = []
    everyday: list[str] = []
    for row in rows(folder, "harmful_requests"):
        if row.get("category") == POLICY:
            continue
        seen, rule = level(engine, row["text"])
        harmful[f"{row['source']} {row.get('category', '')}".strip()][seen] += 1
        harmful["all"][seen] += 1
        if chosen.show == "misses" and seen != "clear":
            shown.append(f"[{seen}] {row['source']} {rule} {row['text'][:160]!r}")
    for row in rows(folder, "benign"):
        seen, rule = level(engine, row["text"])
        hard = "hard" if row["family"].startswith("hard_negative") else "everyday"
        for name in (f"{hard} {row['source']}", f"{hard}, all"):
            benign[name][seen] += 1
        if hard == "everyday":
            everyday.append(row["text"])
        if seen:
            rules[f"{hard} {seen} {rule}"] += 1
        if chosen.show == "alarms" and seen == "clear":
            shown.append(f"{hard} {row['source']} {rule} {row['text'][:200]!r}")
    if chosen.show:
        random.Random(7).shuffle(shown)
        print("\n".join(shown[: chosen.count]))
        return
    report = BETWEEN.join(
        (
            "# Content policy: the rules on harm",
            "Made by `python evals/content/measure.py --data DIR`; what the columns mean stands there.",
            table("harmful requests", harmful),
            table("benign", benign),
            f"The whole engine takes {cost(engine, everyday[:2000]):.0f} us of CPU time per kB on the everyday texts, one by one.",
            "Rules behind the alarms: "
            + ", ".join(f"{name} {count}" for name, count in rules.most_common(20))
            + ".",
        )
    )
    (Path(__file__).parent / "REPORT.md").write_text(report + "\n", encoding="utf-8")
    print(report)


if __name__ == "__main__":
    main()
