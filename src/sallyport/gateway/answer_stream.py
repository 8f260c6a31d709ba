"""Stages 10 to 13 for a streamed answer: inspected as it flows, with a hold-back.

What leaves is only what the guard released; tool calls wait until they are whole. The end mark waits until
the outcome is durable. A stop after the first byte is an error event without an end mark.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from sallyport.errors import Fault, Refusal, UpstreamFault
from sallyport.gateway import outcome, sse, stages, tools
from sallyport.gateway.deadline import Deadline
from sallyport.gateway.dialects.base import Chunk, Piece, Streaming
from sallyport.gateway.envelope import Envelopes
from sallyport.gateway.exchange import Exchange
from sallyport.gateway.held_members import HeldMembers
from sallyport.gateway.held_tools import HeldTools
from sallyport.gateway.limits import Limits
from sallyport.gateway.mould import Mould
from sallyport.gateway.outcome import output_blocked
from sallyport.gateway.plug_in_gate import PlugInGate
from sallyport.gateway.ports import Released, Rooms, StreamGuard
from sallyport.gateway.stages import expect
from sallyport.model import Finding


class StreamAnswer:
    """One streamed answer on its way from the upstream to the caller."""

    def __init__(self, x: Exchange, rooms: Rooms, limits: Limits) -> None:
        assert x.vault is not None
        self._x, self._rooms, self._limits = x, rooms, limits
        dialect: Streaming = x.dialect  # type: ignore[assignment]
        assert x.call is not None
        self._dialect = dialect.stream(x.call)
        self._guard: StreamGuard = rooms.inspection.guard(
            x.vault, x.roles, x.system, x.reader, x.segment, self._dialect.signed
        )
        self._envelopes = Envelopes(rooms.inspection, self._dialect, x)
        self._gate = PlugInGate(rooms.inspection, self._dialect, x) if rooms.inspection.plug_ins else None
        self._fields: dict[tuple[int, str], Chunk] = {}  # open text buffers, and a chunk shaped like theirs
        self._tools = HeldTools()
        self._members = HeldMembers(rooms.inspection, self._dialect, x)
        self._open: set[int] = set()  # choices that have begun and not finished
        self._finished: dict[int, str] = {}  # choices that have, and why
        self._ended = False
        self._mould: Mould | None = None
        self._last_read = rooms.clock.monotonic()
        self._last_write = self._last_read
        self._began = self._last_read
        self._idle = 0.0
        self._reader = sse.Reader(limit=limits.event_bytes)
        self._stopped: Refusal | Exception | None = None  # what ended the answer while nobody was awake
        self._last_words: list[bytes] = []  # what may leave of the text that ended it
        self._watcher: asyncio.Task[None]

    async def deliver(self) -> Refusal | None:
        """Run to the end. Returns why the stream was stopped, or None."""
        x = self._x
        assert x.model is not None
        answer = await self._rooms.upstreams.send(x.model, x.dialect.endpoint, x.outgoing, stream=True)
        main = asyncio.current_task()
        assert main is not None
        self._idle = answer.idle_seconds
        self._watcher = asyncio.get_running_loop().create_task(
            self._watch(main, answer.idle_seconds, answer.total_seconds)
        )
        try:
            x.upstream_status = answer.status
            x.stage = "inspect_output"
            answer.offer(self._take)
            refusal = await self._flow(answer.chunks())
            await self._let_go(self._last_words)
            return refusal
        finally:
            self._watcher.cancel()
            await answer.close()

    def _take(self, data: bytes) -> bool:
        """Deal with one more event of a known shape in the very moment that it comes. False: it needs more than that."""
        if not (self._reader.at_rest and self._x.out.flows()):
            return False
        try:
            out = self._at_once(data)
        except Exception as error:  # noqa: BLE001 - raised where the answer is delivered
            out, self._stopped = None, error
        if isinstance(out, Refusal):
            out, self._stopped = None, out
        if out is None:
            return False
        self._last_read = self._rooms.clock.monotonic()
        if out:
            self._x.out.push(out)
            self._x.delivered.update(out)
            self._last_write = self._last_read
        return True

    async def _flow(self, chunks: AsyncIterator[bytes]) -> Refusal | None:
        reader, clock = self._reader, self._rooms.clock.monotonic
        async for data in chunks:
            if self._stopped is not None:
                break
            self._last_read = clock()
            out = self._at_once(data) if reader.at_rest else None
            if out is None:
                out = await self._events(reader, data)
            if isinstance(out, Refusal):
                return out
            if self._ended:
                return await self._finish([out] if out else [])
            if out:
                await self._write(out)
        if isinstance(self._stopped, Exception):
            raise self._stopped
        return self._stopped or await self._at_end()

    async def _at_end(self) -> Refusal | None:
        """The upstream has ended without saying so."""
        asked = self._x.call.choices if self._x.call else 1
        if self._open or not self._dialect.may_end(len(self._finished), asked):
            raise UpstreamFault("the stream ended early", code="upstream_invalid")
        return await self._finish([])

    def _at_once(self, data: bytes) -> bytes | Refusal | None:
        """What may leave of bytes that are one more event of a known shape, as most are; None for any others."""
        mould = self._mould
        if mould is None or self._gate is not None or (given := mould.text(data)) is None:
            return None
        text = self._feed(mould.chunk, mould.place, given)
        if text == given:
            return data
        if isinstance(text, Refusal):
            return text
        return mould.filled(text) if text else b""

    async def _events(self, reader: sse.Reader, data: bytes) -> bytes | Refusal:
        """What may leave of the events that end in these bytes."""
        try:
            events = reader.feed(data)
        except ValueError:
            raise UpstreamFault("an event is too large", code="upstream_too_large") from None
        out: list[bytes] = []
        refusal: Refusal | None = None
        try:
            for event in events:
                refusal = await self._event(event, out)
                if self._ended or refusal is not None:
                    break
        except Fault:
            await self._let_go(out)
            raise
        if refusal is None:
            return b"".join(out)
        await self._let_go(out)
        return refusal

    async def _let_go(self, out: list[bytes]) -> None:
        """What was released before a stop leaves, however the bytes that it came in were cut."""
        if out:
            await self._write(b"".join(out))

    async def _event(self, event: sse.Event, out: list[bytes]) -> Refusal | None:
        """Judge one event; what may leave is appended to `out`."""
        moulded = self._at_once(event.named)
        if moulded is not None:
            if isinstance(moulded, Refusal):
                return moulded
            out.append(moulded)
            return None
        try:
            chunk = self._dialect.chunk(event.data, event.raw, event.name)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise UpstreamFault(type(error).__name__, code="upstream_invalid") from None
        self._ended = chunk.last
        if chunk.document is None:
            return None
        refusal = await self._envelopes.check(chunk)
        if refusal is not None:
            return refusal
        if chunk.usage is not None:
            self._x.usage = chunk.usage
        if chunk.last:
            return None
        if chunk.usage_only:
            if self._x.call is not None and self._x.call.include_usage:
                out.append(chunk.raw)
            return None
        if len(chunk.pieces) == 1 and not (chunk.tools or chunk.members or chunk.finished):
            if not self._envelopes.new and chunk.usage is None:
                self._mould = self._dialect.mould(chunk)
            return await self._one_piece(chunk, chunk.pieces[0], out)
        return await self._many(chunk, out)

    async def _one_piece(self, chunk: Chunk, piece: Piece, out: list[bytes]) -> Refusal | None:
        """The common case: one text delta and nothing else."""
        text = await self._released(chunk, piece)
        if isinstance(text, Refusal):
            return text
        if text == piece.text and chunk.raw:
            out.append(chunk.raw)
        elif text:
            out.append(self._dialect.with_text(chunk, piece, text))
        elif self._envelopes.new and (rest := self._dialect.without_pieces(chunk)):
            out.append(rest)
        return None

    async def _released(self, chunk: Chunk, piece: Piece) -> str | Refusal:
        """The same where plug-in detectors may have to be waited for."""
        place = (piece.choice, piece.field)
        text = self._feed(chunk, place, piece.text)
        if self._gate is not None and isinstance(text, str):
            return await self._gate.release(place, text)
        return text

    def _feed(self, chunk: Chunk, place: tuple[int, str], given: str) -> str | Refusal:
        """One more text delta: what the guard lets go, or why the answer ends."""
        if place not in self._fields:
            self._goes_on(place[0])
            self._fields[place] = chunk
        x = self._x
        x.said.append((*place, given))
        x.output_characters += len(given)
        released = self._guard.feed_text(*place, given)
        if released.findings:
            x.findings += released.findings
            x.withhold(*place, released.findings)
        if released.blocked is not None:
            return self._blocked(chunk, place, released)
        return expect(released.text, str)

    def _blocked(self, like: Chunk, place: tuple[int, str], released: Released) -> Refusal:
        """Why the answer ends. What stands before the finding leaves: it would have, had it come in smaller pieces."""
        if released.text and self._gate is None:
            self._last_words = [self._dialect.text_event(like, *place, expect(released.text, str))]
        return output_blocked(expect(released.blocked, Finding), self._dialect.place(*place))

    async def _many(self, chunk: Chunk, out: list[bytes]) -> Refusal | None:
        """Several deltas, tool calls or the end of a choice in one event."""
        for piece in chunk.pieces:
            text = await self._released(chunk, piece)
            if isinstance(text, Refusal):
                return text
            if text:
                out.append(self._dialect.text_event(chunk, piece.choice, piece.field, text))
        for tool in chunk.tools:
            self._goes_on(tool.choice)
            self._tools.collect(chunk, tool)
        for member in chunk.members:
            self._goes_on(member.choice)
            self._members.hold(chunk, member)
        for choice, reason in chunk.finished:
            if self._finished.get(choice, reason) != reason:
                raise UpstreamFault("a choice ended twice", code="upstream_invalid")
            refusal = await self._finish_choice(choice, out)
            if refusal is not None:
                return refusal
            self._finished[choice] = reason
        changed = chunk.pieces or chunk.tools or chunk.members or not chunk.raw
        rest = self._dialect.without_pieces(chunk) if changed else chunk.raw
        if rest:
            out.append(rest)
        return None

    def _goes_on(self, choice: int) -> None:
        """What follows the end of a choice would not be seen together with what stands before it."""
        if choice in self._finished:
            raise UpstreamFault("a choice went on after its end", code="upstream_invalid")
        self._open.add(choice)

    async def _finish_choice(self, choice: int, out: list[bytes]) -> Refusal | None:
        """Release what is still held of a choice: its texts, then its tool calls."""
        self._open.discard(choice)
        for place in [place for place in self._fields if place[0] == choice]:
            like = self._fields.pop(place)
            released = self._guard.finish_text(*place)
            if released.findings:
                self._x.findings += released.findings
                self._x.withhold(*place, released.findings)
            if released.blocked is not None:
                return self._blocked(like, place, released)
            text: str | Refusal = released.text
            if self._gate is not None:
                text = await self._gate.release(place, released.text, last=True)
            if isinstance(text, Refusal):
                return text
            if text:
                out.append(self._dialect.text_event(like, choice, place[1], text))
        calls = self._tools.take(choice)
        if calls and self._tools.like is not None:
            ready = await tools.release(self._x, self._rooms, self._guard, calls)
            if isinstance(ready, Refusal):
                return ready
            out.append(self._dialect.tool_event(self._tools.like, ready))
        return await self._members.release(choice, out)

    async def _finish(self, out: list[bytes]) -> Refusal | None:
        """The end: release the rest, record the outcome, then the end mark."""
        for choice in sorted(self._open | {place[0] for place in self._fields}):
            refusal = await self._finish_choice(choice, out)
            if refusal is not None:
                await self._let_go(out)
                return refusal
        await self._let_go(out)
        self._watcher.cancel()  # nothing else may be written from here on: the commitment is made
        end = self._dialect.end()
        with Deadline(self._limits.stage_seconds):
            await outcome.record(self._x, self._rooms, "delivered", last=end)
        with Deadline(self._idle):  # a caller may have stopped reading
            await self._head()
            await self._x.out.write(end, last=True)
        return None

    async def _head(self) -> None:
        if not self._x.out.started:
            headers = [("content-type", "text/event-stream"), *outcome.answer_headers(self._x, self._rooms)]
            await self._x.out.head(200, headers)

    async def _write(self, data: bytes) -> None:
        """Write what the dialect has numbered. An error event takes the number after it."""
        sequence = self._dialect.sequence
        await self._send(data)
        self._x.sequence = sequence

    async def _send(self, data: bytes) -> None:
        x = self._x
        if not x.out.started:
            await self._head()
        await x.out.write(data)
        x.delivered.update(data)
        self._last_write = self._rooms.clock.monotonic()

    async def _keep_alive(self) -> None:
        """A comment, unless the caller does not even read what was written before."""
        with contextlib.suppress(TimeoutError), Deadline(self._limits.tick_seconds):
            await self._send(sse.comment(b"keep-alive"))

    async def _watch(self, main: asyncio.Task[object], idle: float, total: float) -> None:
        """Cut the stream when its session ends or its upstream falls silent; keep the connection alive."""
        clock = self._rooms.clock.monotonic
        while True:
            await asyncio.sleep(self._limits.tick_seconds)
            now = clock()
            cut = None if self._x.ending else self._why_cut(now, idle, total)
            if cut is not None:
                self._x.cut = cut
                main.cancel()
                return
            if now - self._last_write > self._limits.keepalive_seconds:
                await self._keep_alive()

    def _why_cut(self, now: float, idle: float, total: float) -> Refusal | None:
        stopped = stages.stopped(self._x, self._rooms)
        if stopped is not None:
            return stages.at(stopped, "inspect_output")
        if now - self._last_read > idle or now - self._began > total:
            return Refusal(code="upstream_timeout", stage="send")
        return None
