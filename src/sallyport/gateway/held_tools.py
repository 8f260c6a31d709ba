"""Tool calls of a stream, gathered until they are whole: what they do is decided on all of their arguments."""

from __future__ import annotations

from msgspec.structs import replace

from sallyport.errors import UpstreamFault
from sallyport.gateway import tools
from sallyport.gateway.dialects.base import Chunk, ToolCall, ToolPiece

MOST_CHARACTERS = 1_048_576  # of all calls of an answer


class HeldTools:
    """One for each streamed answer. `like`: the first event that held a piece of a call."""

    def __init__(self) -> None:
        self._calls: dict[tuple[int, int], ToolCall] = {}  # without their arguments
        self._arguments: dict[tuple[int, int], list[str]] = {}
        self._characters = 0
        self.like: Chunk | None = None

    def collect(self, chunk: Chunk, tool: ToolPiece) -> None:
        """One more piece: id and name come once, arguments in any pieces. Raises UpstreamFault where there is too much."""
        place = (tool.choice, tool.index)
        self.like = self.like or chunk
        self._characters += len(tool.arguments) + len(tool.name)
        old = self._calls.get(place)
        if self._characters > MOST_CHARACTERS or (old is None and len(self._calls) >= tools.MOST):
            raise UpstreamFault("tool calls are too large", code="upstream_too_large")
        self._arguments.setdefault(place, []).append(tool.arguments)
        self._calls[place] = ToolCall(
            choice=tool.choice,
            index=tool.index,
            id=tool.id or (old.id if old else ""),
            name=(old.name if old else "") or tool.name,
            arguments="",
        )

    def take(self, choice: int) -> list[ToolCall]:
        """The calls of a choice that has ended, whole."""
        return [
            replace(self._calls.pop(place), arguments="".join(self._arguments.pop(place)))
            for place in sorted(self._calls)
            if place[0] == choice
        ]
