"""Floods beside a good caller: they are refused, told in aggregate, and cost neither memory nor connections that stay."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from edge_door import Answer, is_whole, read_all
from whole import Caller, body, code, entries, pid_of, prepared, resident, wait_for

pytestmark = pytest.mark.slow
MIB = 1_048_576
PATH = "/v1/chat/completions"
LIMITS = ('state = "', 'limits = {body_seconds = 2.0}\nstate = "')
# Two floods of a kind: the first may warm up allocators and caches, and fill every buffer that one connection may
# have (64 KiB each in Envoy, uvicorn and the body, for the 64 connections used here: 12 MiB, twice that for the
# allocator's holes). The second must find all of it free again: what it adds would be kept per request.
FIRST, SECOND = 24 * MIB, 4 * MIB


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    door = prepared(tmp_path_factory.mktemp("flood") / "door", edits=[LIMITS]).start()
    with Caller(door, door.login("sam")) as sam:
        for _ in range(20):
            sam.chat()
            sam.chat(stream=True)
        yield door, sam
    assert door.stop() == 0


@contextlib.contextmanager
def beside(sam):
    """The good caller calls on; what came of it."""
    stop, seen = threading.Event(), Counter()

    def calls():
        while not stop.is_set():
            seen[code(sam.chat("still here", stream=seen.total() % 2 == 0))] += 1

    thread = threading.Thread(target=calls)
    thread.start()
    try:
        yield seen
        wait_for(lambda: seen.total() >= 3, "the good caller")
    finally:
        stop.set()
        thread.join(60)


def at_once(work, count, threads=16):
    """Run a piece of work `count` times over some threads; what each returned."""
    results, lock, left = [], threading.Lock(), list(range(count))

    def run():
        while True:
            with lock:
                if not left:
                    return
                number = left.pop()
            result = work(number)
            with lock:
                results.append(result)

    workers = [threading.Thread(target=run) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    return results


def connect(door):
    raw = socket.create_connection(("127.0.0.1", door.port), timeout=30)
    return door.trust().wrap_socket(raw, server_hostname="localhost")


def head(length, key="", *, more=""):
    bearer = f"authorization: Bearer {key}\r\n" if key else ""
    return (
        f"POST {PATH} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        f"{bearer}{more}content-length: {length}\r\n\r\n"
    ).encode()


def nobody(door, tokens):
    """Requests of unknown callers, 20 on a connection; the codes of their answers."""

    def some(number):
        with Caller(door) as caller:
            headers = [{"authorization": f"Bearer {token}"} if token else {} for token in tokens(number)]
            return [code(caller.http.post(PATH, json=body("x" * 500), headers=h)) for h in headers]

    return Counter(found for many in at_once(some, 25) for found in many)


FLOODS = {
    "no credential": (lambda _: [""] * 20, {"token_missing"}),
    "unreadable credentials": (lambda n: [f"a.{n}.{i}" for i in range(20)], {"token_malformed"}),
    "unknown keys": (lambda n: [f"sp_{n:04}{i:04}{'a' * 39}" for i in range(20)], {"token_malformed", "token_invalid"}),
    "long credentials": (lambda n: [f"{n}{i}" + "a" * 20_000 for i in range(20)], {"token_malformed"}),
}  # fmt: skip


def test_a_flood_of_unknown_callers(place):
    door, sam = place
    worker = pid_of(door, "worker")
    sizes, before = [resident(worker)], len(entries(door))
    for _ in range(2):
        for tokens, codes in FLOODS.values():
            with beside(sam) as seen:
                found = nobody(door, tokens)
            assert set(found) <= codes
            assert found.total() == 500
            assert set(seen) == {""}, "the good caller was refused"
        sizes.append(resident(worker))
    assert_told_together(door, before, 4000, {"token_missing", "token_malformed"})
    assert pid_of(door, "worker") == worker
    assert_flat(sizes)


def assert_flat(sizes):
    assert sizes[1] - sizes[0] < FIRST, sizes
    assert sizes[2] - sizes[1] < SECOND, sizes


def assert_told_together(door, before, count, codes):
    """The refusals are in the log, all of them, in a few entries."""

    def told():
        counts = Counter()
        for entry in entries(door)[before:]:
            counts.update(entry.get("counts", {}).get("refused", {}))
        return counts if counts.total() >= count else None

    counts = wait_for(told, "the counts")
    assert counts.total() == count
    assert set(counts) == codes
    kinds = Counter(e["kind"] for e in entries(door)[before:])
    assert kinds["refusal"] == 0
    assert kinds["refusals"] <= 20


def test_a_flood_of_logins(place):
    """Passwords are costly to check, so who guesses must not take that time from others."""
    door, sam = place
    before = len(entries(door))

    def one(number):
        with Caller(door) as caller:
            guess = {"name": f"guess{number % 50}", "password": f"not the one {number}", "code": "123456"}
            return code(caller.http.post("/sallyport/v1/login", json=guess))

    with beside(sam) as seen:
        found = Counter(at_once(one, 200))
    assert set(found) <= {"login_failed", "login_throttled", "overloaded"}
    assert found.total() == 200
    assert set(seen) == {""}
    assert_told_together(door, before, 200, set(found))


def test_a_flood_of_oversized_bodies(place):
    door, sam = place
    worker = pid_of(door, "worker")
    sizes = [resident(worker)]
    key = sam.http.headers["authorization"].split()[1]

    def one(number):
        """A large body, whose length is told, from somebody and from nobody."""
        with connect(door) as connection, contextlib.suppress(OSError):
            connection.sendall(head(20 * MIB, key if number % 2 else ""))
            for _ in range(320):
                connection.sendall(b" " * 65_536)
        with contextlib.suppress(OSError, ssl.SSLError):
            return Answer(read_all(connection)).status
        return 0

    for _ in range(2):
        with beside(sam) as seen:
            statuses = at_once(one, 40)
        assert set(statuses) <= {0, 401, 413}
        assert set(seen) == {""}
        sizes.append(resident(worker))
    assert_flat(sizes)


@pytest.mark.parametrize("chunked", [False, True])
def test_oversized_bodies_are_told_so(place, chunked):
    """Every time: an answer to a body that nobody reads must not get lost between worker and edge."""
    door, sam = place
    pieces = [b" " * 65_536] * 32
    with Caller(door) as anyone:
        for caller, told in ((sam, (413, "body_too_large")), (anyone, (401, "token_missing"))):
            for _ in range(8):
                content = iter(pieces) if chunked else b"".join(pieces)
                answer = caller.http.post(PATH, content=content, headers={"content-type": "application/json"})
                assert (answer.status_code, code(answer)) == told


def test_slow_bodies_are_cut_off(place):
    door, sam = place
    key = sam.http.headers["authorization"].split()[1]

    def one(_):
        with connect(door) as connection:
            connection.sendall(head(1000, key))
            began, data = time.monotonic(), b""
            connection.settimeout(0.2)
            while not data and time.monotonic() - began < 30:
                with contextlib.suppress(TimeoutError):
                    connection.sendall(b" ")
                    data = connection.recv(4096)
            connection.settimeout(20)
            data += b"" if is_whole(data) else read_all(connection)
        return Answer(data).json["error"]["code"]

    with beside(sam) as seen:
        assert Counter(at_once(one, 64, threads=64)) == {"body_timeout": 64}
    assert set(seen) == {""}
    assert_released(door)


HALVES = {
    "connections without a word": b"",
    "half a handshake": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "no TLS at all": b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n",
}


def test_half_open_connections_are_closed_by_the_door(place):
    door, sam = place
    opened = [(connect(door), head(10)[:60]) for _ in range(60)]
    for beginning in HALVES.values():
        opened += [
            (socket.create_connection(("127.0.0.1", door.port), timeout=60), beginning) for _ in range(100)
        ]
    with beside(sam) as seen:
        for connection, beginning in opened:
            with contextlib.suppress(OSError):
                connection.sendall(beginning)
        for connection, _ in opened:
            connection.settimeout(60)
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                while connection.recv(4096):
                    pass
            connection.close()
    assert set(seen) == {""}
    assert_released(door)


def established(pid):
    """How many sockets a process holds."""
    found = 0
    for place in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            found += str(place.readlink()).startswith("socket:")
    return found


def assert_released(door):
    """Of all connections, only the good caller's and idle ones between edge and worker are left (they end after 30 s)."""
    wait_for(lambda: established(pid_of(door, "edge")) < 30, "the edge's connections", 45)
    wait_for(lambda: established(pid_of(door, "worker")) < 30, "the worker's connections", 45)


def test_more_connections_than_allowed_do_not_stop_who_is_in(tmp_path):
    limits = ('state = "', 'limits = {connections = 40}\nstate = "')
    door = prepared(tmp_path / "door", edits=[limits]).start()
    with Caller(door, door.login("sam")) as sam:
        assert code(sam.chat()) == ""
        opened = [socket.create_connection(("127.0.0.1", door.port), timeout=30) for _ in range(120)]
        try:
            for _ in range(5):
                assert code(sam.chat()) == ""
            assert established(pid_of(door, "edge")) < 80
        finally:
            for connection in opened:
                connection.close()
        with Caller(door) as another:
            assert wait_for(lambda: another.health() == "ok", "room for new connections")
    assert door.stop() == 0


def test_the_log_holds_no_words_of_the_floods(place):
    assert "xxxxxxxx" not in json.dumps(entries(place[0]))
