"""Short writes, ENOSPC and EIO at every write and sync: what was acknowledged is there, later appends are refused."""

from __future__ import annotations

import asyncio
import errno
import json
from itertools import product
from pathlib import Path

import pytest

from sallyport.audit.files import Files
from sallyport.audit.reader import LogReader
from sallyport.audit.shard import shards_of
from sallyport.audit.verify import verify_directory
from sallyport.audit.writer import Pace
from sallyport.errors import LogFault


class FaultyFiles(Files):
    """A disk that is told when to fail. `writes` counts the calls of `write`."""

    def __init__(self, *, dsync: bool = True) -> None:
        super().__init__()
        if not dsync:
            self._dsync = 0
        self.fail_write = self.fail_sync = self.fail_rename = 0
        self.part = 0  # bytes that still go through before a failing write
        self.short = False

    def write(self, fd: int, data: memoryview, offset: int, flags: int) -> int:
        if self.fail_write:
            if self.part:
                super().write(fd, data[: self.part], offset, flags)
            raise OSError(self.fail_write, "injected")
        return super().write(fd, data[:101] if self.short else data, offset, flags)

    def sync(self, fd: int) -> None:
        if self.fail_sync:
            raise OSError(self.fail_sync, "injected")
        super().sync(fd)

    def rename(self, source: Path, target: Path) -> None:
        if self.fail_rename:
            raise OSError(self.fail_rename, "injected")
        super().rename(source, target)

    def heal(self) -> None:
        self.fail_write = self.fail_sync = self.fail_rename = 0


SLOW = Pace(checkpoint=3600)


def entries_of(directory: Path) -> list[dict[str, object]]:
    return [json.loads(e) for _, e in LogReader(shards_of(directory)[0]).entries()]


async def test_short_writes_are_continued(opened, fill, tmp_path: Path, signer) -> None:
    files = FaultyFiles()
    files.short = True
    writer = opened(files=files)
    await fill(writer, 20, payloads=True)
    writer.close()
    report = verify_directory(tmp_path / "audit", public_keys=[signer.public_key_bytes])
    assert (report.problems, report.logs[1].size, report.logs[1].payloads) == ([], 41, 40)


def write_fails(files: FaultyFiles, code: int) -> None:
    files.fail_write = code


def write_fails_half_way(files: FaultyFiles, code: int) -> None:
    files.fail_write, files.part = code, 60


def sync_fails(files: FaultyFiles, code: int) -> None:
    files.fail_sync = code


CASES = list(
    product([write_fails, write_fails_half_way, sync_fails], [None, b"sealed"], [errno.ENOSPC, errno.EIO])
)


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c[0].__name__}-{c[1]}-{errno.errorcode[c[2]]}")
async def test_a_failing_disk_acknowledges_nothing_and_is_recovered(
    opened, entry, tmp_path: Path, signer, case
) -> None:
    fail, payload, code = case
    files = FaultyFiles(dsync=fail is not sync_fails)
    writer = opened(files=files, pace=SLOW)
    acknowledged = [(await writer.append(entry(i), payload)).index for i in range(10)]
    fail(files, code)
    failed = await asyncio.gather(
        *(writer.append(entry(i, "outcome"), payload) for i in range(5)), return_exceptions=True
    )
    assert all(isinstance(f, LogFault) and f.code == "log_unavailable" for f in failed)
    files.heal()
    with pytest.raises(LogFault, match="cannot be written"):
        await writer.append(entry(100))
    assert writer.fault

    await writer.reopen()
    assert not writer.fault
    after = await writer.append(entry(200), payload)
    assert after.index == acknowledged[-1] + 2
    entries = entries_of(tmp_path / "audit")
    assert [e["request"] for e in entries[1:11]] == [f"req_{i:06d}" for i in range(10)]
    assert entries[11]["kind"] == "recovery"
    assert entries[11]["reason"] == "fault"
    assert sorted(o["request"] for o in entries[11]["orphans"]) == [f"req_{i:06d}" for i in range(5)]
    assert len(entries) == 13
    for number in range(5, 10):
        await writer.append(entry(number, "outcome"), payload)
    await writer.append(entry(200, "outcome"), payload)
    writer.close()
    report = verify_directory(tmp_path / "audit", public_keys=[signer.public_key_bytes])
    assert report.problems == []
    assert report.logs[1].open_intents == {}


async def test_while_the_disk_fails_reopening_fails_too_and_can_be_tried_again(opened, entry) -> None:
    files = FaultyFiles()
    writer = opened(files=files, pace=SLOW)
    await writer.append(entry(1))
    files.fail_write = errno.EIO
    with pytest.raises(LogFault):
        await writer.append(entry(2))
    for _ in range(2):
        with pytest.raises(LogFault, match="opened again"):
            await writer.reopen()
        assert writer.fault
    files.heal()
    await writer.reopen()
    assert (await writer.append(entry(3))).index == 3


