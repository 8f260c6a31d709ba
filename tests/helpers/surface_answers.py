"""Answers of every surface that carry a text in each place where a model, or its server, may write one."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import door
import door_anthropic as anthropic
import responses_wire as responses

from sallyport.gateway.dialects import anthropic_answer, anthropic_order, openai_delta, responses_answer
from sallyport.gateway.dialects.responses_request import CARRIED_OUT

Answer = Callable[[str], dict]
TOOLS = [{"type": "function", "function": {"name": "pay", "parameters": {}}}]
# What a caller asks, so that a model may call its tools.
ASKED: dict[str, dict] = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "hello"}], "tools": TOOLS},
    "/v1/responses": {
        "input": "hello",
        "tools": [
            {"type": "function", "name": "pay"},
            {"type": "custom", "name": "run"},
            *({"type": kind} for kind in CARRIED_OUT),
        ],
    },
    "/v1/completions": {"prompt": "hello"},
    "/v1/embeddings": {"input": "hello"},
    "/v1/messages": {
        "messages": [{"role": "user", "content": "hello"}],
        "tools": anthropic.TOOLS,
        "max_tokens": 99,
    },
    "/v1/messages/count_tokens": {"messages": [{"role": "user", "content": "hello"}]},
}
ALLOWING = f"""[gateway]
allow_provider_tools = {json.dumps(list(CARRIED_OUT))}
allow_uninspected = ["image", "audio", "file", "stored"]
"""  # settings
# Ids are made by machines, and look like somebody's number now and then: of them only what is never let out counts.
IDS = {"id", "call_id"}
KINDS = ("text", "refusal", "reasoning", "tool arguments", "tool name and id", "beside the text")
REASONING = {"reasoning_content", "reasoning", "thinking", "summary_text", "reasoning_text"}
NO_KIND: dict[tuple[str, str], str] = {
    **{("/v1/completions", kind): "an answer is text alone" for kind in KINDS[1:5]},
    **{("/v1/embeddings", kind): "an answer is numbers" for kind in KINDS[:5]},
    **{("/v1/messages/count_tokens", kind): "an answer is a number" for kind in KINDS[:5]},
    ("/v1/messages", "refusal"): "a refusal is text like any other, and a `stop_reason`",
}


def _kind(name: str) -> str:
    return "reasoning" if name in REASONING else "refusal" if name == "refusal" else "text"


# --- chat ---------------------------------------------------------------------------------------------------


def _tool_call(arguments: str = "{}", name: str = "pay", identity: str = "call_1") -> dict:
    return {"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}}


def _chat() -> Iterator[tuple[str, str, Answer]]:
    for field in openai_delta.TEXT_FIELDS:
        yield _kind(field), field, lambda text, field=field: {field: text}
    yield "tool arguments", "arguments", lambda text: {"tool_calls": [_tool_call(json.dumps({"k": text}))]}
    yield "tool name and id", "name", lambda text: {"tool_calls": [_tool_call(name=text)]}
    yield "tool name and id", "id", lambda text: {"tool_calls": [_tool_call(identity=text)]}
    yield "beside the text", "annotations", lambda text: {"content": "x", "annotations": [{"url": text}]}
    yield "beside the text", "unknown", lambda text: {"content": "x", "x_new": {"k": [text]}}


def _chat_whole(message: dict) -> dict:
    return json.loads(door.answer(**{"content": None, **message}))


def _chat_stream(message: dict, size: int) -> list[Any]:
    events = [door.delta(role="assistant")]
    for name, value in message.items():
        if name == "tool_calls":
            function = value[0]["function"]
            first = {**value[0], "index": 0, "function": {"name": function["name"], "arguments": ""}}
            events.append(door.delta(tool_calls=[first]))
            events += [
                door.delta(tool_calls=[{"index": 0, "function": {"arguments": piece}}])
                for piece in anthropic.cut(function["arguments"], size)
            ]
        elif isinstance(value, str):
            events += [door.delta(**{name: piece}) for piece in anthropic.cut(value, size)]
        else:
            events.append(door.delta(**{name: value}))
    return [*events, door.delta(finish="stop"), "[DONE]"]


# --- completions, embeddings, counts ------------------------------------------------------------------------


def _completion(text: str = "x", **more: Any) -> dict:
    choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": "stop", **more}
    return {"id": "c1", "object": "text_completion", "created": 1, "model": "m", "choices": [choice]}


def _completions() -> Iterator[tuple[str, str, Answer]]:
    yield "text", "text", _completion
    yield "beside the text", "unknown", lambda text: _completion(x_new={"k": text})


def _completion_stream(answer: dict, size: int) -> list[Any]:
    choice = answer["choices"][0]
    pieces = [
        {**choice, "text": piece, "finish_reason": None} for piece in anthropic.cut(choice["text"], size)
    ]
    ended = {**answer, "choices": [{"index": 0, "text": "", "finish_reason": "stop"}]}
    return [*({**answer, "choices": [piece]} for piece in pieces), ended, "[DONE]"]


def _embeddings() -> Iterator[tuple[str, str, Answer]]:
    data = [{"index": 0, "object": "embedding", "embedding": [0.1, 0.2]}]
    yield "beside the text", "model", lambda text: {"data": data, "model": text}
    yield "beside the text", "vector", lambda text: {"data": [{**data[0], "embedding": text}]}


def _counts() -> Iterator[tuple[str, str, Answer]]:
    yield "beside the text", "unknown", lambda text: {"input_tokens": 3, "x_new": text}


# --- responses ----------------------------------------------------------------------------------------------


def _responses() -> Iterator[tuple[str, str, Answer]]:
    for kind, member in responses_answer.PARTS.items():
        part = {"type": kind, **({"annotations": []} if kind == "output_text" else {})}
        listed = {"summary_text": "summary", "reasoning_text": "content"}.get(kind)
        if listed is None:
            yield _kind(kind), kind, lambda t, p=part, m=member: responses.message({**p, m: t})
        else:
            yield (
                "reasoning",
                kind,
                lambda t, p=part, m=member, n=listed: {**responses.thought(), n: [{**p, m: t}]},
            )
    yield "tool arguments", "function_call", lambda text: responses.call(arguments=json.dumps({"k": text}))
    yield "tool arguments", "custom_tool_call", lambda text: responses.custom(given=f"echo {text}")
    for kind, (members, _) in responses_answer.ACTIONS.items():
        yield "tool arguments", kind, lambda text, kind=kind, m=members[0]: _action(kind, m, text)
    yield "tool name and id", "name", lambda text: responses.call(name=text)
    yield "tool name and id", "call_id", lambda text: responses.call(call_id=text)
    link = {"type": "url_citation", "url": "https://kb.example"}
    yield (
        "beside the text",
        "annotations",
        lambda text: responses.message(responses.text("x", annotations=[{**link, "title": text}])),
    )
    yield "beside the text", "unknown item", lambda text: {"id": "u_1", "type": "mcp_list_tools", "x": [text]}


def _action(kind: str, member: str, text: str) -> dict:
    return {
        "id": "a_1",
        "type": kind,
        "call_id": "call_a",
        member: {"type": "exec", "command": ["say", text]},
    }


# --- messages -----------------------------------------------------------------------------------------------


def _messages() -> Iterator[tuple[str, str, Answer]]:
    yield "text", "text", anthropic.text
    yield "reasoning", "thinking", anthropic.thinking
    yield "tool arguments", "tool_use", lambda text: anthropic.tool_use({"k": [text]})
    yield "tool arguments", "tool_use, a name", lambda text: anthropic.tool_use({text: 1})
    yield "tool name and id", "name", lambda text: anthropic.tool_use({}, name=text)
    yield "tool name and id", "id", lambda text: anthropic.tool_use({}, identity=text)
    quote = {"type": "char_location"}
    yield (
        "beside the text",
        "citations",
        lambda text: {
            **anthropic.text("x"),
            "citations": [{**quote, "cited_text": text}],
        },
    )
    for kind in sorted(anthropic_answer.RUN_BY_PROVIDER):
        yield "beside the text", kind, lambda text, kind=kind: {"type": kind, "content": [{"k": text}]}


# --- all ----------------------------------------------------------------------------------------------------

WRITTEN: dict[str, Callable[[], Iterator[tuple[str, str, Answer]]]] = {
    "/v1/chat/completions": _chat,
    "/v1/responses": _responses,
    "/v1/completions": _completions,
    "/v1/embeddings": _embeddings,
    "/v1/messages": _messages,
    "/v1/messages/count_tokens": _counts,
}


def registries() -> dict[str, tuple[set[str], set[str]]]:
    """Surface -> the places that its dialect's own tables name, and those of them that are planted in here."""
    planted = {path: {name for _, name, _ in written()} for path, written in WRITTEN.items()}
    blocks = set(anthropic_answer.GUARDED) | anthropic_answer.RUN_BY_PROVIDER
    items = {*responses_answer.PARTS, *responses_answer.CALLS, *responses_answer.ACTIONS}
    # A citation is a delta of a text block; a signature, and thinking that is redacted, nobody but the provider reads.
    assert {d for table in anthropic_order.DELTAS.values() for d in table} == {
        "text_delta", "citations_delta", "thinking_delta", "signature_delta", "input_json_delta",
    }  # fmt: skip
    return {
        "/v1/chat/completions": (set(openai_delta.TEXT_FIELDS), planted["/v1/chat/completions"]),
        "/v1/responses": (items, planted["/v1/responses"]),
        "/v1/messages": (blocks - {"redacted_thinking"}, planted["/v1/messages"]),
    }


