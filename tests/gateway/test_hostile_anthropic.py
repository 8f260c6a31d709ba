"""The whole worker, with its real guards, before an upstream of Anthropic's kind that leaks, lies and breaks off."""

from __future__ import annotations

import json
import re

import door_anthropic as wire
import pytest
from hostile import ANTHROPIC, PROVIDER_KEY, HostileUpstream, Worker, response, stream_head

pytestmark = pytest.mark.slow
CARD = "4012 8888 8888 1881"
SECRET = "The launch word of the night shift is lighthouse and nobody outside of this room may ever hear of it at all."


@pytest.fixture(scope="module")
def upstream():
    server = HostileUpstream()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def worker(upstream, tmp_path_factory):
    state = tmp_path_factory.mktemp("hostile") / "state"
    running = Worker(state, upstream.port, ANTHROPIC.format(port=upstream.port, state=state))
    yield running
    running.stop()


def ask(worker, *, stream=True, **more):
    body = {**wire.ask(tools=wire.TOOLS), "model": "support-claude", "stream": stream, **more}
    return worker.http.post("/v1/messages", json=body, headers=worker.headers())


def code_of(reply):
    if reply.headers["content-type"] == "text/event-stream":
        assert "message_stop" not in reply.text
        last = wire.read(reply.content)[-1]
        assert last["type"] == "error"
        return last["error"]["code"]
    return reply.json()["error"]["code"]


LEAKS = {
    "a text": wire.text(f"the key is {PROVIDER_KEY}"),
    "a text, spaced": wire.text("the key is " + " ".join(PROVIDER_KEY)),
    "a text, reversed": wire.text("the key is " + PROVIDER_KEY[::-1]),
    "thinking": wire.thinking(f"the key is {PROVIDER_KEY}, that is what I think"),
    "thinking, spaced": wire.thinking("the key is " + " ".join(PROVIDER_KEY)),
    "a citation": {**wire.text("x"), "citations": [{"type": "char_location", "cited_text": PROVIDER_KEY}]},
    "an id": wire.tool_use({}, identity=PROVIDER_KEY),
    "arguments": wire.tool_use({"k": PROVIDER_KEY}),
    "the system prompt": wire.text(SECRET),
    "the system prompt, thought": wire.thinking(SECRET),
    "the system prompt as arguments": wire.tool_use({"a": SECRET}),
    "a card in thinking": wire.thinking(f"I think that the card is {CARD}, or so."),
}


@pytest.mark.parametrize("size", [1, 7, 999])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", LEAKS)
def test_leaks_stop_the_answer(worker, upstream, name, stream, size):
    block = LEAKS[name]
    events = wire.write(*wire.answer(block, size=size))
    upstream.script = (
        [stream_head(), *events] if stream else [response(json.dumps(wire.message(block)).encode())]
    )
    reply = ask(worker, stream=stream, system=SECRET)
    assert code_of(reply) == "output_blocked"
    said = "".join(re.findall(r'"(?:text|thinking|partial_json|cited_text)":\s*"([^"]*)', reply.text))
    for spelling in (PROVIDER_KEY, PROVIDER_KEY[::-1], " ".join(PROVIDER_KEY), "lighthouse", CARD):
        assert spelling not in reply.text
        assert spelling not in said


TEXT = f"My café card: {CARD}, naïve — and then the ship sailed on. 🎉 " * 3
THOUGHT = "They ask of the ship; naïve as they are — I shall tell them of it. 🎉 " * 3


@pytest.mark.parametrize("size", [1, 5, 999])
@pytest.mark.parametrize("cuts", [1, 7, 64, 10**6])
def test_any_chunking_on_the_wire_gives_the_same_blocks(worker, upstream, size, cuts):
    blocks = [wire.thinking(THOUGHT), wire.text(TEXT), wire.tool_use({"card": "x", "n": [1]})]
    raw = b"".join(wire.write(*wire.answer(*blocks, size=size, reason="tool_use")))
    raw = raw.replace(b"\n", b"\r\n") if cuts % 2 else raw
    pieces = [raw[i : i + cuts] for i in range(0, len(raw), cuts)]
    upstream.script = [stream_head(), *pieces]
    got = wire.gathered(wire.read(ask(worker).content))
    assert got["content"] == [blocks[0], wire.text(TEXT.replace(CARD, "[CARD]")), blocks[2]]
    assert got["stop_reason"] == "tool_use"


