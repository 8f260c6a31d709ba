"""The outcome commits to the bytes that were delivered: computed here by hand from what the caller got."""

from __future__ import annotations

import asyncio
import hashlib

import door
import pytest
from msgspec.structs import replace

from sallyport.gateway.body import ClientGoneError

STREAM = door.sse(
    door.delta(role="assistant", content=""),
    door.delta(content="hel"),
    door.delta(content="lo"),
    door.delta(finish="stop"),
    "[DONE]",
)


def world(**faults):
    w = door.World()
    w.chunks, w.answer = STREAM, door.answer("hi")
    w.faults.update(faults)
    return w


def outcome_of(w):
    outcomes = [entry for entry in w.entries if entry["kind"] == "outcome"]
    assert len(outcomes) == 1
    return outcomes[0]


def committed(w, delivered):
    return outcome_of(w)["commitment"] == hashlib.sha256(w.exchange.opening + delivered).hexdigest()


class FailsOnce:
    """Sealing the answer goes wrong the first time, so that the outcome is that of the refusal."""

    def __init__(self, w, fault):
        self.w, self.fault, self.tries = w, fault, 0
        w.seal = self

    async def __call__(self, *, part, **_):
        if part == "answer":
            self.tries += 1
            if self.tries == 1:
                await self.fault()
        return b"sealed"


async def hang():
    await asyncio.sleep(30)


async def err():
    raise RuntimeError


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", [hang, err])
async def test_what_was_not_delivered_is_not_committed_to(stream, fault):
    w = world()
    FailsOnce(w, fault)
    out = await door.call(w, door.chat(stream=stream))
    assert b"[DONE]" not in out.data
    assert outcome_of(w)["verdict"] == "failed"
    assert committed(w, out.data)


@pytest.mark.parametrize("stream", [False, True])
async def test_all_of_a_delivered_answer_is_committed_to(stream):
    w = world()
    out = await door.call(w, door.chat(stream=stream))
    assert outcome_of(w)["verdict"] == "delivered"
    assert committed(w, out.data)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_refusal_is_committed_to(stream):
    w = world()
    w.answer, w.chunks = door.answer(door.CANARY), [*STREAM[:2], *door.sse(door.delta(content=door.CANARY))]
    out = await door.call(w, door.chat(stream=stream))
    assert outcome_of(w)["verdict"] == "refused"
    assert committed(w, out.data)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_caller_who_is_gone_was_delivered_nothing_more(stream):
    w, gone = world(), asyncio.Event()

    async def leave():
        gone.set()
        await asyncio.sleep(30)

    FailsOnce(w, leave)
    with pytest.raises(ClientGoneError):
        await door.call(w, door.chat(stream=stream), hang_up=gone)
    assert outcome_of(w)["verdict"] == "client_disconnected"
    assert "last_byte" not in w.effects
    whole = hashlib.sha256(b"r" * 32).hexdigest()
    streamed = hashlib.sha256(b"r" * 32 + b"".join(STREAM[:-1])).hexdigest()
    assert outcome_of(w)["commitment"] == (streamed if stream else whole)


async def test_comments_that_keep_the_connection_alive_are_committed_to():
    w = world()

    class Slow(door.Answer):
        async def chunks(self):
            yield b"".join(STREAM[:2])
            await asyncio.sleep(0.3)
            yield b"".join(STREAM[2:])

    w.faults["send"] = lambda: Slow(w)
    out = await door.call(w, door.chat(stream=True), limits=replace(door.LIMITS, keepalive_seconds=0.1))
    assert b": keep-alive\n\n" in out.data
    assert committed(w, out.data)


async def test_nothing_is_written_between_the_outcome_and_the_end_mark():
    w = world(**{"log:outcome": lambda: asyncio.sleep(0.25)})
    out = await door.call(w, door.chat(stream=True), limits=replace(door.LIMITS, keepalive_seconds=0.05))
    assert committed(w, out.data)
    assert out.data.endswith(STREAM[-2] + STREAM[-1])


class DeafOut(door.Out):
    """A caller who reads the first bytes and then no more."""

    def flows(self):
        return False

    async def write(self, data, *, last=False):
        self.finished = self.finished or last
        if len(self.data) + len(data) > 300:
            await asyncio.sleep(3600)
        await super().write(data, last=last)


@pytest.mark.parametrize("chunks", [STREAM, [STREAM[0], STREAM[1] * 10, *STREAM[2:]], STREAM[:2]])
async def test_a_caller_who_does_not_read_is_cut(monkeypatch, chunks):
    w = world()
    w.chunks = chunks
    monkeypatch.setattr(door, "Out", DeafOut)

    class Impatient(door.Answer):
        def __init__(self, world):
            super().__init__(world)
            self.idle_seconds, self.total_seconds = 0.3, 0.6

        async def chunks(self):
            async for chunk in super().chunks():
                yield chunk
            if len(self.world.chunks) < 3:
                await asyncio.sleep(3600)

    w.faults["send"] = lambda: Impatient(w)
    limits = replace(door.LIMITS, keepalive_seconds=0.05)
    async with asyncio.timeout(10):
        await door.call(w, door.chat(stream=True), limits=limits)
    assert outcome_of(w)
    assert len(w.settled) == 1
