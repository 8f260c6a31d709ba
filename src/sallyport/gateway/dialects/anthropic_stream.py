"""A streamed answer of `POST /v1/messages`. Pure; one reader for each stream.

What the corridor calls a choice is a content block. Text flows behind the hold-back, and so does thinking, which is
never changed: the provider signed it. A tool call is held until its block ends, and is given out whole. Signatures,
citations, and what a tool of the provider's own says are held until their block ends, and leave as they came.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import orjson
from msgspec.structs import replace

from sallyport.gateway import sse
from sallyport.gateway.dialects import anthropic_answer as answer
from sallyport.gateway.dialects.anthropic_order import DELTA, DELTAS, ENDS, LAST, START, STOP, Order
from sallyport.gateway.dialects.base import Chunk, Member, Piece, ToolCall, ToolPiece
from sallyport.gateway.dialects.openai_delta import envelope, literal, literals
from sallyport.gateway.mould import Mould
from sallyport.gateway.strict_json import KEY, Path, strings

TEXTS = frozenset(["text", "thinking"])  # what flows; the name is the member's and, with _delta, the delta's
_SPELLED = ("text", "thinking", "partial_json", "signature")
_LITERALS = literals(*_SPELLED)
_OF_DELTAS = frozenset(["type", "index", "delta"])
_LONGEST_REASON = 64
_END = sse.write(b'{"type":"message_stop"}', LAST.encode())


class AnthropicStream:
    """The reader of one stream, and the writer of what the caller gets of it."""

    sequence = 0
    signed = frozenset(["thinking"])

    def __init__(self) -> None:
        self._order = Order()
        self._calls: dict[int, dict[str, Any]] = {}  # starts of tool calls that are held
        self._arguments = False  # whether the open tool call has any yet
        self._whole = False  # whether it came with all of them at its start
        self._usage: dict[str, Any] = {}
        self._readers: dict[str, Callable[[Chunk], Chunk]] = {
            "message_start": self._started,
            START: self._opened,
            DELTA: self._delta,
            STOP: self._closed,
            ENDS: self._ends,
            LAST: self._ended,
        }

    def chunk(self, data: bytes, raw: bytes, name: bytes = b"", /) -> Chunk:
        """Take one event apart. Raises ValueError if it is not one that may come now."""
        document = orjson.loads(data)
        kind = document["type"]
        self._order.goes_on(kind)
        if name and name != kind.encode():
            raise ValueError("an event that calls itself two things")
        event = Chunk(raw=b"event: %b\n%b" % (kind.encode(), raw), data=data, document=document)
        read = self._readers.get(kind)
        return read(event) if read else event

    def _started(self, event: Chunk) -> Chunk:
        message = event.document["message"]
        if message["type"] != "message" or message["role"] != "assistant" or message["content"]:
            raise ValueError("no beginning of a message")
        self._meter(message.get("usage"))
        return event

    def _opened(self, event: Chunk) -> Chunk:
        block = event.document["content_block"]
        answer.check(block)
        kind = block["type"]
        index = self._order.opens(event.document["index"], kind)
        sealed = tuple([(index, text) for _, text in answer.opaque(block) if text])
        event = replace(event, opaque=sealed) if sealed else event
        if kind == "tool_use":
            self._calls[index] = event.document
            self._arguments = self._whole = bool(block["input"])
            given = orjson.dumps(block["input"]).decode() if self._whole else ""
            tool = ToolPiece(choice=index, index=0, id=block["id"], name=block["name"], arguments=given)
            return replace(event, tools=(tool,))
        if kind in TEXTS and block[kind]:
            return replace(event, pieces=(Piece(choice=index, field=kind, text=block[kind]),))
        return event

    def _delta(self, event: Chunk) -> Chunk:
        index, delta = self._order.open_block(event.document["index"]), event.document["delta"]
        kind = delta["type"]
        known = DELTAS.get(self._order.kind)
        if known is None:  # of a tool that the provider runs itself
            inner = {name: value for name, value in delta.items() if name != "type"}
            return replace(event, members=(Member(choice=index, name="delta", value=inner),))
        field = known.get(kind)
        if field is None:
            raise ValueError("a delta that its block does not take")
        more = tuple(_unknown(index, delta, field))
        if field in TEXTS:
            text = answer.text(delta[field])
            pieces = (Piece(choice=index, field=field, text=text),) if text else ()
            return replace(event, pieces=pieces, members=more)
        if more:
            raise ValueError("a delta with members that nobody knows")
        if field == "partial_json":
            return self._more_arguments(event, index, answer.text(delta[field]))
        return replace(event, members=(_held(index, field, delta[field]),))

    def _more_arguments(self, event: Chunk, index: int, text: str) -> Chunk:
        if text and self._whole:
            raise ValueError("arguments after arguments that were whole")
        self._arguments = self._arguments or bool(text.strip())
        return replace(event, tools=(ToolPiece(choice=index, index=0, id="", name="", arguments=text),))

    def _closed(self, event: Chunk) -> Chunk:
        index = self._order.open_block(event.document["index"])
        nothing = ToolPiece(choice=index, index=0, id="", name="", arguments="{}")
        empty = self._order.kind == "tool_use" and not self._arguments
        return replace(event, finished=((index, "stop"),), tools=(nothing,) if empty else ())

    def _ends(self, event: Chunk) -> Chunk:
        reason = event.document["delta"].get("stop_reason")
        if not isinstance(reason, str | None) or len(reason or "") > _LONGEST_REASON:
            raise ValueError("a stop_reason is not a word")
        self._meter(event.document.get("usage"))
        return replace(event, usage=answer.usage(self._usage))

    def _ended(self, event: Chunk) -> Chunk:
        return replace(event, last=True)

    def _meter(self, given: Any) -> None:
        """Counts are totals; one that is not said again stands."""
        if isinstance(given, dict):
            self._usage |= {name: count for name, count in given.items() if count is not None}

    def with_text(self, chunk: Chunk, piece: Piece, text: str) -> bytes:
        """The event with another text. Only the bytes of that one literal change, where it can be found."""
        match = literal(chunk.raw, _LITERALS)
        if match:
            return chunk.raw[: match.start(2)] + orjson.dumps(text) + chunk.raw[match.end(2) :]
        return _event(_changed(chunk.document, piece.field, text))

    def text_event(self, _like: Chunk, choice: int, field: str, text: str) -> bytes:
        """A delta of a block's text or thinking."""
        return _delta_event(choice, {"type": f"{field}_delta", field: text})

    def member_event(self, like: Chunk, member: Member) -> bytes:
        """The event that a member came in, or one for it alone where that event's text has left."""
        if like.document["delta"]["type"] not in {"text_delta", "thinking_delta"}:
            return like.raw
        kind = like.document["delta"]["type"]
        empty = {"type": kind, kind.removesuffix("_delta"): ""}
        return _delta_event(member.choice, {**empty, member.name: member.value})

    def tool_event(self, _like: Chunk, calls: Sequence[ToolCall]) -> bytes:
        """The start of the call's block, and its arguments in one delta. The stop follows by itself."""
        events = []
        for call in calls:
            start = self._calls.pop(call.choice)
            block = {**start["content_block"], "id": call.id, "name": call.name, "input": {}}
            events.append(_event({**start, "content_block": block}))
            delta = {"type": "input_json_delta", "partial_json": call.arguments}
            events.append(_delta_event(call.choice, delta))
        return b"".join(events)

    def without_pieces(self, chunk: Chunk) -> bytes:
        """What is left of an event once all that is guarded in it is taken out."""
        document = chunk.document
        if document["type"] == DELTA:
            kind = document["delta"]["type"].removesuffix("_delta")
            more = any(v is not None and name not in _OF_DELTAS for name, v in document.items())
            if not more or kind not in TEXTS:
                return b""
            return _event({**document, "delta": {"type": f"{kind}_delta", kind: ""}})
        if document["type"] == START:
            kind = document["content_block"]["type"]
            return b"" if kind == "tool_use" else _event(_changed(document, kind, ""))
        return chunk.raw

    def others(self, chunk: Chunk) -> Iterator[tuple[Path, str]]:
        """The strings that are not guarded as pieces, tools or members, and that not only the provider can read."""
        document = chunk.document
        guarded = _guarded(document)
        for path, text in strings(document, known=answer.KNOWN_MEMBERS):
            inside = len(path) > 1 and path[0] == guarded[0] and path[1] in guarded[1]
            if not inside and (text not in answer.CONSTANTS or KEY in path):
                yield path, text

    def mould(self, chunk: Chunk) -> Mould | None:
        """What deltas of one block have around their text; None where it is in doubt which bytes those are."""
        match = literal(chunk.raw, _LITERALS) if chunk.document["type"] == DELTA else None
        if match is None:
            return None
        start, end = match.span(2)
        return Mould(before=chunk.raw[: start + 1], after=chunk.raw[end - 1 :], chunk=chunk)

    def envelope(self, chunk: Chunk) -> bytes | None:
        """The event's bytes without what its delta carries, where that is text."""
        if chunk.document["type"] != DELTA:
            return chunk.raw
        delta = chunk.document["delta"]
        return envelope(chunk.raw, sum(bool(delta.get(name)) for name in _SPELLED), _LITERALS)

    def place(self, choice: int, field: str) -> str:
        """See `StreamDialect.place`."""
        return f"content[{choice}].{field}" if field else f"content[{choice}]"

    def may_end(self, _finished: int, _asked: int) -> bool:
        """Every stream of this wire says that it has ended."""
        return False

    def end(self) -> bytes:
        """The end mark."""
        return _END


