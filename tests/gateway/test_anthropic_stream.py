"""Streams on Anthropic's wire: what flows, what is held, what is refused, under any cut of bytes and of texts."""

from __future__ import annotations

import asyncio
import itertools
import json

import door
import door_anthropic as wire
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sallyport.gateway.dialects.anthropic_stream import AnthropicStream
from sallyport.gateway.limits import Limits
from sallyport.model import Finding

CANARY, CARD, TOKEN = door.CANARY, door.CARD, door.TOKEN
FIRST, SECOND = CANARY[:6], CANARY[6:]
BLOCKS = (
    wire.thinking(f"They gave {TOKEN}; I say so."),
    wire.text(f"Your card is {TOKEN}, not another."),
    wire.tool_use({"card": TOKEN, "n": 1}),
    wire.tool_use({}, identity="toolu_2"),
    {"type": "redacted_thinking", "data": wire.SIGNATURE},
    wire.text(""),
)
DELIVERED = [
    BLOCKS[0],
    wire.text(f"Your card is {CARD}, not another."),
    wire.tool_use({"card": CARD, "n": 1}),
    *BLOCKS[3:],
]


async def stream(*events, world=None, **more):
    w = world or door.World()
    w.chunks = wire.write(*events)
    return await door.call(w, wire.ask(stream=True, tools=wire.TOOLS, **more), surface="messages"), w


def told(out):
    """The code of the error that ended a stream, or that came instead of one."""
    if out.status != 200:
        return out.json()["error"]["code"]
    assert "message_stop" not in out.data.decode()
    last = wire.read(out.data)[-1]
    assert last["type"] == "error"
    assert last["error"]["type"] in {
        "permission_error",
        "api_error",
        "timeout_error",
        "invalid_request_error",
    }
    return last["error"]["code"]


async def test_a_whole_stream():
    out, w = await stream(*wire.answer(*BLOCKS, reason="tool_use", size=99))
    events = wire.read(out.data)
    got = wire.gathered(events)
    assert got["content"] == DELIVERED
    assert (got["stop_reason"], got["usage"]) == ("tool_use", {"input_tokens": 7, "output_tokens": 9})
    assert [e["type"] for e in events[:2]] == ["message_start", "ping"]
    assert [e["type"] for e in events[-2:]] == ["message_delta", "message_stop"]
    assert w.effects.index("log:outcome") < w.effects.index("last_byte")
    assert w.entries[-1]["tokens"] == {"input": 7, "output": 9, "estimated": False}
    assert out.headers["request-id"] == "req_1"


async def test_what_no_guard_changed_leaves_byte_for_byte():
    events = wire.write(*wire.answer(wire.thinking("hm é \n"), wire.text('a "b" \\ é')))
    events[3] = events[3].replace(b'": "', b'":  "').replace(b"}}", b',  "x": 1.50}}')
    out, _ = await stream(*events[:-1], wire.LAST)
    assert out.data == b"".join(events[:-1]) + b'event: message_stop\ndata: {"type":"message_stop"}\n\n'


async def test_text_and_thinking_flow_and_the_rest_waits_for_the_end_of_its_block():
    """How many events had left when the upstream sent which one."""
    w, left = door.World(), []
    events = wire.answer(wire.thinking("aaaabbbb"), wire.text("ccccdddd"), wire.tool_use({"card": "eeee"}))
    w.chunks = wire.write(*events)
    write = door.Out.write

    async def noting(self, data, *, last=False):
        left.extend(e["type"] for e in wire.read(data))
        await write(self, data, last=last)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(door.Out, "write", noting)
        await door.call(w, wire.ask(stream=True, tools=wire.TOOLS), surface="messages")
    kinds = [e["type"] for e in events]
    assert left[:11] == kinds[:11]
    assert left[11:15] == [
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
    ]


async def test_a_signature_and_citations_leave_as_they_came():
    cited = {"type": "char_location", "cited_text": "x", "document_index": 0, "start_char_index": 12345678}
    events = wire.answer(wire.thinking("hm"), wire.text("said"))
    events.insert(-3, wire.delta(1, "citations_delta", citation=cited))
    signature = f'event: content_block_delta\ndata: {{"index":0, "type":"content_block_delta","delta":{{"signature" : "{wire.SIGNATURE}","type":"signature_delta"}}}}\n\n'.encode()
    events[4] = signature
    out, w = await stream(*events)
    assert signature in out.data
    got = wire.gathered(wire.read(out.data))["content"]
    assert got == [wire.thinking("hm"), {**wire.text("said"), "citations": [cited]}]
    assert not any(wire.SIGNATURE in str(said) for said in w.exchange.said)


