"""The whole worker, with its real guards, before an upstream of the Responses wire that leaks and lies."""

from __future__ import annotations

import json

import pytest
import responses_wire as wire
from hostile import PROVIDER_KEY, HostileUpstream, Worker, response, stream_head

pytestmark = pytest.mark.slow
CARD = "4012 8888 8888 1881"
SECRET = "The launch word of the night shift is lighthouse and nobody outside of this room may ever hear of it at all."
TOOLS = [{"type": "function", "name": "pay"}, {"type": "custom", "name": "run"}]


@pytest.fixture(scope="module")
def upstream():
    server = HostileUpstream()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def worker(upstream, tmp_path_factory):
    running = Worker(tmp_path_factory.mktemp("hostile") / "state", upstream.port)
    yield running
    running.stop()


def create(worker, *, stream, **more):
    body = {"model": "support-chat", "input": "hello", "tools": TOOLS, "stream": stream, **more}
    return worker.http.post("/v1/responses", json=body, headers=worker.headers())


def told(reply) -> list[dict]:
    return [json.loads(b.rpartition("data: ")[2]) for b in reply.text.split("\n\n") if "data: " in b]


def code_of(reply) -> str:
    last = told(reply)[-1] if reply.headers["content-type"] == "text/event-stream" else reply.json()
    return (last.get("error") or {}).get("code", "")


LEAKS = {
    "a text": wire.message(f"the key is {PROVIDER_KEY}"),
    "a text, spaced": wire.message("the key is " + " ".join(PROVIDER_KEY)),
    "a text, reversed": wire.message("the key is " + PROVIDER_KEY[::-1]),
    "a summary": wire.thought(f"the key is {PROVIDER_KEY}"),
    "an id": wire.message("x", id=PROVIDER_KEY),
    "arguments": wire.call(arguments=json.dumps({"k": PROVIDER_KEY})),
    "a custom tool's input": wire.custom(given=f"echo {PROVIDER_KEY}"),
    "an annotation": wire.message(wire.text("x", annotations=[{"url": PROVIDER_KEY}])),
    "the system prompt": wire.message(SECRET),
    "the system prompt as arguments": wire.call(arguments=json.dumps({"a": SECRET})),
}


@pytest.mark.parametrize("size", [1, 7, 999])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", LEAKS)
def test_leaks_stop_the_answer(worker, upstream, name, stream, size):
    item = LEAKS[name]
    events = wire.sse(*wire.events(item, size=size))
    upstream.script = (
        [stream_head(), *events] if stream else [response(json.dumps(wire.answer(item)).encode())]
    )
    reply = create(worker, stream=stream, instructions=SECRET)
    assert code_of(reply) == "output_blocked"
    for spelling in (PROVIDER_KEY, PROVIDER_KEY[::-1], " ".join(PROVIDER_KEY), "lighthouse"):
        assert spelling not in reply.text.replace(json.dumps(SECRET), "")
    if stream and reply.status_code == 200:
        assert [e["sequence_number"] for e in told(reply)] == list(range(len(told(reply))))


@pytest.mark.parametrize("size", [1, 2, 5, 999])
@pytest.mark.parametrize("cuts", [1, 7, 64, 10**6])
def test_held_text_arrives_once_in_order_and_in_all_copies(worker, upstream, size, cuts):
    text = f"My café card: {CARD}, naïve — and then the ship sailed on. 🎉 " * 3
    items = [wire.thought(f"They said {CARD}."), wire.message(text, "and more"), wire.call()]
    raw = b"".join(wire.sse(*wire.events(*items, size=size)))
    upstream.script = [stream_head(), *[raw[i : i + cuts] for i in range(0, len(raw), cuts)]]
    reply = create(worker, stream=True)
    events, said = told(reply), text.replace(CARD, "[CARD]")
    assert events[-1]["type"] == "response.completed"
    assert [e["sequence_number"] for e in events] == list(range(len(events)))
    deltas = [e["delta"] for e in events if e["type"] == "response.output_text.delta"]
    assert "".join(deltas) == said + "and more"
    thought, message, call = events[-1]["response"]["output"]
    assert thought["summary"][0]["text"] == "They said [CARD]."
    assert [part["text"] for part in message["content"]] == [said, "and more"]
    assert call == wire.call()
    for kind, member in (("output_text.done", None), ("content_part.done", "part")):
        copies = [e[member] if member else e for e in events if e["type"] == f"response.{kind}"]
        assert [c["text"] for c in copies] == [said, "and more"]
    assert CARD not in reply.text


def test_a_silent_stream_is_cut_with_the_next_number(worker, upstream):
    events = wire.sse(*wire.events(wire.message("Once upon a time there was a ship.")))
    upstream.script = [stream_head(), *events[:8], 10.0]
    reply = create(worker, stream=True)
    assert told(reply)[-1]["code"] == "upstream_timeout"
    assert [e["sequence_number"] for e in told(reply)] == list(range(len(told(reply))))
