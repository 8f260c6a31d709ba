"""Byte for byte what uvicorn sends, in fewer writes."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sallyport.gateway.cycle import JoinedProtocol

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
