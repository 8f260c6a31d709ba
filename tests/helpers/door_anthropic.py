"""What callers and models say to each other on the Anthropic wire."""

from __future__ import annotations

import json

SIGNATURE = "RXJjQkNrZ0lDQkFCR0FJaVFM+/=="
TOOLS = [{"name": "pay", "input_schema": {"type": "object", "properties": {"card": {"type": "string"}}}}]


def ask(text="hello", **more):
    """A request."""
    return {
        "model": "support-chat",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": text}],
        **more,
    }


def text(words):
    return {"type": "text", "text": words}


def thinking(words, signature=SIGNATURE):
    return {"type": "thinking", "thinking": words, "signature": signature}


def tool_use(given, name="pay", identity="toolu_1"):
    return {"type": "tool_use", "id": identity, "name": name, "input": given}


def message(*blocks, **more):
    """A whole answer."""
    usage = {"input_tokens": 7, "output_tokens": 3}
    return {
        "id": "msg_01",
        "type": "message",
        "role": "assistant",
        "model": "real-model",
        "content": list(blocks),
        "stop_reason": "tool_use" if blocks and blocks[-1]["type"] == "tool_use" else "end_turn",
        "stop_sequence": None,
        "usage": usage,
        **more,
    }


def start(**more):
    return {"type": "message_start", "message": {**message(**more), "stop_reason": None}}


def opened(index, block):
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index, kind, **value):
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **value}}


def closed(index):
    return {"type": "content_block_stop", "index": index}


def ends(reason="end_turn", **usage):
    counts = {"output_tokens": 9, **usage}
    return {
        "type": "message_delta",
        "delta": {"stop_reason": reason, "stop_sequence": None},
        "usage": counts,
    }


LAST = {"type": "message_stop"}
PING = {"type": "ping"}


def cut(words, size=4):
    """The words in pieces: of a size, or as a function cuts them."""
    return size(words) if callable(size) else [words[i : i + size] for i in range(0, len(words), size)]


def block(index, given, size=4):
    """The events of one block, as the provider streams it."""
    kind = given["type"]
    if kind == "text":
        empty, deltas = {**given, "text": ""}, [("text_delta", "text", p) for p in cut(given["text"], size)]
    elif kind == "thinking":
        empty = {**given, "thinking": "", "signature": ""}
        deltas = [("thinking_delta", "thinking", p) for p in cut(given["thinking"], size)]
        deltas.append(("signature_delta", "signature", given["signature"]))
    elif kind == "tool_use":
        empty = {**given, "input": {}}
        pieces = cut(json.dumps(given["input"]), size) if given["input"] else [""]
        deltas = [("input_json_delta", "partial_json", p) for p in pieces]
    else:
        empty, deltas = given, []
    return [opened(index, empty), *(delta(index, k, **{name: v}) for k, name, v in deltas), closed(index)]


def answer(*blocks, size=4, reason="end_turn"):
    """All events of an answer with these blocks."""
    inner = [event for index, given in enumerate(blocks) for event in block(index, given, size)]
    return [start(), PING, *inner, ends(reason), LAST]


def write(*events):
    """Events as bytes, one chunk each."""
    return [
        e if isinstance(e, bytes) else f"event: {e['type']}\ndata: {json.dumps(e)}\n\n".encode()
        for e in events
    ]


def read(data):
    """The events that a caller got, each named as its type says. An error event comes last."""
    events = []
    for part in data.decode().split("\n\n"):
        lines = [line for line in part.split("\n") if line and not line.startswith(":")]
        if lines:
            name, body = lines
            event = json.loads(body.removeprefix("data: "))
            assert name == f"event: {event['type']}"
            events.append(event)
    return events


def gathered(events):
    """The message that a client makes of the events, strictly: blocks in order, deltas of their kind."""
    blocks, made, open_block = [], None, None
    for event in events:
        kind = event["type"]
        if kind == "message_start":
            assert made is None
            made = {**event["message"]}
        elif kind == "content_block_start":
            assert open_block is None
            assert event["index"] == len(blocks)
            open_block = {**event["content_block"]}
            blocks.append(open_block)
            arguments = ""
        elif kind == "content_block_delta":
            assert event["index"] == len(blocks) - 1
            its = event["delta"]
            if its["type"] == "input_json_delta":
                arguments += its["partial_json"]
            elif its["type"] == "citations_delta":
                open_block["citations"] = [*(open_block.get("citations") or []), its["citation"]]
            else:
                name = its["type"].removesuffix("_delta")
                open_block[name] = open_block[name] + its[name]
        elif kind == "content_block_stop":
            assert event["index"] == len(blocks) - 1
            if open_block["type"] == "tool_use":
                open_block["input"] = json.loads(arguments)
            open_block = None
        elif kind == "message_delta":
            made |= event["delta"]
            made["usage"] = {**made["usage"], **event["usage"]}
        else:
            assert kind in {"ping", "message_stop", "error"}, kind
    return {**made, "content": blocks} if made else None
