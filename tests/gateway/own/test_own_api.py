"""Our own API against people who want more than they may: the whole worker, over HTTP."""

from __future__ import annotations

import json
import time

import door
import pyotp
import pytest
from hostile import EDGE, HostileUpstream, Worker, response

pytestmark = pytest.mark.slow
OWN = "/sallyport/v1"
NOTHING_SAID = ("", " ", "\t\n", "...", "\u200b", "\u2060\u00a0", "--")


@pytest.fixture(scope="module")
def upstream():
    server = HostileUpstream()
    server.script = [response(door.answer("fine"))]
    yield server
    server.stop()


@pytest.fixture(scope="module")
def worker(upstream, tmp_path_factory):
    running = Worker(tmp_path_factory.mktemp("own") / "state", upstream.port)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def admin(worker):
    return worker.headers("admins", authorization=f"Bearer {worker.token('admins', sub='sue')}")


@pytest.fixture(scope="module")
def call(worker):
    return worker.chat().headers["x-request-id"]


def entries(worker):
    """Every entry of the log, newest last."""
    from sallyport.audit.reader import LogReader
    from sallyport.audit.shard import shards_of

    return [
        json.loads(data)
        for place in shards_of(worker.state / "audit")
        for _, data in LogReader(place).entries()
    ]


def acts(worker, action):
    return [entry for entry in entries(worker) if entry.get("action") == action]


@pytest.mark.parametrize("purpose", NOTHING_SAID)
def test_saying_nothing_is_no_purpose(worker, admin, call, purpose):
    before = len(acts(worker, "content.read"))
    reply = worker.http.post(f"{OWN}/records/{call}", json={"purpose": purpose}, headers=admin)
    assert (reply.status_code, reply.json()["error"]["policy"]) == (403, "guard-purpose")
    assert len(acts(worker, "content.read")) == before


def test_a_stated_purpose_opens_content_and_is_recorded(worker, admin, call):
    before = len(acts(worker, "content.read"))
    reply = worker.http.post(f"{OWN}/records/{call}", json={"purpose": "incident 7"}, headers=admin)
    assert reply.status_code == 200
    assert "hello" in reply.json()["sent"]
    (read,) = acts(worker, "content.read")[before:]
    assert read["details"] == {"record": call, "own": False, "purpose_given": True}


@pytest.mark.parametrize(
    "roles", ["x", [1], [""], ["x" * 65], ["a\u001b[31m"], ["a"] * 65, [["a"]], {"a": 1}, None]
)
def test_what_is_no_list_of_roles_stays_out_of_the_log(worker, admin, roles):
    before = len(entries(worker))
    reply = worker.http.post(
        f"{OWN}/people", json={"action": "create", "name": "new", "roles": roles}, headers=admin
    )
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "roles")
    assert [entry["kind"] for entry in entries(worker)[before:]] == ["refusal"]


def enrol(worker, admin, name):
    made = worker.http.post(
        f"{OWN}/people", json={"action": "create", "name": name, "roles": ["support-agent"]}, headers=admin
    ).json()
    password = "violet trumpets over Lisbon"
    given = {"link": made["secret"], "password": password}
    headers = {**EDGE, "content-type": "application/json"}
    begun = worker.http.post(f"{OWN}/enrol", json=given, headers=headers).json()
    code = pyotp.TOTP(begun["secret"]).at(int(time.time()) - 30)
    done = worker.http.post(
        f"{OWN}/enrol/finish", json={"link": made["secret"], "code": code}, headers=headers
    )
    assert done.status_code == 200, done.text
    factors = {"name": name, "password": password, "code": pyotp.TOTP(begun["secret"]).now()}
    return worker.http.post(f"{OWN}/login", json=factors, headers=headers)


def test_who_enrols_or_logs_in_is_in_the_log(worker, admin):
    reply = enrol(worker, admin, "eve")
    assert reply.status_code == 200, reply.text
    (enrolled,), (opened,) = acts(worker, "person.enrolled"), acts(worker, "session.open")
    assert enrolled["who"] == opened["who"]
    assert opened["request"] == reply.headers["x-request-id"]
    assert "eve" not in json.dumps(entries(worker))
    asked = {**EDGE, "authorization": f"Bearer {reply.json()['key']}", "content-type": "application/json"}
    refused = worker.http.get(f"{OWN}/people", headers=asked)
    assert refused.status_code == 403
    assert entries(worker)[-1]["session"] == opened["session"]


