"""One plain connection to a model server, and the answer that is under way on it.

Everything happens in the callbacks of the loop: no task, no thread. An answer is finished or broken exactly once;
from then on the connection knows nothing of it, and serves the next call or is closed.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import AsyncIterator, Callable

from sallyport.errors import UpstreamFault
from sallyport.gateway.deadline import of_this_loop
from sallyport.gateway.upstream_judge import refusal
from sallyport.gateway.upstream_target import Target
from sallyport.gateway.upstream_wire import Reader

HELD = 65_536  # bytes of a stream that wait for the caller before the upstream has to


class PlainAnswer:
    """An answer that has begun: its head is known and not refused. Bounded in bytes; a whole one also in time."""

    __slots__ = (
        "_connection", "_deadlines", "_ended", "_fault", "_parts", "_stream", "_take", "_taken", "_target", "_waiter",
        "at", "idle_seconds", "ready", "refusal", "status", "total_seconds",
    )  # fmt: skip

    def __init__(self, connection: Connection, target: Target, began: float, *, stream: bool) -> None:
        self._connection: Connection | None = connection
        self._target, self._stream = target, stream
        self._ended, self._taken = False, 0
        self._fault: UpstreamFault | None = None
        self._parts: list[bytes] = []
        self._waiter: asyncio.Future[None] | None = None
        self._take: Callable[[bytes], bool] | None = None
        self.status = 0
        self.refusal: UpstreamFault | None = None
        self.idle_seconds, self.total_seconds = target.idle_seconds, target.total_seconds
        # Of a stream, when the head is there; of a whole answer, when it has ended.
        self.ready: asyncio.Future[None] = connection.loop.create_future()
        self._deadlines = of_this_loop()
        self.at = began + target.first_byte_seconds
        self._deadlines.add(self)

    def advance(self, reader: Reader) -> None:
        """The reader has read on."""
        if not self.status and reader.status:
            self._begin(reader)
        if reader.parts:
            parts, reader.parts = reader.parts, []
            if not self._is_taken(parts):
                self._parts += parts
        if reader.whole:
            self._ended, self._connection = True, None
            self._deadlines.remove(self)
            self._wake(last=True)
        elif self._parts:
            self._wake()

    def _is_taken(self, parts: list[bytes]) -> bool:
        """Whether these need not wait: nobody has to be woken for what is dealt with here."""
        if self._take is None or self._parts or self._waiter is None or self._waiter.done():
            return False
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        if not self._take(data):
            return False
        self._taken += len(data)
        return True

    def _begin(self, reader: Reader) -> None:
        self.status = reader.status
        self.refusal = refusal(reader.status, reader.headers, self._target, stream=self._stream)
        if self._stream or self.refusal:
            self._deadlines.remove(self)
            self._wake(last=True)
        elif not reader.whole:
            self.at = self._connection.loop.time() + self.total_seconds  # type: ignore[union-attr]

    def _wake(self, *, last: bool = False) -> None:
        if last and not self.ready.done():
            self.ready.set_result(None)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def held(self, size: int) -> int:
        """How many of so many bytes wait for the caller. A whole answer waits for no one."""
        return size - self._taken if self._stream else 0

    def fire(self) -> None:
        """Called by the table of deadlines."""
        detail = "the body did not end in time" if self.status else "no answer in time"
        self.hang_up(UpstreamFault(detail, code="upstream_timeout"))

    def fail(self, fault: UpstreamFault) -> None:
        """It will not go on. Before its head, that is a refusal."""
        self._fault, self._connection = fault, None
        if not self.status:
            self.refusal = fault
        self._deadlines.remove(self)
        self._wake(last=True)

    def hang_up(self, fault: UpstreamFault | None = None) -> None:
        """Close the connection, unless the answer has left it."""
        if self._connection is not None:
            self._connection.drop(fault)

    async def body(self) -> bytes:
        """All of the answer. Raises UpstreamFault."""
        if self._ended:
            return b"".join(self._parts)
        return b"".join([chunk async for chunk in self.chunks()])

    async def chunks(self) -> AsyncIterator[bytes]:
        """The answer as it comes. Raises UpstreamFault; idle and total time are the caller's to watch."""
        while True:
            if self._parts:
                data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
                self._parts = []
                self._taken += len(data)
                if self._connection is not None:
                    self._connection.go_on()
                yield data
            elif self._fault is not None:
                raise self._fault
            elif self._ended:
                return
            else:
                assert self._connection is not None
                self._waiter = self._connection.loop.create_future()
                await self._waiter

    def offer(self, take: Callable[[bytes], bool]) -> None:
        """See the port."""
        self._take = take

    async def close(self) -> None:
        """Let go; an unfinished answer is cancelled at the upstream."""
        self.hang_up()


class Connection(asyncio.Protocol):
    """A connection that carries one call after another."""

    __slots__ = ("_answer", "_done", "_lost", "_paused", "_reader", "_transport", "idle_since", "loop")

    def __init__(
        self, most: int, done: Callable[[Connection], None], lost: Callable[[Connection], None]
    ) -> None:
        """`done(self)` when it is free for the next call, `lost(self)` when it is closed."""
        self._done, self._lost = done, lost
        self._reader = Reader(most)
        self._answer: PlainAnswer | None = None
        self._paused = False
        self._transport: asyncio.Transport
        self.loop = asyncio.get_running_loop()
        self.idle_since = 0.0

    def ask(self, answer: PlainAnswer, request: bytes) -> None:
        """Send a call, in one write."""
        self._answer = answer
        self._reader.expect()
        self._transport.write(request)

    def usable(self, *, look: bool) -> bool:
        """Not closed, as far as is known here; with `look`, as far as the kernel knows."""
        if self._transport.is_closing():
            return False
        if look:
            poll = select.poll()
            poll.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
            return not poll.poll(0)  # neither its end has come, nor bytes that nobody asked for
        return True

    def go_on(self) -> None:
        """The caller has taken what there was."""
        if self._paused:
            self._paused = False
            self._transport.resume_reading()

    def drop(self, fault: UpstreamFault | None = None) -> None:
        """Close at once, so that the upstream stops too. An answer that is under way fails."""
        answer, self._answer = self._answer, None
        self._transport.abort()
        if answer is not None:
            answer.fail(fault or UpstreamFault("closed on our side"))

    # What the loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected."""
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Bytes of the answer, or of nothing that was asked for."""
        answer, reader = self._answer, self._reader
        if answer is None:
            self._transport.abort()
            return
        try:
            reader.feed(data)
        except UpstreamFault as fault:
            self.drop(fault)
            return
        if reader.whole:
            self._answer = None
            # An answer that came before its request had left is no sign that the two belong together.
            if reader.reusable and not self._transport.get_write_buffer_size():
                self._done(self)
            else:
                self._transport.abort()
        answer.advance(reader)
        if not self._paused and self._answer is not None and answer.held(reader.size) > HELD:
            self._paused = True
            self._transport.pause_reading()

    def connection_lost(self, error: Exception | None) -> None:
        """Closed by either side."""
        answer, self._answer = self._answer, None
        self._lost(self)
        if answer is not None:
            self._end(answer, error)
        self._reader.close()

    def _end(self, answer: PlainAnswer, error: Exception | None) -> None:
        if error is not None:
            code = "upstream_invalid" if answer.status else "upstream_unavailable"
            answer.fail(UpstreamFault(type(error).__name__, code=code))
            return
        try:
            self._reader.end()
        except UpstreamFault as fault:
            answer.fail(fault)
        else:
            answer.advance(self._reader)
