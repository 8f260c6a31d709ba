"""Answers of the Responses wire as a model server gives them: items, whole answers, and the events of a stream."""

from __future__ import annotations

import json

CREATED = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "status": "in_progress",
    "error": None,
    "model": "real-model",
    "output": [],
    "usage": None,
}
USAGE = {
    "input_tokens": 7,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens": 3,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 10,
}


def text(words: str, **more) -> dict:
    return {"type": "output_text", "text": words, "annotations": [], **more}


def message(*parts, number=1, **more) -> dict:
    parts = [text(p) if isinstance(p, str) else p for p in parts]
    whole = {"id": f"msg_{number}", "type": "message", "role": "assistant", "status": "completed"}
    return {**whole, "content": parts, **more}


def thought(*summaries, **more) -> dict:
    parts = [{"type": "summary_text", "text": words} for words in summaries]
    return {"id": "rs_1", "type": "reasoning", "summary": parts, **more}


def call(name="pay", arguments="{}", number=1, **more) -> dict:
    whole = {"id": f"fc_{number}", "type": "function_call", "call_id": f"call_{number}", "name": name}
    return {**whole, "arguments": arguments, "status": "completed", **more}


def custom(name="run", given="ls", **more) -> dict:
    return {
        "id": "ctc_1",
        "type": "custom_tool_call",
        "call_id": "call_c",
        "name": name,
        "input": given,
        **more,
    }


def answer(*items, **more) -> dict:
    return {**CREATED, "status": "completed", "output": list(items), "usage": USAGE, **more}


def event(kind: str, **members) -> dict:
    return {"type": f"response.{kind}", **members}


def pieces(words: str, size=3) -> list[str]:
    """The words in pieces: of a size, or as a function cuts them."""
    return size(words) if callable(size) else [words[i : i + size] for i in range(0, len(words), size)]


def events(*items, size: int = 3, **more) -> list[dict]:
    """The events of an answer, texts and arguments in pieces of `size` characters."""
    made = [event("created", response=CREATED), event("in_progress", response=CREATED)]
    for index, item in enumerate(items):
        made += item_events(index, item, size)
    return [*made, event("completed", response=answer(*items, **more))]


def item_events(index: int, item: dict, size: int = 3) -> list[dict]:
    about = {"item_id": item["id"], "output_index": index}
    grows = {
        name: type(item[name])() for name in ("content", "summary", "arguments", "input") if name in item
    }
    begun = {**item, **grows, **({"status": "in_progress"} if "status" in item else {})}
    made = [event("output_item.added", output_index=index, item=begun)]
    for name in ("content", "summary"):
        for place, part in enumerate(item.get(name) or ()):
            counter = "content_index" if name == "content" else "summary_index"
            made += part_events({**about, counter: place}, part, size)
    for name, kind in (("arguments", "function_call_arguments"), ("input", "custom_tool_call_input")):
        if name in item:
            made += [event(f"{kind}.delta", **about, delta=p) for p in pieces(item[name], size)]
            made.append(event(f"{kind}.done", **about, **{name: item[name]}))
    return [*made, event("output_item.done", output_index=index, item=item)]


def part_events(where: dict, part: dict, size: int) -> list[dict]:
    member = "refusal" if part["type"] == "refusal" else "text"
    name = {"summary_text": "reasoning_summary_text"}.get(part["type"], part["type"])
    part_name = "reasoning_summary_part" if part["type"] == "summary_text" else "content_part"
    spelled = {"logprobs": []} if part["type"] == "output_text" else {}
    return [
        event(f"{part_name}.added", **where, part={**part, member: ""}),
        *[event(f"{name}.delta", **where, delta=p, **spelled) for p in pieces(part[member], size)],
        event(f"{name}.done", **where, **{member: part[member]}, **spelled),
        event(f"{part_name}.done", **where, part=part),
    ]


def sse(*made: dict) -> list[bytes]:
    """The events as bytes, numbered."""
    return [
        f"event: {e.get('type')}\ndata: {json.dumps({**e, 'sequence_number': number})}\n\n".encode()
        for number, e in enumerate(made)
    ]


def stream(*items, **more) -> list[bytes]:
    return sse(*events(*items, **more))
