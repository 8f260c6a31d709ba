"""Shares with their intervals, and tables in Markdown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Share:
    """How many of how many."""

    hits: int
    total: int

    @property
    def share(self) -> float:
        """0 to 1; of nothing, 0."""
        return self.hits / self.total if self.total else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval."""
        if not self.total:
            return 0.0, 1.0
        z, p, n = 1.96, self.share, self.total
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return max(middle - half, 0.0), min(middle + half, 1.0)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{100 * self.share:.1f} ({100 * low:.1f}-{100 * high:.1f})" if self.total else "-"

    def plain(self) -> dict[str, object]:
        """For JSON."""
        return {
            **asdict(self),
            "share": round(self.share, 4),
            "interval": [round(x, 4) for x in self.interval],
        }


def share(flags: Sequence[bool]) -> Share:
    """How many of the flags are set."""
    return Share(sum(map(bool, flags)), len(flags))


def mean(shares: Sequence[Share], least: int = 15) -> float:
    """The mean over groups with at least `least` members, so that no large one is the measure of all."""
    large = [s.share for s in shares if s.total >= least]
    return sum(large) / len(large) if large else 0.0


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows])
