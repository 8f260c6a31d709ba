"""An upstream that streams: a chunk each 5 ms to everyone who posts. `python bench/sse_source.py PORT`."""

from __future__ import annotations

import asyncio
import sys

import uvloop
from traffic import chunks

PAUSE = 0.005
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n"
FRAMES = [b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks()]
FRAMES[-1] += b"0\r\n\r\n"


class Source(asyncio.Protocol):
    """One connection: reads a request, streams, and waits for the next."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.loop = asyncio.get_running_loop()
        self.buffer, self.timer = b"", None

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, end, body = self.buffer.partition(b"\r\n\r\n")
        if not end:
            return
        lower = head.lower()
        length = int(lower.partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
        if b"transfer-encoding: chunked" in lower:
            if not body.endswith(b"0\r\n\r\n"):
                return
        elif len(body) < length:
            return
        self.buffer = b""
        self.transport.write(HEAD + FRAMES[0])
        self.next, self.due = 1, self.loop.time() + PAUSE
        self.timer = self.loop.call_at(self.due, self.send)

    def send(self) -> None:
        self.transport.write(FRAMES[self.next])
        self.next += 1
        if self.next < len(FRAMES):
            self.due += PAUSE
            self.timer = self.loop.call_at(self.due, self.send)

    def connection_lost(self, _error: Exception | None) -> None:
        if self.timer is not None:
            self.timer.cancel()


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Source, "127.0.0.1", port, backlog=512)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
