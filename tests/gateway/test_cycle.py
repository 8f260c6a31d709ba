"""Byte for byte what uvicorn sends, in fewer writes."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sallyport.gateway.app import Door
from sallyport.gateway.cycle import PUSH, JoinedCycle, JoinedProtocol
from sallyport.gateway.dialects.openai_chat import OpenAIChat

LENGTH = [(b"content-type", b"text/plain"), (b"content-length", b"5")]
CHUNKED = [(b"content-type", b"text/plain")]


async def _head(send: Any, headers: Any, status: int = 200) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def _body(send: Any, body: bytes, *, more: bool = False) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": more})


async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: PLR0912 - a table of answers
    if scope["type"] == "lifespan":
        return
    path = scope["path"]
    if path == "/echo":
        message = await receive()
        await _head(send, CHUNKED)
        await _body(send, message["body"])
    elif path == "/raises":
        raise LookupError
    elif path == "/silent":
        return
    elif path == "/headonly":
        await _head(send, CHUNKED)
    elif path == "/late":
        await _head(send, CHUNKED)
        await _body(send, b"one", more=True)
        raise LookupError
    elif path == "/long":
        await _head(send, LENGTH)
        await _body(send, b"123456")
    elif path == "/short":
        await _head(send, LENGTH)
        await _body(send, b"1234")
    elif path == "/length":
        await _head(send, LENGTH, 403)
        await _body(send, b"hello")
    elif path == "/parts":
        await _head(send, LENGTH)
        await _body(send, b"he", more=True)
        await _body(send, b"llo")
    elif path == "/stream":
        await _head(send, CHUNKED)
        for part in (b"one", b"", b"two"):
            await _body(send, part, more=True)
        await _body(send, b"")
    elif path == "/further":
        await _head(send, CHUNKED)
        await _body(send, b"one", more=True)
        await send({"type": "http.response.body", "body": b"two"})
        await _body(send, b"three", more=True)
    elif path == "/again":
        await _head(send, CHUNKED)
        await _body(send, b"one", more=True)
        await _head(send, CHUNKED)
    elif path == "/empty":
        await _head(send, CHUNKED)
        await _body(send, b"")


def request(path: str, *lines: str, method: str = "GET", version: str = "1.1", body: str = "") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/{version}", "host: x", *lines, "", body]).encode()


WIRES = {
    **{path: request(path) for path in ("/length", "/parts", "/stream", "/empty", "/raises", "/silent")},
    **{path: request(path) for path in ("/headonly", "/late", "/long", "/short", "/further", "/again")},
    "close": request("/length", "connection: close"),
    "1.0": request("/stream", version="1.0"),
    "head": request("/length", method="HEAD"),
    "head of a stream": request("/stream", method="HEAD"),
    "body": request("/echo", "content-length: 3", method="POST", body="abc"),
    "continue": request("/echo", "content-length: 3", "expect: 100-continue", method="POST", body="abc"),
    "pipelined": request("/stream") + request("/length") + request("/echo", "content-length: 1", body="x"),
    "nonsense": b"nonsense\r\n\r\n",
}


async def answer(protocol: type[HttpToolsProtocol], wire: bytes) -> tuple[bytes, int]:
    """What comes back for some bytes, and in how many writes."""
    writes = 0

    class Counting(protocol):  # type: ignore[misc, valid-type]
        def connection_made(self, transport: Any) -> None:
            write = transport.write

            class Seen:
                def __getattr__(self, name: str) -> Any:
                    return getattr(transport, name)

                def write(self, data: bytes) -> None:
                    nonlocal writes
                    writes += 1
                    write(data)

            super().connection_made(Seen())

    config = uvicorn.Config(
        app, http=Counting, ws="none", lifespan="off", log_config=None, date_header=False, server_header=False
    )
    config.load()
    state = uvicorn.server.ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: Counting(config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(wire)
        got = b""
        while True:
            try:
                part = await asyncio.wait_for(reader.read(65536), 0.15)
            except TimeoutError:
                break
            if not part:
                break
            got += part
        writer.close()
        await asyncio.sleep(0)
    return got, writes


@pytest.mark.parametrize("name", WIRES)
async def test_the_bytes_are_uvicorns(name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL + 1, "uvicorn.error")
    theirs, _ = await answer(HttpToolsProtocol, WIRES[name])
    ours, _ = await answer(JoinedProtocol, WIRES[name])
    if name in {"/headonly", "/long", "/short"}:  # a broken app of these kinds is cut, here without its head
        assert theirs.startswith(ours)
    else:
        assert ours == theirs
        assert theirs


async def test_a_whole_answer_is_one_write() -> None:
    assert await answer(JoinedProtocol, WIRES["/length"]) == (
        (await answer(HttpToolsProtocol, WIRES["/length"]))[0],
        1,
    )


class Wire:
    """A transport that takes note."""

    def __init__(self) -> None:
        self.sent = b""

    def write(self, data: bytes) -> None:
        self.sent += data


class Caller:
    """A caller who does not read yet: `flow` of a cycle."""

    def __init__(self) -> None:
        self.write_paused, self._open = True, asyncio.Event()

    def reads(self) -> None:
        self.write_paused = False
        self._open.set()

    async def drain(self) -> None:
        await self._open.wait()


async def test_two_that_wait_for_the_same_caller_both_write() -> None:
    wire, caller = Wire(), Caller()
    cycle = JoinedCycle(
        scope={"method": "GET"},  # type: ignore[typeddict-item]
        transport=wire,  # type: ignore[arg-type]
        flow=caller,  # type: ignore[arg-type]
        logger=logging.getLogger("x"),
        access_logger=logging.getLogger("x"),
        access_log=False,
        default_headers=[],
        message_event=asyncio.Event(),
        expect_100_continue=False,
        keep_alive=True,
        on_response=lambda: None,
    )
    await _head(cycle.send, CHUNKED)
    waiting = [asyncio.create_task(_body(cycle.send, part, more=True)) for part in (b"one", b"two")]
    await asyncio.sleep(0)
    assert wire.sent == b""
    caller.reads()
    await asyncio.gather(*waiting)
    await _body(cycle.send, b"")
    head, body = wire.sent.split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 200")
    assert body == b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"


async def test_the_door_takes_the_cycle_out_of_its_scope() -> None:
    """They refer to each other: each request, with its headers, would lie there until garbage is collected."""
    sent = []

    async def nothing() -> None:
        return

    async def send(message: Any) -> None:
        sent.append(message)

    chat = OpenAIChat()
    door = Door(
        routes={}, prefixes={}, default=chat, in_flight=1, request_id=lambda: "r", start=nothing, stop=nothing
    )
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/nowhere",
        "query_string": b"",
        "headers": [],
        "extensions": {PUSH: {"cycle": object()}},
    }
    await door(scope, nothing, send)  # type: ignore[arg-type]
    assert (sent[0]["status"], "extensions" in scope) == (404, False)
