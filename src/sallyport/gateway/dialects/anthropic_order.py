"""What may come when in a streamed message (Anthropic API reference, streaming messages), as tables. Pure.

One block is open at a time, and blocks are numbered from 0 in the order in which they come. A delta must be of a
kind that its block takes. An event that nobody knows is refused: what it holds would be guarded by nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MOST_BLOCKS = 512
START, DELTA, STOP = "content_block_start", "content_block_delta", "content_block_stop"
PING, ENDS, LAST = "ping", "message_delta", "message_stop"

# (what came before, event) -> what has come then
NEXT: Mapping[tuple[str, str], str] = {
    ("nothing", "message_start"): "begun",
    ("begun", START): "in a block",
    ("in a block", DELTA): "in a block",
    ("in a block", STOP): "begun",
    ("begun", ENDS): "all content",
    ("all content", ENDS): "all content",
    ("all content", LAST): "ended",
    **{(state, PING): state for state in ("nothing", "begun", "in a block", "all content")},
}
# Kind of block -> its deltas -> the member that carries what is new.
DELTAS: Mapping[str, Mapping[str, str]] = {
    "text": {"text_delta": "text", "citations_delta": "citation"},
    "thinking": {"thinking_delta": "thinking", "signature_delta": "signature"},
    "redacted_thinking": {},
    "tool_use": {"input_json_delta": "partial_json"},
}


class Order:
    """Where one stream is. Each method raises ValueError for what may not come now."""

    __slots__ = ("_blocks", "_state", "kind")

    def __init__(self) -> None:
        self._state = "nothing"
        self._blocks = 0
        self.kind = ""  # of the open block, or of the last one

    def goes_on(self, event: Any) -> None:
        """An event of this type has come."""
        state = NEXT.get((self._state, event))
        if state is None:
            raise ValueError("an event that is not known, or out of order")
        self._state = state

    def opens(self, index: Any, kind: str) -> int:
        """A block has begun."""
        if type(index) is not int or index != self._blocks or index >= MOST_BLOCKS:
            raise ValueError("a block with the wrong index")
        self._blocks += 1
        self.kind = kind
        return index

    def open_block(self, index: Any) -> int:
        """A delta or a stop names the block that is open."""
        if type(index) is not int or index != self._blocks - 1:
            raise ValueError("a delta or a stop of a block that is not open")
        return index
