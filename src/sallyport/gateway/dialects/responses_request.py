"""Reading `POST /v1/responses` (OpenAI API reference, responses). Pure.

Every string leaf gets a channel. What the provider keeps for later is refused, because it hides history from
inspection: stored answers, conversations, prompt templates, work in the background. So is what cannot be inspected
(images, files, audio), and what the provider would run itself, unless the settings list it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sallyport.errors import Refusal
from sallyport.gateway.dialects import fields as f
from sallyport.gateway.dialects import responses_items as items
from sallyport.gateway.dialects.base import Options, read_call
from sallyport.gateway.strict_json import KEY, Path, numbers, strings
from sallyport.model import Call, Channel, Leaf

_HIDES: f.Check = (lambda v: v in (None, False), "left out: it hides history from inspection")
TOP: dict[str, f.Check] = {
    "model": f.NAME,
    "input": (lambda v: isinstance(v, str | list), "a string or a list of items"),
    "instructions": f.TEXT,
    "stream": f.FLAG,
    "stream_options": f.OBJECT,
    "include": f.TEXTS,
    "max_output_tokens": f.POSITIVE,
    "max_tool_calls": f.POSITIVE,
    "metadata": f.OBJECT,
    "parallel_tool_calls": f.FLAG,
    "reasoning": f.OBJECT,
    "text": f.OBJECT,
    "temperature": f.NUMBER,
    "top_p": f.NUMBER,
    "top_logprobs": f.whole_between(0, 20),
    "tool_choice": f.TEXT_OR_OBJECT,
    "tools": f.LIST,
    "truncation": f.one_of("auto", "disabled"),
    "prompt_cache_key": f.TEXT,
    "prompt_cache_options": f.OBJECT,
    "prompt_cache_retention": f.TEXT,
    "safety_identifier": f.TEXT,
    "service_tier": f.TEXT,
    "user": f.TEXT,
    "client_metadata": f.OBJECT,
    "store": f.ONLY_FALSE,
    "background": _HIDES,
    "previous_response_id": _HIDES,
    "conversation": _HIDES,
    "prompt": _HIDES,
}
STREAM_OPTIONS = {"include_obfuscation": f.FLAG}
LOGPROBS = "message.output_text.logprobs"
_DEFINED = {
    "type": f.NAME,
    "name": f.NAME,
    "description": f.TEXT,
    "allowed_callers": f.TEXTS,
    "defer_loading": f.FLAG,
    "async": f.FLAG,
}
FUNCTION: dict[str, f.Check] = {
    **_DEFINED,
    "parameters": f.OBJECT,
    "strict": f.FLAG,
    "output_schema": f.OBJECT,
}
TOOLS: dict[str, dict[str, f.Check]] = {
    "function": FUNCTION,
    "custom": {**_DEFINED, "format": f.OBJECT},
    "namespace": {"type": f.NAME, "name": f.NAME, "description": f.TEXT, "tools": f.needed(f.LIST)},
}
# Tools whose calls the caller carries out, though the provider defines them: how an answer's call is named, so that
# none is taken for a function of the same name.
CARRIED_OUT = {
    "computer": "builtin:computer",
    "computer_use_preview": "builtin:computer",
    "local_shell": "builtin:local_shell",
    "shell": "builtin:shell",
    "apply_patch": "builtin:apply_patch",
}
_NOT_TEXT = {"model", "input", "instructions", "tools", "stream", "stream_options"}
_DEFINITION = frozenset(name for table in TOOLS.values() for name in table)
_LONG = 8  # characters
_LONG_NUMBER = re.compile(rb"[:,\[]\s*-?[0-9.]{%d,}" % (_LONG - 1))


def parse(raw: bytes, document: Any, options: Options) -> Call | Refusal:
    """The request as a `Call`, or the first thing that is wrong with it."""
    if not isinstance(document, dict):
        return f.wrong("body", "an object")
    problem = _check(document, options)
    if problem is not None:
        return problem
    leaves = (*_leaves(document), *_number_leaves(raw, document))
    return read_call(
        "responses",
        "openai",
        raw,
        document,
        leaves,
        tools=tuple(_declared(document.get("tools") or ())),
        uninspected=items.uninspected(document["input"]) if isinstance(document["input"], list) else (),
        max_output_tokens=document.get("max_output_tokens") or 0,
    )


def _check(document: dict[str, Any], options: Options) -> Refusal | None:
    problem = f.check_fields(document, TOP, "", lambda name: options.allows("responses", name))
    if problem is not None:
        return problem
    for needed in ("model", "input"):
        if document.get(needed) in (None, "", []):
            return f.wrong(needed, TOP[needed][1])
    given = document["input"]
    return (
        _check_stream(document)
        or (items.check_all(given, options) if isinstance(given, list) else None)
        or _check_tools(document.get("tools") or (), "tools", options)
    )


def _check_stream(document: dict[str, Any]) -> Refusal | None:
    given, streamed = document.get("stream_options"), document.get("stream")
    if given is not None and not streamed:
        return f.wrong("stream_options", "left out unless stream is true")
    if streamed and (document.get("top_logprobs") or LOGPROBS in (document.get("include") or ())):
        # Log probabilities carry the very tokens that the hold-back still keeps.
        return f.wrong("top_logprobs" if document.get("top_logprobs") else "include", f"without {LOGPROBS}")
    return f.check_fields(given or {}, STREAM_OPTIONS, "stream_options.", lambda _: False)


def _check_tools(tools: Any, where: str, options: Options, *, nested: bool = False) -> Refusal | None:
    for index, tool in enumerate(tools):
        problem = _check_tool(tool, f"{where}[{index}]", options, nested=nested)
        if problem is not None:
            return problem
    return None


def _check_tool(tool: Any, where: str, options: Options, *, nested: bool) -> Refusal | None:
    if not isinstance(tool, dict) or not isinstance(tool.get("type"), str):
        return f.wrong(where, "an object with a type")
    table = TOOLS.get(tool["type"])
    if table is None or (nested and tool["type"] == "namespace"):
        if tool["type"] in options.provider_tools and not nested:
            return None
        return Refusal(code="provider_tool_refused", param=where + ".type")
    problem = f.check_fields(tool, table, where + ".", lambda _: False)
    missing = next((name for name in ("name", "tools") if name in table and name not in tool), None)
    if problem is None and missing is not None:
        problem = f.wrong(f"{where}.{missing}", table[missing][1])
    if problem is None and "tools" in table:
        return _check_tools(tool["tools"], where + ".tools", options, nested=True)
    return problem


def _declared(tools: Any, within: str = "") -> Iterator[str]:
    """The names by which an answer may call the tools of a request."""
    for tool in tools:
        if tool["type"] == "namespace":
            yield from _declared(tool["tools"], tool["name"] + ".")
        elif tool["type"] in TOOLS:
            yield within + tool["name"]
        elif tool["type"] in CARRIED_OUT:
            yield CARRIED_OUT[tool["type"]]


def _leaves(document: dict[str, Any]) -> Iterator[Leaf]:
    for name, value in document.items():
        if name not in _NOT_TEXT:
            yield from (Leaf(path, text, "other") for path, text in strings(value, (name,)))
    for path, text in strings(document.get("tools"), ("tools",)):
        if not _is_enumerated(path):
            yield Leaf(path, text, "tool_definition")
    if document.get("instructions") is not None:
        yield Leaf(("instructions",), document["instructions"], "system")
    if isinstance(document["input"], str):
        yield Leaf(("input",), document["input"], "user")
    else:
        yield from items.leaves(document["input"])


def _number_leaves(raw: bytes, document: dict[str, Any]) -> Iterator[Leaf]:
    """Long numbers where the caller may write what they like: a card needs no quotes to be one."""
    if _LONG_NUMBER.search(raw):
        for name, value in document.items():
            channel: Channel = "tool_definition" if name == "tools" else "other"
            for path, text in numbers(value, (name,)) if isinstance(value, dict | list) else ():
                if len(text) >= _LONG:
                    yield Leaf(path, text, channel)


def _is_enumerated(path: Path) -> bool:
    """Member names of the fixed part of a tool definition, and its `type`, are checked words."""
    inner = path[2:]  # ("tools", i, ...)
    if len(inner) > 2 and inner[0] == "tools" and isinstance(inner[1], int):  # noqa: PLR2004 - of a namespace
        inner = inner[2:]
    if KEY in inner:
        return len(inner) == 2 and inner[-1] in _DEFINITION  # noqa: PLR2004 - (KEY, member)
    return inner == ("type",)