def _unknown(index: int, delta: Mapping[str, Any], field: str) -> Iterator[Member]:
    """Members of a delta that may carry text of which nobody knows."""
    for name, value in delta.items():
        if name not in {"type", field} and isinstance(value, str | list | dict):
            yield Member(choice=index, name=name, value=value)


def _held(index: int, field: str, value: Any) -> Member:
    if field == "signature":
        answer.check_sealed(value)
    elif not isinstance(value, dict):
        raise ValueError("a citation is not an object")
    return Member(choice=index, name=field, value=value, opaque=field == "signature")


def _guarded(document: Mapping[str, Any]) -> tuple[str, Collection[str]]:
    """The member of an event, and those in it, whose strings are guarded elsewhere."""
    if document["type"] == DELTA:
        return "delta", document["delta"].keys() - {"type"}
    if document["type"] == START:
        return "content_block", answer.GUARDED.get(document["content_block"]["type"], ())
    return "", ()


def _changed(document: Mapping[str, Any], field: str, text: str) -> dict[str, Any]:
    """A delta, or the start of a block, with another text."""
    inner = "delta" if document["type"] == DELTA else "content_block"
    return {**document, inner: {**document[inner], field: text}}


def _delta_event(index: int, delta: Mapping[str, Any]) -> bytes:
    return _event({"type": DELTA, "index": index, "delta": delta})


def _event(document: Mapping[str, Any]) -> bytes:
    return sse.write(orjson.dumps(document), document["type"].encode())
