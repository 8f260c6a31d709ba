"""A whole answer of `POST /v1/responses`, and the output items that it shares with a stream. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from sallyport.gateway.dialects.base import AnswerView, ToolCall
from sallyport.gateway.dialects.responses_words import ECHOED, sealed, texts
from sallyport.gateway.strict_json import Path
from sallyport.model import Leaf, Usage

MOST_ITEMS = 512
Where = tuple[str, int]  # of a part in its item: the list, and its place there
ENDED = frozenset({"completed", "incomplete"})
# Type of an item -> its lists of parts; type of a part -> the member that holds its text.
LISTS = {"message": ("content",), "reasoning": ("summary", "content")}
PARTS = {"output_text": "text", "refusal": "refusal", "summary_text": "text", "reasoning_text": "text"}
# Type of an item -> the member that holds what the tool gets.
CALLS = {"function_call": "arguments", "custom_tool_call": "input"}
# Calls of tools that the provider defines and the caller carries out -> what they are to do, and how they are named.
ACTIONS = {
    "computer_call": (("action", "actions"), "builtin:computer"),
    "local_shell_call": (("action",), "builtin:local_shell"),
    "shell_call": (("action",), "builtin:shell"),
    "apply_patch_call": (("operation",), "builtin:apply_patch"),
}


def view(document: Any) -> AnswerView:
    """What is in an answer. Raises ValueError if it is none, or one that has not ended."""
    if not isinstance(document, dict) or document.get("object") != "response":
        raise ValueError("no response")
    output = document.get("output")
    if document.get("status", "completed") not in ENDED or document.get("error") is not None:
        raise ValueError("the response has not ended well")
    if not isinstance(output, list) or len(output) > MOST_ITEMS:
        raise ValueError("no output")
    tools = tuple(call for index, item in enumerate(output) if (call := tool(index, item)) is not None)
    prose: dict[Path, tuple[int, str]] = {}
    for index, item in enumerate(output):
        for where, kind, _ in parts(item):
            prose[("output", index, *where, PARTS[kind])] = (index, kind)
    return AnswerView(
        leaves=tuple(Leaf(p, text, "assistant") for p, text in texts(document) if not _is_of(p, tools)),
        prose=prose,
        tools=tools,
        usage=usage(document.get("usage")),
        opaque=tuple(Leaf(path, text, "assistant") for path, text in sealed(document)),
        echoes=ECHOED & document.keys(),
    )


def _is_of(path: Path, tools: tuple[ToolCall, ...]) -> bool:
    """Whether a string is inside of what a tool gets: that is inspected with the call."""
    return any(path[: len(call.path)] == call.path for call in tools)


def parts(item: Mapping[str, Any]) -> Iterator[tuple[Where, str, str]]:
    """(place inside the item, type, text) of each text part. Raises ValueError for a part that is none."""
    for name in LISTS.get(kind_of(item), ()):
        listed = item.get(name)
        if not isinstance(listed, list | None):
            raise ValueError("the parts of an item are no list")
        for index, part in enumerate(listed or ()):
            kind = part.get("type") if isinstance(part, dict) else None
            text = part.get(PARTS[kind]) if isinstance(kind, str) and kind in PARTS else None
            if not isinstance(kind, str) or not isinstance(text, str):
                raise ValueError("a part of an item is no text")
            yield (name, index), kind, text


def kind_of(item: Any) -> str:
    """The type of an item. Raises ValueError where it has none."""
    kind = item.get("type") if isinstance(item, dict) else None
    if not isinstance(kind, str):
        raise ValueError("an item has no type")
    return kind


def tool(index: int, item: Any) -> ToolCall | None:
    """The tool call that an item is, if it is one. Raises ValueError for one that cannot be inspected."""
    kind = kind_of(item)
    if kind in ACTIONS:
        return _action(index, item, *ACTIONS[kind])
    if kind not in CALLS:
        return None
    member = CALLS[kind]
    given, plain = item.get(member), kind == "custom_tool_call"
    if not isinstance(given, str):
        raise ValueError("a tool call without arguments")
    return ToolCall(
        choice=index,
        index=index,
        id=str(item.get("call_id") or ""),
        name=called(item),
        arguments=as_json(given) if plain else given,
        path=("output", index, member),
        as_value=plain,
    )


def called(item: Mapping[str, Any]) -> str:
    """The name by which a request declared the tool that is called: `namespace.name` inside of a namespace."""
    name, within = item.get("name"), item.get("namespace") or ""
    if not isinstance(name, str) or not name or not isinstance(within, str):
        raise ValueError("a tool call without a name")
    return f"{within}.{name}" if within else name


def as_json(text: str) -> str:
    """A plain text as tools are judged: as JSON."""
    return orjson.dumps(text).decode()


def action_of(item: Mapping[str, Any], members: tuple[str, ...]) -> str:
    """The one member that says what is to be done. Raises ValueError where there is none, or a second."""
    given = [name for name in members if item.get(name) is not None]
    if len(given) != 1:
        raise ValueError("a call does not say what to do, or says it twice")
    return given[0]


def _action(index: int, item: Mapping[str, Any], members: tuple[str, ...], name: str) -> ToolCall:
    member = action_of(item, members)
    return ToolCall(
        choice=index,
        index=index,
        id=str(item.get("call_id") or ""),
        name=name,
        arguments=orjson.dumps(item[member]).decode(),
        path=("output", index, member),
        as_value=True,
    )


def implied(document: Any) -> dict[Path, Any]:
    """No log probabilities beside a text that was changed: they spell out its tokens."""
    return {
        ("output", i, *where, "logprobs"): []
        for i, item in enumerate(document["output"])
        for where, _, _ in parts(item)
        if item[where[0]][where[1]].get("logprobs")
    }


def usage(given: Any) -> Usage | None:
    """The upstream's token counts, if it gave any that can be believed."""
    if not isinstance(given, dict):
        return None
    counts: list[Any] = [given.get("input_tokens"), given.get("output_tokens")]
    if not all(isinstance(count, int) and not isinstance(count, bool) and count >= 0 for count in counts):
        return None
    return Usage(input_tokens=counts[0], output_tokens=counts[1])
