"""Whole answers of the Responses wire."""

from __future__ import annotations

import json

import door
import pytest
import responses_wire as wire

CARD, CANARY, TOKEN = door.CARD, door.CANARY, door.TOKEN
TOOLS = [{"type": "function", "name": "pay"}, {"type": "custom", "name": "run"}]


async def whole(document, **asked):
    w = door.World()
    w.answer = document if isinstance(document, bytes) else json.dumps(document).encode()
    body = {"model": "support-chat", "input": "hello", "tools": TOOLS, **asked}
    return await door.call(w, body, surface="responses"), w


async def test_an_answer_that_no_guard_changed_arrives_as_it_was_given():
    items = [wire.thought("hm", encrypted_content="QUJD"), wire.message("hello"), wire.call(), wire.custom()]
    out, w = await whole(wire.answer(*items))
    assert out.data == w.answer
    assert w.settled[0].input_tokens == 7
    assert json.loads(w.upstream_bodies[0])["store"] is False


async def test_texts_and_calls_are_guarded_and_restored():
    spelled = wire.text(f"{TOKEN} {CARD}", logprobs=[{"token": "4"}])
    items = [
        wire.thought(TOKEN),
        wire.message(spelled, {"type": "refusal", "refusal": TOKEN}),
        wire.call(arguments=f'{{"card": "{TOKEN}"}}'),
        wire.custom(given=f'pay "{TOKEN}"\n'),
    ]
    out, w = await whole(wire.answer(*items))
    thought, message, call, custom = out.json()["output"]
    assert thought["summary"][0]["text"] == CARD
    assert [p.get("text", p.get("refusal")) for p in message["content"]] == [f"{CARD} [CARD]", CARD]
    assert message["content"][0]["logprobs"] == []
    assert json.loads(call["arguments"]) == {"card": CARD}
    assert custom["input"] == f'pay "{CARD}"\n'
    assert w.effects.count("decide:use_tool") == 2


async def test_log_probabilities_stay_beside_a_text_that_stays():
    spelled = wire.text("hi", logprobs=[{"token": "hi"}])
    out, _ = await whole(wire.answer(wire.message(spelled)), metadata={"a": "b"})
    assert out.json()["output"][0]["content"][0]["logprobs"] == [{"token": "hi"}]


async def test_the_request_is_repeated_in_the_callers_own_words():
    lies = {"instructions": CANARY, "metadata": {"a": CANARY}, "tools": [{"description": CANARY}]}
    own = {"instructions": f"card {CARD}", "metadata": {"a": "b"}}
    out, _ = await whole(wire.answer(wire.message("hi"), **lies), **own)
    assert {name: out.json()[name] for name in lies} == {**own, "tools": TOOLS}
    out, _ = await whole(wire.answer(wire.message("hi"), **lies))
    assert out.json()["error"]["code"] == "output_blocked"


@pytest.mark.parametrize("item", [wire.call("rm_rf"), wire.custom("rm_rf"), wire.call(namespace="pay")])
async def test_an_undeclared_tool_is_denied(item):
    out, w = await whole(wire.answer(wire.message("x"), item))
    assert (out.status, out.json()["error"]["code"]) == (403, "tool_denied")
    assert item["call_id"] not in out.data.decode()
    assert w.entries[-1]["tools"] == [{"allowed": False, "policies": ["p"]}]


HIDDEN = {
    "in a text": wire.message(CANARY),
    "in a refusal": wire.message({"type": "refusal", "refusal": CANARY}),
    "in a summary": wire.thought(CANARY),
    "in thoughts": wire.thought("x", content=[{"type": "reasoning_text", "text": CANARY}]),
    "in an annotation": wire.message(wire.text("x", annotations=[{"url": CANARY}])),
    "in log probabilities": wire.message(wire.text("x", logprobs=[{"token": CANARY}])),
    "in arguments": wire.call(arguments=json.dumps({"a": CANARY})),
    "in a custom tool's input": wire.custom(given=CANARY),
    "in a name": wire.call(CANARY),
    "in a call's id": wire.call(call_id=CANARY),
    "in an unknown member": wire.call(note=CANARY),
    "in the name of a member": wire.call(**{CANARY: 1}),
    "in an id": wire.message("x", id=CANARY),
    "in what is sealed": wire.thought("x", encrypted_content=CANARY),
    "in what nobody sealed": wire.thought("x", encrypted_content=f"say: {CANARY}"),
    "in what is sealed elsewhere": wire.message(wire.text("x", encrypted_content=CANARY)),
    "in another item": {"type": "web_search_call", "id": "w", "action": {"query": CANARY}},
}


@pytest.mark.parametrize("name", HIDDEN)
async def test_every_string_is_inspected(name):
    out, w = await whole(wire.answer(HIDDEN[name]))
    assert out.status == 403
    assert CANARY not in out.data.decode()
    assert w.entries[-1]["code"] == out.json()["error"]["code"]


ACTION = {"id": "x", "call_id": "c", "status": "completed"}
BROKEN = {
    "not an object": [],
    "a chat answer": json.loads(door.answer("x")),
    "no output": wire.answer(output=None),
    "output is an object": wire.answer(output={"0": wire.message(CANARY)}),
    "failed": wire.answer(status="failed"),
    "in the background": wire.answer(status="queued"),
    "with an error": wire.answer(error={"message": "secret detail"}),
    "an item without type": wire.answer({"text": CANARY}),
    "an item that is a text": wire.answer("x"),
    "a part without text": wire.answer(wire.message({"type": "output_text"})),
    "an unknown part": wire.answer(wire.message({"type": "output_audio", "data": "x"})),
    "parts that are no list": wire.answer(wire.message(content={"0": 1})),
    "arguments are an object": wire.answer(wire.call(arguments={})),
    "a call without a name": wire.answer(wire.call(name=None)),
    "a namespace that is a list": wire.answer(wire.call(namespace=["x"])),
    "an action twice": wire.answer({**ACTION, "type": "computer_call", "action": {"a": 1}, "actions": [1]}),
    "no action": wire.answer({**ACTION, "type": "shell_call"}),
    "members twice": b'{"object":"response","output":[],"output":[]}',
    "too many items": wire.answer(*[wire.message("x")] * 600),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_answer_is_a_coded_error(name):
    out, w = await whole(BROKEN[name])
    assert (out.status, out.json()["error"]["code"]) == (502, "upstream_invalid")
    assert "secret detail" not in out.data.decode()
    assert w.entries[-1]["verdict"] == "failed"
