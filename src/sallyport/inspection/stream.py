"""The guard of one answer: a hold-back for each text of each choice, and a buffer for each tool call.

Tool calls are held until they are whole, because what they do is decided on all of their arguments. A block
anywhere ends the whole answer: nothing more is released by any of its buffers. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from msgspec import Struct

from sallyport.inspection.holdback import OPAQUE, HoldBack, Scan, Watch
from sallyport.inspection.json_arguments import escaped, inspect_arguments
from sallyport.inspection.released import Released, Unmask
from sallyport.model import Finding, Tool

BUFFERS = 512  # texts and tool calls of one answer
# (tool name, text, how a value is spelled) -> text with what this tool may see
UnmaskTool = Callable[[str, str, Callable[[str], str] | None], str]


class _Held(Struct):
    """A tool call that is being written."""

    id: str = ""
    name: str = ""
    parts: list[str] = []
    characters: int = 0


class StreamGuard:
    """What may leave of one answer. `blocked` is the finding that ended it, if one did."""

    def __init__(
        self,
        scan: Scan,
        unmask: Unmask,
        *,
        scan_tool: Scan | None = None,
        unmask_tool: UnmaskTool | None = None,
        declared: Collection[str] = (),
        bound: int = 128,
        open_token: int = 4096,
        literals: Sequence[str] = (),
        tool_characters: int = 1_000_000,
        watch: Callable[[], Watch | None] = lambda: None,
        verbatim: Collection[str] = (),
        opaque: Finding = OPAQUE,
    ) -> None:
        self._scan, self._unmask = scan, unmask
        self._scan_tool = scan_tool or scan
        self._unmask_tool: UnmaskTool = unmask_tool or (lambda _name, text, _write: unmask(text))
        self._declared = frozenset(declared)
        self._bound, self._open_token, self._literals = bound, open_token, literals
        self._tool_characters = tool_characters
        self._watch, self._opaque = watch, opaque
        self._verbatim = frozenset(verbatim)  # fields whose text may not be changed
        self._texts: dict[tuple[int, str], HoldBack] = {}
        self._tools: dict[tuple[int, int], _Held] = {}
        self.blocked: Finding | None = None

    def feed_text(self, choice: int, field: str, text: str) -> Released:
        """More of a text: the answer (`content`), or beside it `reasoning_content`, `refusal`."""
        if self.blocked is not None:
            return Released(blocked=self.blocked)
        hold = self._texts.get((choice, field))
        if hold is None:
            if self._crowded():
                return self._oversized()
            hold = self._texts[choice, field] = HoldBack(
                self._scan,
                self._unmask,
                bound=self._bound,
                open_token=self._open_token,
                literals=self._literals,
                watch=self._watch(),
                verbatim=field in self._verbatim,
                opaque=self._opaque,
            )
        out = hold.feed(text)
        self.blocked = out.blocked
        return out

    def feed_tool(self, choice: int, index: int, id: str, name: str, arguments_delta: str) -> Released:  # noqa: A002
        """More of a tool call. Nothing is released before `finish`; the first id and name that are given count."""
        if self.blocked is not None:
            return Released(blocked=self.blocked)
        held = self._tools.get((choice, index))
        if held is None:
            if self._crowded():
                return self._oversized()
            held = self._tools[choice, index] = _Held()
        held.id, held.name = held.id or id, held.name or name
        held.parts.append(arguments_delta)
        held.characters += len(arguments_delta) + 1  # so that empty pieces are bounded too
        if sum(tool.characters for tool in self._tools.values()) > self._tool_characters:
            return self._oversized()
        return Released()

    def finish_text(self, choice: int, field: str = "content") -> Released:
        """The rest of one text."""
        if self.blocked is not None:
            return Released(blocked=self.blocked)
        hold = self._texts.pop((choice, field), None)
        return self._noted(hold.finish()) if hold else Released()

    def finish(self, choice: int) -> tuple[Released, list[Tool]]:
        """The rest of the choice's answer, and its tool calls by index, as they will be delivered.

        Findings of the tool calls are among those of the `Released`. If it is blocked, there are no tool calls.
        """
        out = self.finish_text(choice)
        findings, tools = list(out.findings), []
        for _, held in self._held(choice):
            if self.blocked is not None:
                break
            arguments = self._inspected(held)
            findings += arguments.findings
            tools.append(Tool(name=held.name, arguments=arguments.text, declared=held.name in self._declared))
        released = Released(out.text, tuple(findings), self.blocked, out.escaped)
        return released, [] if self.blocked is not None else tools

    def tool_ids(self, choice: int) -> list[tuple[int, str]]:
        """Index and id of the choice's tool calls, in the order of `finish`."""
        return [(index, held.id) for index, held in self._held(choice)]

    @property
    def held(self) -> int:
        """Characters that wait, in texts and tool calls."""
        texts = sum(hold.held for hold in self._texts.values())
        return texts + sum(tool.characters for tool in self._tools.values())

    def _held(self, choice: int) -> list[tuple[int, _Held]]:
        return sorted((index, held) for (its, index), held in self._tools.items() if its == choice)

    def _inspected(self, held: _Held) -> Released:
        name = held.name
        return self._noted(
            inspect_arguments(
                "".join(held.parts),
                self._scan_tool,
                lambda text: self._unmask_tool(name, text, None),
                lambda text: self._unmask_tool(name, text, escaped),
            )
        )

    def _noted(self, out: Released) -> Released:
        if out.blocked is not None:
            self.blocked = out.blocked
        return out

    def _crowded(self) -> bool:
        return len(self._texts) + len(self._tools) >= BUFFERS

    def _oversized(self) -> Released:
        self.blocked = Finding(
            type="oversized_answer", start=0, end=1, layer="holdback", detector="stream", action="block"
        )
        return Released(findings=(self.blocked,), blocked=self.blocked)
