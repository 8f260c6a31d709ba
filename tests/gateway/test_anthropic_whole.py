"""Whole answers on Anthropic's wire: what the model writes, and what the caller gets."""

from __future__ import annotations

import json

import door
import door_anthropic as wire
import pytest

from sallyport.gateway.dialects import anthropic_answer
from sallyport.model import Usage

CANARY, CARD, TOKEN = door.CANARY, door.CARD, door.TOKEN


async def whole(*blocks, raw=None, surface="messages", asked=None, **more):
    w = door.World()
    w.answer = raw if raw is not None else json.dumps(wire.message(*blocks, **more)).encode()
    return await door.call(w, asked or wire.ask(tools=wire.TOOLS), surface=surface), w


async def test_what_the_model_sees_and_what_the_caller_gets():
    asked = wire.ask(f"my card {CARD}", system=f"keep {CARD}", tools=wire.TOOLS)
    asked["messages"] += [
        {"role": "assistant", "content": [wire.tool_use({"card": CARD})]},
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": f"from {CARD}"}],
        },
    ]
    out, w = await whole(wire.text(f"{TOKEN}, not {CARD}"), asked=asked)
    sent = json.loads(w.upstream_bodies[0])
    assert CARD not in w.upstream_bodies[0].decode()
    assert (sent["system"], sent["model"]) == (f"keep {TOKEN}", "real-model")
    assert sent["messages"][1]["content"][0]["input"] == {"card": TOKEN}
    assert out.json()["content"] == [wire.text(f"{CARD}, not [CARD]")]
    assert out.headers["request-id"] == out.headers["x-request-id"] == "req_1"
    assert w.entries[-1]["tokens"] == {"input": 7, "output": 3, "estimated": False}


async def test_what_no_guard_changed_stays_as_it_was():
    raw = json.dumps(wire.message(wire.thinking("hm é"), wire.text('a "b"'), x_new={"y": [1.50]}), indent=1)
    out, _ = await whole(raw=raw.encode())
    assert out.data == raw.encode()


async def test_thinking_is_never_changed():
    thought = f"They say {TOKEN}, I shall say {TOKEN}."
    out, _ = await whole(wire.thinking(thought), wire.text(TOKEN))
    assert out.json()["content"] == [wire.thinking(thought), wire.text(CARD)]
    redacted = {"type": "redacted_thinking", "data": wire.SIGNATURE}
    out, _ = await whole(redacted, wire.text("x"))
    assert out.json()["content"][0] == redacted


@pytest.mark.parametrize("found", [CANARY, CARD])
async def test_thinking_that_would_have_to_be_masked_stops_the_answer(found):
    out, w = await whole(wire.thinking(f"it is {found}"), wire.text("fine"))
    error = out.json()
    assert (out.status, error["type"], error["error"]["code"]) == (403, "error", "output_blocked")
    assert error["error"]["type"] == "permission_error"
    assert found not in out.data.decode()
    assert w.entries[-1]["verdict"] == "refused"


async def test_a_tool_call_is_authorised_on_what_is_delivered():
    out, w = await whole(wire.text("I pay."), wire.tool_use({"card": TOKEN, "n": [1, {"x": TOKEN}]}))
    call = out.json()["content"][1]
    assert call == wire.tool_use({"card": CARD, "n": [1, {"x": CARD}]})
    assert w.entries[-1]["tools"] == [{"allowed": True, "policies": ["p"]}]


async def test_cedar_sees_the_arguments_as_they_leave():
    w = door.World()
    seen = []
    decide = w.decide
    w.decide = lambda question: (seen.append(question.tool), decide(question))[1]
    raw = json.dumps(wire.message(wire.tool_use({"card": TOKEN})))
    w.answer = (
        raw.replace('"card"', '"c\\u0061rd" ').replace("}}", ' , "n": 12345678901234567890123}}').encode()
    )
    out = await door.call(w, wire.ask(tools=wire.TOOLS), surface="messages")
    delivered = out.data.decode().partition('"input": ')[2].partition("}")[0] + "}"
    assert seen[-1].arguments == delivered
    assert (seen[-1].name, seen[-1].declared) == ("pay", True)


@pytest.mark.parametrize(
    "call",
    [
        wire.tool_use({}, name="rm_rf"),
        wire.tool_use({"x": CANARY}),
        wire.tool_use({}, identity=CANARY),
        wire.tool_use({CANARY: 1}),
    ],
)
async def test_a_tool_call_that_may_not_be_is_not_delivered(call):
    out, w = await whole(wire.text("I do."), call)
    assert out.status == 403
    assert out.json()["error"]["code"] in {"tool_denied", "output_blocked"}
    assert not {"rm_rf", CANARY} & set(out.data.decode().split('"'))
    assert w.entries[-1]["verdict"] == "refused"


PLACES = {
    "id": {"id": CANARY},
    "model": {"model": CANARY},
    "stop_reason": {"stop_reason": CANARY},
    "stop_sequence": {"stop_sequence": CANARY},
    "stop_details": {"stop_details": {"type": "refusal", "explanation": CANARY}},
    "a member that nobody knows": {"x": {"y": [CANARY]}},
    "its name": {CANARY: 1},
    "usage": {"usage": {"input_tokens": 1, "output_tokens": 1, "x": CANARY}},
}
BLOCKS = {
    "text": wire.text(CANARY),
    "a citation": {**wire.text("x"), "citations": [{"type": "char_location", "cited_text": CANARY}]},
    "beside text": {**wire.text("x"), "y": CANARY},
    "beside a signature": {**wire.thinking("x"), "y": CANARY},
    "beside sealed thinking": {"type": "redacted_thinking", "data": "aa", "y": CANARY},
    "the caller of a tool": {**wire.tool_use({}), "caller": {"type": CANARY}},
    "a tool of the provider's": {
        "type": "server_tool_use",
        "id": "s",
        "name": "web_search",
        "input": {"q": CANARY},
    },
    "its result": {
        "type": "web_search_tool_result",
        "tool_use_id": "s",
        "content": [{"title": CANARY, "data": CANARY}],
    },
}


