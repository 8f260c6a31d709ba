"""The strings of a stream's events that are not the model's text: ids, names, members nobody knows.

They repeat from event to event, so each new envelope is inspected once and then recognised. A string that
changes from event to event is inspected together with what stood in its place before.
"""

from __future__ import annotations

from sallyport.errors import Refusal, UpstreamFault
from sallyport.gateway import strict_json
from sallyport.gateway.dialects.base import Chunk, StreamDialect
from sallyport.gateway.exchange import Exchange
from sallyport.gateway.outcome import output_blocked
from sallyport.gateway.ports import Inspection
from sallyport.gateway.stages import check_findings
from sallyport.model import Leaf

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
        envelope = self._dialect.envelope(chunk)
        self.new = envelope is None or envelope not in self._seen
        if not self.new:
            return None
        if isinstance(strict_json.parse(chunk.data, depth=DEPTH), Refusal):
            raise UpstreamFault(
                "an event names a member twice, or is nested too deeply", code="upstream_invalid"
            )
        leaves = self._leaves(chunk)
        if leaves:
            refusal = await self._inspect(leaves)
            if refusal is not None:
                return refusal
        if envelope is not None and len(self._seen) < MOST_REMEMBERED and len(envelope) <= LONGEST_REMEMBERED:
            self._seen.add(envelope)
        return None

    async def _inspect(self, leaves: tuple[Leaf, ...]) -> Refusal | None:
        x = self._x
        found = check_findings(
            await self._inspection.inspect(leaves, "output", x.roles, system=x.system), leaves
        )
        x.findings += found
        bad = next((finding for finding in found if finding.action in {"block", "mask"}), None)
        return output_blocked(bad.type, strict_json.dotted(leaves[bad.leaf].path)) if bad else None

    def _leaves(self, chunk: Chunk) -> tuple[Leaf, ...]:
        leaves = []
        for path, text in self._dialect.others(chunk):
            leaves.append(Leaf(path, text, "assistant"))
            before = self._before.get(path, "")
            if (
                text
                and text != before[-len(text) :]
                and path != _PADDING
                and (before or len(self._before) < MOST_PLACES)
            ):
                self._before[path] = joined = (before + text)[-CONTEXT:]
                if before:
                    leaves.append(Leaf(path, joined, "assistant"))
        return tuple(leaves)
