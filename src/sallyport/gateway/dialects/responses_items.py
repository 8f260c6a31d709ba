"""Items of the Responses wire in requests: what each may hold, and where its texts are. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sallyport.errors import Refusal
from sallyport.gateway.dialects import fields as f
from sallyport.gateway.dialects import unread
from sallyport.gateway.dialects.base import Options
from sallyport.gateway.strict_json import KEY, Path, strings
from sallyport.model import Channel, Leaf

Table = Mapping[str, f.Check]
ROLES: dict[str, Channel] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}
SEALED = re.compile(r"[A-Za-z0-9+/_=.:-]*")  # what only the provider can read
_GIVEN: f.Check = (lambda v: isinstance(v, str), "a string")
_SEALED: f.Check = (
    lambda v: v is None or (isinstance(v, str) and SEALED.fullmatch(v) is not None),
    "as the model gave it",
)
_TEXTS: f.Check = (lambda v: isinstance(v, str | list), "a string or a list of parts")
_NOTHING: f.Check = (
    lambda v: v in (None, []),
    "left out: log probabilities spell out the text beside them",
)
_STATUS = f.one_of("in_progress", "completed", "incomplete")
PARTS: dict[str, tuple[str, Table]] = {  # type -> the member that holds its text, and all that it may hold
    "input_text": ("text", {"type": f.NAME, "text": _GIVEN, "prompt_cache_breakpoint": f.OBJECT}),
    "output_text": (
        "text",
        {"type": f.NAME, "text": _GIVEN, "annotations": f.LIST, "logprobs": _NOTHING},
    ),
    "refusal": ("refusal", {"type": f.NAME, "refusal": _GIVEN}),
    "summary_text": ("text", {"type": f.NAME, "text": _GIVEN}),
    "reasoning_text": ("text", {"type": f.NAME, "text": _GIVEN}),
}
# Parts that nobody can look into -> their kind, and all that they may hold.
UNREAD: dict[str, tuple[str, Table]] = {
    "input_image": (
        "image",
        {"type": f.NAME, "image_url": unread.ADDRESS, "file_id": f.TEXT, "detail": f.TEXT},
    ),
    "input_file": (
        "file",
        {
            "type": f.NAME,
            "file_data": unread.BYTES,
            "file_url": unread.ADDRESS,
            "file_id": f.TEXT,
            "filename": f.TEXT,
            "detail": f.TEXT,
        },
    ),
}
_OF_MESSAGES = frozenset({"input_text", "output_text", "refusal"})
_OF_OUTPUTS = frozenset({"input_text"})
_SUMMARY, _THOUGHTS = frozenset({"summary_text"}), frozenset({"reasoning_text"})
_PASSED_ON = "internal_chat_message_metadata_passthrough"  # Codex says of items which turn they are of
_ANY: Table = {"type": f.TEXT, "id": f.TEXT, "status": _STATUS, _PASSED_ON: f.OBJECT}
_CALL: Table = {
    **_ANY,
    "call_id": f.NAME,
    "name": f.NAME,
    "namespace": f.TEXT,
    "caller": f.OBJECT,
    "async": f.FLAG,
}
_OUTPUT: Table = {
    **_ANY,
    "call_id": f.NAME,
    "output": _TEXTS,
    **{n: _CALL[n] for n in ("namespace", "caller")},
}
ITEMS: dict[str, Table] = {
    "message": {
        **_ANY,
        "role": f.needed(f.one_of(*ROLES)),
        "content": _TEXTS,
        "phase": f.TEXT,
    },
    "function_call": {**_CALL, "arguments": _GIVEN},
    "function_call_output": {**_OUTPUT, "call_id": f.TEXT, "name": f.TEXT},
    "custom_tool_call": {**_CALL, "input": _GIVEN},
    "custom_tool_call_output": {**_OUTPUT, "name": f.TEXT},
    "reasoning": {**_ANY, "summary": f.LIST, "content": f.LIST, "encrypted_content": _SEALED},
}
_NEEDED = {
    "message": ("role", "content"),
    "function_call": ("call_id", "name", "arguments"),
    "function_call_output": ("output",),
    "custom_tool_call": ("call_id", "name", "input"),
    "custom_tool_call_output": ("call_id", "output"),
    "reasoning": (),
}
# Items that stay of a tool which the provider offers -> its names among the tools of a request.
OFFERED: dict[str, frozenset[str]] = {
    item: frozenset(tools)
    for tools, items in (
        (("web_search", "web_search_preview"), ("web_search_call",)),
        (("file_search",), ("file_search_call",)),
        (("code_interpreter",), ("code_interpreter_call",)),
        (("computer", "computer_use_preview"), ("computer_call", "computer_call_output")),
        (("image_generation",), ("image_generation_call",)),
        (("local_shell",), ("local_shell_call", "local_shell_call_output")),
        (("shell",), ("shell_call", "shell_call_output")),
        (("apply_patch",), ("apply_patch_call", "apply_patch_call_output")),
        (("tool_search",), ("tool_search_call", "tool_search_output")),
        (("programmatic_tool_calling",), ("program", "program_output")),
        (("mcp",), ("mcp_list_tools", "mcp_approval_request", "mcp_approval_response", "mcp_call")),
    )
    for item in items
}
_CONTENT: dict[str, tuple[tuple[str, frozenset[str]], ...]] = {  # lists of parts, and what they may be
    "message": (("content", _OF_MESSAGES),),
    "function_call_output": (("output", _OF_OUTPUTS),),
    "custom_tool_call_output": (("output", _OF_OUTPUTS),),
    "reasoning": (("summary", _SUMMARY), ("content", _THOUGHTS)),
}
_CHANNELS: dict[str, Channel] = {
    "function_call": "tool_arguments",
    "function_call_output": "tool_result",
    "custom_tool_call": "tool_arguments",
    "custom_tool_call_output": "tool_result",
    "reasoning": "assistant",
}
_WRITTEN = {"content", "output", "summary", "arguments", "input"}
_ENUMERATED = {"type", "role", "status", "encrypted_content"}


def check_all(items: list[Any], options: Options) -> Refusal | None:
    """The first thing that is wrong with the items of an input."""
    for index, item in enumerate(items):
        where = f"input[{index}]"
        problem = _check(item, where, options) if isinstance(item, dict) else f.wrong(where, "an object")
        if problem is not None:
            return problem
    return None


def kind_of(item: Mapping[str, Any]) -> Any:
    """An item without a type is a message, if it has a role."""
    return item.get("type") or ("message" if "role" in item else None)


def _check(item: dict[str, Any], where: str, options: Options) -> Refusal | None:
    kind = kind_of(item)
    table = ITEMS.get(kind) if isinstance(kind, str) else None
    if table is None:
        return _check_other(kind, where, options)
    problem = f.check_fields(item, table, where + ".", lambda _: False)
    missing = next((name for name in _NEEDED[kind] if item.get(name) is None), None)
    if problem is None and missing is not None:
        problem = f.wrong(f"{where}.{missing}", table[missing][1])
    for name, allowed in _CONTENT.get(kind, ()):
        problem = problem or _check_parts(item.get(name), f"{where}.{name}", allowed, options)
    return problem


def _check_other(kind: Any, where: str, options: Options) -> Refusal | None:
    if kind == "item_reference":
        return f.wrong(where, "an item itself: stored items hide history from inspection")
    tools = OFFERED.get(kind) if isinstance(kind, str) else None
    if tools is None:
        return unread.refused(where)
    return None if tools & options.provider_tools else Refusal(code="provider_tool_refused", param=where)


def _check_parts(parts: Any, where: str, allowed: frozenset[str], options: Options) -> Refusal | None:
    for index, part in enumerate(parts if isinstance(parts, list) else ()):
        problem = _check_part(part, f"{where}[{index}]", allowed, options)
        if problem is not None:
            return problem
    return None


def _check_part(part: Any, where: str, allowed: frozenset[str], options: Options) -> Refusal | None:
    if not isinstance(part, dict):
        return f.wrong(where, "an object")
    kind = part.get("type")
    if isinstance(kind, str) and kind in UNREAD and "input_text" in allowed:
        kind, table = UNREAD[kind]
        return unread.check(part, table, where, kind, options.uninspected)
    if not isinstance(kind, str) or kind not in allowed:
        return unread.refused(where)
    member, table = PARTS[kind]
    if member not in part:
        return f.wrong(f"{where}.{member}", "a string")
    return f.check_fields(part, table, where + ".", lambda _: False)


def uninspected(items: list[dict[str, Any]]) -> tuple[str, ...]:
    """The kinds of content that nobody can look into, in items that were checked."""
    found = set()
    for part in (p for item in items for name in ("content", "output") for p in _listed(item.get(name))):
        if part.get("type") in UNREAD:
            found.add(unread.kind_of(part, UNREAD[part["type"]][0]))
    return tuple(sorted(found))


def _listed(value: Any) -> list[Any]:
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []


def leaves(items: list[dict[str, Any]]) -> Iterator[Leaf]:
    """The texts of items that were checked."""
    for index, item in enumerate(items):
        kind, where = kind_of(item), ("input", index)
        if kind in ITEMS:
            yield from _of_item(item, where, ROLES[item["role"]] if kind == "message" else _CHANNELS[kind])
        else:  # of a tool that the settings allow
            yield from (Leaf(path, text, "tool_result") for path, text in strings(item, where))


def _of_item(item: dict[str, Any], where: Path, channel: Channel) -> Iterator[Leaf]:
    for name, value in item.items():
        if name in _ENUMERATED:
            continue
        inner: Channel = channel if name in _WRITTEN else "other"
        if isinstance(value, list) and name in {"content", "output"}:
            yield from _of_parts(value, (*where, name), channel)
            continue
        for path, text in strings(value, (*where, name)):
            within = path[len(where) + 2 :]  # a part
            if not (name in _WRITTEN and within and _is_grammar(within)):
                yield Leaf(path, text, inner)


def _of_parts(parts: list[Any], where: Path, channel: Channel) -> Iterator[Leaf]:
    for index, part in enumerate(parts):
        if isinstance(part, dict) and part.get("type") in UNREAD:
            yield from unread.leaves(part, (*where, index))
            continue
        for path, text in strings(part, (*where, index)):
            within = path[len(where) + 1 :]
            if not _is_grammar(within):
                yield Leaf(path, text, "document" if within[:1] == ("annotations",) else channel)


def _is_grammar(path: Path) -> bool:
    """Whether a path inside a part leads to its type, or to one of the member names that every part may have."""
    return path == ("type",) or (len(path) == 2 and path[0] == KEY and path[1] in _OF_PARTS)  # noqa: PLR2004


_OF_PARTS = frozenset(name for _, table in PARTS.values() for name in table)
