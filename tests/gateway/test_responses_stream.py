"""Streams of the Responses wire: order, numbers, copies of texts, held calls, and servers that lie."""

from __future__ import annotations

import copy
import itertools
import json

import door
import pytest
import responses_wire as wire
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from sallyport.model import Finding

CARD, CANARY, TOKEN = door.CARD, door.CANARY, door.TOKEN
TOOLS = [
    {"type": "function", "name": "pay", "parameters": {"type": "object"}},
    {"type": "custom", "name": "run"},
    {"type": "namespace", "name": "git", "description": "d", "tools": [{"type": "function", "name": "push"}]},
]


async def stream(*events, world=None, **asked):
    w = world or door.World()
    w.chunks = [e for e in events if isinstance(e, bytes)] or wire.sse(*events)
    body = {"model": "support-chat", "input": "hello", "stream": True, "tools": TOOLS, **asked}
    return await door.call(w, body, surface="responses"), w


def told(out) -> list[dict]:
    return [json.loads(data) for data in out.events()]


def kinds(out) -> list[str]:
    return [e["type"].removeprefix("response.") for e in told(out)]


def deltas(out, kind="output_text") -> str:
    return "".join(e["delta"] for e in told(out) if e["type"] == f"response.{kind}.delta")


def copies(out) -> list[str]:
    """Every text of a message that is told as a whole, in order."""
    found = []
    for e in told(out):
        if e["type"] == "response.output_text.done":
            found.append(e["text"])
        elif e["type"] == "response.content_part.done":
            found.append(e["part"]["text"])
        items = [e["item"]] if e["type"] == "response.output_item.done" else []
        items += e["response"]["output"] if e["type"] == "response.completed" else []
        found += [part["text"] for item in items if item["type"] == "message" for part in item["content"]]
    return found


async def test_an_answer_in_order():
    out, w = await stream(*wire.events(wire.thought("hm"), wire.message("hello"), wire.call()))
    assert kinds(out) == [
        "created",
        "in_progress",
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ]
    assert [e["sequence_number"] for e in told(out)] == list(range(20))
    names = [line[7:] for line in out.data.decode().split("\n") if line.startswith("event: ")]
    assert names == [e["type"] for e in told(out)]
    assert "[DONE]" not in out.data.decode()
    assert w.settled[0].input_tokens == 7
    assert w.effects.index("log:outcome") < w.effects.index("last_byte")


async def test_an_answer_that_no_guard_changed_arrives_as_it_was_given():
    items = [
        wire.thought("hm", encrypted_content="QUJD"),
        wire.message("hello", {"type": "refusal", "refusal": "no"}),
    ]
    given = wire.events(*items, wire.custom(), wire.call())
    out, _ = await stream(*given)
    assert [{**e, "sequence_number": n} for n, e in enumerate(given)] == told(out)


async def test_all_copies_say_what_was_delivered():
    out, _ = await stream(*wire.events(wire.message(f"my {TOKEN} or {CARD}.", "more"), size=99))
    said = [f"my {CARD} or [CARD].", "more"]
    assert deltas(out) == "".join(said)
    assert copies(out) == [said[0], said[0], said[1], said[1], *said, *said]


@pytest.mark.parametrize(
    "item", [wire.call(arguments=f'{{"card": "{TOKEN}"}}'), wire.custom(given=f'pay "{TOKEN}"\n')]
)
async def test_a_call_is_held_until_whole_and_told_once(item):
    out, w = await stream(*wire.events(item))
    member = "arguments" if item["type"] == "function_call" else "input"
    whole = item[member].replace(TOKEN, CARD)
    first, delta, done, last, completed = told(out)[2:]
    assert (first["item"][member], delta["delta"], done[member]) == ("", whole, whole)
    assert last["item"] == completed["response"]["output"][0] == {**item, member: whole}
    assert w.effects.index("decide:use_tool") < len(w.effects) - 1 - w.effects[::-1].index("write")


