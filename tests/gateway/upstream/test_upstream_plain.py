"""The client for plain HTTP: its connections, what they carry, when they are used again, when they are closed."""

from __future__ import annotations

import asyncio
import socket

import pytest
from raw_upstream import RawUpstream

from sallyport.errors import UpstreamFault
from sallyport.gateway import upstream_plain
from sallyport.gateway.upstream_connection import HELD
from sallyport.gateway.upstream_plain import PlainClient
from sallyport.gateway.upstream_target import Target

KEY = "Bearer sk-4b1d7h15k3y"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
OK = HEAD + b"content-length: 2\r\n\r\nok"
STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.fixture
async def client_of():
    clients = []

    def make(port, host="127.0.0.1", **more):
        clients.append(PlainClient(Target(name="u", base_url=f"http://{host}:{port}/v1", key=KEY, **more)))
        return clients[-1]

    yield make
    for client in clients:
        await client.close()
    await asyncio.sleep(0.01)


async def whole(client, body=b"{}"):
    answer = await client.send("chat", body, stream=False)
    try:
        return await answer.body()
    finally:
        await answer.close()


async def code_of(call):
    with pytest.raises(UpstreamFault) as caught:
        await call
    assert KEY[7:] not in repr(caught.value)
    return caught.value.code


async def kept(wire):
    while True:
        await wire.request()
        await wire.send(OK)


async def test_a_call_is_one_write_with_our_headers_and_no_others(client_of):
    seen = []

    async def play(wire):
        seen.append(await wire._reader.read(65_536))
        await wire.send(OK)

    async with RawUpstream(play) as upstream:
        assert await whole(client_of(upstream.port, query="v=1"), b'{"a":1}') == b"ok"
    assert seen == [
        b"POST /v1/chat/completions?v=1 HTTP/1.1\r\n"
        + f"host: 127.0.0.1:{upstream.port}\r\n".encode()
        + b"user-agent: sallyport\r\ncontent-type: application/json\r\naccept-encoding: identity\r\n"
        + b"authorization: Bearer sk-4b1d7h15k3y\r\naccept: */*\r\ncontent-length: 7\r\n\r\n"
        + b'{"a":1}'
    ]


async def test_a_connection_is_kept_and_waits_for_nothing(client_of):
    async with RawUpstream(kept) as upstream:
        client = client_of(upstream.port)
        assert [await whole(client) for _ in range(5)] == [b"ok"] * 5
        assert upstream.connections == 1
        (connection,) = client._open
        raw = connection._transport.get_extra_info("socket")
        assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_calls_at_the_same_time_have_a_connection_each(client_of):
    async with RawUpstream(kept) as upstream:
        client = client_of(upstream.port)
        assert await asyncio.gather(*(whole(client) for _ in range(9))) == [b"ok"] * 9
        assert upstream.connections == len(client._idle) == 9


async def test_ipv6(client_of):
    async with RawUpstream(kept, host="::1") as upstream:
        assert await whole(client_of(upstream.port, host="[::1]")) == b"ok"


LAST = {
    "connection: close": [HEAD + b"connection: close\r\ncontent-length: 2\r\n\r\nok"],
    "HTTP/1.0": [OK.replace(b"1.1", b"1.0")],
    "without a length": [HEAD + b"\r\nok", None],
    "bytes later": [OK, b"HTTP/1.1 200 OK\r\n"],
    "an empty line later": [OK, b"\r\n"],
    "closed later": [OK, None],
}


@pytest.mark.parametrize("name", LAST)
async def test_a_connection_that_is_not_used_again(client_of, name):
    async def play(wire):
        await wire.request()
        script = LAST[name]
        await wire.send(*[piece for piece in script if piece])
        if None not in script:
            await wire.ended()

    async with RawUpstream(play) as upstream:
        client = client_of(upstream.port)
        assert await whole(client) == b"ok"
        await asyncio.sleep(0.02)
        assert not client._idle
        assert await whole(client) == b"ok"
        assert upstream.connections == 2
    await asyncio.sleep(0.02)
    assert not client._open


@pytest.mark.parametrize(
    ("sent", "code"), [([], "upstream_unavailable"), ([HEAD + b"\r\nok"], "upstream_invalid")]
)
async def test_a_reset_is_no_end(client_of, sent, code):
    async def play(wire):
        await wire.request()
        await wire.send(*sent)
        await asyncio.sleep(0.02)
        wire.reset()

    async with RawUpstream(play) as upstream:
        assert await code_of(whole(client_of(upstream.port))) == code


