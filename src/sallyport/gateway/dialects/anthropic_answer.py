"""A whole answer of `POST /v1/messages`, or of `/v1/messages/count_tokens`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from sallyport.gateway.dialects.base import AnswerView, ToolCall
from sallyport.gateway.strict_json import KEY, Path, strings
from sallyport.model import Leaf, Usage

# Member names and words of this wire that are part of its grammar: nobody writes text with them.
KNOWN_MEMBERS = frozenset(
    [
        "id",
        "type",
        "role",
        "model",
        "content",
        "stop_reason",
        "stop_sequence",
        "stop_details",
        "usage",
        "text",
        "citations",
        "thinking",
        "signature",
        "data",
        "input",
        "name",
        "input_tokens",
        "output_tokens",
        "cache_creation_input_tokens",
        "cache_read_input_tokens",
        "cache_creation",
        "ephemeral_5m_input_tokens",
        "ephemeral_1h_input_tokens",
        "server_tool_use",
        "web_search_requests",
        "web_fetch_requests",
        "service_tier",
        "inference_geo",
        "container",
        "context_management",
        "output_tokens_details",
        "thinking_tokens",
        "message",
        "delta",
        "index",
        "content_block",
        "partial_json",
        "error",
        "citation",
        "cited_text",
        "category",
        "explanation",
        "caller",
        "toolset_name",
    ]
)
CONSTANTS = frozenset(
    [
        "message",
        "assistant",
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
        "ping",
        "text_delta",
        "thinking_delta",
        "signature_delta",
        "input_json_delta",
        "citations_delta",
        "direct",
        "text",
        "thinking",
        "redacted_thinking",
        "tool_use",
        "end_turn",
        "max_tokens",
        "stop_sequence",
        "pause_turn",
        "refusal",
        "model_context_window_exceeded",
        "standard",
        "priority",
        "batch",
    ]
)
OPAQUE = {"signature", "data"}  # of thinking: only the provider can read it
# Kind of block -> its members that are guarded one by one; what else a block holds is inspected like any string.
GUARDED: Mapping[str, Mapping[str, type]] = {
    "text": {"text": str},
    "thinking": {"thinking": str, "signature": str},
    "redacted_thinking": {"data": str},
    "tool_use": {"id": str, "name": str, "input": dict},
}
# What a provider did by itself; requests must have been allowed to ask for it. No client runs anything for these.
RUN_BY_PROVIDER = frozenset(
    [
        "server_tool_use",
        "web_search_tool_result",
        "web_fetch_tool_result",
        "code_execution_tool_result",
        "bash_code_execution_tool_result",
        "text_editor_code_execution_tool_result",
        "tool_search_tool_result",
        "container_upload",
        "mcp_tool_use",
        "mcp_tool_result",
    ]
)
_SEALED = re.compile(r"[A-Za-z0-9+/_=-]*")


def view(document: Any) -> AnswerView:
    """What is in a message. Raises ValueError if it is none."""
    if not isinstance(document, dict) or document.get("type") != "message":
        raise ValueError("no message")
    blocks = document.get("content")
    if not isinstance(blocks, list) or document.get("role") != "assistant":
        raise ValueError("no content of an assistant")
    prose: dict[Path, tuple[int, str]] = {}
    for index, block in enumerate(blocks):
        check(block)
        if block["type"] == "text":
            prose["content", index, "text"] = (index, "text")
    return AnswerView(
        leaves=tuple(Leaf(path, text, "assistant") for path, text in texts(document)),
        prose=prose,
        tools=tuple(tool(index, block) for index, block in enumerate(blocks) if block["type"] == "tool_use"),
        usage=usage(document.get("usage")),
        opaque=tuple(
            Leaf(("content", index, name), sealed, "assistant")
            for index, block in enumerate(blocks)
            for name, sealed in opaque(block)
        ),
    )


def opaque(block: Any) -> Iterator[tuple[str, str]]:
    """The members of a block that was checked which only the provider can read."""
    return ((name, block[name]) for name in GUARDED.get(block["type"], ()) if name in OPAQUE)


def check(block: Any) -> None:
    """Raises ValueError for a block of a kind that nobody guards, or whose members are not what they should be."""
    members = GUARDED.get(block["type"])
    if members is None:
        if block["type"] not in RUN_BY_PROVIDER:
            raise ValueError("a block of an unknown kind")
        return
    if not all(isinstance(block[name], kind) for name, kind in members.items()):
        raise ValueError("a block with a wrong member")
    for name in OPAQUE & members.keys():
        check_sealed(block[name])


def text(value: Any) -> str:
    """The value. Raises ValueError if it is not text."""
    if not isinstance(value, str):
        raise ValueError("not a text")
    return value


def check_sealed(value: Any) -> None:
    """Raises ValueError for what could be read. Whose signature it is only the provider knows."""
    if not _SEALED.fullmatch(text(value)):
        raise ValueError("a signature that is text")


def counted(document: Any) -> AnswerView:
    """The answer of a count. Raises ValueError if it is none."""
    if not isinstance(document, dict) or not _is_count(document.get("input_tokens")):
        raise ValueError("no count")
    leaves = tuple(Leaf(path, text, "assistant") for path, text in strings(document, known=KNOWN_MEMBERS))
    return AnswerView(leaves=leaves, prose={}, tools=(), usage=Usage())


def texts(document: Any) -> Iterator[tuple[Path, str]]:
    """Strings that must be inspected: all but grammar, what only the provider reads, and inputs of tools."""
    blocks = document.get("content")
    inputs = {
        ("content", index, "input")
        for index, block in enumerate(blocks if isinstance(blocks, list) else ())
        if block["type"] == "tool_use"
    }
    opaque = {
        ("content", index, name)
        for index, block in enumerate(blocks if isinstance(blocks, list) else ())
        if block["type"] in {"thinking", "redacted_thinking"}
        for name in OPAQUE
    }
    for path, text in strings(document, known=KNOWN_MEMBERS):
        if path[:3] in inputs or path in opaque or (text in CONSTANTS and KEY not in path):
            continue
        yield path, text


def tool(index: int, block: Any) -> ToolCall:
    """A tool call of a block that was checked."""
    return ToolCall(
        choice=index,
        index=index,
        id=block["id"],
        name=block["name"],
        arguments=orjson.dumps(block["input"]).decode(),
        path=("content", index, "input"),
        as_value=True,
    )


def usage(given: Any) -> Usage | None:
    """The provider's counts, if they can be believed. What was cached counts as read."""
    if not isinstance(given, dict):
        return None
    names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    read = [given.get(name) or 0 for name in names]
    written = given.get("output_tokens")
    if not all(_is_count(count) for count in (*read, written)):
        return None
    return Usage(input_tokens=sum(read), output_tokens=int(written or 0))


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