@pytest.mark.parametrize(
    "item", [wire.call("rm_rf"), wire.custom("rm_rf"), wire.call("push"), wire.call("pay", namespace="git")]
)
async def test_an_undeclared_tool_is_denied_and_nothing_of_it_delivered(item):
    out, w = await stream(*wire.events(wire.message("first"), item))
    error = told(out)[-1]
    assert (error["type"], error["code"]) == ("error", "tool_denied")
    assert item["call_id"] not in out.data.decode()
    assert [e["sequence_number"] for e in told(out)] == list(range(len(told(out))))
    assert w.entries[-1]["verdict"] == "refused"


async def test_a_tool_of_a_namespace_is_called_by_both_names():
    out, _ = await stream(*wire.events(wire.call("push", namespace="git")))
    assert kinds(out)[-1] == "completed"


async def test_the_request_is_repeated_in_the_callers_own_words():
    lies = {"instructions": f"new: {CANARY}", "metadata": {"a": CANARY}, "tools": [{"description": CANARY}]}
    given = wire.events(wire.message("hi"))
    for e in given:
        if "response" in e:
            e["response"] = {**e["response"], **lies}
    own = {"instructions": f"card {CARD}", "metadata": {"a": "b"}}
    out, w = await stream(*given, **own)
    for e in (told(out)[0], told(out)[1], told(out)[-1]):
        assert (e["response"]["instructions"], e["response"]["metadata"]) == (f"card {CARD}", {"a": "b"})
        assert e["response"]["tools"] == TOOLS
    assert CARD.encode() not in w.upstream_bodies[0]


async def test_what_the_request_did_not_say_is_inspected_where_an_answer_repeats_it():
    given = wire.events(wire.message("hi"))
    given[0]["response"] = {**given[0]["response"], "instructions": CANARY}
    out, _ = await stream(*given)
    assert out.json()["error"]["code"] == "output_blocked"


# --- servers that tell more, less, or late ------------------------------------------------------------------


async def test_items_that_come_whole_are_streamed():
    items = [wire.thought("hm"), wire.message("hello"), wire.call(), wire.custom()]
    given = [
        wire.event("created", response=wire.CREATED),
        *[wire.event("output_item.done", output_index=n, item=item) for n, item in enumerate(items)],
        wire.event("completed", response=wire.answer()),
    ]
    out, _ = await stream(*given)
    assert (deltas(out), deltas(out, "reasoning_summary_text")) == ("hello", "hm")
    assert told(out)[-1]["response"]["output"] == items
    assert kinds(out)[1:5] == [
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "output_item.done",
    ]


async def test_what_only_a_copy_says_is_streamed_first():
    given = [e for e in wire.events(wire.message("hello")) if e.get("delta") != "lo"]
    out, _ = await stream(*given)
    assert deltas(out) == "hello"
    assert set(copies(out)) == {"hello"}


async def test_an_answer_that_was_cut_short_is_told_as_such():
    given = [*wire.events(wire.message("hello world"))[:6]]
    cut = wire.answer(status="incomplete", incomplete_details={"reason": "max_output_tokens"})
    out, _ = await stream(*given, wire.event("incomplete", response=cut))
    last = told(out)[-1]
    assert (last["type"], last["response"]["status"]) == ("response.incomplete", "incomplete")
    assert last["response"]["output"][0]["content"][0]["text"] == deltas(out) == "hello "
    assert last["response"]["output"][0]["status"] == "incomplete"


async def test_padding_is_ours_and_log_probabilities_are_none():
    given = wire.events(wire.message("hello"))
    for e in given:
        if e["type"].endswith("text.delta"):
            e["obfuscation"] = CANARY
    out, _ = await stream(*given)
    padded = [e for e in told(out) if "obfuscation" in e]
    assert [(len(e["delta"]) + len(e["obfuscation"])) % 16 for e in padded] == [0, 0]
    assert deltas(out) == "hello"
    assert CANARY not in out.data.decode()


