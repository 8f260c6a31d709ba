"""Transcripts of single calls, and the matrix of faults: surface x stream x effect x kind of fault."""

from __future__ import annotations

import asyncio
import json

import door
import door_anthropic
import pytest
import responses_wire

from sallyport.errors import LogFault, UpstreamFault
from sallyport.gateway.body import ClientGoneError
from sallyport.model import Finding

STREAM = door.sse(
    door.delta(role="assistant", content=""),
    door.delta(content="hel"),
    door.delta(content="lo"),
    door.delta(finish="stop"),
    "[DONE]",
)
VECTORS = json.dumps(
    {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}], "model": "m"}
)


TEXT = {"id": "c1", "object": "text_completion", "created": 1, "model": "m"}
WHOLE_ANSWERS = {
    "chat": door.answer("hi"),
    "responses": json.dumps(responses_wire.answer(responses_wire.message("hi"))).encode(),
    "completions": json.dumps(
        {**TEXT, "choices": [{"index": 0, "text": "hi", "finish_reason": "stop"}]}
    ).encode(),
    "embeddings": VECTORS.encode(),
    "messages": json.dumps(door_anthropic.message(door_anthropic.text("hi"))).encode(),
    "count_tokens": b'{"input_tokens": 3}',
}
STREAMS = {
    "chat": STREAM,
    "responses": responses_wire.stream(responses_wire.message("hello")),
    "completions": door.sse(
        *[{**TEXT, "choices": [{"index": 0, "text": text, "finish_reason": None}]} for text in ("hel", "lo")],
        {**TEXT, "choices": [{"index": 0, "text": "", "finish_reason": "stop"}]},
        "[DONE]",
    ),
    "messages": door_anthropic.write(*door_anthropic.answer(door_anthropic.text("hello"))),
}
REQUESTS = {
    "chat": door.chat(),
    "responses": {"model": "support-chat", "input": "hello"},
    "completions": {"model": "support-chat", "prompt": "hello"},
    "embeddings": {"model": "support-chat", "input": "hello"},
    "messages": door_anthropic.ask(),
    "count_tokens": {name: value for name, value in door_anthropic.ask().items() if name != "max_tokens"},
}
END_MARKS = ("[DONE]", "response.completed", "message_stop")


def world(surface: str = "chat", *, stream: bool = False) -> door.World:
    w = door.World()
    w.answer = WHOLE_ANSWERS[surface]
    w.chunks = STREAMS[surface] if stream else []
    return w


def request(surface: str, *, stream: bool) -> dict:
    return {**REQUESTS[surface], **({"stream": True} if stream else {})}


@pytest.mark.parametrize("surface", STREAMS)
@pytest.mark.parametrize("stream", [False, True])
async def test_every_surface_delivers(surface, stream):
    w = world(surface, stream=stream)
    out = await door.call(w, request(surface, stream=stream), surface=surface)
    assert out.status == 200
    assert w.entries[-1]["verdict"] == "delivered"
    assert [e["surface"] for e in w.entries if e["kind"] == "intent"] == [surface]
    assert w.effects.index("log:outcome") < w.effects.index("last_byte")


async def test_the_order_of_a_whole_call():
    w = world()
    out = await door.call(w, door.chat())
    assert out.status == 200
    assert w.effects == [
        "edge",
        "identify",
        "posture",
        "decide:chat",
        "reserve",
        "inspect:input",
        "vault",
        "mask",
        "seal:request",
        "log:intent",
        "send",
        "body",
        "close",
        "inspect:output",
        "guard",
        "settle",
        "seal:answer",
        "log:outcome",
        "head",
        "last_byte",
    ]
    assert out.headers["x-sallyport-receipt"] == "v1;promise"
    assert out.data == w.answer


async def test_the_order_of_a_stream_ends_with_outcome_then_end_mark():
    w = world(stream=True)
    out = await door.call(w, door.chat(stream=True))
    assert out.events()[-1] == "[DONE]"
    assert (
        "".join(json.loads(e)["choices"][0]["delta"].get("content", "") for e in out.events()[:-1]) == "hello"
    )
    assert w.effects[-2:] == ["last_byte", "close"]
    assert w.effects.index("log:intent") < w.effects.index("send")
    assert w.effects.index("log:outcome") < w.effects.index("last_byte")


async def test_bytes_that_no_guard_changed_stay_as_they_were():
    w = world()
    raw = b'{ "model":"support-chat",\n "temperature": 1.0e0, "messages":[{"role":"user","content":"h\\u00e9 \\/"}] , "seed": 12345678901234567 }'
    await door.call(w, None, raw=raw)
    assert w.upstream_bodies == [raw.replace(b'"support-chat"', b'"real-model"')]


