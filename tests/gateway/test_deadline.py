from __future__ import annotations

import asyncio

import pytest

from sallyport.gateway import deadline
from sallyport.gateway.deadline import Deadline, Later


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(deadline, "TICK", 0.005)


async def forever():
    await asyncio.get_running_loop().create_future()


async def test_what_takes_too_long_is_a_timeout():
    with pytest.raises(TimeoutError), Deadline(0.01):
        await forever()
    assert asyncio.current_task().cancelling() == 0
    await asyncio.sleep(0.02)  # nothing comes after it


async def test_what_is_in_time_goes_on():
    with Deadline(0.01):
        await asyncio.sleep(0)
    await asyncio.sleep(0.03)


async def test_an_extension_starts_the_time_anew():
    with pytest.raises(TimeoutError), Deadline(0.01) as held:
        held.extend(5)
        await asyncio.sleep(0.04)
        held.extend(0.01)
        await forever()


async def test_the_inner_of_two_expires_alone():
    with Deadline(5):
        with pytest.raises(TimeoutError), Deadline(0.01):
            await forever()
        await asyncio.sleep(0.01)


async def test_the_outer_of_two_passes_the_inner():
    with pytest.raises(TimeoutError), Deadline(0.01), Deadline(5):
        await forever()


async def test_a_cancellation_from_outside_stays_one():
    async def work():
        with Deadline(5):
            await forever()

    task = asyncio.ensure_future(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancellation_and_an_expiry_together_stay_a_cancellation():
    async def work():
        with Deadline(0.01):
            try:
                await forever()
            finally:
                asyncio.current_task().cancel()
                await asyncio.sleep(0)

    with pytest.raises(asyncio.CancelledError):
        await asyncio.ensure_future(work())


async def test_an_error_at_the_last_moment_is_not_hidden():
    async def work():
        with Deadline(0.01):
            try:
                await forever()
            except asyncio.CancelledError:
                raise ValueError("at last") from None

    with pytest.raises(ValueError, match="at last"):
        await work()
    assert asyncio.current_task().cancelling() == 0


async def test_later_happens_once_and_only_if_it_takes_longer():
    seen = []
    with Later(0.0, lambda: seen.append("slow")):
        await asyncio.sleep(0.04)
    assert seen == ["slow"]
    with Later(0.0, lambda: seen.append("quick")):
        await asyncio.sleep(0)
    await asyncio.sleep(0.02)
    assert seen == ["slow"]


async def test_an_idle_table_has_no_timer():
    with Deadline(0.01):
        await asyncio.sleep(0)
    await asyncio.sleep(0.03)
    assert deadline._table._ticking is False


def test_each_loop_has_its_own_table():
    async def late():
        with pytest.raises(TimeoutError), Deadline(0.01):
            await forever()

    asyncio.run(late())
    asyncio.run(late())
