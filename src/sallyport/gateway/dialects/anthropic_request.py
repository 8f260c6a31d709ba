"""Reading `POST /v1/messages` and `/v1/messages/count_tokens` (Anthropic API reference, messages). Pure.

Every string gets a channel. Thinking that the model signed can be inspected, not changed; the signature itself and
redacted thinking are opaque to everyone but the provider, so only their form is checked. What cannot be inspected
(images, PDFs, files) and what a provider would run itself is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sallyport.errors import Refusal
from sallyport.gateway.dialects import anthropic_blocks as blocks
from sallyport.gateway.dialects import fields as f
from sallyport.gateway.dialects.base import Options, read_call
from sallyport.gateway.strict_json import KEY, Path, strings
from sallyport.model import Call, Channel, Leaf

_SYSTEM: f.Check = (lambda v: v is None or isinstance(v, str | list), "a string or a list of text blocks")
COMMON: dict[str, f.Check] = {
    "model": f.NAME,
    "messages": f.LIST,
    "system": _SYSTEM,
    "tools": f.LIST,
    "tool_choice": f.OBJECT,
    "thinking": f.OBJECT,
    "output_config": f.OBJECT,
    "cache_control": f.OBJECT,
    "speed": f.TEXT,
}
TOP: dict[str, f.Check] = {
    **COMMON,
    "max_tokens": f.POSITIVE,
    "stream": f.FLAG,
    "temperature": f.NUMBER,
    "top_p": f.NUMBER,
    "top_k": f.WHOLE,
    "stop_sequences": f.TEXTS,
    "metadata": f.OBJECT,
    "service_tier": f.TEXT,
    "inference_geo": f.TEXT,
}
TOOL: dict[str, f.Check] = {
    "name": f.NAME,
    "description": f.TEXT,
    "input_schema": f.OBJECT,
    "type": f.TEXT,
    "strict": f.FLAG,
    "cache_control": f.OBJECT,
    "input_examples": f.LIST,
    "eager_input_streaming": f.FLAG,
    "defer_loading": f.FLAG,
    "allowed_callers": (lambda v: v in (None, ["direct"]), '["direct"]'),
}
OF_ALL_TOOLS = {name: TOOL[name] for name in ("name", "type", "cache_control")}  # also a provider's own
# What a provider would do with a request besides answering it.
PROVIDER_RUN = {"container": "container", "mcp_servers": "mcp"}
ROLES: dict[str, Channel] = {"user": "user", "assistant": "assistant", "system": "system"}
_NOT_TEXT = {"model", "messages", "system", "tools", "cache_control", "stream"}
_DEFINITION = frozenset(TOOL)


def parse(raw: bytes, document: Any, options: Options, *, counting: bool) -> Call | Refusal:
    """The request as a `Call`, or the first thing that is wrong with it. `counting`: tokens only, no answer."""
    if not isinstance(document, dict):
        return f.wrong("body", "an object")
    problem = _check(document, options, COMMON if counting else TOP)
    if problem is not None:
        return problem
    leaves = tuple(_leaves(document))
    return read_call(
        "messages",
        "anthropic",
        raw,
        document,
        leaves,
        signed=frozenset(leaf.path for leaf in leaves if _is_thinking(leaf.path)),
        tools=tuple(tool["name"] for tool in document.get("tools") or () if "name" in tool),
        uninspected=tuple(
            sorted({k for message in document["messages"] for k in blocks.uninspected(message["content"])})
        ),
        max_output_tokens=document.get("max_tokens") or 0,
    )


def _check(document: dict[str, Any], options: Options, table: dict[str, f.Check]) -> Refusal | None:
    for name, tool in PROVIDER_RUN.items():
        if document.get(name) and tool not in options.provider_tools:
            return Refusal(code="provider_tool_refused", param=name)
    problem = f.check_fields(document, table, "", lambda name: _may(name, options))
    if problem is not None:
        return problem
    for needed in ("model", "messages", *(("max_tokens",) if table is TOP else ())):
        if document.get(needed) is None:
            return f.wrong(needed, "given")
    return (
        blocks.check_cache(document, "")
        or _check_system(document.get("system"))
        or _check_messages(document["messages"], options)
        or _check_tools(document.get("tools") or (), options)
    )


def _may(name: str, options: Options) -> bool:
    return options.allows("messages", name) or PROVIDER_RUN.get(name, "") in options.provider_tools


def _check_system(system: Any) -> Refusal | None:
    for index, block in enumerate(system if isinstance(system, list) else ()):
        problem = blocks.check(block, f"system[{index}]", blocks.TEXTS_ONLY, Options())
        if problem is not None:
            return problem
    return None


def _check_messages(messages: list[Any], options: Options) -> Refusal | None:
    if not messages:
        return f.wrong("messages", "a list of at least one message")
    for index, message in enumerate(messages):
        where = f"messages[{index}]"
        if not isinstance(message, dict):
            return f.wrong(where, "an object")
        table = {"role": f.needed(f.one_of(*ROLES)), "content": blocks.CONTENT}
        problem = f.check_fields(message, table, where + ".", lambda _: False)
        if problem is None and message.get("role") is None:
            problem = f.wrong(where + ".role", table["role"][1])
        if problem is None and "content" not in message:
            problem = f.wrong(where + ".content", blocks.CONTENT[1])
        problem = problem or blocks.check_all(
            message["content"], where + ".content", blocks.OF_ROLES[message["role"]], options
        )
        if problem is not None:
            return problem
    return None


def _check_tools(tools: Any, options: Options) -> Refusal | None:
    for index, tool in enumerate(tools):
        where = f"tools[{index}]"
        if not isinstance(tool, dict):
            return f.wrong(where, "an object")
        known = tool.get("type") in (None, "custom")
        if not known and not (isinstance(tool["type"], str) and tool["type"] in options.provider_tools):
            return Refusal(code="provider_tool_refused", param=where + ".type")
        problem = _check_tool(tool, where + ".", provided=not known)
        if problem is not None:
            return problem
    return None


def _check_tool(tool: dict[str, Any], where: str, *, provided: bool) -> Refusal | None:
    """A tool of the caller, or one that the provider runs and that may have further members."""
    problem = f.check_fields(tool, OF_ALL_TOOLS if provided else TOOL, where, lambda _: provided)
    if problem is None and not provided and "name" not in tool:
        problem = f.wrong(where + "name", f.NAME[1])
    return problem or blocks.check_cache(tool, where)


def _leaves(document: dict[str, Any]) -> Iterator[Leaf]:
    for name, value in document.items():
        if name in _NOT_TEXT:
            continue
        yield from (Leaf(path, text, "other") for path, text in strings(value, (name,)))
        yield from blocks.long_numbers(value, (name,), "other")
    for path, text in strings(document.get("tools"), ("tools",)):
        if not _is_enumerated(path):
            yield Leaf(path, text, "tool_definition")
    yield from blocks.long_numbers(document.get("tools"), ("tools",), "tool_definition")
    yield from blocks.leaves(document.get("system"), ("system",), "system")
    for index, message in enumerate(document["messages"]):
        yield from blocks.leaves(message["content"], ("messages", index, "content"), ROLES[message["role"]])


def _is_thinking(path: Path) -> bool:
    """Whether a path leads to what a model thought: ("messages", i, "content", j, "thinking")."""
    return len(path) == 5 and path[0] == "messages" and path[4] == "thinking"  # noqa: PLR2004


def _is_enumerated(path: Path) -> bool:
    """Member names of the fixed part of a tool definition, its `type` and its `cache_control`, are checked words."""
    if len(path) > 2 and path[2] == "cache_control":  # noqa: PLR2004 - ("tools", i, member)
        return True
    if KEY in path:
        return len(path) == 4 and path[-1] in _DEFINITION  # noqa: PLR2004 - ("tools", i, KEY, member)
    return len(path) == 3 and path[-1] == "type"  # noqa: PLR2004 - ("tools", i, "type")