async def test_what_the_model_sees_and_what_the_caller_gets():
    w = world()
    w.answer = door.answer(f"your card {door.TOKEN} and another {door.CARD}")
    out = await door.call(w, door.chat(messages=[{"role": "user", "content": f"my card {door.CARD}"}]))
    assert door.CARD.encode() not in w.upstream_bodies[0]
    assert door.TOKEN in json.loads(w.upstream_bodies[0])["messages"][0]["content"]
    assert out.json()["choices"][0]["message"]["content"] == f"your card {door.CARD} and another [CARD]"
    assert out.headers["x-sallyport-masked"] == "2"


@pytest.mark.parametrize("stream", [False, True])
async def test_blocked_input_never_reaches_the_model(stream):
    w = world(stream=stream)
    out = await door.call(w, door.chat(stream=stream, messages=[{"role": "user", "content": door.CANARY}]))
    assert out.status == 403
    error = out.json()["error"]
    assert error["code"] == "finding_blocked"
    assert error["param"] == "messages[0].content"
    assert error["policy"] == "finding/canary"
    assert door.CANARY not in out.data.decode()
    assert w.upstream_bodies == []
    assert [e["kind"] for e in w.entries] == ["refusal"]
    assert w.settled == [None]


async def test_blocked_output_whole_and_streamed():
    w = world()
    w.answer = door.answer(f"the secret is {door.CANARY}")
    out = await door.call(w, door.chat())
    assert out.status == 403
    assert out.json()["error"]["code"] == "output_blocked"
    assert door.CANARY not in out.data.decode()
    w = world()
    w.chunks = door.sse(
        door.delta(content="it is "), door.delta(content=door.CANARY), door.delta(finish="stop"), "[DONE]"
    )
    out = await door.call(w, door.chat(stream=True))
    assert out.status == 200
    assert json.loads(out.events()[-1])["error"]["code"] == "output_blocked"
    assert "[DONE]" not in out.events()
    assert door.CANARY not in out.data.decode()
    assert w.entries[-1]["verdict"] == "refused"
    assert w.effects.index("log:outcome") < w.effects.index("last_byte")


async def test_blocked_before_the_first_byte_is_a_plain_error():
    w = world()
    w.chunks = door.sse(door.delta(content=door.CANARY), "[DONE]")
    out = await door.call(w, door.chat(stream=True))
    assert out.status == 403
    assert out.json()["error"]["code"] == "output_blocked"


PLACES = {  # string leaves of an answer that carry the canary -> nothing of it may pass
    "unknown member": lambda d: {**d, "x_debug": {"deep": [door.CANARY]}},
    "unknown member name": lambda d: {**d, door.CANARY: 1},
    "id": lambda d: {**d, "id": door.CANARY},
    "finish": lambda d: {**d, "choices": [{**d["choices"][0], "finish_reason": door.CANARY}]},
}


@pytest.mark.parametrize("place", PLACES)
async def test_every_string_of_an_answer_is_inspected(place):
    w = world()
    w.answer = json.dumps(PLACES[place](json.loads(door.answer("hi")))).encode()
    out = await door.call(w, door.chat())
    assert out.status == 403
    assert door.CANARY not in out.data.decode()
    w = world()
    w.chunks = door.sse(door.delta(content="x"), PLACES[place](door.delta(content="y")), "[DONE]")
    out = await door.call(w, door.chat(stream=True))
    assert json.loads(out.events()[-1])["error"]["code"] == "output_blocked"
    assert door.CANARY not in out.data.decode()


TOOLS = [{"type": "function", "function": {"name": "pay", "parameters": {"type": "object"}}}]


def tool_deltas(name="pay"):
    first = {"index": 0, "id": "t1", "type": "function", "function": {"name": name, "arguments": ""}}
    return door.sse(
        door.delta(role="assistant", tool_calls=[first]),
        door.delta(tool_calls=[{"index": 0, "function": {"arguments": '{"card": "<CA'}}]),
        door.delta(tool_calls=[{"index": 0, "function": {"arguments": 'RD_n_1>"}'}}]),
        door.delta(finish="tool_calls"),
        "[DONE]",
    )


async def test_tool_calls_are_held_until_whole_and_authorised_on_what_is_delivered():
    w = world()
    w.chunks = tool_deltas()
    out = await door.call(w, door.chat(stream=True, tools=TOOLS))
    calls = [c for e in out.events()[:-1] for c in json.loads(e)["choices"][0]["delta"].get("tool_calls", [])]
    assert [c["function"] for c in calls] == [{"name": "pay", "arguments": json.dumps({"card": door.CARD})}]
    assert calls[0]["id"] == "t1"
    last_write = len(w.effects) - 1 - w.effects[::-1].index("write")
    assert w.effects.index("decide:use_tool") < last_write


