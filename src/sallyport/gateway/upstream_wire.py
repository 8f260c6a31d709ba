"""Reads the answers of one HTTP/1.1 connection (RFC 9112). No socket, clock or task: bytes go in, an answer comes out.

httptools (llhttp without its leniencies) refuses bad syntax and conflicting lengths; the bounds, and what comes
after an answer, are ours. What is refused here ends the connection, so a refusal may leave the reader half way.
"""

from __future__ import annotations

from typing import NoReturn

import httptools

from sallyport.errors import UpstreamFault

# A line of the head costs its bytes and LINE more, so that there are fewer than 128.
MOST_HEAD, LINE = 131_072, 1024
MOST_INTERIM = 8
_FINAL, _SWITCH, _NO_BODY = 200, 101, {204, 304}
_KEPT = "content-type", "content-encoding", "content-length", "retry-after", "connection", "transfer-encoding"
_NOTED = {name.encode(): name for name in _KEPT}
_H = ord("H")


class Reader:
    """One answer after another. `expect()`, then `feed()` until `whole`, or `end()` where the connection ends.

    Callbacks named `on_` are the parser's.
    """

    __slots__ = (
        "_barren", "_fault", "_interim", "_most", "_parser", "_room", "_until_close",
        "headers", "parts", "reusable", "size", "status", "whole",
    )  # fmt: skip

    def __init__(self, most: int) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._most = most
        self.expect()

    def expect(self) -> None:
        """The next bytes begin an answer."""
        self._fault: UpstreamFault | None = None
        self._room, self._interim, self._barren = MOST_HEAD, 0, 0
        self._until_close = False
        self.headers: dict[str, str] = {}
        self.parts: list[bytes] = []  # of the body; whoever takes them leaves an empty list
        self.size = self.status = 0
        self.whole = self.reusable = False

    def feed(self, data: bytes) -> None:
        """Read on. Raises UpstreamFault."""
        if data[0] != _H and not (self.status or self._barren):
            self._refuse("not HTTP")  # the parser would skip empty lines, or read RTSP
        before = self.size
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            raise self._fault or self._broken("not HTTP") from None
        if self.whole:
            return
        # Neither body nor end: head, chunk sizes or trailers, which the parser gathers without a bound.
        self._barren = 0 if self.size > before else self._barren + len(data)
        if self._barren > MOST_HEAD:
            self._refuse("too many bytes without content")

    def end(self) -> None:
        """The connection was closed in good order. Raises UpstreamFault where the answer does not end so."""
        if not self._until_close:
            self._refuse("the answer ended early" if self.status else "no answer")
        self.whole = True

    def close(self) -> None:
        """Free the parser, which refers to this object."""
        del self._parser

    def on_message_begin(self) -> None:
        """Also after the end: then something else follows the answer that was asked for."""
        if self.whole:
            self._refuse("bytes after the answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        """A line of the head, or of the trailers, which are counted and not looked at."""
        self._room -= len(name) + len(value) + LINE
        if self._room < 0:
            self._refuse("the head is too large")
        key = _NOTED.get(name.lower())
        if not value.isascii():
            self._text(value, noted=key is not None)
        elif key is not None and not self.status:
            text = value.decode().rstrip()
            self.headers[key] = f"{self.headers[key]}, {text}" if key in self.headers else text

    def on_headers_complete(self) -> None:
        """The head is whole: is it one that says where its answer ends?"""
        status = self._parser.get_status_code()
        if status < _FINAL:
            self._skip(status)
            return
        version, headers = self._parser.get_http_version(), self.headers
        coding = headers.get("transfer-encoding")
        if version not in {"1.1", "1.0"} or (
            coding is not None and (version == "1.0" or coding.lower() != "chunked")
        ):
            self._refuse("an unknown framing")
        self._until_close = coding is None and "content-length" not in headers and status not in _NO_BODY
        kept = version == "1.1" and headers.get("connection", "keep-alive").lower() == "keep-alive"
        self.reusable = kept and not self._until_close
        self.status = status

    def on_body(self, data: bytes) -> None:
        """Some of the body."""
        self.size += len(data)
        if self.size > self._most:
            self._refuse("the answer grew too large", "upstream_too_large")
        self.parts.append(data)

    def on_message_complete(self) -> None:
        """The end of the answer, or of an interim one."""
        self.whole = self.status > 0

    def _skip(self, status: int) -> None:
        """100 and 103 announce the answer; 101 would be another protocol, which nobody asked for."""
        self._interim += 1
        if status == _SWITCH or self._interim > MOST_INTERIM:
            self._refuse(f"status {status}")
        self.headers = {}

    def _text(self, value: bytes, *, noted: bool) -> None:
        try:
            value.decode()
        except UnicodeDecodeError:
            self._refuse("a header is not text")
        if noted:
            self._refuse("a header is not ASCII")

    def _broken(self, detail: str, code: str = "") -> UpstreamFault:
        return UpstreamFault(
            detail, code=code or ("upstream_invalid" if self.status else "upstream_unavailable")
        )

    def _refuse(self, detail: str, code: str = "") -> NoReturn:
        """Raised through the parser, which tells only that something was."""
        self._fault = self._broken(detail, code)
        raise self._fault
