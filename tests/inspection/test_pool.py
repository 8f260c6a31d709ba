"""A pool that has a process only while there is something to do."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from sallyport.errors import DetectorFault
from sallyport.inspection import pool as module
from sallyport.inspection import wire
from sallyport.inspection.engine import Engine
from sallyport.inspection.pool import Pool

ENGINE = Engine()
TASK = wire.Task(texts=(("mail a@b.org", "user"),), direction="input")


def setup() -> wire.Setup:
    return wire.Setup(path=tuple(filter(None, sys.path)), memory_mb=1024, gates=ENGINE.gates())


@pytest_asyncio.fixture
async def pool() -> AsyncIterator[Pool]:
    pool = Pool(setup, workers=1, seconds=5.0, rest_seconds=0.5)
    await pool.start()
    yield pool
    await pool.stop()
    assert not pool._workers


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[module.Worker]:
    """Every process that was started."""
    found: list[module.Worker] = []
    start = module.Worker.start

    async def counted(setup: wire.Setup) -> module.Worker:
        found.append(worker := await start(setup))
        return worker

    monkeypatch.setattr(module.Worker, "start", counted)
    return found


async def until_none(pool: Pool) -> None:
    while pool._workers or pool._chores:  # noqa: ASYNC110 - what is waited for is that nothing is left
        await asyncio.sleep(0.02)


async def test_the_first_tasks_share_one_start(pool: Pool, started: list[module.Worker]) -> None:
    assert not pool._workers
    replies = await asyncio.gather(*(pool.run(TASK) for _ in range(5)))
    assert [[f.type for f in reply.findings] for reply in replies] == [["email"]] * 5
    assert len(started) == 1


async def test_without_tasks_the_process_ends_and_another_one_starts(
    pool: Pool, started: list[module.Worker]
) -> None:
    for number in (1, 2):
        assert (await pool.run(TASK)).findings
        await until_none(pool)
        assert started[-1]._process.returncode is not None
        assert len(started) == number


async def test_a_caller_who_hangs_up_does_not_end_the_start(pool: Pool, started: list[module.Worker]) -> None:
    first = asyncio.create_task(pool.run(TASK))
    await asyncio.sleep(0)
    second = asyncio.create_task(pool.run(TASK))
    await asyncio.sleep(0.05)
    first.cancel()
    assert (await second).findings
    assert len(started) == 1


async def test_a_process_that_cannot_be_started_refuses_and_is_tried_again(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for broken in ("/no/such/python", "/bin/false"):
        with monkeypatch.context() as patch:
            patch.setattr(sys, "executable", broken)
            results = await asyncio.gather(*(pool.run(TASK) for _ in range(3)), return_exceptions=True)
        assert [type(result) for result in results] == [DetectorFault] * 3
    assert (await pool.run(TASK)).findings


async def test_a_start_that_takes_too_long_refuses(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    start, go = module.Worker.start, asyncio.Event()

    async def slow(setup: wire.Setup) -> module.Worker:
        await go.wait()
        return await start(setup)

    monkeypatch.setattr(module.Worker, "start", slow)
    monkeypatch.setattr(module, "_WAKE_SECONDS", 0.05)
    with pytest.raises(DetectorFault):
        await pool.run(TASK)
    go.set()
    monkeypatch.setattr(module, "_WAKE_SECONDS", 20.0)
    assert (await pool.run(TASK)).findings


async def test_a_process_that_dies_is_replaced(pool: Pool, started: list[module.Worker]) -> None:
    await pool.run(TASK)
    started[0]._process.kill()
    with pytest.raises(DetectorFault):
        await pool.run(TASK)
    assert (await pool.run(TASK)).findings


async def test_a_replacement_that_cannot_be_started_is_tried_again(
    pool: Pool, monkeypatch: pytest.MonkeyPatch, started: list[module.Worker]
) -> None:
    monkeypatch.setattr(module, "_RETRY_SECONDS", 0.05)
    await pool.run(TASK)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", "/no/such/python")
        started[0]._process.kill()
        with pytest.raises(DetectorFault):
            await pool.run(TASK)
        await asyncio.sleep(0.2)
    assert (await pool.run(TASK)).findings


async def test_before_the_start_and_after_the_stop_everything_is_refused() -> None:
    pool = Pool(setup, workers=1, seconds=5.0, rest_seconds=5.0)
    with pytest.raises(DetectorFault):
        await pool.run(TASK)
    await pool.start()
    await pool.run(TASK)
    await pool.stop()
    with pytest.raises(DetectorFault):
        await pool.run(TASK)
    assert not pool._workers


async def test_a_stop_meanwhile_leaves_no_process(started: list[module.Worker]) -> None:
    pool = Pool(setup, workers=1, seconds=5.0, rest_seconds=5.0)
    await pool.start()
    running = asyncio.create_task(pool.run(TASK))
    await asyncio.sleep(0.05)
    await pool.stop()
    with pytest.raises(DetectorFault):
        await running
    assert all(worker._process.returncode is not None for worker in started)
