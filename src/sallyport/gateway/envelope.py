"""The strings of a stream's events that are not the model's text: ids, names, members nobody knows.

They repeat from event to event, so each new envelope is inspected once and then recognised.
"""

from __future__ import annotations

import re

from sallyport.errors import Refusal
from sallyport.gateway.dialects.base import Chunk
from sallyport.gateway.dialects.openai_chat import TEXT_FIELDS, answer_strings
from sallyport.gateway.exchange import Exchange
from sallyport.gateway.outcome import output_blocked
from sallyport.gateway.ports import Inspection
from sallyport.gateway.stages import check_findings
from sallyport.gateway.strict_json import Path, dotted
from sallyport.model import Leaf

MOST_REMEMBERED = 64
_TEXT = re.compile(
    rb'("(?:' + b"|".join(f.encode() for f in TEXT_FIELDS) + rb')"\s*:\s*)"[^"\\]*(?:\\.[^"\\]*)*"'
)


class Envelopes:
    """Recognises envelopes that were inspected in this stream."""

    def __init__(self, inspection: Inspection, x: Exchange) -> None:
        self._inspection, self._x = inspection, x
        self._seen: set[bytes] = set()

    async def check(self, chunk: Chunk) -> Refusal | None:
        """None if the event's other strings may pass."""
        envelope = _TEXT.sub(rb"\1", chunk.raw, count=len(chunk.pieces)) if chunk.pieces else chunk.raw
        if envelope in self._seen:
            return None
        leaves = tuple(
            Leaf(path, text, "assistant")
            for path, text in answer_strings(chunk.document)
            if not _guarded(path)
        )
        found = check_findings(
            await self._inspection.inspect(leaves, "output", self._x.roles, system=self._x.system), leaves
        )
        self._x.findings += found
        bad = next((finding for finding in found if finding.action in {"block", "mask"}), None)
        if bad is not None:
            return output_blocked(bad.type, dotted(leaves[bad.leaf].path))
        if len(self._seen) < MOST_REMEMBERED:
            self._seen.add(envelope)
        return None


def _guarded(path: Path) -> bool:
    """Whether the stream guard, or the tool guard, looks at this string."""
    if path[:1] != ("choices",) or path[2:3] != ("delta",):
        return False
    return path[3:] in {(field,) for field in TEXT_FIELDS} or path[3:4] == ("tool_calls",)