async def test_what_only_the_provider_can_read_passes_unread():
    blocks = [wire.thinking("hm", CARD), {"type": "redacted_thinking", "data": CARD}]
    out, w = await stream(*wire.answer(*blocks))
    assert wire.gathered(wire.read(out.data))["content"] == blocks
    w.answer = json.dumps(wire.message(*blocks)).encode()
    assert (await door.call(w, wire.ask(), surface="messages")).json()["content"] == blocks


@pytest.mark.parametrize(
    "block", [wire.thinking("hm", CANARY), {"type": "redacted_thinking", "data": CANARY}]
)
async def test_what_was_planted_stops_the_answer_there_too(block):
    begun = [
        {**e, "content_block": block} if e["type"] == "content_block_start" else e for e in wire.answer(block)
    ]
    pieces = [wire.delta(0, "signature_delta", signature=piece) for piece in (CANARY[:7], CANARY[7:])]
    cut = [
        wire.start(),
        wire.opened(0, wire.thinking("", "")),
        *pieces,
        wire.closed(0),
        wire.ends(),
        wire.LAST,
    ]
    for events in (wire.answer(block), begun, cut):
        out, w = await stream(*events)
        assert '"output_blocked"' in out.data.decode()
        assert CANARY not in out.data.decode()
        assert (w.exchange.findings[-1].type, w.entries[-1]["verdict"]) == ("canary", "refused")
    w.answer = json.dumps(wire.message(block)).encode()
    out = await door.call(w, wire.ask(), surface="messages")
    assert out.json()["error"]["code"] == "output_blocked"


async def test_thinking_keeps_its_tokens_and_is_recorded():
    thought = wire.thinking(f"it is {TOKEN} and")
    out, w = await stream(*wire.answer(thought, size=99))
    assert wire.gathered(wire.read(out.data))["content"] == [thought]
    assert w.exchange.said == [(0, "thinking", thought["thinking"])]


async def test_the_guard_is_told_which_text_is_signed():
    w, asked = door.World(), []
    guard = w.guard
    w.guard = lambda *given: (asked.append(given[-1]), guard(*given))[1]
    await stream(*wire.answer(wire.text("x")), world=w)
    assert asked == [frozenset({"thinking"})]


async def test_text_in_the_start_of_a_block_is_guarded_like_any():
    for words, expected in ((TOKEN, CARD), ("plain", "plain"), (f"no {CARD}", "no [CARD]")):
        opened = wire.opened(0, {"type": "text", "text": words, "citations": None})
        out, _ = await stream(wire.start(), opened, wire.closed(0), wire.ends(), wire.LAST)
        assert wire.gathered(wire.read(out.data))["content"][0]["text"] == expected
    for kind in ("text", "thinking"):
        opened = wire.opened(0, {"type": kind, kind: CANARY, "signature": ""})
        out, _ = await stream(wire.start(), opened, wire.closed(0), wire.ends(), wire.LAST)
        assert (told(out), CANARY in out.data.decode()) == ("output_blocked", False)


async def test_text_that_is_held_in_the_start_of_a_block_comes_after_it():
    w = door.World()
    w.faults["guard"] = door.Released  # nothing is released yet
    w.faults["guard_finish"] = lambda: door.Released("text")
    opened = wire.opened(0, {"type": "text", "text": "text", "x_new": 1})
    out, _ = await stream(wire.start(), opened, wire.closed(0), wire.ends(), wire.LAST, world=w)
    assert wire.gathered(wire.read(out.data))["content"] == [{"type": "text", "text": "text", "x_new": 1}]


@pytest.mark.parametrize("given", [{"card": TOKEN}, {}])
async def test_arguments_may_come_whole_with_the_start(given):
    events = [wire.opened(0, wire.tool_use(given)), wire.delta(0, "input_json_delta", partial_json="")]
    out, w = await stream(wire.start(), *events, wire.closed(0), wire.ends(), wire.LAST)
    expected = {"card": CARD} if given else {}
    assert wire.gathered(wire.read(out.data))["content"] == [wire.tool_use(expected)]
    assert w.entries[-1]["tools"] == [{"allowed": True, "policies": ["p"]}]