@pytest.mark.parametrize("stream", [False, True])
async def test_an_undeclared_tool_is_denied_and_nothing_of_it_delivered(stream):
    w = world()
    w.chunks = tool_deltas("rm_rf")
    call = {"id": "t1", "type": "function", "function": {"name": "rm_rf", "arguments": "{}"}}
    w.answer = door.answer(None, tool_calls=[call])
    out = await door.call(w, door.chat(stream=stream, tools=TOOLS))
    error = json.loads(out.events()[-1])["error"] if out.status == 200 else out.json()["error"]
    assert error["code"] == "tool_denied"
    assert "rm_rf" not in out.data.decode()
    assert w.entries[-1]["tools"] == [{"allowed": False, "policies": ["p"]}]


async def test_usage_is_metered_and_stripped_unless_asked_for():
    chunks = door.sse(
        door.delta(content="x"),
        door.delta(finish="stop"),
        {**door.delta(), "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 1}},
        "[DONE]",
    )
    for asked in (False, True):
        w = world()
        w.chunks = chunks
        more = {"stream_options": {"include_usage": True}} if asked else {}
        out = await door.call(w, door.chat(stream=True, **more))
        assert json.loads(w.upstream_bodies[0])["stream_options"]["include_usage"] is True
        assert ('"prompt_tokens"' in out.data.decode()) is asked
        assert w.settled[0].input_tokens == 7
        assert w.entries[-1]["tokens"]["input"] == 7


async def test_a_disconnected_caller_cancels_the_upstream_and_is_recorded():
    w, gone = world(stream=True), asyncio.Event()

    async def silence():
        gone.set()
        await asyncio.sleep(30)

    w.faults["chunk"] = silence
    with pytest.raises(ClientGoneError):  # nothing that a server would report as an error of the application
        await door.call(w, door.chat(stream=True), hang_up=gone)
    assert "close" in w.effects
    assert w.entries[-1]["verdict"] == "client_disconnected"
    assert len(w.settled) == 1


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("stop", ["hang up", "revoke", "cancel"])
async def test_a_call_that_ends_while_its_outcome_is_written_has_one_outcome(stream, stop):
    w, gone = world(stream=stream), asyncio.Event()
    written = asyncio.Event()

    async def slow_disk():
        w.valid = stop != "revoke"
        if stop == "hang up":
            gone.set()
        written.set()
        await asyncio.sleep(0.15)

    w.faults["log:outcome"] = slow_disk
    call = asyncio.ensure_future(door.call(w, door.chat(stream=stream), hang_up=gone))
    await written.wait()
    if stop == "cancel":
        await asyncio.sleep(0.01)
        call.cancel()
    await asyncio.wait({call})
    assert w.effects.count("log:outcome") == 1
    assert len(w.settled) == 1
    if stop == "revoke":
        assert w.entries[-1]["verdict"] == "delivered"
        assert "last_byte" in w.effects


async def test_a_revoked_session_cuts_its_running_stream():
    w = world(stream=True)

    async def revoked_meanwhile():
        w.valid = False
        await asyncio.sleep(30)

    w.faults["chunk"] = revoked_meanwhile
    out = await door.call(w, door.chat(stream=True))
    assert json.loads(out.events()[-1])["error"]["code"] == "token_revoked"
    assert "[DONE]" not in out.events()
    assert w.entries[-1]["code"] == "token_revoked"


async def test_refusals_before_identification_are_counted_not_logged():
    w = world()
    w.faults["identify"] = lambda: __import__("sallyport.errors", fromlist=["x"]).Refusal(
        code="token_invalid"
    )
    out = await door.call(w, door.chat())
    assert out.status == 401
    assert out.headers["www-authenticate"].startswith("Bearer")
    assert w.entries == []
    assert w.counts.take()["counts"]["refused"] == {"token_invalid": 1}


# --- the matrix of faults ---------------------------------------------------------------------------------


def raises():
    raise RuntimeError(f"boom {door.CANARY}")


def raises_fault():
    raise UpstreamFault("down", code="upstream_timeout")


async def hangs():
    await asyncio.sleep(60)


BEFORE = {
    "edge": (raises, lambda: "nonsense"),
    "identify": (raises, hangs, lambda: True),
    "posture": (raises, hangs, lambda: True),
    "decide:chat": (raises, lambda: True, lambda: None),
    "reserve": (raises, lambda: None),
    "inspect:input": (
        raises,
        hangs,
        lambda: None,
        lambda: [1],
        lambda: (Finding(type="x", start=0, end=999),),
    ),
    "vault": (raises, lambda: None),
    "mask": (raises, lambda: None, lambda: 7),
    "seal:request": (raises, hangs),
    "log:intent": (raises, hangs, lambda: "nonsense"),
}
AFTER = {
    "send": (raises, raises_fault, lambda: None),
    "guard": (raises, lambda: None, lambda: 3),
    "seal:answer": (raises, hangs),
    "log:outcome": (raises, hangs, lambda: "nonsense"),
}
WHOLE = {
    "body": (raises, raises_fault, lambda: None, lambda: b"{", lambda: b"[]", lambda: b'{"choices":[]}'),
    "inspect:output": (raises, hangs, lambda: None, lambda: (Finding(type="x", start=5, end=2),)),
}
STREAMED = {"chunk": (raises, raises_fault), "guard_finish": (raises, lambda: None)}
SURFACES = [
    (surface, stream) for surface in REQUESTS for stream in (False, True) if surface in STREAMS or not stream
]


def cells(*tables):
    return [(effect, i) for table in tables for effect, kinds in table.items() for i in range(len(kinds))]


def tell(out):
    return json.loads(out.events()[-1])["error"] if out.status == 200 else out.json()["error"]


@pytest.mark.parametrize(("surface", "stream"), SURFACES)
@pytest.mark.parametrize(("effect", "kind"), cells(BEFORE))
async def test_a_fault_before_the_send_sends_nothing(surface, stream, effect, kind):
    w = world(surface, stream=stream)
    name = effect.replace("decide:chat", "decide:embed") if surface == "embeddings" else effect
    w.faults[name] = BEFORE[effect][kind]
    out = await door.call(w, request(surface, stream=stream), surface=surface)
    assert w.upstream_bodies == []
    assert out.status == 503
    assert out.finished
    error = tell(out)
    assert error["code"] in {"stage_failed", "deadline_exceeded", "inspection_failed", "log_unavailable"}
    assert door.CANARY not in out.data.decode()
    identified = effect not in {"edge", "identify"}
    assert [e["kind"] for e in w.entries] == (["refusal"] if identified else [])
    assert (w.counts.take() is None) == identified
    reserved = "reserve" in w.effects and effect != "reserve"
    assert w.settled == ([None] if reserved else [])


@pytest.mark.parametrize(
    ("surface", "stream", "effect", "kind"),
    [
        *[(surface, False, *cell) for surface in STREAMS for cell in cells(AFTER, WHOLE)],
        *[(surface, True, *cell) for surface in STREAMS for cell in cells(AFTER, STREAMED)],
        *[
            (surface, False, *cell)
            for surface in ("embeddings", "count_tokens")
            for cell in cells({k: v for k, v in AFTER.items() if k != "guard"}, WHOLE)
        ],
    ],
)
async def test_a_fault_after_the_send_releases_nothing_more(surface, stream, effect, kind):
    w = world(surface, stream=stream)
    w.faults[effect] = {**AFTER, **WHOLE, **STREAMED}[effect][kind]
    out = await door.call(w, request(surface, stream=stream), surface=surface)
    error = tell(out)
    assert error["code"] in {
        "stage_failed",
        "upstream_timeout",
        "upstream_invalid",
        "log_unavailable",
        "inspection_failed",
        "deadline_exceeded",
    }
    assert not any(mark in out.data.decode() for mark in END_MARKS)
    assert door.CANARY not in out.data.decode()
    assert out.finished
    if not effect.startswith(("log:", "seal:")):
        assert w.entries[-1]["kind"] == "outcome"
        assert w.entries[-1]["verdict"] in {"failed", "refused"}
    else:
        assert error["code"] == "log_unavailable"
        assert w.counts.take()["counts"]["unrecorded"]
    assert len(w.settled) == 1


@pytest.mark.parametrize("code", ["log_unavailable", "disk_full"])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_log_that_is_down_is_a_503_and_counted_for_recovery(stream, code):
    w = world(stream=stream)

    def down():
        raise LogFault("disk", code=code)

    w.faults["log:intent"] = w.faults["log:refusal"] = down
    out = await door.call(w, door.chat(stream=stream))
    assert out.status == 503
    assert out.json()["error"]["code"] == code
    assert w.upstream_bodies == []
    assert sum(w.counts.take()["counts"]["unrecorded"].values()) == 1
