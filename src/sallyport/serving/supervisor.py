"""The parent of all processes: starts them in order, replaces what dies, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from sallyport.errors import SallyportError, SettingsError
from sallyport.serving.child import NOT_USABLE, Child, ChildSpec, Say, StartFailed
from sallyport.serving.restarts import Restarts

_HOUR = 3600.0
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class GaveUp(SallyportError):
    """A child does not stay up."""


def run(
    specs: Sequence[ChildSpec],
    *,
    announce: Callable[[], None] = lambda: None,
    hourly: Callable[[], None] = lambda: None,
    restarts: Restarts | None = None,
) -> int:
    """Supervise until SIGTERM, SIGINT or SIGHUP. Returns the exit code; the reason goes to stderr.

    `hourly` is called once an hour, to renew what grows old. 0: stopped as asked. 1: a child does not come up or stay up. 78: the configuration cannot be used.
    A second signal while stopping kills what is still there.
    """
    try:
        asyncio.run(_until_signalled(specs, announce, hourly, restarts or Restarts()))
    except SettingsError as error:
        say("sallyport", str(error))
        return NOT_USABLE
    except (StartFailed, GaveUp) as error:
        say("sallyport", str(error))
        return NOT_USABLE if isinstance(error, StartFailed) and error.final else 1
    return 0


def say(name: str, line: str) -> None:
    """One line on stderr."""
    sys.stderr.write(f"{name}: {line}\n")
    sys.stderr.flush()


async def _until_signalled(
    specs: Sequence[ChildSpec],
    announce: Callable[[], None],
    hourly: Callable[[], None],
    restarts: Restarts,
) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    children = [Child(spec, say) for spec in specs]

    def asked() -> None:
        if stop.is_set():
            for child in children:
                child.kill()
        stop.set()

    for number in _SIGNALS:
        loop.add_signal_handler(number, asked)
    chore = asyncio.create_task(_every(_HOUR, hourly, say))
    try:
        await supervise(children, stop=stop, announce=announce, say=say, restarts=restarts)
    finally:
        await _cancel({chore})


async def supervise(
    children: Sequence[Child],
    *,
    stop: asyncio.Event,
    announce: Callable[[], None],
    say: Say,
    restarts: Restarts,
) -> None:
    """Start the children one after the other, keep them until `stop`, and end them in the same order.

    The first start gets one attempt each. Raises `StartFailed`, `GaveUp` or `SettingsError` after ending all.
    """
    asked = asyncio.create_task(stop.wait())
    tasks: set[asyncio.Task[None]] = set()
    try:
        if await _first(asyncio.create_task(_start_all(children)), asked):
            return
        announce()
        tasks = {asyncio.create_task(_keep(child, say, restarts)) for child in children}
        await asyncio.wait({asked, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()
    finally:
        await _cancel({asked, *tasks})
        _close_listeners(children)
        for child in children:
            await child.stop()
            if child.spec.shelf is not None:
                child.spec.shelf.close()


async def _start_all(children: Sequence[Child]) -> None:
    for child in children:
        await child.start()


async def _first(work: asyncio.Task[None], asked: asyncio.Task[bool]) -> bool:
    """Wait for the work, or until a stop was asked for; returns whether it was."""
    await asyncio.wait({work, asked}, return_when=asyncio.FIRST_COMPLETED)
    if work.done():
        work.result()
        return False
    await _cancel({work})
    return True


async def _keep(child: Child, say: Say, restarts: Restarts) -> None:
    loop, failures = asyncio.get_running_loop(), 0
    while True:
        ready_at = loop.time()
        reason = await child.watch()
        failures = restarts.failures(failures, loop.time() - ready_at)
        say("sallyport", reason)
        failures = await _start_again(child, reason, failures, say, restarts)


async def _start_again(child: Child, reason: str, failures: int, say: Say, restarts: Restarts) -> int:
    while (delay := restarts.delay(failures)) is not None:
        await asyncio.sleep(delay)
        try:
            await child.start()
        except (StartFailed, SettingsError) as error:
            if isinstance(error, StartFailed) and error.final:
                raise
            reason, failures = str(error), failures + 1
            say("sallyport", reason)
        else:
            say("sallyport", f"{child.spec.name} runs again")
            return failures
    raise GaveUp(f"{child.spec.name} does not stay up; the last reason: {reason}")


async def _every(seconds: float, do: Callable[[], None], say: Say) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            do()
        except Exception as error:  # noqa: BLE001 - a chore that fails is told, and tried again
            say("sallyport", f"{type(error).__name__}: {error}")


async def _cancel(tasks: set[asyncio.Task[None] | asyncio.Task[bool]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def _close_listeners(children: Sequence[Child]) -> None:
    """Before the workers end: who connects now is refused at once instead of waiting for nobody."""
    for child in children:
        if child.spec.listener is not None and child.spec.listener.fileno() >= 0:
            path = child.spec.listener.getsockname()
            child.spec.listener.close()
            with contextlib.suppress(OSError):
                Path(path).unlink()