FORBIDDEN = """
[access]
policies = "{folder}"
extend_default = true
[identity.directory]
enabled = false
"""


@pytest.fixture(scope="module")
def strict(upstream, tmp_path_factory):
    folder = tmp_path_factory.mktemp("policies")
    (folder / "no.cedar").write_text(
        '@id("no-explain") forbid (principal, action == Sallyport::Action::"explain", resource);'
    )
    running = Worker(
        tmp_path_factory.mktemp("strict") / "state", upstream.port, FORBIDDEN.format(folder=folder)
    )
    yield running
    running.stop()


def test_a_policy_can_forbid_to_explain(worker, strict):
    asked = {"model": "support-chat", "surface": "chat"}
    assert worker.http.post(f"{OWN}/explain", json=asked, headers=worker.headers()).status_code == 200
    reply = strict.http.post(f"{OWN}/explain", json=asked, headers=strict.headers())
    assert (reply.status_code, reply.json()["error"]["policy"]) == (403, "no-explain")


@pytest.mark.parametrize("path", ["login", "enrol", "enrol/finish", "logout", "refresh", "people"])
def test_a_directory_that_is_off_has_no_routes(strict, path):
    factors = {"name": "sam", "password": "x", "code": "1"}
    reply = strict.http.post(f"{OWN}/{path}", json=factors, headers=strict.headers("admins"))
    assert (reply.status_code, reply.json()["error"]["code"]) == (404, "not_found")


def test_who_may_not_read_the_log_does_not_learn_what_is_in_it(worker, call):
    """The record of somebody else and one that never was are answered alike."""
    stranger = {**worker.headers("science"), "authorization": f"Bearer {worker.token('science', sub='eve')}"}
    told = []
    for record in (call, "req_000000000000000000000000"):
        reply = worker.http.post(f"{OWN}/records/{record}", json={"purpose": "x"}, headers=stranger)
        error = reply.json()["error"]
        told.append((reply.status_code, {**error, "request_id": ""}, reply.headers["content-length"]))
    assert told[0] == told[1]
    assert told[0][0] == 404


ANTHROPIC = {"anthropic-version": "2023-06-01"}


def test_models_in_the_shape_of_the_callers_wire(worker):
    ours = worker.http.get("/v1/models", headers=worker.headers()).json()
    theirs = worker.http.get("/v1/models", headers=worker.headers(**ANTHROPIC)).json()
    assert (ours["object"], [m["id"] for m in ours["data"]]) == ("list", ["support-chat"])
    (model,) = theirs.pop("data")
    assert theirs == {"has_more": False, "first_id": "support-chat", "last_id": "support-chat"}
    assert (model["type"], model["id"], model["display_name"]) == ("model", "support-chat", "support-chat")
    one = worker.http.get("/v1/models/support-chat", headers=worker.headers(**ANTHROPIC)).json()
    assert one == model
    nobody = worker.headers("nobody", authorization=f"Bearer {worker.token('nobody', sub='x')}", **ANTHROPIC)
    assert worker.http.get("/v1/models", headers=nobody).json() == {
        "data": [], "has_more": False, "first_id": None, "last_id": None
    }  # fmt: skip


def test_errors_of_the_list_in_the_shape_of_the_callers_wire(worker):
    for path, headers, kind in (
        ("/v1/models/none", worker.headers(**ANTHROPIC), "not_found_error"),
        ("/v1/models", {**EDGE, **ANTHROPIC}, "authentication_error"),
    ):
        reply = worker.http.get(path, headers=headers)
        said = reply.json()
        assert (said["type"], said["error"]["type"]) == ("error", kind)
        assert said["request_id"] == reply.headers["request-id"] == reply.headers["x-request-id"]
    ours = worker.http.get("/v1/models/none", headers=worker.headers())
    assert "type" not in ours.json()
    assert "request-id" not in ours.headers


@pytest.mark.parametrize("surface", ["chat", "messages", "responses", "completions", "embeddings"])
def test_every_surface_is_explained(worker, surface):
    asked = {"model": "support-chat", "surface": surface}
    said = worker.http.post(f"{OWN}/explain", json=asked, headers=worker.headers()).json()
    assert said["decision"]["allowed"] is (surface != "embeddings")