async def test_a_checkpoint_that_cannot_be_written_stops_appends(opened, entry, tmp_path: Path) -> None:
    files = FaultyFiles()
    writer = opened(files=files, pace=Pace(checkpoint=0.01))
    await writer.append(entry(1))
    files.fail_rename = errno.EIO
    for number in range(2, 500):
        try:
            await writer.append(entry(number))
        except LogFault:
            break
        await asyncio.sleep(0.005)
    else:
        pytest.fail("appends went on without checkpoints")
    size = writer.size
    files.heal()
    await writer.reopen()
    assert writer.size == size + 1
    writer.close()
    assert verify_directory(tmp_path / "audit").problems == []


async def test_a_fault_in_one_shard_leaves_the_other(opened, entry) -> None:
    files = FaultyFiles()
    bad, good = opened(worker="a", files=files), opened(worker="b")
    files.fail_write = errno.EIO
    with pytest.raises(LogFault):
        await bad.append(entry(1))
    assert (await good.append(entry(1))).index == 1
    files.heal()


async def test_outcomes_refused_before_they_were_queued_are_named_too(opened, entry, tmp_path: Path) -> None:
    files = FaultyFiles()
    writer = opened(files=files, pace=SLOW)
    await writer.append(entry(1))
    files.fail_write = errno.EIO
    for number, kind in ((2, "intent"), (1, "outcome")):
        with pytest.raises(LogFault):
            await writer.append(entry(number, kind))
    files.heal()
    await writer.reopen()
    assert [o["request"] for o in entries_of(tmp_path / "audit")[-1]["orphans"]] == ["req_000001"]


async def test_a_crash_between_entries_and_tiles_is_continued(opened, fill, tmp_path: Path, signer) -> None:
    """The process is gone with 600 entries durable, none of them in a tile."""
    writer = opened(pace=SLOW)
    await fill(writer, 300)
    writer._broken = "killed"  # close() then publishes nothing
    writer.close()
    assert LogReader(shards_of(tmp_path / "audit")[0]).checkpoint().size == 1
    report = verify_directory(tmp_path / "audit", public_keys=[signer.public_key_bytes])
    assert (report.problems, report.logs[1].unpublished) == ([], 600)
    again = opened()
    assert again.size == 602
    again.close()
    report = verify_directory(tmp_path / "audit", public_keys=[signer.public_key_bytes])
    assert (report.problems, report.logs[1].size, report.logs[1].unpublished) == ([], 602, 0)


@pytest.mark.parametrize("renames", range(1, 9))
async def test_a_crash_in_the_middle_of_publishing_is_continued(
    opened, fill, tmp_path: Path, signer, renames: int
) -> None:
    class Dying(FaultyFiles):
        left = 1 << 30

        def rename(self, source: Path, target: Path) -> None:
            self.left -= 1
            if self.left < 0:
                raise OSError(errno.EIO, "killed")
            super().rename(source, target)

    files = Dying()
    writer = opened(files=files, pace=SLOW)
    await fill(writer, 300)
    files.left = renames
    writer.close()
    assert verify_directory(tmp_path / "audit", public_keys=[signer.public_key_bytes]).problems == []
    again = opened()
    await fill(again, 10)
    again.close()
    report = verify_directory(tmp_path / "audit", public_keys=[signer.public_key_bytes])
    assert (report.problems, report.logs[1].size) == ([], 622)


async def test_entries_that_are_durable_but_were_not_answered_are_named(
    opened, entry, tmp_path: Path
) -> None:
    class Failing:
        public_key_bytes = b""

        def sign(self, _: bytes) -> bytes:
            raise RuntimeError("the key store is gone")

    writer = opened(pace=SLOW)
    await writer.append(entry(1))
    good, writer._signer = writer._signer, Failing()
    with pytest.raises(LogFault, match="RuntimeError"):
        await writer.append(entry(2))
    writer._signer = good
    await writer.reopen()
    assert [o["request"] for o in entries_of(tmp_path / "audit")[-1]["orphans"]] == ["req_000002"]
    await writer.append(entry(1, "outcome"))
    writer.close()
    report = verify_directory(tmp_path / "audit")
    assert (report.problems, report.logs[1].open_intents) == ([], {})


async def test_appends_during_reopening_are_refused_or_taken_but_never_lost(
    opened, entry, tmp_path: Path
) -> None:
    files = FaultyFiles()
    writer = opened(files=files, pace=SLOW)
    files.fail_write = errno.EIO
    with pytest.raises(LogFault):
        await writer.append(entry(0))
    files.heal()
    reopening = asyncio.ensure_future(writer.reopen())
    taken = []
    for number in range(1, 50_000):
        try:
            taken.append((await writer.append(entry(number))).index)
        except LogFault:
            await asyncio.sleep(0.001)
        if len(taken) == 20:
            break
    await reopening
    assert taken == list(range(taken[0], taken[0] + 20))
    requests = [e.get("request") for e in entries_of(tmp_path / "audit")]
    assert len(requests) == writer.size
    assert len([r for r in requests if r]) == 20
