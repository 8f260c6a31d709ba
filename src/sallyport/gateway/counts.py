"""Refusals that get no entry of their own: counted by code, and written as one entry now and then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any


class RefusalCounts:
    """Counts since the last entry. The codes are ours, so their number is bounded."""

    def __init__(self) -> None:
        self._refused: Counter[str] = Counter()
        self._unrecorded: Counter[str] = Counter()

    def refused(self, code: str) -> None:
        """A refusal before anyone was identified."""
        self._refused[code] += 1

    def unrecorded(self, what: str) -> None:
        """Something the log did not take when it happened."""
        self._unrecorded[what] += 1

    def take(self) -> Mapping[str, Any] | None:
        """The entry to write, or None. The counts start again at zero; `put_back` undoes that."""
        if not self._refused and not self._unrecorded:
            return None
        entry = {
            "kind": "refusals",
            "counts": {"refused": dict(self._refused), "unrecorded": dict(self._unrecorded)},
        }
        self._refused, self._unrecorded = Counter(), Counter()
        return entry

    def put_back(self, entry: Mapping[str, Any]) -> None:
        """The entry was not taken either: count on."""
        self._refused.update(entry["counts"]["refused"])
        self._unrecorded.update(entry["counts"]["unrecorded"])
