"""The demo model on Anthropic's wire: messages (whole and streamed, with tools and thinking) and counts. Pure.

It stands for Claude: it signs its thinking, and refuses a conversation in which thinking of its own was changed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from sallyport.segments import demo_rules as rules

Wrong = tuple[int, dict[str, Any]]  # HTTP status, error
ANSWER_ID, CALL_ID = "msg_demo", "toolu_demo_1"


def answer(request: Mapping[str, Any], key: bytes) -> dict[str, Any] | Wrong:
    """The whole answer, or what is wrong with the request."""
    if not isinstance(request.get("max_tokens"), int):
        return error(400, "max_tokens: Field required")
    if not _own_thinking(request, key):
        return error(400, "messages: `thinking` blocks cannot be modified")
    blocks = list(_blocks(request, key))
    return {
        "id": ANSWER_ID,
        "type": "message",
        "role": "assistant",
        "model": request["model"],
        "content": blocks,
        "stop_reason": "tool_use" if blocks[-1]["type"] == "tool_use" else "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": count(request), "output_tokens": rules.tokens(str(blocks))},
    }


def count(request: Mapping[str, Any]) -> int:
    """Tokens of a request."""
    return sum(rules.tokens(rules.text_of(turn["content"])) for turn in _turns(request))


def error(status: int, message: str, kind: str = "invalid_request_error") -> Wrong:
    """An error in the wire's words."""
    return status, {"type": "error", "error": {"type": kind, "message": message}}


def events(whole: Mapping[str, Any]) -> Iterator[bytes]:
    """The events by which an answer is streamed."""
    for event in _events(whole):
        yield b"event: %b\ndata: %b\n\n" % (event["type"].encode(), orjson.dumps(event))


def _events(whole: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    usage = {**whole["usage"], "output_tokens": 1}
    yield {
        "type": "message_start",
        "message": {**whole, "content": [], "stop_reason": None, "usage": usage},
    }
    yield {"type": "ping"}
    for index, block in enumerate(whole["content"]):
        empty, deltas = _in_pieces(block)
        yield {"type": "content_block_start", "index": index, "content_block": empty}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    ends = {name: whole[name] for name in ("stop_reason", "stop_sequence")}
    counts = {"output_tokens": whole["usage"]["output_tokens"]}
    yield {"type": "message_delta", "delta": ends, "usage": counts}
    yield {"type": "message_stop"}


def _in_pieces(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A block as it starts, and its deltas."""
    kind = block["type"]
    if kind == "tool_use":
        pieces = rules.pieces(orjson.dumps(block["input"]).decode())
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ("", *pieces)]
        return {**block, "input": {}}, deltas
    deltas = [{"type": f"{kind}_delta", kind: piece} for piece in rules.pieces(block[kind])]
    if kind == "thinking":
        deltas.append({"type": "signature_delta", "signature": block["signature"]})
        return {**block, "thinking": "", "signature": ""}, deltas
    return {**block, kind: ""}, deltas


def _blocks(request: Mapping[str, Any], key: bytes) -> Iterator[dict[str, Any]]:
    turns = _turns(request)
    if (request.get("thinking") or {}).get("type") in {"enabled", "adaptive"}:
        thought = f"{rules.LABEL} The last turn is: {rules.text_of(turns[-1]['content'])}"
        yield {"type": "thinking", "thinking": thought, "signature": _signature(thought, key)}
    reply = rules.reply(turns, [tool["name"] for tool in request.get("tools") or () if "name" in tool])
    if reply.text or not reply.tool:
        yield {"type": "text", "text": reply.text}
    if reply.tool:
        name, arguments = reply.tool
        yield {"type": "tool_use", "id": CALL_ID, "name": name, "input": orjson.loads(arguments)}


def _turns(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The conversation as the rules read it: the system prompt first, results of tools as turns of the tool."""
    turns: list[dict[str, Any]] = []
    if request.get("system"):
        turns.append({"role": "system", "content": request["system"]})
    for message in request.get("messages") or ():
        content = message["content"]
        results = [b for b in content if b["type"] == "tool_result"] if isinstance(content, list) else []
        role = "tool" if results else message["role"]
        turns.append({"role": role, "content": results[-1].get("content", "") if results else content})
    return turns


def _own_thinking(request: Mapping[str, Any], key: bytes) -> bool:
    """Whether all thinking in the conversation is signed as the model signs."""
    return all(
        hmac.compare_digest(block["signature"].encode(), _signature(block["thinking"], key).encode())
        for message in request.get("messages") or ()
        for block in (message["content"] if isinstance(message["content"], list) else ())
        if block["type"] == "thinking"
    )


def _signature(thought: str, key: bytes) -> str:
    return base64.b64encode(hmac.digest(key, thought.encode(), hashlib.sha256)).decode()
