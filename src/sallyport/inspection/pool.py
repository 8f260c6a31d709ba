"""Processes that can be killed: for long texts and for detectors of others.

Each task has a deadline. A process that misses it, dies, or answers nonsense is killed with SIGKILL (native
code cannot be interrupted otherwise) and replaced; the call that it worked for is refused with `DetectorFault`.
The queue is bounded: beyond it calls are refused at once. Processes inherit no environment and no files.

A pool with `rest_seconds` has no process until the first task, and none again after as long without one: a process
takes 43 MB. A task that finds none waits for the start, `_WAKE_SECONDS` at most, in addition to its own deadline.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from sallyport.errors import DetectorFault
from sallyport.inspection import wire

_START_SECONDS = 20.0
_WAKE_SECONDS = 5.0
_RETRY_SECONDS = 0.5
_QUEUE_PER_WORKER = 32


class Worker:
    """One process and its pipes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.hello = wire.Reply()

    @classmethod
    async def start(cls, setup: wire.Setup) -> Worker:
        """A process that is ready for tasks. Raises `DetectorFault` if it cannot be made ready."""
        try:
            process = await _spawn()
        except OSError as error:
            raise DetectorFault(f"worker did not start: {type(error).__name__}") from None
        worker = cls(process)
        try:
            async with asyncio.timeout(_START_SECONDS):
                worker.hello = await worker.ask(msgspec.msgpack.encode(setup))
        except BaseException as error:
            await worker.kill()
            if isinstance(error, Exception):
                raise DetectorFault(f"worker did not start: {type(error).__name__}") from None
            raise
        if worker.hello.error:
            await worker.kill()
            raise DetectorFault(f"detector could not be built: {worker.hello.error}")
        return worker

    async def ask(self, payload: bytes) -> wire.Reply:
        """Send one frame and read the answer. Whoever cancels this must kill the worker."""
        pipe_in, pipe_out = self._process.stdin, self._process.stdout
        assert pipe_in is not None
        assert pipe_out is not None
        pipe_in.write(wire.framed(payload))
        await pipe_in.drain()
        length = int.from_bytes(await pipe_out.readexactly(wire.PREFIX_BYTES), "big")
        if length > wire.FRAME_BYTES:
            raise DetectorFault("worker answered with too much")
        return msgspec.msgpack.decode(await pipe_out.readexactly(length), type=wire.Reply)

    async def kill(self) -> None:
        """End the process and everything it started, at once."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        if self._process.stdin is not None:
            self._process.stdin.close()
        await self._process.wait()
        # The transport closes its pipes only when it has seen their end.
        self._process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001


async def _spawn() -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-m",
        "sallyport.inspection.worker",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={},
        start_new_session=True,
    )


class Pool:
    """A fixed number of equal workers, or none while there is nothing to do."""

    def __init__(
        self, setup: Callable[[], wire.Setup], *, workers: int, seconds: float, rest_seconds: float = 0.0
    ) -> None:
        self._setup, self._size, self._seconds, self._rest_seconds = setup, workers, seconds, rest_seconds
        self._idle: asyncio.LifoQueue[Worker] = asyncio.LifoQueue()
        self._workers: set[Worker] = set()
        self._chores: set[asyncio.Task[None]] = set()
        self._waking: asyncio.Task[None] | None = None
        self._rest: asyncio.TimerHandle | None = None
        self._running = self._replacing = 0
        self._open = False
        self.name = self.version = ""

    async def start(self) -> None:
        """Start all workers that there shall always be. Raises `DetectorFault` if one cannot be built."""
        self._open = True
        if not self._rest_seconds:
            try:
                await self._fill()
            except BaseException:
                await self.stop()
                raise

    async def stop(self) -> None:
        """End all workers. A replacement that is just being started is waited for, so that none is left."""
        self._open = False
        if self._rest is not None:
            self._rest.cancel()
        while self._chores:
            await asyncio.gather(*self._chores, return_exceptions=True)
        await asyncio.gather(*(worker.kill() for worker in self._workers))
        self._workers.clear()

    async def settled(self, seconds: float) -> None:
        """Wait until nothing is being replaced, for at most so long."""
        if self._chores:
            await asyncio.wait(self._chores, timeout=seconds)

    async def run(self, task: wire.Task) -> wire.Reply:
        """The answer to a task. Raises `DetectorFault` when late, broken or full."""
        if self._running >= self._size * _QUEUE_PER_WORKER:
            raise DetectorFault("too many texts wait for a worker")
        self._running += 1
        try:
            payload = _encoded(task)
            await self._wake()
            return await self._run(payload)
        finally:
            self._running -= 1
            if not self._running and self._rest_seconds:
                self._rest_later()

    async def _wake(self) -> None:
        """Where no worker is there or being replaced, start them and wait: everybody for the same start."""
        if not self._open:
            raise DetectorFault("the workers are not started")
        if not self._workers and not self._replacing and self._waking is None:
            self._waking = self._chore(self._fill())
            self._waking.add_done_callback(self._woken)
        if self._waking is not None:
            await asyncio.wait([self._waking], timeout=_WAKE_SECONDS)
            if not self._workers:
                raise DetectorFault("no worker could be started")

    def _woken(self, waking: asyncio.Task[None]) -> None:
        self._waking = None
        if not waking.cancelled():
            waking.exception()  # told to those who waited, by there being no worker

    async def _run(self, payload: bytes) -> wire.Reply:
        worker: Worker | None = None
        try:
            async with asyncio.timeout(self._seconds):
                worker = await self._idle.get()
                reply = await worker.ask(payload)
        except BaseException as error:
            if worker is not None:
                self._replace(worker)
            if isinstance(error, Exception):
                raise DetectorFault(f"worker failed: {type(error).__name__}") from None
            raise
        self._idle.put_nowait(worker)
        if reply.error:
            raise DetectorFault(f"detector raised {reply.error}")
        return reply

    def _add(self, worker: Worker) -> None:
        self.name, self.version = worker.hello.name, worker.hello.version
        self._workers.add(worker)
        self._idle.put_nowait(worker)

    async def _fill(self) -> None:
        """Start all workers; those that could be started stay."""
        setup = self._setup()
        started = await asyncio.gather(
            *(Worker.start(setup) for _ in range(self._size)), return_exceptions=True
        )
        for worker in started:
            if isinstance(worker, Worker):
                self._add(worker)
        failures = [failure for failure in started if isinstance(failure, BaseException)]
        if failures:
            raise failures[0]

    def _rest_later(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
        self._rest = asyncio.get_running_loop().call_later(self._rest_seconds, self._rest_now)

    def _rest_now(self) -> None:
        """End all workers, unless one is at work again."""
        if self._running or self._replacing:
            self._rest_later()
            return
        while not self._idle.empty():
            worker = self._idle.get_nowait()
            self._workers.discard(worker)
            self._chore(worker.kill())

    def _replace(self, worker: Worker) -> None:
        self._workers.discard(worker)
        self._replacing += 1
        self._chore(self._respawn(worker))

    def _chore(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        chore = asyncio.get_running_loop().create_task(work)
        self._chores.add(chore)
        chore.add_done_callback(self._chores.discard)
        return chore

    async def _respawn(self, worker: Worker) -> None:
        try:
            await worker.kill()
            while self._open:
                try:
                    return self._add(await Worker.start(self._setup()))
                except DetectorFault:
                    await asyncio.sleep(_RETRY_SECONDS)
        finally:
            self._replacing -= 1


def _encoded(task: wire.Task) -> bytes:
    try:
        return msgspec.msgpack.encode(task)
    except UnicodeEncodeError:  # a lone surrogate: stands for one character here as there
        texts = tuple((t.encode(errors="replace").decode(), channel) for t, channel in task.texts)
        system = tuple(t.encode(errors="replace").decode() for t in task.system)
        return msgspec.msgpack.encode(msgspec.structs.replace(task, texts=texts, system=system))
