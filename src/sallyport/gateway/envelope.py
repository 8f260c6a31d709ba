"""The strings of a stream's events that are not the model's text: ids, names, members nobody knows.

They repeat from event to event, so each new envelope is inspected once and then recognised. A string that
changes from event to event is inspected together with what stood in its place before.
"""

from __future__ import annotations

from sallyport.errors import Refusal, UpstreamFault
from sallyport.gateway import strict_json
from sallyport.gateway.dialects.base import Chunk, StreamDialect
from sallyport.gateway.exchange import Exchange
from sallyport.gateway.outcome import output_blocked, stops
from sallyport.gateway.ports import Inspection
from sallyport.gateway.stages import check_findings
from sallyport.model import REFUSING, Leaf

MOST_REMEMBERED = 64
LONGEST_REMEMBERED = 8192  # bytes
MOST_PLACES = 256
CONTEXT = 1024  # characters of what stood in a place before
DEPTH = 64
_PADDING: strict_json.Path = ("obfuscation",)  # random by design, and long: each is inspected alone


class Envelopes:
    """Recognises envelopes that were inspected in this stream."""

    def __init__(self, inspection: Inspection, dialect: StreamDialect, x: Exchange) -> None:
        self._inspection, self._dialect, self._x = inspection, dialect, x
        self._seen: set[bytes] = set()
        self._before: dict[strict_json.Path, str] = {}
        self.new = False  # whether the last event had an envelope that was not seen before

    async def check(self, chunk: Chunk) -> Refusal | None:
        """None if the event's other strings may pass. Raises UpstreamFault where it has two meanings."""
        for choice, text in chunk.opaque:
            found = self._inspection.sealed((text,), self._x.roles, self._x.segment)
            if found is not None:
                self._x.findings.append(found)
                return output_blocked(found, self._dialect.place(choice, ""))
        envelope = self._dialect.envelope(chunk)
        self.new = envelope is None or envelope not in self._seen
        if not self.new:
            return None
        if isinstance(strict_json.parse(chunk.data, depth=DEPTH), Refusal):
            raise UpstreamFault(
                "an event names a member twice, or is nested too deeply", code="upstream_invalid"
            )
        leaves = tuple([Leaf(path, text, "assistant") for path, text in self._dialect.others(chunk)])
        refusal = await self._inspect(leaves, self._joined(leaves)) if leaves else None
        if refusal is not None:
            return refusal
        if envelope is not None and len(self._seen) < MOST_REMEMBERED and len(envelope) <= LONGEST_REMEMBERED:
            self._seen.add(envelope)
        return None

    async def _inspect(self, alone: tuple[Leaf, ...], joined: tuple[Leaf, ...]) -> Refusal | None:
        x, leaves = self._x, alone + joined
        found = check_findings(
            await self._inspection.inspect(leaves, "output", x.roles, system=x.system, segment=x.segment),
            leaves,
        )
        found = x.reader.judged(found)
        x.findings += found
        # Numbers that were put together may look like somebody's: only what is never let out counts there.
        bad = next(
            (f for f in found if stops(f, leaves[f.leaf]) and (f.action in REFUSING or f.leaf < len(alone))),
            None,
        )
        return output_blocked(bad, strict_json.dotted(leaves[bad.leaf].path)) if bad else None

    def _joined(self, leaves: tuple[Leaf, ...]) -> tuple[Leaf, ...]:
        """What stands in a place, after what stood there before, where that is something else."""
        joined = []
        for path, text in ((leaf.path, leaf.text) for leaf in leaves if leaf.text and leaf.path != _PADDING):
            before = self._before.get(path, "")
            if before.endswith(text) or (not before and len(self._before) >= MOST_PLACES):
                continue
            self._before[path] = both = (before + text)[-CONTEXT:]
            if before:
                joined.append(Leaf(path, both, "assistant"))
        return tuple(joined)