@pytest.mark.parametrize("name", [*PLACES, *BLOCKS])
async def test_every_string_of_an_answer_is_inspected(name):
    blocks = [BLOCKS[name]] if name in BLOCKS else [wire.text("fine")]
    out, w = await whole(*blocks, **PLACES.get(name, {}))
    assert out.status == 403
    assert out.json()["error"]["code"] == "output_blocked"
    assert CANARY not in out.data.decode()
    assert w.entries[-1]["code"] == "output_blocked"


INVALID = {
    "no json": b"<html>",
    "a list": b"[]",
    "null": b"null",
    "an error": b'{"type":"error","error":{"type":"x","message":"secret detail"}}',
    "no type": b'{"role":"assistant","content":[]}',
    "of a user": json.dumps(wire.message(role="user")).encode(),
    "content text": json.dumps({**wire.message(), "content": "hi"}).encode(),
    "content object": json.dumps({**wire.message(), "content": {"0": {}}}).encode(),
    "doubled": json.dumps(wire.message(wire.text("x"))).replace('"text": "x"', '"text":"x","text":"y"').encode(),
    "deep": b'{"type":"message","x":' + b"[" * 70 + b"]" * 70 + b"}",
    **{
        f"block {number}": json.dumps(wire.message() | {"content": [block]}).encode()
        for number, block in enumerate(
            [
                "x",
                None,
                {},
                {"type": "text"},
                {"type": "text", "text": 5},
                {"type": ["text"], "text": "x"},
                {"type": "image", "source": {}},
                {"type": "browser_use", "name": "rm"},
                {"type": "thinking", "thinking": "x"},
                {"type": "thinking", "thinking": "x", "signature": "not sealed at all"},
                {"type": "thinking", "thinking": 5, "signature": ""},
                {"type": "redacted_thinking", "data": "in words"},
                {"type": "tool_use", "id": "i", "name": "pay", "input": "{}"},
                {"type": "tool_use", "id": "i", "name": "pay"},
                {"type": "tool_use", "id": 5, "name": "pay", "input": {}},
                {"type": "tool_use", "id": "i", "name": None, "input": {}},
            ]
        )
    },
}  # fmt: skip


@pytest.mark.parametrize("name", INVALID)
async def test_what_is_no_answer_is_not_passed_on(name):
    out, w = await whole(raw=INVALID[name])
    assert (out.status, out.json()["error"]["code"]) == (502, "upstream_invalid")
    assert "secret detail" not in out.data.decode()
    assert w.entries[-1]["verdict"] == "failed"


async def test_too_many_tool_calls():
    out, _ = await whole(*[wire.tool_use({}, identity=f"t{n}") for n in range(129)])
    assert out.json()["error"]["code"] == "upstream_too_large"


USAGES = [
    ({"input_tokens": 5, "output_tokens": 2}, Usage(input_tokens=5, output_tokens=2)),
    (
        {
            "input_tokens": 5,
            "cache_read_input_tokens": 100,
            "cache_creation_input_tokens": 20,
            "output_tokens": 2,
        },
        Usage(input_tokens=125, output_tokens=2),
    ),
    (
        {"input_tokens": 5, "cache_read_input_tokens": None, "output_tokens": 2},
        Usage(input_tokens=5, output_tokens=2),
    ),
    ({"input_tokens": -5, "output_tokens": 2}, None),
    ({"input_tokens": 5}, None),
    ({"input_tokens": "5", "output_tokens": 2}, None),
    ({"input_tokens": True, "output_tokens": 2}, None),
    (None, None),
    ("x", None),
]


@pytest.mark.parametrize(("given", "expected"), USAGES)
def test_counts_that_can_be_believed(given, expected):
    assert anthropic_answer.usage(given) == expected


async def test_tokens_are_counted_of_what_is_sent():
    asked = {name: value for name, value in wire.ask(f"my card {CARD}").items() if name != "max_tokens"}
    out, w = await whole(raw=b'{"input_tokens": 12}', surface="count_tokens", asked=asked)
    assert out.json() == {"input_tokens": 12}
    assert CARD.encode() not in w.upstream_bodies[0]
    assert [e["kind"] for e in w.entries] == ["intent", "outcome"]


@pytest.mark.parametrize(
    "raw",
    [b"{}", b"[]", b'{"input_tokens":"7"}', b'{"input_tokens":-1}', b'{"input_tokens":true}', b"7"],
)
async def test_what_is_no_count_is_not_passed_on(raw):
    asked = {name: value for name, value in wire.ask().items() if name != "max_tokens"}
    out, _ = await whole(raw=raw, surface="count_tokens", asked=asked)
    assert (out.status, out.json()["error"]["code"]) == (502, "upstream_invalid")


async def test_strings_beside_a_count_are_inspected():
    asked = {name: value for name, value in wire.ask().items() if name != "max_tokens"}
    raw = json.dumps({"input_tokens": 7, "context_management": {"x": CANARY}}).encode()
    out, _ = await whole(raw=raw, surface="count_tokens", asked=asked)
    assert out.json()["error"]["code"] == "output_blocked"