async def test_what_else_stands_at_the_start_of_a_tool_call_is_kept():
    call = {**wire.tool_use({"card": "x"}), "caller": {"type": "direct"}, "toolset_name": None}
    out, _ = await stream(*wire.answer(call))
    assert wire.gathered(wire.read(out.data))["content"] == [call]


async def test_arguments_that_are_cut_are_delivered_cut():
    """As the provider does where max_tokens is reached."""
    deltas = [wire.delta(0, "input_json_delta", partial_json=p) for p in ('{"card": "', TOKEN, '", "x')]
    events = [wire.opened(0, wire.tool_use({})), *deltas, wire.closed(0)]
    out, _ = await stream(wire.start(), *events, wire.ends("max_tokens"), wire.LAST)
    (its,) = [e for e in wire.read(out.data) if e["type"] == "content_block_delta"]
    assert its["delta"]["partial_json"] == f'{{"card": "{CARD}", "x'


@pytest.mark.parametrize("call", [wire.tool_use({}, name="rm_rf"), wire.tool_use({"x": CANARY})])
async def test_a_tool_call_that_may_not_be_ends_the_answer(call):
    out, w = await stream(*wire.answer(wire.text("I do."), call))
    assert told(out) in {"tool_denied", "output_blocked"}
    assert "rm_rf" not in out.data.decode()
    assert CANARY not in out.data.decode()
    assert wire.gathered(wire.read(out.data))["content"] == [wire.text("I do.")]
    assert w.entries[-1]["verdict"] == "refused"


async def test_usage_is_that_of_the_end_and_counts_stand_until_they_are_said_again():
    began = wire.start(usage={"input_tokens": 5, "cache_read_input_tokens": 50, "output_tokens": 1})
    ends = [
        wire.ends(None, output_tokens=2, input_tokens=None),
        wire.ends(output_tokens=8, cache_creation_input_tokens=3),
    ]
    out, w = await stream(began, *wire.block(0, wire.text("x")), *ends, wire.LAST)
    assert w.entries[-1]["tokens"] == {"input": 58, "output": 8, "estimated": False}
    out, w = await stream(began, *wire.block(0, wire.text("x " * 50)))
    assert told(out) == "upstream_invalid"
    assert w.entries[-1]["tokens"]["estimated"] is True
    assert w.entries[-1]["tokens"]["output"] == 30


# --- order and types ------------------------------------------------------------------------------------------

S, OPEN, TEXT, STOP = (
    wire.start(),
    wire.opened(0, wire.text("")),
    wire.delta(0, "text_delta", text="x"),
    wire.closed(0),
)
THINK = wire.opened(0, wire.thinking("", ""))
TOOL = wire.opened(0, wire.tool_use({}))
SIGNED = wire.delta(0, "signature_delta", signature=wire.SIGNATURE)
ARGUMENTS = wire.delta(0, "input_json_delta", partial_json="{}")
THOUGHT = wire.delta(0, "thinking_delta", thinking="x")
CITED = wire.delta(0, "citations_delta", citation={})
END = [wire.ends(), wire.LAST]


def named(name, event):
    return f"event: {name}\ndata: {json.dumps(event)}\n\n".encode()


