"""Streams that hide text: in decoys, in members that nobody knows, in pieces, behind the end."""

from __future__ import annotations

import json

import door
import pytest

CANARY, CARD = door.CANARY, door.CARD
END = [door.delta(finish="stop"), "[DONE]"]
FIRST, SECOND = CANARY[:6], CANARY[6:]


def raw(text):
    return f"data: {text}\n\n".encode()


def choice(delta, **more):
    return {"choices": [{"index": 0, "delta": delta, **more}]}


async def stream(*events, **asked):
    w = door.World()
    w.chunks = [e if isinstance(e, bytes) else door.sse(e)[0] for e in events]
    return await door.call(w, door.chat(stream=True, **asked)), w


def text_of(out, member="content"):
    deltas = [
        c["delta"] or {} for e in out.events() if e != "[DONE]" for c in json.loads(e).get("choices", ())
    ]
    return "".join(str(d.get(member) or "") for d in deltas)


HIDDEN = {
    "behind an escaped name": [
        raw('{"content":"fine","choices":[{"index":0,"delta":{"c\\u006fntent":"hi"}}]}'),
        raw(f'{{"content":"{CANARY}","choices":[{{"index":0,"delta":{{"c\\u006fntent":"hi"}}}}]}}'),
    ],
    "in a member of the same name": [
        raw('{"x":{"content":"fine"},"choices":[{"index":0,"delta":{"content":"hi"}}]}'),
        raw(f'{{"x":{{"content":"{CANARY}"}},"choices":[{{"index":0,"delta":{{"content":"hi"}}}}]}}'),
    ],
    "in the first of two members": [
        raw(f'{{"choices":[{{"index":0,"delta":{{"content":"{CANARY}","content":"x"}}}}]}}')
    ],
    "in the first of two lists": [
        raw(f'{{"choices":[{{"delta":{{"content":"{CANARY}"}}}}],"choices":[{{"delta":{{"content":"x"}}}}]}}')
    ],
    "where choices are no list": [raw(f'{{"choices":{{"0":{{"delta":{{"content":"{CANARY}"}}}}}}}}')],
    "in log probabilities": [choice({"content": "x"}, logprobs={"content": [{"token": CANARY}]})],
    "in an unknown member, in pieces": [choice({"thoughts": FIRST}), choice({"thoughts": SECOND})],
    "deep in an unknown member, in pieces": [
        choice({"details": [{"type": "t", "text": FIRST}]}),
        choice({"details": [{"index": 1}, {"type": "t", "text": SECOND}]}),
    ],
    "in the role, in pieces": [choice({"role": FIRST}), choice({"role": SECOND})],
    "in the reason of the end, in pieces": [
        choice({}, finish_reason=FIRST),
        choice({}, finish_reason=SECOND),
    ],
    "in the id, in pieces": [{**choice({"content": "a"}), "id": FIRST}, {**choice({}), "id": SECOND}],
    "behind the end of its choice": [
        choice({"content": FIRST}),
        choice({}, finish_reason="stop"),
        choice({"content": SECOND}),
    ],
    "in a tool call behind the end": [
        choice({}, finish_reason="stop"),
        choice({"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": "{}"}}]}),
    ],
}


@pytest.mark.parametrize("name", HIDDEN)
async def test_hidden_text_stops_the_stream(name):
    out, w = await stream(*HIDDEN[name], *END, tools=[{"type": "function", "function": {"name": "f"}}])
    assert CANARY not in out.data.decode()
    assert SECOND not in out.data.decode()
    assert "[DONE]" not in out.events()
    error = json.loads(out.events()[-1] if out.events() else out.data)["error"]
    assert error["code"] in {"output_blocked", "upstream_invalid"}
    assert w.entries[-1]["code"] == error["code"]


@pytest.mark.parametrize(
    "event",
    [
        f'{{"content":"decoy","choices":[{{"index":0,"delta":{{"c\\u006fntent":"card {CARD}"}}}}]}}',
        f'{{"choices":[{{"index":0,"delta":{{"content":"card {CARD}"}}}},{{"index":0,"delta":null}}]}}',
        f'{{"x":{{"content":"y"}},"choices":[{{"index":0,"delta":{{"content":"card {CARD}"}}}}]}}',
    ],
)
async def test_the_text_that_is_edited_is_the_text_that_was_guarded(event):
    out, _ = await stream(raw(event), *END)
    assert CARD not in out.data.decode()
    assert text_of(out) == "card [CARD]"