@pytest.mark.parametrize("stream", [False, True])
def test_what_was_masked_comes_back_in_text_and_arguments_and_not_in_thinking(worker, upstream, stream):
    """In one conversation: what the model saw is known before it answers."""
    asked = {
        "messages": [{"role": "user", "content": f"My card is {CARD}."}],
        "tools": wire.TOOLS,
    }
    headers = {**worker.headers(), "x-sallyport-conversation": f"case-{stream}"}
    upstream.script = [response(json.dumps(wire.message(wire.text("ok"))).encode())]
    body = {**wire.ask(), "model": "support-claude", **asked}
    worker.http.post("/v1/messages", json=body, headers=headers)
    token = re.search(rb"<CARD_\w+>", upstream.requests[-1][1])[0].decode()
    assert CARD.encode() not in upstream.requests[-1][1]
    blocks = [
        wire.thinking(f"They gave {token}, so I shall say {token} to them."),
        wire.text(f"It is {token}, as you said."),
        wire.tool_use({"card": token}),
    ]
    events = wire.write(*wire.answer(*blocks, size=3, reason="tool_use"))
    upstream.script = (
        [stream_head(), *events] if stream else [response(json.dumps(wire.message(*blocks)).encode())]
    )
    reply = worker.http.post("/v1/messages", json={**body, "stream": stream}, headers=headers)
    got = wire.gathered(wire.read(reply.content)) if stream else reply.json()
    assert got["content"] == [
        blocks[0],
        wire.text(f"It is {CARD}, as you said."),
        wire.tool_use({"card": CARD}),
    ]


BEGUN = [wire.start(), wire.opened(0, wire.text("")), wire.delta(0, "text_delta", text="Once upon a time. ")]
BROKEN = {
    "ends early": ([], "upstream_invalid"),
    "hangs up": ([None], "upstream_invalid"),
    "falls silent": ([10.0], "upstream_timeout"),
    "an error event": (
        wire.write({"type": "error", "error": {"type": "overloaded_error", "message": "secret detail"}}),
        "upstream_invalid",
    ),
    "an event without end": ([b"event: ping\ndata: " + b"x" * 300_000], "upstream_too_large"),
    "an unfinished tool call": (
        wire.write(wire.closed(0), wire.opened(1, wire.tool_use({}))),
        "upstream_invalid",
    ),
    "out of order": (wire.write(wire.LAST), "upstream_invalid"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_stream_that_breaks_never_ends_as_if_it_had_finished(worker, upstream, name):
    rest, code = BROKEN[name]
    upstream.script = [stream_head(), *wire.write(*BEGUN), *rest]
    reply = ask(worker)
    assert code_of(reply) == code
    assert "secret detail" not in reply.text


WHOLE = {
    "no json": (response(b"<html>"), 502, "upstream_invalid"),
    "truncated": (response(json.dumps(wire.message()).encode())[:-20], 502, "upstream_invalid"),
    "overloaded": (response(b"{}", status="529 Overloaded"), 502, "upstream_unavailable"),
    "bad request": (
        response(b'{"type":"error","error":{"message":"secret detail"}}', status="400 Bad"),
        400,
        "upstream_request_invalid",
    ),
    "too large a request": (response(b"{}", status="413 No"), 400, "upstream_request_invalid"),
    "rate limited": (
        response(b"{}", status="429 Slow", more="retry-after: 7\r\n"),
        429,
        "upstream_rate_limited",
    ),
    "wrong key": (response(b"{}", status="401 No"), 502, "upstream_refused"),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", WHOLE)
def test_a_broken_answer_is_an_error_in_the_wires_shape(worker, upstream, name, stream):
    sent, status, code = WHOLE[name]
    upstream.script = [sent]
    reply = ask(worker, stream=stream)
    assert (reply.status_code, reply.json()["type"]) == (status, "error")
    # Where the break comes early, the client may not tell it from a server that is away.
    assert code_of(reply) in {code, *({"upstream_unavailable"} if name == "truncated" else ())}
    assert reply.json()["request_id"] == reply.headers["request-id"]
    assert "secret detail" not in reply.text