async def test_an_annotation_comes_after_the_text_that_it_is_about():
    cited = {
        "type": "url_citation",
        "url": "https://example.org/a",
        "title": "A",
        "start_index": 0,
        "end_index": 2,
    }
    given = wire.events(wire.message(wire.text("hello", annotations=[cited])))
    at = next(n for n, e in enumerate(given) if e["type"].endswith("text.delta"))
    where = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    given.insert(
        at, wire.event("output_text.annotation.added", **where, annotation_index=0, annotation=cited)
    )
    out, _ = await stream(*given)
    assert kinds(out).index("output_text.annotation.added") > kinds(out).index("output_text.done")
    assert told(out)[-1]["response"]["output"][0]["content"][0]["annotations"] == [cited]


@pytest.mark.parametrize("member", ["action", "operation"])
async def test_what_the_caller_is_to_carry_out_is_authorised(member):
    kind = {"action": "local_shell", "operation": "apply_patch"}[member]
    item = {
        "id": "x_1",
        "type": f"{kind}_call",
        "call_id": "c",
        "status": "completed",
        member: {"do": [TOKEN]},
    }
    function = {"type": "function", "name": kind}
    for tools, end in (([{"type": kind}], "completed"), ([function], "error")):
        w = door.World()
        w.chunks = wire.stream(item)
        body = {"model": "support-chat", "input": "x", "stream": True, "tools": tools}
        limits = replace(door.LIMITS, allow_provider_tools=frozenset({kind}))
        out = await door.call(w, body, surface="responses", limits=limits)
        assert kinds(out)[-1] == end
        assert (CARD in out.data.decode()) is (end == "completed")


# --- servers that lie -----------------------------------------------------------------------------------------

GOOD = wire.events(wire.message("hello"), wire.call())
FIRST, SECOND = CANARY[:6], CANARY[6:]


def at(kind, **change):
    """The good stream with one event changed: the first of this kind."""
    events = copy.deepcopy(GOOD)
    number = next(n for n, e in enumerate(events) if e["type"] == f"response.{kind}")
    events[number].update(change)
    return events


def without(kind):
    events = copy.deepcopy(GOOD)
    del events[next(n for n, e in enumerate(events) if e["type"] == f"response.{kind}")]
    return events


def twice(kind):
    events = copy.deepcopy(GOOD)
    number = next(n for n, e in enumerate(events) if e["type"] == f"response.{kind}")
    return [*events[: number + 1], events[number], *events[number + 1 :]]


def after(kind, *more):
    number = next(n for n, e in enumerate(GOOD) if e["type"] == f"response.{kind}")
    return [*GOOD[: number + 1], *more, *GOOD[number + 1 :]]


END = wire.event("completed", response=wire.answer())


def ended(item):
    return wire.event("output_item.done", output_index=0, item=item)


