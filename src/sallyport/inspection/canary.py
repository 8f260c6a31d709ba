"""Canaries: random strings planted in prompts and data, which must never come out.

A canary counts as seen when any eight of its characters in a row occur, whatever stands between them and in
either direction. Letters and digits only, case ignored. Runs of letters alone are left out where the canary
has digits, so that a readable prefix ("CANARY-") does not alarm.
"""

from __future__ import annotations

import re

from sallyport.inspection.gate import Gate
from sallyport.inspection.spans import Span

RUN = 8
_NOT_ALNUM = bytes(c for c in range(128) if not chr(c).isalnum())


def runs(canary: str) -> set[bytes]:
    """The eight-character runs of a canary, forwards and backwards."""
    compact = "".join(c for c in canary.lower() if c.isascii() and c.isalnum()).encode()
    digits = any(chr(c).isdigit() for c in compact)
    found = {compact[i : i + RUN] for i in range(len(compact) - RUN + 1)}
    kept = {run for run in found if not (digits and run.isalpha())} or found
    return kept | {run[::-1] for run in kept}


class Canaries:
    """The planted strings."""

    def __init__(self, canaries: tuple[str, ...]) -> None:
        literals = sorted(set().union(*map(runs, canaries)))
        self._runs = frozenset(literals)
        self._gate = Gate([(re.escape(run), True) for run in literals]) if literals else None
        self._digits = not any(run.isalpha() for run in literals)  # whether each run has one

    def scan(self, data: bytes) -> list[Span]:
        """Sightings in `data`, in bytes, without overlap."""
        return self._locate(data) if self._seen(data.translate(None, _NOT_ALNUM)) else []

    def touch(self, data: bytes) -> bool:
        """Whether there is a sighting in `data`."""
        return self._gate is not None and self._seen(data.translate(None, _NOT_ALNUM))

    def _seen(self, compact: bytes) -> bool:
        if self._gate is None or (self._digits and compact.isalpha()):
            return False
        return self._gate.touches(compact)

    def pass_over(self, before: bytes, data: bytes) -> bytes | None:
        """The letters and digits to give as `before` with the next piece of a text; None if a run may end in this."""
        compact = before + data.translate(None, _NOT_ALNUM)
        if self._seen(compact):
            return None
        return compact[1 - RUN :]

    def _locate(self, data: bytes) -> list[Span]:
        places = [i for i, c in enumerate(data) if c >= 128 or chr(c).isalnum()]  # noqa: PLR2004 - ASCII
        compact = bytes(data[i] for i in places).lower()
        spans: list[Span] = []
        for i in range(len(compact) - RUN + 1):
            if compact[i : i + RUN] not in self._runs:
                continue
            start, end = places[i], places[i + RUN - 1] + 1
            if spans and start < spans[-1].end:
                start = spans.pop().start
            spans.append(Span("canary", start, end, 1.0, "canary"))
        return spans
