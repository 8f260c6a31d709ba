"""The disk under the audit log fails: no record, no call. Administrators still read, and calls resume by themselves."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from disk_faults import HAS_COMPILER, DiskFaults, SmallDisk, can_mount
from whole import Caller, Upstream, code, entries, prepared, wait_for

pytestmark = pytest.mark.slow
MIB = 1_048_576
RESERVE = ("reserve_bytes = 16777216", f"reserve_bytes = {8 * MIB}")


@pytest.fixture(scope="module")
def upstream():
    upstream = Upstream(piece_seconds=0.05)
    yield upstream
    upstream.stop()


def stage(door, upstream):
    """The door running, with its callers and its upstream."""
    door.start()
    people = {name: Caller(door, door.login(name)) for name in ("sam", "sue")}
    return SimpleNamespace(door=door, upstream=upstream, **people)


def clear(place):
    for caller in (place.sam, place.sue):
        caller.http.close()
    assert place.door.stop() == 0


@pytest.fixture(scope="module")
def small(tmp_path_factory, upstream):
    """A door whose log lies on a small file system."""
    folder = tmp_path_factory.mktemp("small")
    if not can_mount(folder):
        pytest.skip("mounting a small file system needs root")
    door = prepared(folder / "door", upstream=upstream, edits=[RESERVE])
    disk = SmallDisk(door.state / "audit", 24 * MIB)
    place = stage(door, upstream)
    place.disk = disk
    yield place
    clear(place)
    disk.unmount()


@pytest.fixture(scope="module")
def faulty(tmp_path_factory, upstream):
    """A door whose log's disk fails on command."""
    if not HAS_COMPILER:
        pytest.skip("making a disk fail on command needs gcc")
    folder = tmp_path_factory.mktemp("faulty")
    faults = DiskFaults(folder, folder / "door" / "state" / "audit")
    place = stage(prepared(folder / "door", upstream=upstream, environment=faults.environment), upstream)
    place.faults = faults
    yield place
    faults.end()
    clear(place)


def assert_refused(place, codes):
    before = place.upstream.calls
    for stream in (False, True):
        answer = place.sam.chat("not a word of this", stream=stream)
        assert answer.status_code == 503
        assert code(answer) in codes
    assert place.upstream.calls == before


def assert_resumed(place):
    wait_for(lambda: place.sam.health() == "ok", "the log")
    for stream in (False, True):
        assert code(place.sam.chat(stream=stream)) == ""
    verified = place.door.run("audit", "verify", "--dir", str(place.door.state / "audit"))
    assert verified.returncode == 0
    return entries(place.door)


def test_a_reached_reserve_stops_calls_and_not_administrators(small):
    request = small.sam.chat().headers["x-request-id"]
    small.disk.fill(leave=6 * MIB)
    wait_for(lambda: small.sam.health() == "disk_full", "the reserve")
    assert_refused(small, {"disk_full"})
    assert small.sue.http.get("/sallyport/v1/people").status_code == 200
    assert small.sue.http.get(f"/sallyport/v1/receipts/{request}").json()["request"] == request
    assert small.sam.http.get("/v1/models").status_code == 200
    small.disk.empty()
    log = assert_resumed(small)
    acts = [e["action"] for e in log if e["kind"] == "admin" and not e["action"].startswith("session.")]
    assert acts == ["people.list", "log.read"]
    wait_for(lambda: "refusals" in {e["kind"] for e in entries(small.door)}, "the counts")
    told = [e["counts"]["unrecorded"] for e in entries(small.door) if e["kind"] == "refusals"]
    assert told == [{"disk_full": 2}]


def test_a_full_disk_stops_calls_until_there_is_space(small):
    small.disk.fill()
    wait_for(lambda: small.sam.health() in {"disk_full", "log_unavailable"}, "the full disk")
    assert_refused(small, {"disk_full", "log_unavailable"})
    small.disk.empty()
    assert_resumed(small)


@pytest.mark.parametrize("what", ["write", "sync", "space"])
def test_a_failing_disk_stops_calls_until_it_works_again(faulty, what):
    faulty.faults.begin(what)
    assert_refused(faulty, {"log_unavailable", "disk_full"})
    assert faulty.sam.health() in {"log_unavailable", "disk_full"}
    faulty.faults.end()
    recoveries = [e for e in assert_resumed(faulty) if e["kind"] == "recovery"]
    assert recoveries[-1]["reason"] == "fault"


@pytest.mark.parametrize("what", ["write", "sync", "space"])
def test_a_disk_that_fails_under_a_running_stream_ends_it_without_an_end_mark(faulty, what):
    body = {"model": "support-chat", "messages": [{"role": "user", "content": "a b c d e f g h"}]}
    with faulty.sam.http.stream("POST", "/v1/chat/completions", json={**body, "stream": True}) as answer:
        request, lines = answer.headers["x-request-id"], answer.iter_lines()
        next(lines)
        faulty.faults.begin(what)
        rest = [line for line in lines if line.startswith("data: ")]
    assert json.loads(rest[-1][6:])["error"]["code"] in {"log_unavailable", "disk_full"}
    faulty.faults.end()
    log = assert_resumed(faulty)
    assert [e["kind"] for e in log if e.get("request") == request] == ["intent"]
    ends = [o["request"] for e in log if e["kind"] == "recovery" for o in e["orphans"]]
    assert ends.count(request) == 1


def test_a_start_on_a_failing_disk_says_so(faulty):
    faulty.door.stop()
    faulty.faults.begin("write")
    with pytest.raises(RuntimeError, match="the log cannot be opened"):
        faulty.door.start()
    faulty.faults.end()
    faulty.door.start()
    assert code(faulty.sam.chat()) == ""