TEXT_0 = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
OUT_OF_ORDER = {
    "no beginning": without("created"),
    "two beginnings": twice("created"),
    "no item": without("output_item.added"),
    "an item twice": twice("output_item.added"),
    "no part": without("content_part.added"),
    "a part twice": twice("content_part.added"),
    "a text ends twice": twice("output_text.done"),
    "an item ends twice": twice("output_item.done"),
    "an item never ends": [e for e in GOOD if e["type"] != "response.output_item.done"],
    "no end": GOOD[:-1],
    "text after its end": after("output_text.done", wire.event("output_text.delta", **TEXT_0, delta="x")),
    "text after its item": after("output_item.done", wire.event("output_text.delta", **TEXT_0, delta="x")),
    "another kind of text": at("output_text.delta", type="response.refusal.delta"),
    "a copy differs": at("output_text.done", text="hullo"),
    "a copy of the part differs": at("content_part.done", part=wire.text("hello!")),
    "a copy of the item differs": at("output_item.done", item=wire.message("hello!")),
    "a copy of the item lacks a part": at("output_item.done", item=wire.message()),
    "an item ends as another": at("output_item.done", item=wire.message("hello", number=2)),
    "the end differs": at("completed", response=wire.answer(wire.message("hullo"), wire.call())),
    "the end lacks an item": at("completed", response=wire.answer(wire.message("hello"))),
    "the end has other arguments": at("completed", response=wire.answer(wire.message("hello"), wire.call(arguments='{"a":1}'))),
    "the end is of another answer": at("completed", response=wire.answer(id="resp_2")),
    "an item begins with text": at("output_item.added", item=wire.message("hello")),
    "a part begins with text": at("content_part.added", part=wire.text("hello")),
    "an answer begins with output": at("created", response=wire.answer(wire.message("x"))),
    "an index is text": at("output_text.delta", output_index="0"),
    "an index is true": at("output_item.added", output_index=True),
    "an index is huge": at("output_item.added", output_index=10**9),
    "a part's index is negative": at("content_part.added", content_index=-1),
    "a delta is a number": at("output_text.delta", delta=5),
    "a delta is null": at("output_text.delta", delta=None),
    "an event of two items": at("output_text.delta", item_id="fc_1"),
    "two items of one id": wire.events(wire.message("a"), wire.message("b")),
    "arguments differ": at("function_call_arguments.done", arguments='{"a": 1}'),
    "a call changes its tool": [*wire.events(wire.call("pay"))[:-2], ended(wire.call("run")), END],
    "a call changes its id": [*wire.events(wire.call())[:-2], ended(wire.call(call_id="x")), END],
    "arguments of a message": at("output_text.delta", type="response.function_call_arguments.delta"),
    "a call without a name": wire.events(wire.call(name="")),
    "no type": at("output_text.delta", type=None),
    "a type with a line break": [
        *wire.sse(*GOOD[:2]),
        b'data: {"type":"a\\ndata: x"}' + b"\n\n",
        *wire.sse(*GOOD[2:]),
    ],
    "log probabilities": at("output_text.delta", logprobs=[{"token": "he"}]),
    "log probabilities at the end": at("content_part.done", part=wire.text("hello", logprobs=[{"token": "x"}])),
    "an error": [*GOOD[:6], {"type": "error", "message": "secret detail", "code": "x"}],
    "an error of another wire": [*GOOD[:6], {"error": {"message": "secret detail"}}],
    "a failure": [*GOOD[:6], wire.event("failed", response={**wire.CREATED, "error": {"message": "secret detail"}})],
    "an end with an error": at("completed", response=wire.answer(error={"message": "secret detail"})),
    "a cut call": [*wire.events(wire.call())[:4], wire.event("incomplete", response=wire.answer())],
    "a chat chunk": [door.delta(content="x")],
    "not json": [b"data: {nope\n\n"],
    "a list": [b"data: []\n\n"],
    "a mark of another wire": [b"data: [DONE]\n\n"],
    "members twice": [b'data: {"type":"response.created","type":"response.created","response":{}}\n\n'],
}  # fmt: skip


@pytest.mark.parametrize("name", OUT_OF_ORDER)
async def test_a_stream_that_breaks_never_ends_as_if_it_had_finished(name):
    out, w = await stream(*OUT_OF_ORDER[name])
    error = told(out)[-1] if out.status == 200 else out.json()["error"]
    assert error["code"] == "upstream_invalid"
    assert "response.completed" not in out.data.decode()
    assert "secret detail" not in out.data.decode()
    assert w.entries[-1]["code"] == "upstream_invalid"
    if out.status == 200:
        assert [e["sequence_number"] for e in told(out)] == list(range(len(told(out))))


def ever(kind, **more):
    return wire.event(kind, **{**TEXT_0, **more})


