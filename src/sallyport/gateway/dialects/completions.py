"""`POST /v1/completions`: requests, whole answers and streams, on the OpenAI wire. Pure.

The wire is that of chat with a text in place of a message: usage in a chunk of its own only where it was asked for,
and `n` answers for each prompt, which interleave in a stream.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from sallyport.errors import Refusal
from sallyport.gateway import sse
from sallyport.gateway.dialects import completions_request
from sallyport.gateway.dialects.base import AnswerView, Chunk, Member, Options, Piece, ToolCall, Wire
from sallyport.gateway.dialects.openai_chat import OpenAIChat, answer_strings, usage
from sallyport.gateway.dialects.openai_delta import MOST_CHOICES, envelope, literal, literals
from sallyport.gateway.mould import Mould
from sallyport.gateway.strict_json import KEY, Path
from sallyport.model import Call, Leaf, Surface

_TEXT = literals("text")
_OF_EVERY_EVENT = frozenset(["id", "object", "created", "model", "system_fingerprint", "service_tier"])
_LONGEST_REASON = 64
_KNOWN = {"text", "index", "finish_reason", "logprobs"}


class Completions:
    """The completions surface of the OpenAI wire."""

    surface: Surface = "completions"
    sequence = 0
    signed: frozenset[str] = frozenset()
    wire: Wire = "openai"
    endpoint = "completions"
    generates = True

    def parse(self, raw: bytes, document: Any, options: Options) -> Call | Refusal:
        """See `completions_request.parse`."""
        return completions_request.parse(raw, document, options)

    def plain(self, _raw: bytes, _document: Any, _depth: int) -> None:
        """Nothing is read without its tables here."""

    def plain_view(self, _raw: bytes, _document: Any) -> None:
        """Nothing is read without a walk here."""

    def outgoing(self, call: Call, upstream_model: str, edits: Mapping[Path, str]) -> bytes:
        """The caller's bytes with masks, the upstream's model name, and usage asked for."""
        return OpenAIChat.outgoing(CHAT, call, upstream_model, edits)

    def view(self, document: Any) -> AnswerView:
        """A whole answer. Raises ValueError if it is none."""
        choices = document.get("choices") if isinstance(document, dict) else None
        if not isinstance(choices, list) or not choices:
            raise ValueError("no choices")
        if not all(isinstance(choice, dict) and isinstance(choice.get("text"), str) for choice in choices):
            raise ValueError("a choice has no text")
        return AnswerView(
            leaves=tuple(Leaf(path, text, "assistant") for path, text in _strings(document)),
            prose={("choices", index, "text"): (index, "text") for index in range(len(choices))},
            tools=(),
            usage=usage(document.get("usage")),
        )

    def tools_at(self, _choice: int) -> str:
        """There are none."""
        return ""

    def implied(self, document: Any, edits: Mapping[Path, Any]) -> dict[Path, Any]:
        """No log probabilities beside a text that was changed: they spell out its tokens."""
        return CHAT.implied(document, edits)

    def stream(self, _call: Call) -> Completions:
        """Events of this wire are read one by one: nothing has to be remembered."""
        return self

    def place(self, choice: int, field: str) -> str:
        """See `StreamDialect.place`."""
        return f"choices[{choice}].{field or '?'}"

    def may_end(self, finished: int, asked: int) -> bool:
        """Some servers leave the end mark out: every choice has said why it ended."""
        return finished >= asked

    def end(self) -> bytes:
        """The end mark."""
        return sse.write(b"[DONE]")

    def chunk(self, data: bytes, raw: bytes, _name: bytes = b"", /) -> Chunk:
        """Take one event apart. Raises ValueError if it is not a chunk of a completion."""
        if data == b"[DONE]":
            return Chunk(raw=raw, data=data, document=None, last=True)
        document = orjson.loads(data)
        choices = document.get("choices") or []
        if not isinstance(choices, list) or "error" in document:
            raise ValueError("no choices, or an error in the stream")
        pieces: list[Piece] = []
        members: list[Member] = []
        finished: list[tuple[int, str]] = []
        for choice in choices:
            index = _index(choice)
            if choice.get("text"):
                pieces.append(Piece(choice=index, field="text", text=choice["text"]))
            members += [Member(choice=index, name=n, value=v) for n, v in _unknown(choice)]
            if (reason := choice.get("finish_reason")) is not None:
                finished.append((index, _reason(reason)))
        metered = usage(document.get("usage"))
        return Chunk(
            raw=raw,
            data=data,
            document=document,
            pieces=tuple(pieces),
            members=tuple(members),
            finished=tuple(finished),
            usage=metered,
            usage_only=metered is not None and not choices,
        )

    def with_text(self, chunk: Chunk, piece: Piece, text: str) -> bytes:
        """The event with another text. Only the bytes of that one literal change, where it can be found."""
        match = literal(chunk.raw, _TEXT)
        if match:
            return chunk.raw[: match.start(2)] + orjson.dumps(text) + chunk.raw[match.end(2) :]
        document = orjson.loads(orjson.dumps(chunk.document))
        for choice in document["choices"]:
            if choice.get("text"):
                choice[piece.field] = text
        return sse.write(orjson.dumps(document))

    def mould(self, chunk: Chunk) -> Mould | None:
        """What events of the same shape have around their text; None where it is in doubt which bytes those are."""
        match = literal(chunk.raw, _TEXT)
        if match is None:
            return None
        start, end = match.span(2)
        return Mould(before=chunk.raw[: start + 1], after=chunk.raw[end - 1 :], chunk=chunk)

    def text_event(self, like: Chunk, choice: int, field: str, text: str) -> bytes:
        """A new event that carries text, with the members of an earlier one."""
        return _event(like, choice, {field: text})

    def member_event(self, like: Chunk, member: Member) -> bytes:
        """A new event that carries a member that was held."""
        return _event(like, member.choice, {"text": "", member.name: member.value})

    def tool_event(self, _like: Chunk, _calls: Sequence[ToolCall]) -> bytes:
        """There are no tools on this surface."""
        return b""

    def without_pieces(self, chunk: Chunk) -> bytes:
        """The event without what is guarded in it, or nothing where nothing else is in it."""
        document = orjson.loads(orjson.dumps(chunk.document))
        kept = any(
            v for name, v in document.items() if name not in _OF_EVERY_EVENT | {"choices", "obfuscation"}
        )
        for choice in document.get("choices") or ():
            for name in [name for name, _ in _unknown(choice)]:
                del choice[name]
            choice["text"] = ""
            kept = kept or any(v for name, v in choice.items() if name != "index")
        return sse.write(orjson.dumps(document)) if kept else b""

    def others(self, chunk: Chunk) -> Iterator[tuple[Path, str]]:
        """Strings that are not guarded as pieces or members."""
        for path, text in _strings(chunk.document):
            if path[0] != "choices" or len(path) < 3 or path[2] in {KEY, "finish_reason"}:  # noqa: PLR2004
                yield path, text

    def envelope(self, chunk: Chunk) -> bytes | None:
        """See `openai_delta.envelope`."""
        return envelope(chunk.raw, len(chunk.pieces), _TEXT) if chunk.pieces else chunk.raw


CHAT = OpenAIChat()


def _strings(document: Any) -> Iterator[tuple[Path, str]]:
    return (
        (path, text) for path, text in answer_strings(document) if text not in {"text", "text_completion"}
    )


def _index(choice: Any) -> int:
    index = choice.get("index", 0)
    if (
        type(index) is not int
        or not 0 <= index < MOST_CHOICES
        or not isinstance(choice.get("text") or "", str)
    ):
        raise ValueError("a choice has no usable index or text")
    if choice.get("logprobs"):
        raise ValueError("log probabilities spell out the text that is held back")
    return index


def _unknown(choice: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Members of a choice that nobody knows and that may hold text."""
    return [(n, v) for n, v in choice.items() if n not in _KNOWN and isinstance(v, str | list | dict)]


def _reason(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_REASON:
        raise ValueError("a finish_reason is not a word")
    return value


def _event(like: Chunk, choice: int, members: dict[str, Any]) -> bytes:
    document = {name: value for name, value in like.document.items() if name in _OF_EVERY_EVENT}
    document["choices"] = [{"index": choice, "logprobs": None, "finish_reason": None, **members}]
    return sse.write(orjson.dumps(document))
