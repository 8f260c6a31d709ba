"""Server-sent events, read by the specification (WHATWG HTML section 9.2) and written by it."""

from __future__ import annotations

from msgspec import Struct

_BOM = b"\xef\xbb\xbf"
_LF = 0x0A


class Event(Struct, frozen=True):
    """One event. `raw` is what to send for passing it on: its data lines as they came, and nothing else."""

    name: bytes
    data: bytes
    raw: bytes

    @property
    def named(self) -> bytes:
        """What to send where the name was looked at, or is known: it comes first."""
        return b"event: " + self.name + b"\n" + self.raw if self.name else self.raw


class Reader:
    """Bytes in any chunking in, whole events out.

    Lines may end in LF, CRLF or CR, also split over chunks; comments and unknown fields are dropped; several
    data lines are joined by LF. An event without data is not an event. `limit` bounds one event in bytes.
    """

    __slots__ = ("_after_cr", "_first", "_limit", "_line_ended", "_parts", "_size")

    def __init__(self, *, limit: int) -> None:
        self._parts: list[bytes] = []  # of an event that has not ended, with LF alone
        self._size = 0
        self._first = True
        self._after_cr = False  # a line feed that comes next belongs to the line end before
        self._line_ended = False
        self._limit = limit

    @property
    def at_rest(self) -> bool:
        """Whether what comes next begins an event, and is not the first. Whole events may then be read by others."""
        return not (self._parts or self._first or self._after_cr)

    def feed(self, chunk: bytes) -> list[Event]:
        """Events that ended in this chunk. Raises ValueError when one grows past the limit."""
        if self._is_one_event(chunk):
            self._line_ended = True
            return [Event(b"", chunk[6:-2], chunk)]
        if self._after_cr or b"\r" in chunk:
            chunk = self._line_feeds(chunk)
        if not chunk:
            return []
        if self._size > self._limit:
            raise ValueError("an event is larger than allowed")
        self._parts.append(chunk)
        self._size += len(chunk)
        ended = b"\n\n" in chunk or (self._line_ended and chunk[0] == _LF)
        self._line_ended = chunk[-1] == _LF
        # What waits is joined once for each end of an event, not for each line or chunk of it.
        return self._split(b"".join(self._parts) if len(self._parts) > 1 else chunk) if ended else []

    def _is_one_event(self, chunk: bytes) -> bool:
        """Whether a chunk is one event of one data line, between two others: as most come."""
        return (
            chunk.startswith(b"data: ")
            and chunk.endswith(b"\n\n")
            and chunk.count(b"\n") == 2  # noqa: PLR2004 - those two
            and b"\r" not in chunk
            and self.at_rest
        )

    def _line_feeds(self, chunk: bytes) -> bytes:
        """CRLF and CR as LF, also where a chunk ends between the two."""
        if not chunk:
            return chunk
        if self._after_cr and chunk[0] == _LF:
            chunk = chunk[1:]
        self._after_cr = chunk.endswith(b"\r")
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _split(self, buffer: bytes) -> list[Event]:
        if self._first:
            self._first = False
            buffer = buffer.removeprefix(_BOM)
        *whole, rest = buffer.split(b"\n\n")
        self._parts = [rest] if rest else []
        self._size = len(rest)
        return [event for raw in whole if (event := _event(raw)) is not None]


def _event(raw: bytes) -> Event | None:
    if raw.startswith(b"data: ") and b"\n" not in raw:
        return Event(b"", raw[6:], raw + b"\n\n")
    name, data = b"", []
    for line in raw.split(b"\n"):
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value
    if not data:
        return None
    # Written anew: what stood in comments, ids and unknown fields was inspected by nobody.
    return Event(name, b"\n".join(data), b"".join(b"data: " + line + b"\n" for line in data) + b"\n")


def write(data: bytes, name: bytes = b"") -> bytes:
    """One event. `data` must not hold line breaks."""
    return (b"event: " + name + b"\n" if name else b"") + b"data: " + data + b"\n\n"


def comment(text: bytes) -> bytes:
    """A comment: keeps a connection alive, and every client ignores it."""
    return b": " + text + b"\n\n"