HIDDEN = {
    "in a text": wire.events(wire.message(CANARY), size=99),
    "in a refusal": wire.events(wire.message({"type": "refusal", "refusal": CANARY}), size=99),
    "in a summary": wire.events(wire.thought(CANARY), size=99),
    "in arguments": wire.events(wire.call(arguments=json.dumps({"a": CANARY}))),
    "in escaped arguments": wire.events(wire.call(arguments='{"a": "' + CANARY.replace("-", "\\u002d") + f'", "b": "{CANARY}"}}')),
    "in a custom tool's input": wire.events(wire.custom(given=CANARY)),
    "in a tool's name": wire.events(wire.call(CANARY)),
    "in a call's id": wire.events(wire.call(call_id=CANARY)),
    "in an item's id": wire.events(wire.message("x", id=CANARY)),
    "in the answer's id": wire.events(wire.message("x"), id=CANARY)[:-1],
    "in an unknown member of an item": wire.events(wire.message("x", note=CANARY)),
    "in an unknown member of a call": wire.events(wire.call(note=CANARY)),
    "in the name of a member": wire.events(wire.message("x", **{CANARY: 1})),
    "in an unknown member of a part": wire.events(wire.message(wire.text("x", note=CANARY))),
    "in another member of a text's part": wire.events(wire.message(wire.text("x", refusal=CANARY))),
    "in an annotation": wire.events(wire.message(wire.text("x", annotations=[{"type": "url_citation", "url": CANARY}]))),
    "in the end": [*wire.events(wire.message("x"))[:-1], wire.event("completed", response=wire.answer(note=CANARY))],
    "in another member of an ended text": [*GOOD[:2], ended(wire.message(wire.text("x", refusal=CANARY)))],
    "in parts of an item that has none": [*GOOD[:2], ended({"id": "w", "type": "web_search_call", "content": [wire.text(CANARY)]})],
    "in an item of another kind": wire.events({"id": "ws_1", "type": "web_search_call", "action": {"query": CANARY}}),
    "in an unknown member of a delta": at("output_text.delta", text=CANARY),
    "in a second member of a delta": at("output_text.delta", refusal=CANARY),
    "in a second member of an end": at("output_text.done", refusal=CANARY),
    "in an unknown event": after("in_progress", wire.event("thinking", text=CANARY)),
    "in an unknown event, as text": after("in_progress", wire.event("thinking.delta", delta=CANARY)),
    "in an unknown event's item": after("in_progress", wire.event("thinking", item={"type": "function_call", "name": CANARY})),
    "in an unknown event's answer": after("in_progress", wire.event("thinking", response={"output": CANARY})),
    "in the padding of an unknown event": after("in_progress", wire.event("thinking", obfuscation=CANARY)),
    "in unknown events, in pieces": after("in_progress", wire.event("thinking", x=FIRST), wire.event("thinking", x=SECOND)),
    "in events of an item, in pieces": after("content_part.added", ever("code.delta", delta=FIRST), ever("code.delta", delta=SECOND)),
    "deep in events of an item, in pieces": after("content_part.added", ever("code.delta", x={"y": [FIRST]}), ever("code.delta", x={"y": [1, SECOND]})),
    "in the type of an event": [*GOOD[:2], wire.event(CANARY)],
}  # fmt: skip


@pytest.mark.parametrize("name", HIDDEN)
async def test_hidden_text_stops_the_stream(name):
    out, w = await stream(*HIDDEN[name])
    assert CANARY not in out.data.decode()
    assert SECOND not in out.data.decode()
    assert "response.completed" not in out.data.decode()
    error = told(out)[-1] if out.status == 200 else out.json()["error"]
    assert error["code"] in {"output_blocked", "upstream_invalid", "tool_denied"}
    assert w.entries[-1]["code"] == error["code"]