async def test_unknown_members_arrive_once_and_whole():
    events = [
        {**choice({"content": "a"}), "x_vendor": {"a": "b"}},
        choice({"thoughts": "first "}),
        choice({"thoughts": "second", "details": [{"text": "x"}]}),
        {**choice({"content": "b"}), "x_vendor": {"a": "c"}},
    ]
    out, w = await stream(*events, *END)
    assert (text_of(out), text_of(out, "thoughts")) == ("ab", "first second")
    assert out.data.count(b'"details"') == 1
    vendors = [json.loads(e).get("x_vendor") for e in out.events() if e != "[DONE]"]
    assert [v for v in vendors if v] == [{"a": "b"}, {"a": "c"}]
    assert out.events()[-1] == "[DONE]"
    assert (0, "thoughts", "first second") in w.exchange.said


async def test_what_stands_beside_held_text_is_not_lost():
    w = door.World()
    w.faults["guard"] = door.Released  # nothing is released yet
    w.faults["guard_finish"] = lambda: door.Released("text")
    beside = {**choice({"role": "assistant", "content": "te"}), "x_vendor": 1}
    again = {**choice({"role": "assistant", "content": "xt"}), "x_vendor": 1}
    w.chunks = door.sse(beside, again, *END)
    out = await door.call(w, door.chat(stream=True))
    assert out.data.count(b"x_vendor") == 1
    assert text_of(out) == "text"
    assert text_of(out, "role") == "assistant"


CUT = {
    "after the role": [choice({"role": "assistant", "content": ""})],
    "one choice of two is missing": [choice({"content": "x"}), choice({}, finish_reason="stop")],
    "an empty list of choices": [{"choices": []}],
}


@pytest.mark.parametrize("name", CUT)
async def test_a_stream_that_is_cut_never_ends_as_if_it_had_finished(name):
    out, w = await stream(*CUT[name], n=2)
    assert "[DONE]" not in out.data.decode()
    assert w.entries[-1]["code"] == "upstream_invalid"


async def test_an_upstream_may_leave_out_the_end_mark_after_all_choices_have_ended():
    out, _ = await stream(choice({"content": "x"}), choice({}, finish_reason="stop"))
    assert out.events()[-1] == "[DONE]"


async def test_numbers_that_differ_from_event_to_event_are_nobodys():
    events = [{**choice({"content": "a"}), "id": CARD[:8]}, {**choice({"content": "b"}), "id": CARD[8:]}]
    out, _ = await stream(*events, *END)
    assert out.events()[-1] == "[DONE]"


class Taken(door.Answer):
    """An upstream all of whose chunks come while somebody waits; `taken` are those that did not have to wait."""

    def __init__(self, world):
        super().__init__(world)
        self.taken = []

    async def chunks(self):
        for chunk in self.world.chunks:
            if self._take(chunk):
                self.taken.append(chunk)
            else:
                yield chunk


TEXTS = [
    door.sse(choice({"content": text}))[0] for text in ("one ", "two ", "three ", f"four {CANARY} ", "five ")
]


async def taking(chunks, **faults):
    w = door.World()
    w.chunks, answer = chunks, Taken(w)
    w.faults |= {"send": lambda: answer, **faults}
    return await door.call(w, door.chat(stream=True)), w, answer


async def test_events_of_a_known_shape_do_not_wait_and_everything_arrives():
    chunks = [*TEXTS[:3], *door.sse(*END)]
    out, w, answer = await taking(chunks)
    assert out.data == b"".join(chunks)
    assert answer.taken == TEXTS[2:3]
    assert text_of(out) == "one two three "
    assert w.entries[-1]["verdict"] == "delivered"


async def test_a_blocked_text_in_an_event_that_did_not_wait_ends_the_answer():
    out, w, answer = await taking([*TEXTS, *door.sse(*END)])
    assert answer.taken == TEXTS[2:3]
    assert text_of(out) == "one two three "
    assert json.loads(out.events()[-1])["error"]["code"] == "output_blocked"
    assert w.entries[-1]["verdict"] == "refused"


async def test_a_fault_in_an_event_that_did_not_wait_ends_the_answer():
    calls = []

    def guard():
        calls.append(1)
        if len(calls) == 4:
            raise LookupError
        return door.Released("x")

    out, w, answer = await taking([*TEXTS[:3], TEXTS[4], TEXTS[0], *door.sse(*END)], guard=guard)
    assert len(answer.taken) == 1
    assert text_of(out) == "xxx"
    assert json.loads(out.events()[-1])["error"]["code"] == "stage_failed"
    assert len(calls) == 4
    assert w.entries[-1]["verdict"] == "failed"


async def test_nothing_is_pushed_to_a_caller_who_does_not_read(monkeypatch):
    monkeypatch.setattr(door.Out, "flows", lambda _: False)
    monkeypatch.setattr(door.Out, "push", None)
    out, _, answer = await taking([*TEXTS[:3], *door.sse(*END)])
    assert not answer.taken
    assert text_of(out) == "one two three "
