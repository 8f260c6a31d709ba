"""Deadlines of running calls, without a timer for each.

A call passes half a dozen of them and meets none, and `asyncio.timeout` costs nine microseconds each time. So a
deadline is an entry in a table, which is looked at every `TICK` seconds while there is an entry: a deadline may be
late by a tick, never early. Cancellations are counted as `asyncio.timeout` counts them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

TICK = 0.05


class _Entry(Protocol):
    at: float  # in the loop's time

    def fire(self) -> None: ...


class _Table:
    """The entries of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None) -> None:
        self.loop = loop
        self._entries: set[_Entry] = set()
        self._ticking = False
        self.remove = self._entries.discard

    def add(self, entry: _Entry) -> None:
        self._entries.add(entry)
        if not self._ticking:
            self._ticking = True
            assert self.loop is not None
            self.loop.call_later(TICK, self._tick)

    def _tick(self) -> None:
        assert self.loop is not None
        now = self.loop.time()
        for entry in [entry for entry in self._entries if entry.at <= now]:
            self._entries.discard(entry)
            entry.fire()
        self._ticking = bool(self._entries)
        if self._ticking:
            self.loop.call_later(TICK, self._tick)


_table = _Table(None)


def of_this_loop() -> _Table:
    """The table of the running loop, for what is an entry itself."""
    global _table  # noqa: PLW0603 - a process has one loop; only tests have one after the other
    loop = asyncio.get_running_loop()
    if _table.loop is not loop:
        _table = _Table(loop)
    return _table


class Deadline:
    """`with Deadline(seconds):` raises TimeoutError out of the block when the time is over."""

    __slots__ = ("_before", "_expired", "_seconds", "_table", "_task", "at")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._expired = False

    def __enter__(self) -> Self:
        self._table = of_this_loop()
        task = asyncio.current_task()
        assert task is not None
        self._task, self._before = task, task.cancelling()
        self.extend(self._seconds)
        return self

    def extend(self, seconds: float) -> None:
        """Over in so many seconds from now. One that has expired already stays so."""
        assert self._table.loop is not None
        self.at = self._table.loop.time() + seconds
        if not self._expired:
            self._table.add(self)

    def fire(self) -> None:
        """Called by the table."""
        self._expired = True
        self._task.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._table.remove(self)
        if self._expired and self._task.uncancel() <= self._before and kind is asyncio.CancelledError:
            raise TimeoutError from error


class Later:
    """`with Later(seconds, do):` calls `do()` once if the block takes longer."""

    __slots__ = ("_seconds", "_table", "at", "fire")

    def __init__(self, seconds: float, do: Callable[[], None]) -> None:
        self._seconds, self.fire = seconds, do

    def __enter__(self) -> Self:
        self._table = of_this_loop()
        assert self._table.loop is not None
        self.at = self._table.loop.time() + self._seconds
        self._table.add(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._table.remove(self)