async def test_a_connection_is_not_used_after_its_time(client_of):
    async with RawUpstream(kept) as upstream:
        client = client_of(upstream.port)
        await whole(client)
        (connection,) = client._idle
        connection.idle_since -= upstream_plain.IDLE_SECONDS
        await whole(client)
        assert upstream.connections == 2


@pytest.mark.parametrize("status", ["302 Go", "401 No", "500 Oops", "200 Fine"])
async def test_a_refused_answer_ends_the_call_at_the_upstream(client_of, status):
    ended = asyncio.Event()

    async def play(wire):
        await wire.request()
        await wire.send(f"HTTP/1.1 {status}\r\ncontent-type: a/b\r\n\r\n".encode())
        await wire.ended()
        ended.set()

    async with RawUpstream(play) as upstream:
        client = client_of(upstream.port)
        await code_of(client.send("chat", b"{}", stream=True))
        await asyncio.wait_for(ended.wait(), 5)


async def test_bytes_after_the_answer_refuse_it(client_of):
    async def play(wire):
        await wire.request()
        await wire.send(OK + OK)
        await wire.ended()

    async with RawUpstream(play) as upstream:
        client = client_of(upstream.port)
        assert await code_of(whole(client)) == "upstream_invalid"
        assert not client._idle


async def test_an_answer_before_the_request_has_left_ends_the_connection(client_of):
    async def play(wire):
        await wire._reader.readuntil(b"\r\n\r\n")
        await wire.send(OK)
        await asyncio.sleep(0.2)

    async with RawUpstream(play) as upstream:
        client = client_of(upstream.port)
        assert await whole(client, b"x" * 20_000_000) == b"ok"
        assert not client._idle


