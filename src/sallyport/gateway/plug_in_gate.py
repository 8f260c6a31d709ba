"""Streamed text before plug-in detectors: they run in other processes, so text goes to them in stretches.

What the hold-back has released waits here until a stretch is long enough or the text has ended; the stretch is
looked at together with the end of the one before. A finding that blocks or masks ends the answer: what a
plug-in finds cannot be taken out of text that has partly gone.
"""

from __future__ import annotations

from sallyport.errors import Refusal
from sallyport.gateway.dialects.base import StreamDialect
from sallyport.gateway.exchange import Exchange
from sallyport.gateway.outcome import output_blocked
from sallyport.gateway.ports import Inspection
from sallyport.gateway.stages import check_findings
from sallyport.model import STOPPING, Leaf

STRETCH = 256  # characters that are looked at together
CONTEXT = 256  # characters before them that are looked at again
Place = tuple[int, str]


class PlugInGate:
    """One for each streamed answer."""

    def __init__(self, inspection: Inspection, dialect: StreamDialect, x: Exchange) -> None:
        self._inspection, self._dialect, self._x = inspection, dialect, x
        self._waiting: dict[Place, str] = {}
        self._context: dict[Place, str] = {}

    async def release(self, place: Place, text: str, *, last: bool = False) -> str | Refusal:
        """More text of one buffer; what may go out now, or why the answer ends."""
        waiting = self._waiting.get(place, "") + text
        if not waiting or (len(waiting) < STRETCH and not last):
            self._waiting[place] = waiting
            return ""
        seen = self._context.get(place, "") + waiting
        leaves = (Leaf(("choices", place[0], "delta", place[1]), seen, "assistant"),)
        found = await self._inspection.inspect(
            leaves, "output", self._x.roles, system=(), segment=self._x.segment
        )
        theirs = [f for f in check_findings(found, leaves) if f.layer in self._inspection.plug_ins]
        self._x.findings += theirs
        bad = next((f for f in theirs if f.action in STOPPING), None)
        if bad is not None:
            return output_blocked(bad, self._dialect.place(*place))
        self._context[place], self._waiting[place] = seen[-CONTEXT:], ""
        return waiting
