"""Redaction on the way through the corridor: what the model server gets, and what the caller."""

from __future__ import annotations

import json

import door
import pytest
import pytest_asyncio
from msgspec.structs import replace

from sallyport.settings import loads
from sallyport.wiring.inspecting import Inspector

pytestmark = pytest.mark.asyncio(loop_scope="module")

SETTINGS = loads("""
[inspection]
unsafe_learned_off = true
[[inspection.actions]]
type = "email"
direction = "output"
action = "redact"
[[inspection.actions]]
type = "email"
channel = "user"
action = "redact"
[[inspection.actions]]
type = "email"
channel = "tool_arguments"
action = "redact"
""")
LIMITS = replace(door.LIMITS, stage_seconds=20.0)
CARD, MAIL = "4111 1111 1111 1111", "ann@example.com"
TOOLS = [{"type": "function", "function": {"name": "f"}}]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def inspector():
    async with Inspector(SETTINGS) as one:
        yield one


class World(door.World):
    """The door in process, with the real guards in it."""

    def __init__(self, inspection):
        super().__init__()
        self.inspection = inspection
        self.answer = door.answer("Good.")

    def rooms(self):
        return replace(super().rooms(), inspection=self.inspection)


def called(arguments):
    return [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": arguments}}]


async def test_the_model_gets_a_placeholder_and_the_record_no_value(inspector):
    world = World(inspector._guards)
    arguments = json.dumps({"to": MAIL, "deep": [json.dumps({"cc": MAIL})]})
    messages = [
        {"role": "user", "content": f"I am {MAIL}, my card is {CARD}."},
        {"role": "assistant", "tool_calls": called(arguments)},
        {"role": "tool", "tool_call_id": "c1", "content": f"sent to {MAIL}"},
    ]
    await door.call(world, door.chat(messages=messages, tools=TOOLS), limits=LIMITS)
    user, assistant, tool = json.loads(world.upstream_bodies[0])["messages"]
    assert user["content"].startswith("I am [EMAIL], my card is <CARD_")
    written = json.loads(assistant["tool_calls"][0]["function"]["arguments"])
    assert written == {"to": "[EMAIL]", "deep": ['{"cc": "[EMAIL]"}']}
    assert tool["content"].startswith("sent to <EMAIL_"), "the rows speak of other channels"
    kept = {(kind, value) for _, kind, value in world.exchange.vault.values()}
    assert kept == {("card", CARD), ("email", MAIL)}, "the address is kept for the tool's result alone"
    assert {(f["type"], f["action"]) for f in world.entries[0]["findings"]} == {
        ("email", "redact"),
        ("card", "mask"),
        ("email", "mask"),
    }


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_is_redacted_whole_streamed_and_in_arguments(inspector, stream):
    world = World(inspector._guards)
    text, arguments = f"Ask {MAIL} about it, please.", json.dumps({"to": MAIL})
    world.answer = door.answer(text, tool_calls=called(arguments))
    tools = [{"index": 0, **call} for call in called(arguments)]
    pieces = [door.delta(content=text[at : at + 5]) for at in range(0, len(text), 5)]
    world.chunks = door.sse(*pieces, door.delta(tool_calls=tools), door.delta(finish="tool_calls"), "[DONE]")
    out = await door.call(world, door.chat(stream=stream, tools=TOOLS), limits=LIMITS)
    assert MAIL not in out.data.decode()
    assert out.data.decode().count("[EMAIL]") == 2
    assert {(f["type"], f["action"]) for f in world.entries[-1]["findings"]} == {("email", "redact")}
