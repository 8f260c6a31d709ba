"""What a dialect is. The corridor talks to this protocol; the wires differ behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

from msgspec import Struct

from sallyport.errors import Refusal
from sallyport.gateway.strict_json import Path
from sallyport.model import Call, Leaf, Surface, Usage

if TYPE_CHECKING:
    from sallyport.gateway.mould import Mould

TOKENS_PER_CHARACTER = 0.3  # an estimate that errs upwards for English; settled after the call
Wire = Literal["openai", "responses", "anthropic"]  # how errors and streams are written


class Options(Struct, frozen=True, kw_only=True):
    """What the settings allow beyond the known schema."""

    fields: frozenset[str] = frozenset()  # "field" or "chat.field"
    provider_tools: frozenset[str] = frozenset()
    uninspected: frozenset[str] = frozenset()  # kinds of content that nobody can look into

    def allows(self, surface: str, name: str) -> bool:
        """Whether an unknown request field may pass."""
        return name in self.fields or f"{surface}.{name}" in self.fields


def read_call(
    surface: Surface, dialect: str, raw: bytes, document: dict[str, Any], leaves: Sequence[Leaf], **more: Any
) -> Call:
    """A request that was checked, with what every surface has; `more` is what this one has besides."""
    return Call(
        surface=surface,
        dialect=dialect,
        model=document["model"],
        stream=bool(document.get("stream")),
        raw=raw,
        body=document,
        leaves=tuple(leaves),
        input_tokens_estimate=int(sum(len(leaf.text) for leaf in leaves) * TOKENS_PER_CHARACTER) + 8,
        **more,
    )


class ToolCall(Struct, frozen=True, kw_only=True):
    """A tool call in an answer. `path` addresses its arguments in the answer's document.

    `arguments` is JSON text; `as_value` where the document holds the value itself, not a string of it.
    """

    choice: int
    index: int
    id: str
    name: str
    arguments: str
    path: Path = ()
    as_value: bool = False


class AnswerView(Struct, frozen=True, kw_only=True):
    """What a whole (not streamed) answer holds."""

    leaves: tuple[Leaf, ...]
    prose: Mapping[Path, tuple[int, str]]  # what the model wrote for the reader: its choice and field
    tools: tuple[ToolCall, ...]
    usage: Usage | None
    opaque: tuple[
        Leaf, ...
    ] = ()  # what only the provider can read: passed on, searched for what was planted alone
    echoes: frozenset[str] = frozenset()  # members that repeat those of the request


class Piece(Struct, frozen=True, kw_only=True):
    """One text delta of a stream: which buffer it belongs to, and the text."""

    choice: int
    field: str  # "content", "refusal", "reasoning_content"
    text: str


class ToolPiece(Struct, frozen=True, kw_only=True):
    """One delta of a tool call: `index` tells the calls of a choice apart."""

    choice: int
    index: int
    id: str
    name: str
    arguments: str


class Member(Struct, frozen=True, kw_only=True):
    """A member of a delta that nobody knows: held until its choice has ended."""

    choice: int
    name: str
    value: Any
    opaque: bool = False  # what only the provider can read: passed on, searched for what was planted alone


class Chunk(Struct, frozen=True, kw_only=True):
    """One event of a streamed answer, taken apart."""

    raw: bytes  # the event as it may be passed on if nothing in it changes; empty: it is always written anew
    data: bytes
    document: Any
    pieces: tuple[Piece, ...] = ()
    tools: tuple[ToolPiece, ...] = ()
    members: tuple[Member, ...] = ()
    opaque: tuple[tuple[int, str], ...] = ()  # the same of a choice, where it is in the event itself
    finished: tuple[tuple[int, str], ...] = ()  # choices that end in this event, and why
    usage: Usage | None = None
    usage_only: bool = False  # holds nothing but usage
    last: bool = False  # the dialect's end mark


class Dialect(Protocol):
    """One surface of one wire."""

    surface: Surface  # what policies and models are asked for
    wire: Wire
    endpoint: str  # of the upstream
    generates: bool  # whether the answer costs output tokens

    def parse(self, raw: bytes, document: Any, options: Options) -> Call | Refusal:
        """The request as a `Call`, or what is wrong with it."""

    def plain(self, raw: bytes, document: Any, depth: int) -> Call | None:
        """The request, strictly read, if it is of the plainest shape; None: judge the document, then `parse`."""

    def plain_view(self, raw: bytes, document: Any) -> AnswerView | None:
        """The answer, strictly read, if it is of the plainest shape; None: judge the document, then `view`."""

    def outgoing(self, call: Call, upstream_model: str, edits: Mapping[Path, str]) -> bytes:
        """The bytes for the upstream: the caller's, with masks, model name and metering put in."""

    def view(self, document: Any) -> AnswerView:
        """A whole answer. Raises ValueError if it is not one."""

    def tools_at(self, choice: int) -> str:
        """Where the tool calls of a choice are, as an error names it."""

    def implied(self, document: Any, edits: Mapping[Path, Any]) -> dict[Path, Any]:
        """Further edits to an answer, without which it would still tell what `edits` change."""


class StreamDialect(Protocol):
    """One streamed answer on one wire.

    What the corridor calls a choice is whatever ends by itself: a choice of OpenAI's chat, a block of Anthropic's.
    """

    sequence: int  # of the next event that is written, where the wire counts them
    signed: frozenset[str]  # fields of pieces whose text the provider signed: it may not be changed

    def chunk(self, data: bytes, raw: bytes, name: bytes = b"", /) -> Chunk:
        """Take one event apart; `raw` is without its name. Raises ValueError if it is not one of this wire."""

    def with_text(self, chunk: Chunk, piece: Piece, text: str) -> bytes:
        """The event again, with another text in place of the piece's."""

    def text_event(self, like: Chunk, choice: int, field: str, text: str) -> bytes:
        """A new event that carries text, shaped like an earlier one."""

    def member_event(self, like: Chunk, member: Member) -> bytes:
        """A new event that carries a member that was held."""

    def tool_event(self, like: Chunk, calls: Sequence[ToolCall]) -> bytes:
        """A new event that carries whole tool calls."""

    def without_pieces(self, chunk: Chunk) -> bytes:
        """The event without what is guarded in its deltas; empty if nothing else is in it."""

    def others(self, chunk: Chunk) -> Iterator[tuple[Path, str]]:
        """The strings of an event that are not guarded as pieces, tools or members."""

    def mould(self, chunk: Chunk) -> Mould | None:
        """What knows events that differ from this one, which has one piece, in its text alone; None if in doubt."""

    def envelope(self, chunk: Chunk) -> bytes | None:
        """What the event has in common with others that differ in text alone; None if that is in doubt."""

    def place(self, choice: int, field: str) -> str:
        """Where a text of the answer is, as an error names it."""

    def may_end(self, finished: int, asked: int) -> bool:
        """Whether an answer is whole without an end mark, after so many ended choices of those asked for."""

    def end(self) -> bytes:
        """What ends the stream, once all else has left and the outcome is durable."""


class Streaming(Dialect, Protocol):
    """A surface that also streams."""

    def stream(self, call: Call) -> StreamDialect:
        """The reader of the streamed answer to a call."""
