from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path

import pytest

from sallyport.audit.merkle import leaf_hash
from sallyport.audit.promise import verify_promise
from sallyport.audit.reader import LogReader
from sallyport.audit.verify import verify_directory
from sallyport.audit.writer import Pace
from sallyport.errors import LogFault


async def test_a_payload_is_made_in_the_commit_thread_and_its_failure_is_its_callers_alone(
    opened, entry
) -> None:
    def broken() -> bytes:
        raise KeyError("no key")

    writer = opened()
    made: list[str] = []
    payloads = [lambda: made.append(threading.current_thread().name) or b"sealed", broken, b"as it is"]
    one, failed, other = await asyncio.gather(
        *(writer.append(entry(i), payload) for i, payload in enumerate(payloads)), return_exceptions=True
    )
    assert made == ["audit-commit"]
    assert isinstance(failed, KeyError)
    assert (one.index, other.index) == (1, 2)
    writer.close()


async def test_a_thousand_at_once_get_consecutive_indexes_in_order(
    opened, entry, tmp_path: Path, signer
) -> None:
    writer = opened()
    size = writer.size
    answers = await asyncio.gather(*(writer.append(entry(i)) for i in range(1000)))
    assert [a.index for a in answers] == list(range(size, size + 1000))
    reader = LogReader(tmp_path / "audit" / "shards" / writer.shard)
    for number in (0, 1, 500, 999):
        data = reader.entry(answers[number].index)
        assert json.loads(data)["request"] == f"req_{number:06d}"
        assert leaf_hash(data) == answers[number].leaf_hash
        promise = verify_promise(answers[number].promise, signer.public_key_bytes)
        assert (promise.shard, promise.index) == (writer.shard, answers[number].index)
    writer.close()
    report = verify_directory(tmp_path / "audit", public_keys=[signer.public_key_bytes])
    assert report.problems == []
    assert report.trusted


async def test_an_entry_is_on_the_disk_before_its_caller_is_answered(opened, entry, tmp_path: Path) -> None:
    writer = opened(pace=Pace(checkpoint=3600))
    for number in range(5):
        answer = await writer.append(entry(number), b"sealed %d" % number)
        reader = LogReader(tmp_path / "audit" / "shards" / writer.shard)
        assert reader.end() == answer.index + 1
        assert reader.checkpoint().size == 1


async def test_only_kinds_that_are_answered_carry_a_promise(opened, entry) -> None:
    writer = opened()
    intent, outcome = await asyncio.gather(writer.append(entry(1)), writer.append(entry(1, "outcome")))
    assert intent.promise
    assert not outcome.promise


async def test_an_entry_outside_of_the_schema_is_refused_and_the_log_goes_on(opened, entry) -> None:
    writer = opened()
    with pytest.raises(LogFault, match="schema"):
        await writer.append(entry(1, prompt="never"))
    assert (await writer.append(entry(1))).index == 1


async def test_a_cancelled_caller_does_not_disturb_the_others(opened, entry) -> None:
    writer = opened()
    tasks = [asyncio.ensure_future(writer.append(entry(i))) for i in range(50)]
    await asyncio.sleep(0)
    tasks[7].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(results[7], asyncio.CancelledError)
    assert [r.index for i, r in enumerate(results) if i != 7] == [i + 1 for i in range(50) if i != 7]


async def test_a_checkpoint_follows_by_itself(opened, entry, tmp_path: Path) -> None:
    writer = opened()
    answer = await writer.append(entry(1))
    reader = LogReader(tmp_path / "audit" / "shards" / writer.shard)
    for _ in range(500):
        if reader.checkpoint().size > answer.index:
            break
        await asyncio.sleep(0.01)
    assert reader.checkpoint().size == answer.index + 1


async def test_an_idle_shard_beats(opened, tmp_path: Path) -> None:
    writer = opened(pace=Pace(checkpoint=0.01, beat=0.02))
    for _ in range(500):
        if writer.size > 3:
            break
        await asyncio.sleep(0.01)
    reader = LogReader(tmp_path / "audit" / "shards" / writer.shard)
    assert json.loads(reader.entry(2))["kind"] == "beat"


async def test_the_reserve_stops_calls_but_not_administrators(opened, entry) -> None:
    writer = opened(pace=Pace(checkpoint=0.01, reserve_bytes=1 << 60))
    assert writer.fault == "disk_full"
    with pytest.raises(LogFault) as caught:
        await writer.append(entry(1))
    assert caught.value.code == "disk_full"
    assert (await writer.append({"kind": "admin", "action": "log.read"})).index == 1


async def test_after_close_appends_are_refused(opened, entry) -> None:
    writer = opened()
    await writer.append(entry(1))
    writer.close()
    with pytest.raises(LogFault, match="closed"):
        await writer.append(entry(2))