async def test_a_connection_whose_end_the_loop_has_not_seen_yet_is_not_used(client_of, monkeypatch):
    monkeypatch.setattr(upstream_plain, "SURE_SECONDS", -1.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        loop = asyncio.get_running_loop()
        client = client_of(server.getsockname()[1])

        async def serve():
            accepted, _ = await loop.sock_accept(server)
            await loop.sock_recv(accepted, 65_536)
            await loop.sock_sendall(accepted, OK)
            return accepted

        for _ in range(2):
            task = asyncio.create_task(serve())
            assert await whole(client) == b"ok"
            accepted = await task
            assert len(client._idle) == 1
            accepted.close()  # nothing is awaited between this and the next call


async def test_a_call_is_never_sent_twice(client_of):
    seen = []

    async def play(wire):
        seen.append(await wire.request())
        await wire.send(OK)
        seen.append(await wire.request())  # read, then gone

    async with RawUpstream(play) as upstream:
        client = client_of(upstream.port)
        assert await whole(client) == b"ok"
        assert await code_of(whole(client)) == "upstream_unavailable"
        await asyncio.sleep(0.02)
    assert (len(seen), upstream.connections) == (2, 1)


async def test_idle_connections_are_closed(client_of, monkeypatch):
    monkeypatch.setattr(upstream_plain, "IDLE_SECONDS", 0.05)
    ended = asyncio.Event()

    async def play(wire):
        await wire.request()
        await wire.send(OK)
        await wire.ended()
        ended.set()

    async with RawUpstream(play) as upstream:
        client = client_of(upstream.port)
        assert await whole(client) == b"ok"
        await asyncio.wait_for(ended.wait(), 5)
        await asyncio.sleep(0.02)
    assert not client._idle
    assert not client._open
    assert not client._sweeping


async def test_no_more_connections_than_allowed(client_of, monkeypatch):
    monkeypatch.setattr(upstream_plain, "MOST_IDLE", 2)
    async with RawUpstream(kept) as upstream:
        client = client_of(upstream.port)
        await asyncio.gather(*(whole(client) for _ in range(5)))
        assert len(client._idle) == 2
        monkeypatch.setattr(upstream_plain, "MOST_OPEN", 1)
        client._idle.clear()
        assert await code_of(whole(client)) == "upstream_unavailable"


async def test_a_caller_that_hangs_up_ends_the_call_at_the_upstream(client_of):
    asked, ended = asyncio.Event(), asyncio.Event()

    async def play(wire):
        await wire.request()
        asked.set()
        await wire.ended()
        ended.set()

    async with RawUpstream(play) as upstream:
        client = client_of(upstream.port)
        call = asyncio.create_task(whole(client))
        await asked.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.wait_for(ended.wait(), 5)
        await asyncio.sleep(0.01)
    assert not client._open


async def test_a_stream_that_is_let_go_ends_at_the_upstream(client_of):
    ended = asyncio.Event()

    async def play(wire):
        await wire.request()
        await wire.send(STREAM, b"1\r\na\r\n")
        await wire.ended()
        ended.set()

    async with RawUpstream(play) as upstream:
        answer = await client_of(upstream.port).send("chat", b"{}", stream=True)
        assert await anext(answer.chunks()) == b"a"
        await answer.close()
        await asyncio.wait_for(ended.wait(), 5)


async def test_letting_go_of_an_answer_that_has_ended_leaves_the_next_one_alone(client_of):
    async with RawUpstream(kept) as upstream:
        client = client_of(upstream.port)
        first = await client.send("chat", b"{}", stream=False)
        second = asyncio.create_task(whole(client))
        await asyncio.sleep(0)
        await first.close()
        assert await second == b"ok"
        assert upstream.connections == 1


async def test_an_upstream_waits_for_a_slow_caller(client_of):
    sent, piece, count = 0, b"10000\r\n" + b"x" * 65_536 + b"\r\n", 256

    async def play(wire):
        nonlocal sent
        await wire.request()
        await wire.send(STREAM)
        for _ in range(count):
            await wire.send(piece)
            sent += 1
        await wire.send(b"0\r\n\r\n")
        await wire.ended()

    async with RawUpstream(play) as upstream:
        answer = await client_of(upstream.port, answer_bytes=100_000_000).send("chat", b"{}", stream=True)
        await asyncio.sleep(0.3)
        held = sum(map(len, answer._parts))
        assert HELD < held <= HELD + 262_144
        assert sent < count
        size = held = 0
        async for chunk in answer.chunks():
            size += len(chunk)
        assert size == count * 65_536


async def test_a_stream_comes_as_it_is_sent(client_of):
    taken = asyncio.Event()

    async def play(wire):
        await wire.request()
        await wire.send(STREAM)
        for piece in (b"1\r\na\r\n", b"1\r\nb\r\n"):
            await wire.send(piece)
            await asyncio.wait_for(taken.wait(), 5)
            taken.clear()
        await wire.send(b"0\r\n\r\n")
        await wire.ended()

    async with RawUpstream(play) as upstream:
        client = client_of(upstream.port)
        answer = await client.send("chat", b"{}", stream=True)
        got = []
        async for chunk in answer.chunks():
            got.append(chunk)
            taken.set()
        assert got == [b"a", b"b"]
        assert len(client._idle) == 1


TIMES = {
    "no head": ([], {"first_byte_seconds": 0.1}),
    "half a head": ([HEAD], {"first_byte_seconds": 0.1}),
    "half a body": ([OK[:-1]], {"total_seconds": 0.1}),
}


@pytest.mark.parametrize("name", TIMES)
async def test_deadlines(client_of, name):
    sent, bounds = TIMES[name]

    async def play(wire):
        await wire.request()
        await wire.send(*sent)
        await wire.ended()

    async with RawUpstream(play) as upstream:
        client = client_of(upstream.port, **bounds)
        assert await code_of(whole(client)) == "upstream_timeout"
        await asyncio.sleep(0.01)
        assert not client._open


async def test_a_connection_that_does_not_come_about(client_of, monkeypatch):
    async def never(*_args, **_more):
        await asyncio.sleep(60)

    client = client_of(1, connect_seconds=0.1)
    assert await code_of(whole(client)) == "upstream_unavailable"
    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", never)
    assert await code_of(whole(client)) == "upstream_timeout"
    assert client._opening == 0


async def test_closing_the_door_fails_what_is_under_way(client_of):
    async def play(wire):
        await wire.request()
        await wire.ended()

    async with RawUpstream(play) as upstream:
        client = client_of(upstream.port)
        call = asyncio.create_task(code_of(whole(client)))
        await asyncio.sleep(0.02)
        await client.close()
        assert await call == "upstream_unavailable"
