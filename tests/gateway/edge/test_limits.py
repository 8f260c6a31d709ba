"""Floods and dawdlers: bounded at the edge, while others are served."""

from __future__ import annotations

import contextlib
import socket
import ssl

import pytest

HEAD = b"POST /echo HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(scope="module")
def hasty(opened):
    """Short times, few connections."""
    return opened(
        header_seconds=1,
        body_seconds=1,
        handshake_seconds=1,
        connections=4,
        header_bytes=8192,
    )


def test_connections_are_capped_and_come_back(hasty, kit) -> None:
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(hasty.connect()) for _ in range(4)]
        with pytest.raises((ssl.SSLError, OSError)):
            hasty.connect()
        assert kit.exchange(held[0]).status == 200
    kit.wait_for(lambda: succeeds(hasty.exchange), "a free place")


def succeeds(call) -> bool:
    try:
        call()
    except OSError:
        return False
    return True


def test_headers_that_dawdle_are_cut(hasty, kit) -> None:
    with hasty.connect() as connection:
        connection.sendall(HEAD)
        answer = kit.Answer(kit.read_all(connection))
    assert (answer.status, answer.json["error"]["code"]) == (400, "edge_timeout")


def test_a_body_that_dawdles_is_cut(hasty, kit) -> None:
    with hasty.connect() as connection:
        connection.sendall(b"POST /wait HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        answer = kit.Answer(kit.read_all(connection))
    assert (answer.status, answer.json["error"]["code"]) == (400, "edge_timeout")


def test_a_handshake_that_dawdles_is_cut(hasty) -> None:
    with socket.create_connection(("127.0.0.1", hasty.port), timeout=20) as connection:
        assert connection.recv(1024) == b""


def test_an_answer_may_take_longer_than_a_request(hasty) -> None:
    assert hasty.exchange(request="GET /linger?2.5").json == {"lingered": True}


def test_an_answer_that_never_comes_is_cut(opened) -> None:
    answer = opened(stream_idle_seconds=1).exchange(request="GET /wait")
    assert (answer.status, answer.json["error"]["code"]) == (503, "deadline_exceeded")


def test_headers_beyond_the_limit_are_refused(hasty) -> None:
    assert hasty.exchange("x: " + "a" * 9000).status == 431
    assert hasty.exchange("x: " + "a" * 7000).status == 200