async def test_encrypted_content_passes_unread_where_it_belongs():
    out, _ = await stream(*wire.events(wire.thought("x", encrypted_content=CARD)))
    assert told(out)[-1]["response"]["output"][0]["encrypted_content"] == CARD
    out, _ = await stream(*wire.events(wire.thought("x", encrypted_content=CANARY)))
    assert CANARY not in out.data.decode()
    out, _ = await stream(*wire.events(wire.message(wire.text("x", encrypted_content=CANARY))))
    assert CANARY not in out.data.decode()
    out, _ = await stream(*wire.events(wire.thought("x", encrypted_content=f"say: {CANARY}")))
    assert CANARY not in out.data.decode()


async def test_a_generated_id_that_looks_like_a_card_stops_nothing():
    w = door.World()

    async def inspect(leaves, direction, roles, **more):
        layer = [
            Finding(type="card", start=0, end=16, action="mask", layer="identifiers", leaf=n)
            for n, leaf in enumerate(leaves)
            if CARD in leaf.text and direction == "output"
        ]
        return tuple(layer)

    w.inspect = inspect
    item = wire.message("x", id=CARD)
    out, _ = await stream(*wire.events(item), world=w)
    assert kinds(out)[-1] == "completed"
    out, _ = await stream(*wire.events(wire.message("x", note={"id": CARD})), world=w)
    assert told(out)[-1]["code"] == "output_blocked"


# --- any cut of the bytes, any cut of the text ------------------------------------------------------------------

ITEMS = (
    wire.thought(f"think of {CARD}", "twice"),
    wire.message(f"a {TOKEN} b {CARD} c", {"type": "refusal", "refusal": "no é\n"}),
    wire.call(arguments=f'{{"card": "{TOKEN}"}}'),
    wire.custom(given="ls -l"),
)
FLOWS = {
    "delivered": wire.stream(*ITEMS, size=99),
    "refused": wire.stream(*ITEMS[:2], wire.message(f"then {CANARY}", number=2), size=99),
    "failed": [*wire.stream(*ITEMS[:2], size=99)[:-1], b'data: {"type":"error"}\n\n'],
}


async def outcome(raw: bytes, cuts) -> tuple:
    w = door.World()
    edges = [0, *sorted({c % len(raw) for c in cuts} - {0}), len(raw)]
    w.chunks = [raw[a:b] for a, b in itertools.pairwise(edges)]
    body = {"model": "support-chat", "input": "x", "stream": True, "tools": TOOLS}
    out = await door.call(w, body, surface="responses")
    return out.data, w.entries[-1]["verdict"], w.entries[-1]["commitment"]


@pytest.mark.parametrize("verdict", FLOWS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
async def test_any_chunking_gives_the_same_bytes_verdict_and_numbers(verdict, data):
    raw = b"".join(FLOWS[verdict])
    whole = await outcome(raw, [])
    cuts = data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=12))
    if data.draw(st.booleans()):
        raw = raw.replace(b"\n", b"\r\n")
    assert await outcome(raw, cuts) == whole
    assert whole[1] == verdict


@settings(max_examples=60, deadline=None)
@given(words=st.lists(st.text(max_size=8), min_size=1, max_size=6), size=st.integers(1, 9))
async def test_whatever_the_deltas_all_copies_agree_with_them(words, size):
    """The guard of these tests holds nothing back; what it changes in a delta must be changed in all copies."""
    parts = [f"{word}{TOKEN if n % 2 else ''}" for n, word in enumerate(words)]
    out, _ = await stream(*wire.events(wire.message(*parts), size=size if size < 9 else 99))
    by_part = {}
    for e in told(out):
        if e["type"] == "response.output_text.delta":
            by_part[e["content_index"]] = by_part.get(e["content_index"], "") + e["delta"]
    said = [by_part.get(n, "") for n in range(len(parts))]
    assert copies(out) == [s for one in said for s in (one, one)] + said + said
    assert [e["sequence_number"] for e in told(out)] == list(range(len(told(out))))
