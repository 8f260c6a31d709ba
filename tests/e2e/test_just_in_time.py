"""A grant on the whole door: asked for, approved by somebody else, used, cut with its running answers, and in the log."""

from __future__ import annotations

import contextlib
import json

import pytest
from whole import Caller, Upstream, body, code, entries, prepared

pytestmark = pytest.mark.slow
TEXT = "one two three four five six seven eight nine ten " * 10  # 100 pieces and more
ACCESS = "/sallyport/v1/access"
ELSEWHERE = ('segment = "analysis"\nupstream = "demo"', 'segment = "analysis"\nupstream = "own"')
MODEL_ROW = """
[[access.requestable]]
model = "tuning-chat"
eligible = ["analyst"]
approvers = { security-admin = 1 }
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    upstream = Upstream(piece_seconds=0.1)
    folder = tmp_path_factory.mktemp("just-in-time") / "door"
    door = prepared(folder, upstream=upstream, more=MODEL_ROW, edits=[ELSEWHERE]).start()
    people = {name: Caller(door, door.login(name)) for name in ("sam", "ana", "sue")}
    yield door, people
    for caller in people.values():
        caller.http.close()
    assert door.stop() == 0
    upstream.stop()


def act(caller, action, **more):
    return caller.http.post(ACCESS, json={"action": action, **more})


def granted(people, name="analyst", seconds=600, to="sam"):
    """The id of a grant that runs."""
    asked = act(people[to], "request", name=name, seconds=seconds, reason="quarterly figures")
    assert asked.status_code == 200, asked.text
    assert act(people["sue"], "approve", id=asked.json()["id"]).json()["state"] == "live"
    return asked.json()["id"]


@contextlib.contextmanager
def streaming(caller, model):
    with caller.http.stream(
        "POST", "/v1/chat/completions", json=body(TEXT, stream=True, model=model)
    ) as answer:
        assert answer.status_code == 200
        events = (line[6:] for line in answer.iter_lines() if line.startswith("data: "))
        next(events)
        yield events


def assert_cut(events, expected):
    """The stream ends with this error, without an end mark, long before its text."""
    rest = list(events)
    assert json.loads(rest[-1])["error"]["code"] == expected
    assert "[DONE]" not in rest
    assert len(rest) < 60


def test_a_grant_opens_what_it_says_and_its_end_cuts_what_needs_it(place):
    door, people = place
    sam, sue = people["sam"], people["sue"]
    refused = sam.chat(model="analysis-chat")
    assert refused.json()["error"]["remedy"]["command"] == "sallyport access request analyst --for 2h"
    asked = act(sam, "request", name="analyst", seconds=7200, reason="quarterly figures").json()
    assert code(act(sam, "request", name="analyst", seconds=7200, reason="again")) == "grant_exists"
    assert code(act(sam, "approve", id=asked["id"])) == "approval_refused"
    assert code(act(people["ana"], "approve", id=asked["id"])) == "grant_unknown"
    assert code(sam.chat(model="analysis-chat")) == "access_denied"
    assert act(sue, "approve", id=asked["id"]).status_code == 200
    assert code(sam.chat("hello", model="analysis-chat")) == ""
    with streaming(sam, "analysis-chat") as needs, streaming(sam, "support-chat") as own:
        assert act(sue, "deny", id=asked["id"]).json()["state"] == "revoked"
        assert_cut(needs, "grant_ended")
        assert next(own)  # what the person's own role allows goes on
    assert code(sam.chat(model="analysis-chat")) == "access_denied"
    acts = [e for e in entries(door) if e.get("grant") == asked["id"]]
    assert [e["action"] for e in acts] == ["grant.request", "grant.approve", "grant.deny"]
    assert len({e["who"] for e in acts}) == 2
    assert {e["target"] for e in acts} == {acts[0]["who"]}
    assert "payload_sha256" in acts[0]
    used = [e for e in entries(door) if e["kind"] == "intent" and e.get("grants")]
    assert {g["id"] for e in used for g in e["grants"]} == {asked["id"]}
    assert "quarterly" not in json.dumps(entries(door))


def test_a_grant_for_a_model_and_what_the_holder_drops(place):
    _, people = place
    ana = people["ana"]
    key = granted(people, "tuning-chat", to="ana")
    assert code(ana.chat(model="tuning-chat")) == ""
    assert act(ana, "drop", id=key).json()["state"] == "dropped"
    assert code(ana.chat(model="tuning-chat")) == "access_denied"


def test_a_lock_stops_and_cuts_and_can_be_lifted(place):
    _, people = place
    sam, sue = people["sam"], people["sue"]
    for scope, name in (("segment", "support"), ("everything", ""), ("user", "local|sam")):
        with streaming(sam, "support-chat") as events:
            lock = act(sue, "lock", scope=scope, name=name, reason="incident").json()
            assert_cut(events, "locked")
        assert code(sam.chat()) == "locked"
        assert act(sue, "unlock", id=lock["id"]).status_code == 200
        assert code(sam.chat("hi")) == ""
    assert code(act(sam, "lock", scope="everything", reason="mine")) == "access_denied"
    assert code(act(sue, "lock", scope="user", name="local|sue", reason="me")) == "approval_refused"
    assert code(act(sue, "lock", scope="segment", name="no such", reason="x")) == "grant_unknown"


def test_a_broken_glass_marks_every_answer_and_waits_for_its_review(place):
    door, people = place
    sam = people["sam"]
    broken = act(sam, "break-glass", name="analyst", seconds=600, reason="customers locked out").json()
    answer = sam.chat("hi", model="analysis-chat")
    assert answer.headers["x-sallyport-break-glass"] == broken["id"]
    assert answer.headers["x-sallyport-granted-until"] == str(broken["until"])
    assert "x-sallyport-break-glass" not in people["ana"].chat("hi", model="analysis-chat").headers
    assert code(act(sam, "review", id=broken["id"], justified=True)) == "approval_refused"
    reviewed = act(people["sue"], "review", id=broken["id"], justified=True).json()
    assert (len(reviewed["reviews"]), reviewed["to_review"]) == (1, True)
    listed = people["sue"].http.get(ACCESS).json()["grants"]
    assert broken["id"] in {g["id"] for g in listed}
    assert act(sam, "drop", id=broken["id"]).status_code == 200
    marked = [g for e in entries(door) if e["kind"] == "intent" for g in e.get("grants", [])]
    assert {"id": broken["id"], "emergency": True} in marked


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"action": "nothing"},
        {"action": ["approve"]},
        {"action": "approve"},
        {"action": "approve", "id": 7},
        {"action": "approve", "id": "x" * 65},
        {"action": "request", "name": "analyst", "seconds": "7200", "reason": "r"},
        {"action": "request", "name": "analyst", "seconds": 10**30, "reason": "r"},
        {"action": "request", "name": "analyst", "seconds": 600, "reason": "r", "by": "local|sue"},
        {"action": "request", "name": "analyst", "seconds": 600, "reason": "r" * 1001},
        {"action": "request", "name": "analyst", "seconds": 600, "reason": "r", "start": 1},
        {"action": "lock", "scope": "planet", "reason": "r"},
    ],
)
def test_what_cannot_be_read_is_refused(place, document):
    answer = place[1]["sam"].http.post(ACCESS, json=document)
    assert (answer.status_code, code(answer)) == (400, "field_invalid")


def test_the_command_line_says_the_same(place):
    door, _ = place
    door.login("sam")
    asked = json.loads(
        door.run("access", "request", "data-scientist", "--for", "30m", "--reason", "r", "--json").stdout
    )
    again = door.run("access", "request", "data-scientist", "--reason", "r", check=False)
    assert (again.returncode, "sallyport access list" in again.stderr) == (4, True)
    assert asked["id"] in door.run("access", "list").stdout
    assert door.run("access", "approve", asked["id"], check=False).returncode == 4
    assert "dropped" in door.run("access", "drop", asked["id"]).stdout
    assert (
        door.run("access", "request", "analyst", "--for", "soon", "--reason", "r", check=False).returncode
        == 2
    )
