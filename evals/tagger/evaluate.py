"""Measures the tagger, the rules beside it and the 18 Safe Harbor identifiers; writes REPORT.md. See scripts/eval-pii.

Nothing that is measured on was trained on: other templates, the last fifth of each source without templates, other
texts for alarms.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator
from pathlib import Path

from evals.tagger import corpus, harbor, measure
from evals.tagger.values import Values
from sallyport.inspection.detector import NAMES as TYPES
from sallyport.inspection.tagging import weights
from sallyport.inspection.tagging.look import TAGGED, Looker, LookOptions, is_worth

HERE = Path(__file__).parent
_SEED = 7
_LABELS = {"person": "PER", "location": "LOC", "organisation": "ORG", "street_address": "ADR"}
_NAMES = {label: kind for kind, label in _LABELS.items()}
_FILLS = 40
_MOST = 3000  # characters of a text on which alarms are counted


def main() -> None:
    """Measure and write."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--data", type=Path, required=True)
    arguments.add_argument("--out", type=Path, default=HERE / "REPORT.md")
    given = arguments.parse_args()
    lines = list(report(given.data))
    given.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


def report(data: Path) -> Iterator[str]:
    """The lines of the report."""
    looker = Looker(LookOptions(types=TAGGED))

    def find(text: str) -> list[tuple[int, int, str]]:
        return [(s.start, s.end, _LABELS[s.type]) for s in looker.scan(text)]

    yield from (HERE / "REPORT.head.md").read_text(encoding="utf-8").splitlines()
    yield f"\nModel {weights.model().version}.\n"
    yield "## Names, addresses, organisations, places\n"
    yield "| texts | entity | entities | covered | 95 % | findings of it that are right |"
    yield "|---|---|---|---|---|---|"
    for name, texts in sets(data):
        for label, (of, hits, found, right) in sorted(measure.counts(texts, find).items()):
            if of >= 20:
                yield f"| {name} | {_NAMES[label]} | {of} | {row(hits, of)} | {right / max(found, 1):.2f} |"
    yield "\n## Alarms on everyday texts\n"
    yield "Texts in which something is found; some do name somebody, so this is an upper bound.\n"
    yield "| source | texts | " + " | ".join(TYPES) + " |\n|---|---|" + "---|" * len(TYPES)
    yield from alarms(data)
    yield "\n## The 18 identifiers of Safe Harbor, on generated notes\n"
    yield from harbor.table(Values(_SEED + 1, {}), HERE / "notes")
    yield "\n## Time\n"
    yield from times(data, looker)


def sets(data: Path) -> Iterator[tuple[str, list[corpus.Text]]]:
    """The labelled texts, by name."""
    _, measured = corpus.public(data)
    yield from measured.items()
    values = Values(_SEED, {})
    held = [
        corpus.fill(t, language, values)
        for language, t in corpus.templates(HERE / "heldout")
        for _ in range(_FILLS)
    ]
    yield "own templates", held
    yield (
        "own templates, lower case",
        [(text.lower(), spans) for text, spans in held if len(text.lower()) == len(text)],
    )
    yield (
        "own templates, capitals",
        [(text.upper(), spans) for text, spans in held if len(text.upper()) == len(text)],
    )


def row(hits: int, of: int) -> str:
    """A share and its interval, as two cells."""
    low, high = measure.interval(hits, of)
    return f"{hits / of:.3f} | {low:.3f}-{high:.3f}"


def alarms(data: Path) -> Iterator[str]:
    """Shares of everyday texts with a finding, by source and type."""
    looker = Looker(LookOptions(types=TYPES))
    counts: dict[str, dict[str, int]] = {}
    totals: dict[str, int] = {}
    for source, text in corpus.benign(data)[1]:
        totals[source] = totals.get(source, 0) + 1
        its = counts.setdefault(source, dict.fromkeys(TYPES, 0))
        for kind in {span.type for span in looker.scan(text[:_MOST])}:
            its[kind] += 1
    for source, total in sorted(totals.items()):
        yield (
            f"| {source} | {total} | "
            + " | ".join(f"{counts[source][kind] / total:.3f}" for kind in TYPES)
            + " |"
        )


def times(data: Path, looker: Looker) -> Iterator[str]:
    """Processor time per kB."""
    texts = [text for _, text in corpus.benign(data)[1]]
    random.Random(_SEED).shuffle(texts)
    spent, gate = [], []
    for text in [text for text in texts if 600 < len(text) < 3000][:300]:
        started = time.process_time()
        looker.scan(text)
        spent.append((time.process_time() - started) * 1e3 / len(text) * 1024)
        started = time.process_time()
        is_worth(text)
        gate.append((time.process_time() - started) * 1e6 / len(text) * 1024)
    spent.sort(), gate.sort()
    share = sum(map(is_worth, texts)) / len(texts)
    yield f"Names: p50 {spent[len(spent) // 2]:.2f}, p99 {spent[int(len(spent) * 0.99)]:.2f} ms/kB of processor time. "
    yield f"The gate before it: p50 {gate[len(gate) // 2]:.0f} us/kB; it lets {share:.2f} of everyday texts through."


if __name__ == "__main__":
    main()
