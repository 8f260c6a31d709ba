"""Whole and streamed answers of the completions surface."""

from __future__ import annotations

import itertools
import json

import door
import pytest
from hypothesis import given
from hypothesis import strategies as st

CARD, CANARY, TOKEN = door.CARD, door.CANARY, door.TOKEN
FIRST, SECOND = CANARY[:6], CANARY[6:]
ALL = {"id": "c1", "object": "text_completion", "created": 1, "model": "m"}


def choice(text="", index=0, finish=None, **more):
    return {"index": index, "text": text, "logprobs": None, "finish_reason": finish, **more}


def event(*choices, **more):
    return {**ALL, "choices": list(choices), **more}


END = [event(choice(finish="stop")), "[DONE]"]


async def call(*events, stream=True, **asked):
    w = door.World()
    w.chunks = [e if isinstance(e, bytes) else door.sse(e)[0] for e in events]
    w.answer = json.dumps(events[0]).encode() if events and isinstance(events[0], dict) else b""
    body = {"model": "support-chat", "prompt": "hello", **({"stream": True} if stream else {}), **asked}
    return await door.call(w, body, surface="completions"), w


def texts(out) -> dict[int, str]:
    found: dict[int, str] = {}
    for data in out.events():
        for one in json.loads(data)["choices"] if data != "[DONE]" else ():
            found[one["index"]] = found.get(one["index"], "") + one["text"]
    return found


async def test_texts_are_guarded_and_restored():
    words = f"my {TOKEN} or {CARD}"
    out, _ = await call(event(choice(words, finish="stop", logprobs={"tokens": ["my"]})), stream=False)
    assert out.json()["choices"] == [choice(f"my {CARD} or [CARD]", finish="stop")]
    out, w = await call(event(choice(words)), event(choice("!")), event(choice("?")), *END)
    assert texts(out) == {0: f"my {CARD} or [CARD]!?"}
    assert out.events()[-1] == "[DONE]"
    assert w.effects.index("log:outcome") < w.effects.index("last_byte")


async def test_several_answers_interleave():
    given = [event(choice("a", 0)), event(choice("b", 1), choice("c", 0)), event(choice("d", 1, "stop"))]
    out, _ = await call(*given, event(choice("", 0, "length")), "[DONE]", prompt=["x", "y"])
    assert texts(out) == {0: "ac", 1: "bd"}
    finished = [c["finish_reason"] for d in out.events()[:-1] for c in json.loads(d)["choices"]]
    assert [reason for reason in finished if reason] == ["stop", "length"]


@pytest.mark.parametrize("asked", [False, True])
async def test_usage_is_metered_and_stripped_unless_asked_for(asked):
    more = {"stream_options": {"include_usage": True}} if asked else {}
    counted = {**ALL, "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 1}}
    out, w = await call(event(choice("x")), END[0], counted, "[DONE]", **more)
    assert ('"prompt_tokens"' in out.data.decode()) is asked
    assert w.settled[0].input_tokens == 7
    assert json.loads(w.upstream_bodies[0])["stream_options"] == {"include_usage": True}


async def test_an_unknown_member_is_held_and_arrives_whole():
    out, _ = await call(event(choice("a", note={"x": "y"})), event(choice("b", note={"x": "z"})), *END)
    notes = [c["note"] for d in out.events()[:-1] for c in json.loads(d)["choices"] if "note" in c]
    assert (texts(out), notes) == ({0: "ab"}, [{"x": "y"}, {"x": "z"}])


STOPPED = {
    "in a text": [event(choice(CANARY))],
    "behind an escaped name": [
        f'data: {{"text":"ok","choices":[{{"index":0,"te\\u0078t":"{CANARY}"}}]}}\n\n'.encode()
    ],
    "in a member of the same name": [event(choice("x"), x={"text": CANARY})],
    "in an unknown member, in pieces": [event(choice(note=FIRST)), event(choice(note=SECOND))],
    "in the name of a member": [event(choice("x", **{CANARY: 1}))],
    "in log probabilities": [event(choice("x", logprobs={"tokens": [CANARY]}))],
    "in the id": [event(choice("x"), id=CANARY)],
    "in the id, in pieces": [event(choice("x"), id=FIRST), event(choice("y"), id=SECOND)],
    "in the reason": [event(choice("x", finish=CANARY))],
    "behind the end": [event(choice("x", finish="stop")), event(choice(CANARY))],
    "a text that is a list": [event(choice([CANARY]))],
    "an index that is a text": [event(choice("x", index="0"))],
    "an index that is huge": [event(choice("x", index=10**6))],
    "choices that are no list": [{**ALL, "choices": {"0": choice(CANARY)}}],
    "a choice that is a text": [{**ALL, "choices": [CANARY]}],
    "an error": [{"error": {"message": CANARY}}],
    "a list": [b"data: []\n\n"],
}


@pytest.mark.parametrize("name", STOPPED)
async def test_hidden_text_stops_the_stream(name):
    out, w = await call(*STOPPED[name], *END)
    assert CANARY not in out.data.decode()
    assert SECOND not in out.data.decode()
    assert "[DONE]" not in out.events()
    error = json.loads(out.events()[-1] if out.events() else out.data)["error"]
    assert error["code"] in {"output_blocked", "upstream_invalid"}
    assert w.entries[-1]["code"] == error["code"]


@pytest.mark.parametrize("events", [[event(choice("x"))], [event()], [event(choice("x", finish="stop"))]])
async def test_a_stream_that_is_cut_never_ends_as_if_it_had_finished(events):
    out, w = await call(*events, n=2)
    assert "[DONE]" not in out.data.decode()
    assert w.entries[-1]["code"] == "upstream_invalid"


BROKEN = {
    "no choices": event(),
    "a choice without text": {**ALL, "choices": [{"index": 0}]},
    "a text that is a list": event(choice([CANARY])),
    "a choice that is a text": {**ALL, "choices": [CANARY]},
    "a list": [],
}


@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_answer_is_a_coded_error(name):
    w = door.World()
    w.answer = json.dumps(BROKEN[name]).encode()
    out = await door.call(w, {"model": "support-chat", "prompt": "x"}, surface="completions")
    assert (out.status, out.json()["error"]["code"]) == (502, "upstream_invalid")


@pytest.mark.parametrize("place", ["text", "note", "finish_reason"])
async def test_every_string_of_a_whole_answer_is_inspected(place):
    out, _ = await call(event({**choice("x", finish="stop"), place: CANARY}), stream=False)
    assert out.status == 403
    assert CANARY not in out.data.decode()


@given(st.lists(st.tuples(st.integers(0, 2), st.text(max_size=9)), max_size=9), st.data())
async def test_any_chunking_gives_the_same_texts(pieces, data):
    given = [event(choice(text, index)) for index, text in pieces]
    ends = [event(choice("", index, "stop")) for index in range(3)]
    raw = b"".join(door.sse(*given, *ends, "[DONE]"))
    cuts = [0, *sorted(data.draw(st.sets(st.integers(1, len(raw) - 1), max_size=9))), len(raw)]
    out, _ = await call(*[raw[a:b] for a, b in itertools.pairwise(cuts)], n=3)
    expected = {n: "".join(text for index, text in pieces if index == n) for n in range(3)}
    assert texts(out) == expected
    assert out.events()[-1] == "[DONE]"