def whole(path: str, written: dict) -> dict:
    """A whole answer that holds what was written."""
    if path == "/v1/chat/completions":
        return _chat_whole(written)
    if path == "/v1/responses":
        return responses.answer(written)
    return anthropic.message(written) if path == "/v1/messages" else written


def events(path: str, written: dict, size: int) -> list[Any]:
    """The events of a streamed answer that holds it, in pieces of `size` characters."""
    if path == "/v1/chat/completions":
        return _chat_stream(written, size)
    if path == "/v1/responses":
        return responses.events(written, size=size)
    if path == "/v1/messages":
        return anthropic.answer(written, size=size)
    return _completion_stream(written, size)


def encoded(path: str, made: list[Any]) -> list[bytes]:
    """Events as a model server writes them."""
    if path == "/v1/responses":
        return responses.sse(*made)
    return anthropic.write(*made) if path == "/v1/messages" else door.sse(*made)


def spoilt(document: Any, text: str) -> Iterator[tuple[str, Any]]:
    """The document with the text in place of each of its strings in turn, and added to each of its objects."""
    for path, value in _walk(document, ()):
        if isinstance(value, str):
            yield _dotted(path), _with(document, path, text)
        elif isinstance(value, dict):
            yield _dotted((*path, "x_new")), _with(document, (*path, "x_new"), text)
            yield _dotted((*path, "?")), _with(document, (*path, text), "v")


def _walk(value: Any, path: tuple) -> Iterator[tuple[tuple, Any]]:
    yield path, value
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _walk(inner, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _walk(inner, (*path, index))


def _dotted(path: tuple) -> str:
    return ".".join(str(step) for step in path)


def _with(document: Any, path: tuple, value: Any) -> Any:
    if not path:
        return value
    made = here = copy.deepcopy(document)
    for step in path[:-1]:
        here = here[step]
    here[path[-1]] = value
    return made
