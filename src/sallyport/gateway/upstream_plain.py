"""Model servers over plain HTTP/1.1, on this machine or in its segment: connections that are kept, without a thread.

A call is never sent twice: once bytes are written, nobody can prove that a POST was not carried out. So a kept
connection is given up sooner than usual servers would close it, and looked at before it is used again.
"""

from __future__ import annotations

import asyncio

from sallyport.errors import UpstreamFault
from sallyport.gateway.deadline import Deadline
from sallyport.gateway.upstream_connection import Connection, PlainAnswer
from sallyport.gateway.upstream_judge import with_words
from sallyport.gateway.upstream_target import Target, heads, place

IDLE_SECONDS = 1.5  # usual servers wait 2 to 75
SURE_SECONDS = 0.05  # used so recently, a connection needs no look at the kernel
MOST_OPEN, MOST_IDLE = 4096, 256


class PlainClient:
    """A target with its connections. Raises ValueError, without the key, for one that makes no request."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._heads = heads(target)
        self._place = place(target)
        self._idle: list[Connection] = []  # the one used last is at the end, and used first
        self._open: set[Connection] = set()
        self._opening = 0
        self._sweeping = False

    async def send(self, surface: str, body: bytes, *, stream: bool) -> PlainAnswer:
        """Send a call; on return the answer has begun, and ended where it is no stream. Raises UpstreamFault."""
        began = asyncio.get_running_loop().time()
        connection = self._kept(began) or await self._connect()
        answer = PlainAnswer(connection, self._target, began, stream=stream)
        try:
            connection.ask(answer, b"%b%d\r\n\r\n%b" % (self._heads[surface, stream], len(body), body))
            await answer.ready
            if answer.refusal is None:
                return answer
            fault = await with_words(answer.refusal, answer, self._target)
        except BaseException:
            answer.hang_up()
            raise
        answer.hang_up()
        raise fault

    async def close(self) -> None:
        """Close all connections."""
        for connection in list(self._open):
            connection.drop()
        self._idle.clear()

    def _kept(self, now: float) -> Connection | None:
        """A connection that was used before and is still good."""
        while self._idle:
            connection = self._idle.pop()
            age = now - connection.idle_since
            if age < IDLE_SECONDS and connection.usable(look=age > SURE_SECONDS):
                return connection
            connection.drop()
        return None

    async def _connect(self) -> Connection:
        if len(self._open) + self._opening >= MOST_OPEN:
            raise UpstreamFault("too many connections")
        self._opening += 1
        try:
            with Deadline(min(self._target.connect_seconds, self._target.first_byte_seconds)):
                _, connection = await asyncio.get_running_loop().create_connection(self._made, *self._place)
        except TimeoutError:
            raise UpstreamFault("no connection in time", code="upstream_timeout") from None
        except OSError as error:
            raise UpstreamFault(type(error).__name__) from None
        finally:
            self._opening -= 1
        if not connection.usable(look=False):
            raise UpstreamFault("closed at once")
        self._open.add(connection)
        return connection

    def _made(self) -> Connection:
        return Connection(self._target.answer_bytes, self._keep, self._lost)

    def _keep(self, connection: Connection) -> None:
        if len(self._idle) >= MOST_IDLE:
            connection.drop()
            return
        connection.idle_since = connection.loop.time()
        self._idle.append(connection)
        if not self._sweeping:
            self._sweeping = True
            connection.loop.call_later(IDLE_SECONDS, self._sweep, connection.loop)

    def _lost(self, connection: Connection) -> None:
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        """Close what nobody used for a while; the oldest are at the front."""
        latest = loop.time() - IDLE_SECONDS
        while self._idle and self._idle[0].idle_since <= latest:
            self._idle.pop(0).drop()
        self._sweeping = bool(self._idle)
        if self._sweeping:
            loop.call_later(IDLE_SECONDS / 2, self._sweep, loop)
