"""The demo model on OpenAI's Responses wire: what it says as items, whole or as numbered events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from sallyport.segments import demo_rules as rules

_ROLES = {"function_call_output": "tool", "custom_tool_call_output": "tool"}


def answer(request: Mapping[str, Any]) -> dict[str, Any]:
    """A whole answer."""
    output = items(request)
    return {**_begun(request), "status": "completed", "output": output, "usage": _usage(request, output)}


def events(request: Mapping[str, Any]) -> Iterator[bytes]:
    """The events of a streamed answer, as bytes of server-sent events."""
    for number, (kind, members) in enumerate(_events(request)):
        data = orjson.dumps({"type": kind, "sequence_number": number, **members})
        yield b"event: " + kind.encode() + b"\ndata: " + data + b"\n\n"


def items(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the model says: a thought where it was asked for one, and a message or the call of a tool."""
    tools = {tool["name"]: tool["type"] for tool in request.get("tools") or () if "name" in tool}
    said = rules.reply(_messages(request), list(tools))
    output: list[dict[str, Any]] = []
    if request.get("reasoning"):
        summary = [{"type": "summary_text", "text": f"{rules.LABEL} No thought went into this."}]
        output.append({"id": "rs_demo", "type": "reasoning", "summary": summary})
        if "reasoning.encrypted_content" in (request.get("include") or ()):
            output[0]["encrypted_content"] = "ZGVtbw=="
    if said.tool is None:
        part = {"type": "output_text", "text": said.text, "annotations": []}
        message = {"type": "message", "role": "assistant", "status": "completed"}
        return [*output, {"id": "msg_demo", **message, "content": [part]}]
    name, given = said.tool
    if tools[name] == "custom":
        call = {"type": "custom_tool_call", "call_id": "call_demo_1", "name": name, "input": given}
        return [*output, {"id": "ctc_demo", **call}]
    call = {"type": "function_call", "call_id": "call_demo_1", "name": name, "arguments": given}
    return [*output, {"id": "fc_demo", **call, "status": "completed"}]


def _messages(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The input as turns of a chat."""
    given = request["input"]
    turns = (
        [{"role": "user", "content": given}] if isinstance(given, str) else [_turn(item) for item in given]
    )
    if request.get("instructions"):
        turns.insert(0, {"role": "system", "content": request["instructions"]})
    return turns


def _turn(item: Mapping[str, Any]) -> dict[str, Any]:
    role = item.get("role") or _ROLES.get(item["type"], "assistant")
    return {"role": role, "content": item.get("content") or item.get("output")}


def _begun(request: Mapping[str, Any]) -> dict[str, Any]:
    echoed = {name: request.get(name) for name in ("instructions", "metadata", "temperature", "top_p")}
    return {
        "id": "resp_demo",
        "object": "response",
        "created_at": 0,
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "model": request["model"],
        "output": [],
        "parallel_tool_calls": True,
        "store": request.get("store", True),
        "text": request.get("text") or {"format": {"type": "text"}},
        "tool_choice": request.get("tool_choice") or "auto",
        "tools": request.get("tools") or [],
        "usage": None,
        **echoed,
    }


def _usage(request: Mapping[str, Any], output: list[dict[str, Any]]) -> dict[str, Any]:
    given = sum(rules.tokens(rules.text_of(turn.get("content"))) for turn in _messages(request))
    made = rules.tokens(orjson.dumps(output).decode())
    return {
        "input_tokens": given,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": made,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": given + made,
    }


def _events(request: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    begun = _begun(request)
    yield "response.created", {"response": begun}
    yield "response.in_progress", {"response": begun}
    for index, item in enumerate(items(request)):
        yield from _item_events(index, item)
    yield "response.completed", {"response": answer(request)}


def _item_events(index: int, item: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    about = {"item_id": item["id"], "output_index": index}
    empty = {name: [] if isinstance(item.get(name), list) else "" for name in _GROWS if name in item}
    begun = {**item, **empty, **({"status": "in_progress"} if "status" in item else {})}
    yield "response.output_item.added", {"output_index": index, "item": begun}
    if item["type"] == "message":
        yield from _text_events("output_text", "content_part", {**about, "content_index": 0}, item["content"])
    elif item["type"] == "reasoning":
        where = {**about, "summary_index": 0}
        yield from _text_events("reasoning_summary_text", "reasoning_summary_part", where, item["summary"])
    else:
        member = "input" if item["type"] == "custom_tool_call" else "arguments"
        name = "custom_tool_call_input" if member == "input" else "function_call_arguments"
        for piece in rules.pieces(item[member]):
            yield f"response.{name}.delta", {**about, "delta": piece}
        yield f"response.{name}.done", {**about, member: item[member]}
    yield "response.output_item.done", {"output_index": index, "item": item}


_GROWS = ("content", "summary", "arguments", "input")


def _text_events(
    name: str, part_name: str, where: dict[str, Any], parts: list[dict[str, Any]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    part = parts[0]
    spelled: dict[str, Any] = {"logprobs": []} if name == "output_text" else {}
    yield f"response.{part_name}.added", {**where, "part": {**part, "text": ""}}
    for piece in rules.pieces(part["text"]):
        yield f"response.{name}.delta", {**where, "delta": piece, **spelled}
    yield f"response.{name}.done", {**where, "text": part["text"], **spelled}
    yield f"response.{part_name}.done", {**where, "part": part}
