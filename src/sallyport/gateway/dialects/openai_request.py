"""Reading `POST /v1/chat/completions` (OpenAI API reference, chat). Pure.

Every string leaf gets a channel; member names inside tool schemas count as text too, since the model reads
them. What cannot be inspected (images, audio, files) and what a provider would run itself is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sallyport.errors import Refusal
from sallyport.gateway.dialects import fields as f
from sallyport.gateway.dialects import openai_unread, unread
from sallyport.gateway.dialects.base import Options, read_call
from sallyport.gateway.strict_json import KEY, Path, numbers, strings
from sallyport.model import Call, Channel, Leaf

TOP: dict[str, f.Check] = {
    "model": f.NAME,
    "messages": f.LIST,
    "stream": f.FLAG,
    "stream_options": f.OBJECT,
    "temperature": f.NUMBER,
    "top_p": f.NUMBER,
    "n": f.whole_between(1, 16),
    "stop": f.TEXT_OR_TEXTS,
    "max_tokens": f.POSITIVE,
    "max_completion_tokens": f.POSITIVE,
    "presence_penalty": f.NUMBER,
    "frequency_penalty": f.NUMBER,
    "logit_bias": f.OBJECT,
    "user": f.TEXT,
    "seed": f.WHOLE,
    "tools": f.LIST,
    "tool_choice": f.TEXT_OR_OBJECT,
    "parallel_tool_calls": f.FLAG,
    "functions": f.LIST,
    "function_call": f.TEXT_OR_OBJECT,
    "response_format": f.OBJECT,
    "logprobs": f.FLAG,
    "top_logprobs": f.whole_between(0, 20),
    "metadata": f.OBJECT,
    "store": f.ONLY_FALSE,
    "reasoning_effort": f.TEXT,
    "verbosity": f.TEXT,
    "modalities": (lambda v: v in (None, ["text"]), '["text"]'),
    "prediction": f.OBJECT,
    "service_tier": f.TEXT,
    "prompt_cache_key": f.TEXT,
    "safety_identifier": f.TEXT,
}
PROVIDER_RUN = {"web_search_options": "web_search", "audio": "audio", "plugins": "plugins"}
MESSAGE: dict[str, f.Check] = {
    "role": f.one_of("system", "developer", "user", "assistant", "tool", "function"),
    "content": (lambda v: v is None or isinstance(v, str | list), "a string or a list of parts"),
    "name": f.TEXT,
    "refusal": f.TEXT,
    "reasoning_content": f.TEXT,
    "reasoning": f.TEXT,
    "annotations": f.LIST,  # clients send an answer back as they got it
    "audio": (lambda v: v is None, "null: audio cannot be inspected"),
    "tool_calls": f.LIST,
    "tool_call_id": f.TEXT,
    "function_call": f.OBJECT,
}
CHANNELS: dict[str, Channel] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool_result",
    "function": "tool_result",
}
PARTS = {"text": "text", "refusal": "refusal"}
STREAM_OPTIONS = {"include_usage": f.FLAG, "include_obfuscation": f.FLAG}
# Enumerated by the checks above, so there is no text in them.
_ENUMERATED = {"role", "type"}
_LONG = 8  # characters
_LONG_NUMBER = re.compile(rb"[:,\[]\s*-?[0-9.]{%d,}" % (_LONG - 1))
_NO_FREE_NUMBERS = {"messages", "stream_options"}
_WRITTEN = {"refusal", "reasoning_content", "reasoning"}
_DEFINITION = {"type", "function", "name", "description", "parameters", "strict"}


def parse(raw: bytes, document: Any, options: Options) -> Call | Refusal:
    """The request as a `Call`, or the first thing that is wrong with it."""
    if not isinstance(document, dict):
        return f.wrong("body", "an object")
    problem = _check(document, options)
    if problem is not None:
        return problem
    leaves = (*_leaves(document), *_number_leaves(raw, document))
    stream_options = document.get("stream_options") or {}
    return read_call(
        "chat",
        "openai",
        raw,
        document,
        leaves,
        tools=_declared(document),
        uninspected=openai_unread.kinds(document),
        choices=document.get("n") or 1,
        max_output_tokens=document.get("max_completion_tokens") or document.get("max_tokens") or 0,
        include_usage=bool(stream_options.get("include_usage")),
    )


def _check(document: dict[str, Any], options: Options) -> Refusal | None:
    for name, tool in PROVIDER_RUN.items():
        if document.get(name) is not None and tool not in options.provider_tools:
            return Refusal(code="provider_tool_refused", param=name)
    problem = f.check_fields(document, TOP, "", lambda name: _may(name, options))
    if problem is not None:
        return problem
    for needed in ("model", "messages"):
        if document.get(needed) is None:
            return f.wrong(needed, "given")
    return (
        _check_stream(document)
        or _check_messages(document["messages"], options)
        or _check_tools(document, options)
    )


def _may(name: str, options: Options) -> bool:
    return options.allows("chat", name) or PROVIDER_RUN.get(name, "") in options.provider_tools


def _check_stream(document: dict[str, Any]) -> Refusal | None:
    given = document.get("stream_options")
    if given is not None and not document.get("stream"):
        return f.wrong("stream_options", "left out unless stream is true")
    if document.get("stream") and document.get("logprobs"):
        # Log probabilities carry the very tokens that the hold-back still keeps.
        return f.wrong("logprobs", "left out of a stream")
    return f.check_fields(given or {}, STREAM_OPTIONS, "stream_options.", lambda _: False)


def _check_messages(messages: list[Any], options: Options) -> Refusal | None:
    if not messages:
        return f.wrong("messages", "a list of at least one message")
    for index, message in enumerate(messages):
        where = f"messages[{index}]"
        if not isinstance(message, dict):
            return f.wrong(where, "an object")
        problem = f.check_fields(message, MESSAGE, where + ".", lambda _: False)
        problem = problem or _check_message(message, where, options)
        if problem is not None:
            return problem
    return None


def _check_message(message: dict[str, Any], where: str, options: Options) -> Refusal | None:
    if message.get("role") is None:
        return f.wrong(where + ".role", MESSAGE["role"][1])
    problem: Refusal | None = None
    for index, part in enumerate(message["content"] if isinstance(message.get("content"), list) else ()):
        problem = _check_part(part, f"{where}.content[{index}]", options)
        if problem is not None:
            return problem
    for index, call in enumerate(message.get("tool_calls") or ()):
        problem = _check_call(call, f"{where}.tool_calls[{index}]")
        if problem is not None:
            return problem
    if message.get("function_call") is not None:
        problem = _check_function(message["function_call"], where + ".function_call")
    called = next((name for name in ("tool_calls", "function_call") if message.get(name)), None)
    if problem is None and called is not None and message["role"] != "assistant":
        # It would be inspected as what the model wrote.
        problem = f.wrong(f"{where}.{called}", "left out: the assistant alone calls tools")
    return problem


def _check_part(part: Any, where: str, options: Options) -> Refusal | None:
    if not isinstance(part, dict):
        return f.wrong(where, "an object")
    kind = part.get("type")
    if isinstance(kind, str) and kind in openai_unread.UNREAD:
        return openai_unread.check(part, where, options)
    if not isinstance(kind, str) or kind not in PARTS:
        return unread.refused(where)
    member = PARTS[kind]
    if not isinstance(part.get(member), str):
        return f.wrong(f"{where}.{member}", "a string")
    return f.check_fields(part, {"type": f.NAME, member: f.TEXT}, where + ".", lambda _: False)


def _check_call(call: Any, where: str) -> Refusal | None:
    if not isinstance(call, dict):
        return f.wrong(where, "an object")
    if call.get("type", "function") != "function":
        return f.wrong(where + ".type", '"function"')
    table = {"id": f.TEXT, "type": f.NAME, "function": f.OBJECT, "index": f.WHOLE}
    return f.check_fields(call, table, where + ".", lambda _: False) or _check_function(
        call.get("function"), where + ".function"
    )


def _check_function(function: Any, where: str) -> Refusal | None:
    if not isinstance(function, dict):
        return f.wrong(where, "an object")
    return f.check_fields(function, {"name": f.NAME, "arguments": f.TEXT}, where + ".", lambda _: False)


def _check_tools(document: dict[str, Any], options: Options) -> Refusal | None:
    for index, tool in enumerate(document.get("tools") or ()):
        where = f"tools[{index}]"
        if not isinstance(tool, dict) or not isinstance(tool.get("type"), str):
            return f.wrong(where, "an object with a type")
        if tool["type"] != "function":
            if tool["type"] in options.provider_tools:
                continue
            return Refusal(code="provider_tool_refused", param=where + ".type")
        problem = f.check_fields(tool, {"type": f.NAME, "function": f.OBJECT}, where + ".", lambda _: False)
        problem = problem or _check_definition(tool.get("function"), where + ".function")
        if problem is not None:
            return problem
    for index, function in enumerate(document.get("functions") or ()):
        problem = _check_definition(function, f"functions[{index}]")
        if problem is not None:
            return problem
    return None


def _check_definition(function: Any, where: str) -> Refusal | None:
    if not isinstance(function, dict) or not f.NAME[0](function.get("name")):
        return f.wrong(where, "an object with a name")
    table = {"name": f.NAME, "description": f.TEXT, "parameters": f.OBJECT, "strict": f.FLAG}
    return f.check_fields(function, table, where + ".", lambda _: False)


def _declared(document: dict[str, Any]) -> tuple[str, ...]:
    tools = [t["function"]["name"] for t in document.get("tools") or () if t["type"] == "function"]
    return (*tools, *(function["name"] for function in document.get("functions") or ()))


def _leaves(document: dict[str, Any]) -> Iterator[Leaf]:
    for name, value in document.items():
        if name in {"model", "messages", "tools", "functions", "stream_options"}:
            continue
        yield from (Leaf(path, text, "other") for path, text in strings(value, (name,)))
    for field in ("tools", "functions"):
        for path, text in strings(document.get(field), (field,)):
            if not _enumerated(path):
                yield Leaf(path, text, "tool_definition")
    for index, message in enumerate(document["messages"]):
        yield from _message_leaves(message, ("messages", index))


def _number_leaves(raw: bytes, document: dict[str, Any]) -> Iterator[Leaf]:
    """Long numbers where the caller may write what they like: a card needs no quotes to be one."""
    free = [n for n, v in document.items() if isinstance(v, dict | list) and n not in _NO_FREE_NUMBERS]
    if free and _LONG_NUMBER.search(raw):
        for name in free:
            channel: Channel = "tool_definition" if name in {"tools", "functions"} else "other"
            for path, text in numbers(document[name], (name,)):
                if len(text) >= _LONG:
                    yield Leaf(path, text, channel)


def _enumerated(path: Path) -> bool:
    """Member names of the fixed part of a tool definition, and its `type`, are checked words."""
    fixed = 4 if path[0] == "tools" else 2  # ("tools", i, "function", member) / ("functions", i, member)
    if KEY in path:
        return len(path) <= fixed + 1 and path[-1] in _DEFINITION
    return len(path) <= fixed and path[-1] == "type"


def _message_leaves(message: dict[str, Any], where: Path) -> Iterator[Leaf]:
    channel = CHANNELS[message["role"]]
    for name, value in message.items():
        if name == "content" and isinstance(value, str):
            yield Leaf((*where, "content"), value, channel)
        elif name == "content" and value is not None:
            for index, part in enumerate(value):
                if part["type"] in openai_unread.UNREAD:
                    yield from unread.leaves(part, (*where, "content", index))
                    continue
                member = PARTS[part["type"]]
                yield Leaf((*where, "content", index, member), part[member], channel)
        elif name in {"tool_calls", "function_call"}:
            yield from _call_leaves(value, (*where, name))
        elif name == "annotations":
            yield from (Leaf(path, text, "document") for path, text in strings(value, (*where, name)))
        elif name not in _ENUMERATED and isinstance(value, str):
            yield Leaf((*where, name), value, channel if name in _WRITTEN else "other")


def _call_leaves(value: Any, where: Path) -> Iterator[Leaf]:
    for path, text in strings(value, where):
        if path[-2] == KEY or path[-1] == "type":
            continue
        yield Leaf(path, text, "tool_arguments" if path[-1] == "arguments" else "other")
