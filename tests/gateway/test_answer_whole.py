"""Whole answers: their bounds, and who may still have them."""

from __future__ import annotations

import asyncio

import door

TOOLS = [{"type": "function", "function": {"name": "f"}}]


def tool_calls(count):
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    return [call] * count


async def test_more_tool_calls_than_the_log_can_name_are_refused_and_recorded():
    w = door.World()
    w.answer = door.answer(None, tool_calls=tool_calls(2000))
    out = await door.call(w, door.chat(tools=TOOLS))
    assert out.json()["error"]["code"] == "upstream_too_large"
    assert w.entries[-1]["tools"] == []


async def test_tool_calls_of_a_stream_have_the_same_bound():
    for count, code in ((128, ""), (129, "upstream_too_large")):
        w = door.World()
        calls = [{"index": i, **call} for i, call in enumerate(tool_calls(count))]
        more = [{"index": count - 1, "function": {"arguments": " "}}]
        w.chunks = door.sse(
            door.delta(tool_calls=calls),
            door.delta(tool_calls=more),
            door.delta(finish="tool_calls"),
            "[DONE]",
        )
        await door.call(w, door.chat(stream=True, tools=TOOLS))
        assert w.entries[-1]["code"] == code


async def test_an_answer_that_comes_after_the_revocation_is_not_delivered():
    w = door.World()

    def revoked():
        w.valid = False
        return door.answer("hi")

    w.faults["body"] = revoked
    out = await door.call(w, door.chat())
    assert (out.status, out.json()["error"]["code"]) == (401, "token_revoked")
    assert w.entries[-1]["verdict"] == "refused"


async def test_arguments_in_very_many_pieces_are_put_together_once():
    """Copied for each of their pieces, a megabyte in pieces of one character would be hours of copies."""
    w = door.World()
    piece = door.sse(door.delta(tool_calls=[{"index": 0, "function": {"arguments": " "}}]))[0]
    first = door.delta(tool_calls=[{"index": 0, "function": {"name": "f", "arguments": "{" + " " * 900_000}}])
    last = door.delta(tool_calls=[{"index": 0, "function": {"arguments": "}"}}])
    w.chunks = [
        *door.sse(first),
        *[piece * 100] * 100,
        *door.sse(last, door.delta(finish="tool_calls"), "[DONE]"),
    ]
    out = await door.call(w, door.chat(stream=True, tools=TOOLS))
    assert out.events()[-1] == "[DONE]"
    assert len(out.data) > 910_000


async def test_a_long_text_with_findings_is_guarded_in_pieces_while_others_go_on():
    w, turns = door.World(), 0

    async def other():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    w.answer = door.answer(f"{door.CARD} and so on, " * 400)
    running = asyncio.ensure_future(other())
    out = await door.call(w, door.chat())
    running.cancel()
    assert out.json()["choices"][0]["message"]["content"].count("and so on") == 400
    assert turns > 20
