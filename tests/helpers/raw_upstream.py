"""A model server of raw bytes, on the loop of the test: what it does with each connection is a coroutine."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct


class Wire:
    """One accepted connection."""

    def __init__(self, reader, writer):
        self._reader, self._writer = reader, writer

    async def request(self):
        """Head and body of the next call."""
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        return head, await self._reader.readexactly(length)

    async def send(self, *pieces):
        """Each piece in a segment of its own."""
        for piece in pieces:
            self._writer.write(piece)
            await self._writer.drain()
            await asyncio.sleep(0.002 if len(pieces) > 1 else 0)

    async def ended(self):
        """Wait until the client has closed."""
        with contextlib.suppress(ConnectionError):
            while await self._reader.read(65_536):
                pass

    def reset(self):
        """Break off, as a machine does that has crashed."""
        raw = self._writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


class RawUpstream:
    """`async with RawUpstream(play) as upstream:`; `play(wire)` runs for each connection."""

    def __init__(self, play, host="127.0.0.1"):
        self._play, self._host = play, host
        self.connections = 0
        self._tasks = set()

    async def _serve(self, reader, writer):
        self.connections += 1
        self._tasks.add(asyncio.current_task())
        wire = Wire(reader, writer)
        try:
            await self._play(wire)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, self._host, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
