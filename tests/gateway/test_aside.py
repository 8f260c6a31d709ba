"""Work beside the event loop: its result, its errors, one at a time, and the interpreter left as it was."""

from __future__ import annotations

import asyncio
import sys
import threading

import pytest

from sallyport.gateway.aside import aside


async def test_the_result_and_the_errors_are_those_of_the_work():
    assert await aside(lambda: threading.current_thread().name) != threading.current_thread().name
    with pytest.raises(ZeroDivisionError):
        await aside(lambda: 1 / 0)


async def test_one_at_a_time_in_short_turns_and_then_as_before():
    usual, under_way, seen = sys.getswitchinterval(), [], []

    def work(number):
        under_way.append(number)
        seen.append((len(under_way), sys.getswitchinterval() < usual))
        under_way.remove(number)
        return number

    assert await asyncio.gather(*(aside(lambda n=n: work(n)) for n in range(20))) == list(range(20))
    assert set(seen) == {(1, True)}
    assert sys.getswitchinterval() == usual


async def test_who_does_not_wait_any_longer_leaves_nothing_changed():
    usual, go = sys.getswitchinterval(), threading.Event()
    waiting = asyncio.create_task(aside(go.wait))
    await asyncio.sleep(0)
    waiting.cancel()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert sys.getswitchinterval() == usual
