"""`POST /v1/chat/completions`: requests, whole answers and streams, on the OpenAI wire. Pure.

Traps of this wire that are handled here: usage comes in a chunk of its own only where it was asked for (we
always ask, and take it out again); tool-call arguments are split anywhere, with id and name only in the
first delta; `finish_reason` comes apart from text; `n > 1` interleaves; unknown members stay where they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from sallyport.errors import Refusal
from sallyport.gateway import sse
from sallyport.gateway.dialects import openai_delta, openai_plain, openai_request
from sallyport.gateway.dialects.base import (
    AnswerView,
    Chunk,
    Member,
    Options,
    Piece,
    ToolCall,
    Wire,
)
from sallyport.gateway.dialects.openai_words import CONSTANTS, KNOWN_MEMBERS
from sallyport.gateway.json_edit import add_members, replace
from sallyport.gateway.mould import Mould
from sallyport.gateway.strict_json import KEY, Path, strings
from sallyport.model import Call, Leaf, Surface, Usage

_OF_EVERY_EVENT = frozenset(["id", "object", "created", "model", "system_fingerprint", "service_tier"])
_CARRIES_NOTHING = _OF_EVERY_EVENT | {"choices", "obfuscation"}
_LONGEST_REASON = 64


class OpenAIChat:
    """The chat surface of the OpenAI wire."""

    surface: Surface = "chat"
    sequence = 0
    signed: frozenset[str] = frozenset()
    wire: Wire = "openai"
    endpoint = "chat"
    generates = True

    def parse(self, raw: bytes, document: Any, options: Options) -> Call | Refusal:
        """See `openai_request.parse`."""
        return openai_request.parse(raw, document, options)

    def plain(self, raw: bytes, document: Any, depth: int) -> Call | None:
        """See `openai_plain.request`."""
        return openai_plain.request(raw, document, depth)

    def plain_view(self, raw: bytes, document: Any) -> AnswerView | None:
        """See `openai_plain.answer`."""
        return openai_plain.answer(raw, document)

    def outgoing(self, call: Call, upstream_model: str, edits: Mapping[Path, str]) -> bytes:
        """The caller's bytes with masks, the upstream's model name, and usage asked for."""
        changes: dict[Path, Any] = dict(edits)
        if upstream_model != call.model:
            changes["model",] = upstream_model
        given = call.body.get("stream_options")
        missing: dict[str, Any] = {}
        if call.stream and isinstance(given, dict) and not given.get("include_usage"):
            changes["stream_options",] = {**given, "include_usage": True}
        elif call.stream and "stream_options" in call.body and given is None:
            changes["stream_options",] = {"include_usage": True}
        elif call.stream and given is None:
            missing = {"stream_options": {"include_usage": True}}
        return add_members(replace(call.raw, changes), missing)

    def view(self, document: Any) -> AnswerView:
        """A whole answer. Raises ValueError if it is none."""
        choices = document.get("choices") if isinstance(document, dict) else None
        if not isinstance(choices, list) or not choices:
            raise ValueError("no choices")
        tools = tuple(tool for position, choice in enumerate(choices) for tool in _tools(position, choice))
        arguments = {tool.path for tool in tools}
        leaves: list[Leaf] = []
        prose: dict[Path, tuple[int, str]] = {}
        for path, text in answer_strings(document):
            leaves.append(Leaf(path, text, "tool_arguments" if path in arguments else "assistant"))
            if path[2:3] == ("message",) and KEY not in path and "tool_calls" not in path:
                prose[path] = (int(path[1]), str(path[-1]))
        return AnswerView(leaves=tuple(leaves), prose=prose, tools=tools, usage=usage(document.get("usage")))

    def tools_at(self, choice: int) -> str:
        """Where they are."""
        return f"choices[{choice}].message.tool_calls"

    def implied(self, document: Any, edits: Mapping[Path, Any]) -> dict[Path, Any]:
        """No log probabilities beside a text that was changed: they spell out its tokens."""
        choices = document["choices"] if edits else ()
        return {
            ("choices", i, "logprobs"): None for i, choice in enumerate(choices) if choice.get("logprobs")
        }

    def stream(self, _call: Call) -> OpenAIChat:
        """Events of this wire are read one by one: nothing has to be remembered."""
        return self

    def place(self, choice: int, field: str) -> str:
        """See `StreamDialect.place`."""
        return f"choices[{choice}].delta.{field}" if field else f"choices[{choice}].delta"

    def may_end(self, finished: int, asked: int) -> bool:
        """Some servers leave the end mark out: every choice has said why it ended."""
        return finished >= asked

    def end(self) -> bytes:
        """The end mark."""
        return sse.write(b"[DONE]")

    def chunk(self, data: bytes, raw: bytes, _name: bytes = b"", /) -> Chunk:
        """Take one event apart. Raises ValueError if it is not a chat chunk."""
        if data == b"[DONE]":
            return Chunk(raw=raw, data=data, document=None, last=True)
        document = orjson.loads(data)
        if not isinstance(document, dict):
            raise ValueError("a chunk is not an object")
        if "error" in document:
            raise ValueError("the upstream reports an error in the stream")
        guarded = openai_delta.Guarded()
        finished: list[tuple[int, str]] = []
        choices = document.get("choices") or ()
        if not isinstance(choices, list | tuple):
            raise ValueError("the choices are no list")
        for choice in choices:
            index = openai_delta.index_of(choice)
            guarded.add(index, choice.get("delta") or {})
            if (reason := choice.get("finish_reason")) is not None:
                finished.append((index, _reason(reason)))
        metered = usage(document.get("usage"))
        return Chunk(
            raw=raw,
            data=data,
            document=document,
            pieces=tuple(guarded.pieces),
            tools=tuple(guarded.tools),
            members=tuple(guarded.members),
            finished=tuple(finished),
            usage=metered,
            usage_only=metered is not None and not choices,
        )

    def with_text(self, chunk: Chunk, piece: Piece, text: str) -> bytes:
        """The event with another text. Only the bytes of that one literal change, where it can be found."""
        match = openai_delta.literal(chunk.raw)
        if match:
            return chunk.raw[: match.start(2)] + orjson.dumps(text) + chunk.raw[match.end(2) :]
        document = orjson.loads(orjson.dumps(chunk.document))
        for choice in document["choices"]:
            delta = choice.get("delta") or {}
            if delta.get(piece.field):
                delta[piece.field] = text
        return sse.write(orjson.dumps(document))

    def mould(self, chunk: Chunk) -> Mould | None:
        """What events of the same shape have around their text; None where it is in doubt which bytes those are."""
        match = openai_delta.literal(chunk.raw)
        if match is None:
            return None
        start, end = match.span(2)
        return Mould(before=chunk.raw[: start + 1], after=chunk.raw[end - 1 :], chunk=chunk)

    def text_event(self, like: Chunk, choice: int, field: str, text: str) -> bytes:
        """A new event that carries text, with the members of an earlier one."""
        return self._event(like, choice, {field: text})

    def member_event(self, like: Chunk, member: Member) -> bytes:
        """A new event that carries a member that was held."""
        return self._event(like, member.choice, {member.name: member.value})

    def tool_event(self, like: Chunk, calls: Sequence[ToolCall]) -> bytes:
        """A new event that carries whole tool calls of one choice."""
        listed = [
            {
                "index": call.index,
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in calls
        ]
        return self._event(like, calls[0].choice, {"tool_calls": listed})

    def _event(self, like: Chunk, choice: int, delta: dict[str, Any]) -> bytes:
        document = {name: value for name, value in like.document.items() if name in _OF_EVERY_EVENT}
        document["choices"] = [{"index": choice, "delta": delta, "finish_reason": None}]
        return sse.write(orjson.dumps(document))

    def without_pieces(self, chunk: Chunk) -> bytes:
        """The event without what is guarded in its deltas, or nothing where nothing else is in it."""
        document = orjson.loads(orjson.dumps(chunk.document))
        kept = any(v is not None and name not in _CARRIES_NOTHING for name, v in document.items())
        for choice in document.get("choices") or ():
            choice["delta"] = delta = openai_delta.bare(choice.get("delta") or {})
            kept = (
                kept or bool(delta) or any(v for name, v in choice.items() if name not in {"index", "delta"})
            )
        return sse.write(orjson.dumps(document)) if kept or not document.get("choices") else b""

    def others(self, chunk: Chunk) -> Iterator[tuple[Path, str]]:
        """Strings that are not guarded as pieces, tools or members."""
        for path, text in answer_strings(chunk.document):
            if path[0] != "choices" or path[2:3] != ("delta",) or path[3:4] in {(), (KEY,), ("role",)}:
                yield path, text

    def envelope(self, chunk: Chunk) -> bytes | None:
        """See `openai_delta.envelope`."""
        return openai_delta.envelope(chunk.raw, len(chunk.pieces)) if chunk.pieces else chunk.raw


def usage(value: Any) -> Usage | None:
    """The upstream's token counts, if it gave any that can be believed."""
    if not isinstance(value, dict):
        return None
    counts = [value.get("prompt_tokens"), value.get("completion_tokens", 0)]
    if not all(isinstance(count, int) and not isinstance(count, bool) and count >= 0 for count in counts):
        return None
    return Usage(input_tokens=counts[0], output_tokens=counts[1])