BROKEN = {
    "nothing": [],
    "only an end": [wire.LAST],
    "no start": [OPEN, TEXT, STOP, *END],
    "two starts": [S, S, OPEN, STOP, *END],
    "a start inside": [S, OPEN, S, STOP, *END],
    "a start with content": [wire.start(content=[wire.text("x")]), *END],
    "a start of a user": [wire.start(role="user"), *END],
    "a start of something": [wire.start(type="completion"), *END],
    "a start of nothing": [{"type": "message_start"}, *END],
    "a delta without a block": [S, TEXT, *END],
    "a stop without a block": [S, STOP, *END],
    "a stop of another": [S, OPEN, wire.closed(1), *END],
    "a stop twice": [S, OPEN, STOP, STOP, *END],
    "a delta of another": [S, OPEN, wire.delta(1, "text_delta", text="x"), STOP, *END],
    "a delta after its stop": [S, OPEN, TEXT, STOP, TEXT, *END],
    "a block in a block": [S, OPEN, wire.opened(1, wire.text("")), STOP, wire.closed(1), *END],
    "an index twice": [S, OPEN, STOP, OPEN, STOP, *END],
    "an index left out": [S, wire.opened(1, wire.text("")), wire.closed(1), *END],
    "an index below zero": [S, wire.opened(-1, wire.text("")), *END],
    "an index of text": [S, {**OPEN, "index": "0"}, *END],
    "an index true": [S, OPEN, STOP, wire.opened(True, wire.text("")), wire.closed(1), *END],
    "a stop of true": [S, OPEN, STOP, wire.opened(1, wire.text("")), wire.closed(True), *END],
    "an index of float": [S, wire.opened(0.0, wire.text("")), STOP, *END],
    "no index": [S, {"type": "content_block_start", "content_block": wire.text("")}, *END],
    "the end inside a block": [S, OPEN, TEXT, *END],
    "the last inside a block": [S, OPEN, TEXT, wire.LAST],
    "a block after the end": [S, wire.ends(), OPEN, STOP, wire.LAST],
    "no message_delta": [S, OPEN, TEXT, STOP, wire.LAST],
    "no message_stop": [S, OPEN, TEXT, STOP, wire.ends()],
    "OpenAI's end mark": [S, OPEN, TEXT, STOP, wire.ends(), b"data: [DONE]\n\n"],
    "an early end": [S, OPEN, TEXT],
    "text for thinking": [S, OPEN, THOUGHT, STOP, *END],
    "thinking for text": [S, THINK, TEXT, STOP, *END],
    "a signature for text": [S, OPEN, SIGNED, STOP, *END],
    "arguments for text": [S, OPEN, ARGUMENTS, STOP, *END],
    "text for arguments": [S, TOOL, TEXT, STOP, *END],
    "a citation for thinking": [S, THINK, CITED, STOP, *END],
    "anything for what is sealed": [S, wire.opened(0, {"type": "redacted_thinking", "data": ""}), TEXT, STOP, *END],
    "a delta that nobody knows": [S, OPEN, wire.delta(0, "compaction_delta", content="x"), STOP, *END],
    "a delta without a type": [S, OPEN, {"type": "content_block_delta", "index": 0, "delta": {"text": "x"}}, STOP, *END],
    "a delta of a list": [S, OPEN, {"type": "content_block_delta", "index": 0, "delta": ["x"]}, STOP, *END],
    "text of a number": [S, OPEN, wire.delta(0, "text_delta", text=5), STOP, *END],
    "text of a list": [S, OPEN, wire.delta(0, "text_delta", text=["x"]), STOP, *END],
    "text of null": [S, OPEN, wire.delta(0, "text_delta", text=None), STOP, *END],
    "no text": [S, OPEN, wire.delta(0, "text_delta"), STOP, *END],
    "arguments of an object": [S, TOOL, wire.delta(0, "input_json_delta", partial_json={}), STOP, *END],
    "arguments twice": [S, wire.opened(0, wire.tool_use({"a": 1})), ARGUMENTS, STOP, *END],
    "a signature of words": [S, THINK, wire.delta(0, "signature_delta", signature="in plain words"), STOP, *END],
    "a signature at the start": [S, wire.opened(0, wire.thinking("", "plain words")), STOP, *END],
    "a signature with more": [S, THINK, wire.delta(0, "signature_delta", signature="aa", x="y"), STOP, *END],
    "arguments with more": [S, TOOL, wire.delta(0, "input_json_delta", partial_json="{}", x=["y"]), STOP, *END],
    "a citation of text": [S, OPEN, wire.delta(0, "citations_delta", citation="x"), STOP, *END],
    "sealed words": [S, wire.opened(0, {"type": "redacted_thinking", "data": "in plain words"}), STOP, *END],
    "a block that nobody knows": [S, wire.opened(0, {"type": "browser_use", "name": "rm"}), STOP, *END],
    "a block of text": [S, wire.opened(0, "text"), STOP, *END],
    "a tool without a name": [S, wire.opened(0, {"type": "tool_use", "id": "i", "input": {}}), STOP, *END],
    "a tool with input of text": [S, wire.opened(0, {**wire.tool_use({}), "input": "{}"}), STOP, *END],
    "an event that nobody knows": [S, {"type": "thought", "text": "x"}, *END],
    "an event of a number": [S, b'event: 5\ndata: {"type":5}\n\n', *END],
    "an event of a list": [S, b'data: {"type":["ping"]}\n\n', *END],
    "an event without a type": [S, b'event: ping\ndata: {"x":1}\n\n', *END],
    "a list": [S, b"event: ping\ndata: []\n\n", *END],
    "no json": [S, b"event: ping\ndata: {nope\n\n", *END],
    "no utf-8": [S, b'event: ping\ndata: {"type":"ping","x":"\xff"}\n\n', *END],
    "a name that is not its type": [S, named("ping", OPEN), TEXT, STOP, *END],
    "a delta that is called a stop": [S, OPEN, named("message_stop", TEXT), STOP, *END],
    "a stop that is called a delta": [S, OPEN, TEXT, STOP, wire.ends(), named("message_delta", wire.LAST)],
    "an error event": [S, OPEN, TEXT, {"type": "error", "error": {"type": "overloaded_error", "message": "secret detail"}}],
    "an error that is called a ping": [S, named("ping", {"type": "error", "error": {"message": "secret detail"}}), *END],
    "a reason of a list": [S, OPEN, TEXT, STOP, wire.ends(["end_turn"]), wire.LAST],
    "a reason too long": [S, OPEN, TEXT, STOP, wire.ends("x" * 65), wire.LAST],
    "an end without a delta": [S, OPEN, TEXT, STOP, {"type": "message_delta"}, wire.LAST],
    "a member twice": [S, OPEN, b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a","text":"b"}}\n\n', STOP, *END],
    "a type twice": [S, OPEN, b'event: ping\ndata: {"type":"content_block_delta","type":"ping","index":0,"delta":{"type":"text_delta","text":"a"}}\n\n', STOP, *END],
    "too deep": [S, b'event: ping\ndata: {"type":"ping","x":' + b"[" * 70 + b"]" * 70 + b"}\n\n", *END],
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
async def test_what_is_out_of_order_or_of_another_type_ends_the_stream(name):
    out, w = await stream(*BROKEN[name])
    assert told(out) == "upstream_invalid"
    assert "secret detail" not in out.data.decode()
    assert (w.entries[-1]["verdict"], w.entries[-1]["code"]) == ("failed", "upstream_invalid")


async def test_nothing_of_what_follows_the_end_is_passed_on():
    out, _ = await stream(*wire.answer(wire.text("x")), OPEN, wire.delta(0, "text_delta", text=CANARY))
    assert wire.read(out.data)[-1] == wire.LAST
    joined = b"".join(wire.write(*wire.answer(wire.text("x")), OPEN, TEXT, wire.LAST))
    out, _ = await stream(joined)
    assert wire.gathered(wire.read(out.data))["content"] == [wire.text("x")]


async def test_events_may_come_without_names_and_get_them():
    events = [chunk.partition(b"\n")[2] for chunk in wire.write(*wire.answer(*BLOCKS, size=99))]
    out, _ = await stream(*events)
    assert wire.gathered(wire.read(out.data))["content"] == DELIVERED


async def test_too_many_blocks_and_too_much_of_one():
    blocks = [event for n in range(513) for event in wire.block(n, wire.text("x"))]
    out, _ = await stream(S, *blocks, *END)
    assert told(out) == "upstream_invalid"
    huge = [wire.delta(0, "input_json_delta", partial_json="1" * 100_000)] * 11
    out, _ = await stream(S, TOOL, *huge, STOP, *END)
    assert told(out) == "upstream_too_large"
    huge = [wire.delta(0, "signature_delta", signature="1" * 100_000)] * 11
    out, _ = await stream(S, THINK, *huge, STOP, *END)
    assert told(out) == "upstream_too_large"


# --- text that hides ----------------------------------------------------------------------------------------


def raw(kind, body):
    return f"event: {kind}\ndata: {body}\n\n".encode()


def text_delta(inner, more=""):
    return raw(
        "content_block_delta",
        f'{{"type":"content_block_delta","index":0{more},"delta":{{"type":"text_delta",{inner}}}}}',
    )


SERVER = wire.opened(0, {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}})
HIDDEN = {
    "in text": [S, OPEN, wire.delta(0, "text_delta", text=CANARY)],
    "what must be masked in thinking": [S, THINK, wire.delta(0, "thinking_delta", thinking=f"it is {CARD}")],
    "in thinking": [S, THINK, wire.delta(0, "thinking_delta", thinking=CANARY)],
    "behind an escaped name": [S, OPEN, text_delta('"te\\u0078t":"hi"', ',"text":"fine"'), text_delta('"te\\u0078t":"hi"', f',"text":"{CANARY}"')],
    "in a member of the same name": [S, OPEN, text_delta('"text":"a"', ',"x":{"text":"fine"}'), text_delta('"text":"b"', f',"x":{{"text":"{CANARY}"}}')],
    "in a member of a delta": [S, OPEN, wire.delta(0, "text_delta", text="a", x=CANARY), STOP],
    "in a member of a delta, in pieces": [S, OPEN, wire.delta(0, "text_delta", text="a", x=FIRST), wire.delta(0, "text_delta", text="a", x=SECOND), STOP],
    "in a member of a thought, in pieces": [S, THINK, wire.delta(0, "thinking_delta", thinking="a", x={"y": FIRST}), wire.delta(0, "thinking_delta", thinking="a", x={"y": SECOND}), STOP],
    "in the name of a member": [S, OPEN, wire.delta(0, "text_delta", text="a", **{CANARY: 1})],
    "in the name of an empty member": [S, OPEN, wire.delta(0, "text_delta", text="", **{CANARY: None})],
    "beside a delta": [S, OPEN, {**TEXT, "x": CANARY}],
    "beside deltas, in pieces": [S, OPEN, {**TEXT, "x": FIRST}, {**TEXT, "x": SECOND}],
    "in the name of an event": [S, raw(CANARY, '{"type":"ping"}')],
    "in its type": [S, raw(CANARY, f'{{"type":"{CANARY}"}}')],
    "in a ping": [S, {**wire.PING, "x": CANARY}],
    "in pings, in pieces": [{**wire.PING, "x": FIRST}, {**wire.PING, "x": SECOND}],
    "in the start": [wire.start(id=CANARY)],
    "in its model": [wire.start(model=CANARY)],
    "in a block's member": [S, wire.opened(0, {**wire.text(""), "x": CANARY})],
    "in a block's citations": [S, wire.opened(0, {**wire.text(""), "citations": [{"cited_text": CANARY}]})],
    "in the type of a block": [S, wire.opened(0, {"type": CANARY})],
    "beside what is sealed": [S, wire.opened(0, {"type": "redacted_thinking", "data": "aa", "x": CANARY})],
    "in the stop of a block": [S, OPEN, {**STOP, "x": CANARY}],
    "in a citation": [S, OPEN, wire.delta(0, "citations_delta", citation={"cited_text": CANARY}), STOP],
    "in citations, in pieces": [S, OPEN, wire.delta(0, "citations_delta", citation={"cited_text": FIRST}), wire.delta(0, "citations_delta", citation={"cited_text": SECOND}), STOP],
    "in a tool's name": [S, wire.opened(0, wire.tool_use({}, name=CANARY)), STOP],
    "in a tool's id": [S, wire.opened(0, wire.tool_use({}, identity=CANARY)), STOP],
    "in who calls it": [S, wire.opened(0, {**wire.tool_use({}), "caller": {"type": CANARY}}), STOP],
    "in its arguments, in pieces": [S, TOOL, wire.delta(0, "input_json_delta", partial_json=f'["{FIRST}'), wire.delta(0, "input_json_delta", partial_json=f'{SECOND}"]'), STOP],
    "in its arguments at the start": [S, wire.opened(0, wire.tool_use({"x": CANARY})), STOP],
    "in what the provider's tool is asked": [S, SERVER, wire.delta(0, "input_json_delta", partial_json=f'"{FIRST}'), wire.delta(0, "input_json_delta", partial_json=SECOND), STOP],
    "in the type of what its tool says": [S, SERVER, wire.delta(0, CANARY, x=1), STOP],
    "in what the provider's tool found": [S, wire.opened(0, {"type": "web_search_tool_result", "content": [{"title": CANARY, "data": CANARY}]}), STOP],
    "in the reason of the end": [S, OPEN, STOP, wire.ends(CANARY)],
    "in the sequence of the end": [S, OPEN, STOP, {**wire.ends(), "delta": {"stop_reason": "stop_sequence", "stop_sequence": CANARY}}],
    "in the words of the end": [S, OPEN, STOP, {**wire.ends(), "delta": {"stop_reason": "refusal", "stop_details": {"explanation": CANARY}}}],
    "in the counts of the end": [S, OPEN, STOP, {**wire.ends(), "usage": {"output_tokens": 1, "x": CANARY}}],
    "in the last event": [S, OPEN, STOP, wire.ends(), {**wire.LAST, "x": CANARY}],
    "in the first of two": [S, OPEN, text_delta(f'"text":"{CANARY}","text":"x"')],
}  # fmt: skip


@pytest.mark.parametrize("name", HIDDEN)
async def test_hidden_text_stops_the_stream(name):
    out, w = await stream(*HIDDEN[name])
    assert CANARY not in out.data.decode()
    assert SECOND not in out.data.decode()
    assert CARD not in out.data.decode()
    assert told(out) in {"output_blocked", "upstream_invalid", "tool_denied"}
    assert w.entries[-1]["code"] == told(out)
    if name not in {
        "in the name of an event",
        "in its type",
        "in the type of a block",
        "in the first of two",
    }:
        assert told(out) != "upstream_invalid"


@pytest.mark.parametrize(
    "event",
    [
        text_delta(f'"te\\u0078t":"card {CARD}"', ',"text":"decoy"'),
        text_delta(f'"text":"card {CARD}"', ',"x":{"text":"y"}'),
        text_delta(f'"text":"card {CARD}","thinking":null'),
    ],
)
async def test_the_text_that_is_edited_is_the_text_that_was_guarded(event):
    out, _ = await stream(S, OPEN, event, STOP, *END)
    assert CARD not in out.data.decode()
    assert wire.gathered(wire.read(out.data))["content"] == [wire.text("card [CARD]")]


async def test_members_of_deltas_that_nobody_knows_arrive_once_and_do_no_harm():
    events = [wire.delta(0, "text_delta", text="a", x="1"), wire.delta(0, "text_delta", text="b", y=2)]
    out, _ = await stream(S, OPEN, *events, STOP, *END)
    got = wire.gathered(wire.read(out.data))["content"]
    assert got == [wire.text("ab")]
    assert (out.data.count(b'"x"'), out.data.count(b'"y"')) == (1, 1)


async def test_what_stands_beside_held_text_is_not_lost():
    w = door.World()
    w.faults["guard"] = door.Released
    w.faults["guard_finish"] = lambda: door.Released("xx")
    beside = {**TEXT, "x_new": 1}
    out, _ = await stream(S, OPEN, beside, beside, STOP, *END, world=w)
    assert out.data.count(b"x_new") == 1
    assert wire.gathered(wire.read(out.data))["content"] == [wire.text("xx")]


async def test_what_the_providers_own_tools_say_passes_after_it_was_inspected():
    deltas = [wire.delta(0, "input_json_delta", partial_json=p) for p in ('{"q":', '"sea"}')]
    found = wire.opened(
        1, {"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"title": "x"}]}
    )
    out, w = await stream(S, SERVER, *deltas, STOP, found, wire.closed(1), *END)
    kinds = [e["type"] for e in wire.read(out.data)]
    assert kinds == [e["type"] for e in (S, SERVER, *deltas, STOP, found, wire.closed(1), *END)]
    assert (0, "delta.partial_json", '{"q":"sea"}') in w.exchange.said


async def test_a_generated_id_that_looks_like_a_card_stops_nothing():
    w = door.World()

    async def inspect(leaves, direction, roles, **more):
        return tuple(
            Finding(type="card", start=0, end=16, action="mask", layer="identifiers", leaf=n)
            for n, leaf in enumerate(leaves)
            if CARD in leaf.text and direction == "output"
        )

    w.inspect = inspect
    good = [wire.start(id=CARD), *wire.block(0, wire.tool_use({}, identity=CARD)), *END]
    out, _ = await stream(*good, world=w)
    assert wire.read(out.data)[-1] == wire.LAST
    out, _ = await stream(wire.start(x={"id": CARD}), OPEN, STOP, *END, world=w)
    assert told(out) == "output_blocked"
    w.answer = json.dumps(wire.message(wire.tool_use({}, identity=CARD), id=CARD)).encode()
    whole = await door.call(w, wire.ask(tools=wire.TOOLS), surface="messages")
    assert whole.status == 200


# --- any cut of the bytes, any cut of the text ----------------------------------------------------------------

BAD = (*BLOCKS[:2], wire.text(f"then {CANARY}"), wire.text("and on"))


async def outcome(data: bytes, cuts) -> tuple:
    w = door.World()
    edges = [0, *sorted({c % len(data) for c in cuts} - {0}), len(data)]
    w.chunks = [data[a:b] for a, b in itertools.pairwise(edges)]
    out = await door.call(w, wire.ask(stream=True, tools=wire.TOOLS), surface="messages")
    return out.data, w.entries[-1]["verdict"], w.entries[-1]["commitment"]


@pytest.mark.parametrize("blocks", [BLOCKS, BAD], ids=["good", "bad"])
@settings(max_examples=80, deadline=None)
@given(data=st.data())
async def test_any_chunking_gives_the_same_bytes_and_verdict(blocks, data):
    plain = b"".join(wire.write(*wire.answer(*blocks, size=30)))
    cuts = data.draw(st.lists(st.integers(0, len(plain) - 1), max_size=12))
    sent = plain
    if data.draw(st.booleans()):
        sent = sent.replace(b"\n", b"\r\n")
    if data.draw(st.booleans()):
        sent = b"\xef\xbb\xbf: hello\n" + sent.replace(b"event: content", b"id: 7\nretry: 5\nevent: content")
    assert await outcome(sent, cuts) == await outcome(plain, [])


@settings(max_examples=80, deadline=None)
@given(
    words=st.lists(st.text(max_size=12), min_size=1, max_size=5), size=st.integers(1, 9), beside=st.booleans()
)
async def test_whatever_the_deltas_the_blocks_are_the_same(words, size, beside):
    blocks = [wire.text(word) if n % 2 else wire.thinking(word) for n, word in enumerate(words)]
    events = wire.answer(*blocks, wire.tool_use({"words": words}), size=size)
    if beside:
        events = [{**e, "x": 1} for e in events]
    out, _ = await stream(*events)
    got = wire.gathered(wire.read(out.data))["content"]
    assert got == [*blocks, wire.tool_use({"words": words})]


async def test_silence_is_bridged_with_comments():
    w = door.World()
    w.faults["chunk"] = lambda: asyncio.sleep(0.2)
    w.chunks = wire.write(*wire.answer(wire.text("x")))
    limits = Limits(stage_seconds=0.3, body_seconds=0.3, tick_seconds=0.01, keepalive_seconds=0.01)
    out = await door.call(w, wire.ask(stream=True), surface="messages", limits=limits)
    assert b": keep-alive\n\n" in out.data
    assert wire.gathered(wire.read(out.data))["content"] == [wire.text("x")]


# --- moulds ---------------------------------------------------------------------------------------------------


async def parsed(*events):
    """How many events were parsed, and what the caller got."""
    seen = []
    chunk = AnthropicStream.chunk
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AnthropicStream, "chunk", lambda *given: (seen.append(1), chunk(*given))[1])
        out, _ = await stream(*events)
    return len(seen), out


@pytest.mark.parametrize("kind", [wire.text, wire.thinking])
async def test_deltas_of_one_block_are_parsed_twice_and_then_known(kind):
    few, _ = await parsed(*wire.answer(kind("x " * 4)))
    many, out = await parsed(*wire.answer(kind("x " * 400)))
    assert many == few
    assert wire.gathered(wire.read(out.data))["content"] == [kind("x " * 400)]
    alone, _ = await parsed(b"".join(wire.write(*wire.answer(kind("x " * 400)))))
    assert alone == few


@pytest.mark.parametrize("before", [1, 2, 3, 9])
async def test_a_canary_in_an_event_of_a_known_shape_stops_the_stream(before):
    out, _ = await stream(S, OPEN, *[TEXT] * before, wire.delta(0, "text_delta", text=CANARY), STOP, *END)
    assert told(out) == "output_blocked"
    assert CANARY not in out.data.decode()


async def test_an_event_of_a_known_shape_after_its_block_is_out_of_order():
    out, _ = await stream(S, OPEN, *[TEXT] * 9, STOP, TEXT, *END)
    assert told(out) == "upstream_invalid"
    second = [wire.opened(1, wire.text("")), TEXT, wire.closed(1)]
    out, _ = await stream(S, OPEN, *[TEXT] * 9, STOP, *second, *END)
    assert told(out) == "upstream_invalid"


def test_there_is_no_mould_where_it_is_in_doubt_which_bytes_the_text_is():
    def cut(*events):
        reader = AnthropicStream()
        for event in wire.write(S, OPEN, *events):
            name, _, rest = event.partition(b"\n")
            chunk = reader.chunk(rest[6:-2], rest, name[7:])
        return reader.mould(chunk)

    assert cut() is None
    assert cut(STOP, wire.opened(1, wire.text("x"))) is None
    assert cut(TEXT) is not None
    assert cut(TEXT).text(wire.write(wire.delta(0, "text_delta", text="y"))[0]) == "y"
    assert cut(TEXT).text(wire.write(wire.delta(1, "text_delta", text="y"))[0]) is None
    assert cut(TEXT).text(wire.write(TEXT)[0].partition(b"\n")[2]) is None
    assert cut({**TEXT, "x": {"text": "y"}}) is None
    assert cut(text_delta('"te\\u0078t":"hi"', ',"text":"fine"')) is None
