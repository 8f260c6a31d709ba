"""uvicorn's HTTP/1.1 protocol, with an answer's head and its first bytes in one write.

uvicorn writes the head by itself: one more system call and one more packet for each answer. It also judges every
header with two patterns, after `respond.encode_headers` has; here that is left out, and nothing else differs.
"""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

PUSH = "sallyport.push"  # the ASGI extension through which a running body is added to without awaiting


class JoinedCycle(RequestResponseCycle):
    """One request and its answer. The head waits for the first bytes of the body, which our app sends at once."""

    _held: Any = None
    _flows = False  # whether a body of unknown length has begun, and not ended

    async def send(self, message: Any) -> None:
        """ASGI's `send`."""
        if self._flows:
            body, self._flows = message.get("body"), message.get("more_body", False)
            if body and self.flows():
                self.push(body)
                return
        if self._held is None:
            if self.response_started or message["type"] != "http.response.start":
                await super().send(message)
                return
            self.response_started, self.waiting_for_100_continue = True, False
            self._held = message
            return
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
            if self._held is None:  # somebody else, who waited too, was first
                await self.send(message)
                return
        if self.disconnected:
            return
        held, self._held = self._held, None
        body, more = message.get("body", b""), message.get("more_body", False)
        self._write(self._head(held), body, more=more)
        self._flows = more and bool(self.chunked_encoding)
        if not more:
            self._complete()

    def flows(self) -> bool:
        """Whether a running body may be added to without waiting."""
        return self._flows and not (self.disconnected or self.flow.write_paused)

    def push(self, body: bytes) -> None:
        """More of a running body. Only where `flows()`."""
        self.transport.write(b"%x\r\n%b\r\n" % (len(body), body))

    def _head(self, start: Any) -> bytes:
        """Status line and headers, with the framing of the body decided."""
        headers = [*self.default_headers, *start["headers"]]
        lines = [b"%b: %b\r\n" % header for header in headers]
        if not self.keep_alive:
            lines.append(b"connection: close\r\n")
        length = next((value for name, value in headers if name == b"content-length"), None)
        self.chunked_encoding = length is None and self.scope["method"] != "HEAD"
        if self.chunked_encoding:
            lines.append(b"transfer-encoding: chunked\r\n")
        elif length is not None:
            self.expected_content_length = int(length)
        return b"%b%b\r\n" % (STATUS_LINE[start["status"]], b"".join(lines))

    def _write(self, head: bytes, body: bytes, *, more: bool) -> None:
        if self.scope["method"] == "HEAD":
            self.expected_content_length, body = 0, b""
        elif self.chunked_encoding:
            framed = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            body = framed if more else framed + b"0\r\n\r\n"
        else:
            self.expected_content_length -= len(body)
            if self.expected_content_length < 0:
                raise RuntimeError("the answer is longer than its content-length")
        self.transport.write(head + body)

    def _complete(self) -> None:
        if self.expected_content_length:
            raise RuntimeError("the answer is shorter than its content-length")
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()


class JoinedProtocol(HttpToolsProtocol):
    """Has its cycles joined."""

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        cycle.__class__ = JoinedCycle  # uvicorn makes its cycles itself, and has no setting for their kind
        cycle.scope["extensions"] = {PUSH: {"cycle": cycle}}
        super()._start_asgi_task(cycle, app)
