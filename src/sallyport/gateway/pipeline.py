"""The corridor: the only file that knows the order of the stages. The order is the security argument.

    1 identify  2 posture  3 parse  4 route  5 authorise  6 budget  7 inspect input  8 mask  9 record intent
    10 send  11 inspect output  12 unmask  13 record outcome

Whatever a stage does - refuse, raise, hang, return nonsense - the call goes no further, the caller gets a
coded error, and the outcome is in the log. Refused before 10: nothing was sent. A fault after 10: nothing
further is released. If the log itself fails: 503. Refusals before identification are counted, not logged one
by one, so that a flood cannot fill the disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import Awaitable, Callable

from sallyport.errors import Fault, LogFault, Refusal
from sallyport.gateway import outcome, records, respond, stages
from sallyport.gateway.answer_stream import StreamAnswer
from sallyport.gateway.answer_whole import deliver as deliver_whole
from sallyport.gateway.body import ClientGoneError
from sallyport.gateway.counts import RefusalCounts
from sallyport.gateway.deadline import Deadline, Later
from sallyport.gateway.exchange import Exchange
from sallyport.gateway.kept import kept
from sallyport.gateway.limits import Limits
from sallyport.gateway.ports import Rooms
from sallyport.gateway.reader import Reader

Stage = Callable[[Exchange, Rooms, Limits], Awaitable[Refusal | None]]
logger = logging.getLogger("sallyport.pipeline")

BEFORE_SENDING: tuple[tuple[str, Stage], ...] = (
    ("identify", stages.identify),
    ("posture", stages.posture),
    ("parse", stages.parse),
    ("route", stages.route),
    ("authorise", stages.authorise),
    ("budget", stages.budget),
    ("inspect_input", stages.inspect_input),
    ("mask", stages.mask),
    ("record_intent", stages.record_intent),
)


class Pipeline:
    """Walks one call at a time through the stages; many run side by side on the loop."""

    def __init__(
        self,
        rooms: Rooms,
        limits: Limits,
        counts: RefusalCounts,
        before: tuple[tuple[str, Stage], ...] = BEFORE_SENDING,
    ) -> None:
        self._rooms, self._limits, self._counts, self._before = rooms, limits, counts, before

    async def run(self, x: Exchange) -> None:
        """Take the call to its end: an answer, or an error that says why not."""
        refusal = await self._guarded(x, self._walk)
        if refusal is None:
            x.stage, x.sent = "send", True
            refusal = await self._guarded(x, self._answer)
        if refusal is not None and not x.out.finished:
            await self._refuse(x, stages.at(refusal, x.stage))

    async def _walk(self, x: Exchange) -> Refusal | None:
        with Deadline(self._limits.stage_seconds) as x.deadline:
            rooms, limits, timings, clock = self._rooms, self._limits, x.timings, self._rooms.clock.monotonic
            ended = clock()
            for name, stage in self._before:
                x.stage, began = name, ended
                refusal = await stage(x, rooms, limits)
                ended = clock()
                timings[name] = int((ended - began) * 1e6)
                if refusal is not None:
                    return stages.expect(refusal, Refusal)
        return None

    async def _answer(self, x: Exchange) -> Refusal | None:
        watch, x.reader = _Watch(x), Reader(x, self._rooms)
        with Later(0, watch.begin):
            try:
                if x.call is not None and x.call.stream:
                    return await StreamAnswer(x, self._rooms, self._limits).deliver()
                return await deliver_whole(x, self._rooms, self._limits)
            finally:
                watch.end()

    async def _guarded(
        self, x: Exchange, part: Callable[[Exchange], Awaitable[Refusal | None]]
    ) -> Refusal | None:
        """Whatever happens in a part becomes a refusal that names the stage."""
        try:
            return await part(x)
        except TimeoutError:
            waited_for_body = x.stage == "parse" and not x.body_read
            return Refusal(code="body_timeout" if waited_for_body else "deadline_exceeded", stage=x.stage)
        except Fault as fault:
            logger.warning(
                "stage %s failed: %s (%s) request=%s", x.stage, fault.code, fault.detail, x.request_id
            )
            return respond.from_fault(fault, x.stage)
        except asyncio.CancelledError:
            if x.cut is None and not x.gone:
                await asyncio.shield(self._gone(x))
                raise
            task = asyncio.current_task()
            if task is not None:
                task.uncancel()
            if x.cut is not None:
                return x.cut
            await self._gone(x)
            raise ClientGoneError from None
        except ClientGoneError:
            await self._gone(x)
            raise
        except Exception as error:  # noqa: BLE001 - a stage that errs in any way refuses
            # The type only: an exception's text may hold the payload.
            logger.error("stage %s raised %s request=%s", x.stage, type(error).__name__, x.request_id)  # noqa: TRY400
            return Refusal(code="stage_failed", stage=x.stage)

    async def _gone(self, x: Exchange) -> None:
        """The caller hung up: settle, and record what had been delivered."""
        try:
            with Deadline(self._limits.stage_seconds):
                await outcome.record(x, self._rooms, "client_disconnected")
        except Exception as error:  # noqa: BLE001 - nobody is left to be told
            self._counts.unrecorded(x.stage)
            logger.error("outcome not recorded: %s request=%s", type(error).__name__, x.request_id)  # noqa: TRY400
        finally:
            outcome.settle(x, self._rooms)

    async def _refuse(self, x: Exchange, refusal: Refusal) -> None:
        """Record the refusal, then tell the caller. A refusal that cannot be recorded becomes a 503."""
        x.refusal = refusal
        event = error_event(x, refusal) if x.out.started else b""
        try:
            with Deadline(self._limits.stage_seconds):
                await self._record(x, refusal, event)
        except Exception as error:  # noqa: BLE001 - whatever it is, the log did not take it
            self._counts.unrecorded(refusal.code)
            logger.error("refusal not recorded: %s request=%s", type(error).__name__, x.request_id)  # noqa: TRY400
            code = error.code if isinstance(error, LogFault) else "log_unavailable"
            refusal = Refusal(code=code, stage="record_outcome")
            event = error_event(x, refusal) if x.out.started else b""
        # Where the caller does not read, the server ends the connection.
        with contextlib.suppress(TimeoutError), Deadline(self._limits.stage_seconds):
            if x.out.started:
                await x.out.write(event, last=True)
            else:
                await self._send_error(x, refusal)

    async def _record(self, x: Exchange, refusal: Refusal, event: bytes) -> None:
        if x.principal is None:
            self._counts.refused(refusal.code)
        elif x.intent is None:
            outcome.settle(x, self._rooms)
            entry = records.refusal(x, refusal, pseudonym=self._rooms.sealer.pseudonym)
            await self._rooms.log.append(entry, await kept(x, self._rooms, self._limits))
        else:
            if not x.out.started:
                x.delivered = hashlib.sha256(x.opening)
            x.outcome, x.ending = None, False
            verdict = "refused" if refusal.spec.status < 500 else "failed"  # noqa: PLR2004 - an HTTP status
            last = event or respond.error_body(refusal, x.request_id, x.dialect.wire)
            await outcome.record(x, self._rooms, verdict, last=last)

    async def _send_error(self, x: Exchange, refusal: Refusal) -> None:
        body = respond.error_body(refusal, x.request_id, x.dialect.wire)
        headers = [
            ("content-type", "application/json"),
            *respond.ids(x.request_id, x.dialect.wire),
            *respond.error_headers(refusal),
            ("content-length", str(len(body))),
        ]
        if x.intent is not None:
            headers.append(("x-sallyport-receipt", x.intent.promise))
        # Also with a body unread: the edge ends such a connection itself; if we did, it would lose this answer.
        await x.out.head(refusal.spec.status, headers)
        await x.out.write(body, last=True)


def error_event(x: Exchange, refusal: Refusal) -> bytes:
    """The event that ends a stream which cannot go on."""
    return respond.error_event(refusal, x.request_id, x.dialect.wire, x.sequence)


class _Watch:
    """Cancels the call when its caller disconnects, so that the upstream stops too.

    It begins once a call has taken a moment: most answers are there before, and a task costs a tenth of them.
    """

    def __init__(self, x: Exchange) -> None:
        self._x = x
        self._main = asyncio.current_task()
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._hang_up())

    def end(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _hang_up(self) -> None:
        x = self._x
        while (await x.receive())["type"] != "http.disconnect":
            pass
        if not x.out.finished and not x.ending and self._main is not None:
            x.gone = True
            self._main.cancel()
