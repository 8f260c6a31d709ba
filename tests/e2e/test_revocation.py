"""A session that ends takes its running streams with it; others go on. Order is asserted here, never time."""

from __future__ import annotations

import asyncio
import contextlib
import json

import pytest
from whole import Caller, Upstream, body, code, entries, prepared

from sallyport.settings import load
from sallyport.wiring.offline import open_directory

pytestmark = pytest.mark.slow
TEXT = "one two three four five six seven eight nine ten " * 10  # 100 pieces and more


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    upstream = Upstream(piece_seconds=0.1)
    door = prepared(tmp_path_factory.mktemp("revocation") / "door", upstream=upstream).start()
    people = {name: Caller(door, door.login(name)) for name in ("sam", "ana", "dan", "sue")}
    yield door, people
    for caller in people.values():
        caller.http.close()
    assert door.stop() == 0
    upstream.stop()


@contextlib.contextmanager
def streaming(caller, text=TEXT):
    """A stream that has begun: its answer and its events, as they come."""
    with caller.http.stream("POST", "/v1/chat/completions", json=body(text, stream=True)) as answer:
        assert answer.status_code == 200
        events = (line[6:] for line in answer.iter_lines() if line.startswith("data: "))
        next(events)
        yield answer, events


def assert_cut(place, answer, events):
    """The stream ends with an error event, without an end mark, long before its text; the log says so."""
    rest = list(events)
    assert json.loads(rest[-1])["error"]["code"] == "token_revoked"
    assert "[DONE]" not in rest
    assert not any('"error"' in event for event in rest[:-1])
    assert len(rest) < 60
    request = answer.headers["x-request-id"]
    found = [e for e in entries(place[0]) if e.get("request") == request]
    assert [e["kind"] for e in found] == ["intent", "outcome"]
    assert (found[1]["verdict"], found[1]["code"]) == ("refused", "token_revoked")


OVER, SUSPENDED = (401, "token_revoked"), (403, "principal_suspended")


def assert_out(caller, how):
    answers = [caller.chat(), caller.chat(stream=True), caller.http.get("/sallyport/v1/whoami")]
    assert [(answer.status_code, code(answer)) for answer in answers] == [how] * 3
    assert caller.http.post("/sallyport/v1/refresh").status_code in {401, 403}


def test_a_logout_cuts_ones_own_streams_and_nobody_elses(place):
    _, people = place
    short = "one two three four five six seven eight"
    with streaming(people["dan"], short) as (_, others), streaming(people["sam"]) as (answer, events):
        with Caller(place[0], people["sam"].http.headers["authorization"].split()[1]) as again:
            assert again.http.post("/sallyport/v1/logout").status_code == 200
        assert_cut(place, answer, events)
        assert list(others)[-1] == "[DONE]"
    assert_out(people["sam"], OVER)


def test_a_suspension_by_an_administrators_command_is_seen_by_the_worker(place):
    door, people = place
    with streaming(people["ana"]) as (answer, events):
        done = door.run("people", "suspend", "ana")
        assert "suspended" in done.stdout
        assert_cut(place, answer, events)
    assert_out(people["ana"], SUSPENDED)
    door.run("people", "resume", "ana")
    assert_out(people["ana"], OVER)
    acts = [(e["action"], e["who"]) for e in entries(door) if e.get("action", "").startswith("people.")]
    assert [action for action, _ in acts] == ["people.suspend", "people.resume"]
    assert len(set(acts)) == 2


def test_new_roles_count_for_a_running_session(place):
    door, people = place
    assert code(people["dan"].chat(model="tuning-chat")) == ""
    door.run("people", "roles", "dan", "--role", "support-agent")
    assert code(people["dan"].chat(model="tuning-chat")) == "access_denied"
    assert code(people["dan"].chat()) == ""


def test_a_suspension_by_another_process_on_the_same_state_is_seen(place):
    door, people = place

    async def suspend():
        async with open_directory(load(door.state / "sallyport.toml")) as directory:
            await directory.suspend("dan", by="local|installer")

    with streaming(people["dan"]) as (answer, events):
        asyncio.run(suspend())
        assert_cut(place, answer, events)
    assert_out(people["dan"], SUSPENDED)