def answer_strings(document: Any) -> Iterator[tuple[Path, str]]:
    """Strings of an answer that must be inspected: all but well-known words and member names."""
    for path, text in strings(document, known=KNOWN_MEMBERS):
        if text not in CONSTANTS:
            yield path, text


def _reason(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_REASON:
        raise ValueError("a finish_reason is not a word")
    return value


def _tools(position: int, choice: Any) -> Iterator[ToolCall]:
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict):
        raise ValueError("a choice has no message")
    where: Path = ("choices", position, "message")
    for index, call in enumerate(message.get("tool_calls") or ()):
        function = call.get("function") if isinstance(call, dict) else None
        yield _tool(
            position, index, str(call.get("id") or ""), function, (*where, "tool_calls", index, "function")
        )
    if message.get("function_call") is not None:
        yield _tool(position, 0, "", message["function_call"], (*where, "function_call"))


def _tool(position: int, index: int, identity: str, function: Any, where: Path) -> ToolCall:
    name = function.get("name") if isinstance(function, dict) else None
    arguments = function.get("arguments") if isinstance(function, dict) else None
    if not isinstance(name, str) or not isinstance(arguments, str):
        raise ValueError("a tool call that is no function cannot be inspected")
    return ToolCall(
        choice=position, index=index, id=identity, name=name, arguments=arguments, path=(*where, "arguments")
    )
