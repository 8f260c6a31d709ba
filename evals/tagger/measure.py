"""Counts: entities covered, findings that are right, alarms on text that names nobody. With 95 % intervals (Wilson)."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable

from evals.tagger.corpus import Text

Found = Callable[[str], list[tuple[int, int, str]]]


def interval(hits: int, of: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    if not of:
        return 0.0, 1.0
    z, p = 1.96, hits / of
    middle, spread = p + z * z / (2 * of), z * math.sqrt(p * (1 - p) / of + z * z / (4 * of * of))
    return (middle - spread) / (1 + z * z / of), (middle + spread) / (1 + z * z / of)


def counts(texts: Iterable[Text], find: Found) -> dict[str, list[int]]:
    """Per label: [entities, covered in every character by any finding, findings, findings that touch an entity of the label]."""
    table: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for text, spans in texts:
        found = find(text)
        covered = bytearray(len(text))
        for start, end, _ in found:
            covered[start:end] = b"\1" * (end - start)
        for start, end, label in spans:
            table[label][0] += 1
            table[label][1] += all(
                c or not ch.strip() for c, ch in zip(covered[start:end], text[start:end], strict=True)
            )
        for start, end, label in found:
            table[label][2] += 1
            table[label][3] += any(
                s < end and start < e and (kind == label or {kind, label} == {"LOC", "ADR"})
                for s, e, kind in spans
            )
    return table
