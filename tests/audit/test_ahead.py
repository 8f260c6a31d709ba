"""Files that are written ahead with zeros: nothing that is read, recovered or verified depends on them."""

from __future__ import annotations

import errno
import json
import shutil
from pathlib import Path

import pytest

from sallyport.audit import files as files_module
from sallyport.audit.files import LEAST_AHEAD, Files, Tail
from sallyport.audit.payloads import PayloadStore, payload_paths, records
from sallyport.audit.reader import LogReader
from sallyport.audit.shard import shards_of
from sallyport.audit.verify import verify_directory
from sallyport.audit.wal import scan_segment, segment_paths
from sallyport.audit.writer import Pace

SLOW = Pace(checkpoint=3600)  # nothing is published while its folder is copied
CALLS = 700  # entries and payloads of well over LEAST_AHEAD bytes


def ends_of(place: Path) -> dict[Path, int]:
    """Where the last batch and the last record end."""
    wal, payload = segment_paths(place)[-1], payload_paths(place)[-1]
    return {wal: scan_segment(wal).end, payload: list(records(payload))[-1].end}


async def test_a_busy_log_lies_before_zeros_and_an_orderly_end_cuts_them(
    opened, fill, tmp_path: Path
) -> None:
    writer = opened()
    await fill(writer, CALLS, payloads=True)
    place = shards_of(tmp_path / "audit")[0]
    for path, end in ends_of(place).items():
        data = path.read_bytes()
        assert len(data) >= end + 1000
        assert not any(data[end:])
    assert LogReader(place).end() == writer.size
    assert verify_directory(tmp_path / "audit").logs[1].torn_bytes == 0
    writer.close()
    assert {path: path.stat().st_size for path in ends_of(place)} == ends_of(place)
    report = verify_directory(tmp_path / "audit")
    assert (report.problems, report.logs[1].payloads) == ([], 2 * CALLS)


async def test_a_quiet_log_has_no_zeros(opened, fill, tmp_path: Path) -> None:
    writer = opened()
    await fill(writer, 20, payloads=True)
    for path, end in ends_of(shards_of(tmp_path / "audit")[0]).items():
        assert path.stat().st_size == end
    writer.close()


async def test_what_a_killed_process_leaves_goes_on(opened, fill, entry, tmp_path: Path) -> None:
    writer = opened(pace=SLOW)
    await fill(writer, CALLS, payloads=True)
    shutil.copytree(tmp_path / "audit", tmp_path / "killed")
    size, shard = writer.size, writer.shard
    writer.close()
    shutil.rmtree(tmp_path / "audit")
    (tmp_path / "killed").rename(tmp_path / "audit")
    again = opened()
    last = await again.append(entry(9000), b"sealed")
    assert (last.index, again.shard) == (size + 1, shard)
    assert json.loads(LogReader(shards_of(tmp_path / "audit")[0]).entry(size))["truncated_bytes"] == 0
    assert PayloadStore(tmp_path / "audit").read(shard, last.index) == b"sealed"
    again.close()
    report = verify_directory(tmp_path / "audit")
    assert (report.problems, report.logs[1].payloads) == ([], 2 * CALLS + 1)


async def test_a_batch_that_was_torn_among_the_zeros_is_cut(opened, fill, entry, tmp_path: Path) -> None:
    writer = opened(pace=SLOW)
    await fill(writer, CALLS, payloads=True)
    shutil.copytree(tmp_path / "audit", tmp_path / "killed")
    size = writer.size
    writer.close()
    shutil.rmtree(tmp_path / "audit")
    (tmp_path / "killed").rename(tmp_path / "audit")
    for path, end in ends_of(shards_of(tmp_path / "audit")[0]).items():
        with path.open("r+b") as file:
            file.seek(end)
            file.write(file.name.endswith(".wal") * b"SPB1\x90\x01\0\0\3\0\0\0torn")
            file.seek(end + 600)
            file.write(b"a later page of it")
    again = opened()
    data = LogReader(shards_of(tmp_path / "audit")[0]).entry(size)
    assert json.loads(data)["truncated_bytes"] == 618
    answer = await again.append(entry(9000), b"sealed")
    assert PayloadStore(tmp_path / "audit").read(again.shard, answer.index) == b"sealed"
    again.close()
    assert verify_directory(tmp_path / "audit").problems == []


async def test_segments_that_were_left_for_the_next_one_have_no_zeros(
    opened, fill, tmp_path: Path, monkeypatch
) -> None:
    writer = opened(segment_bytes=2 * LEAST_AHEAD)
    await fill(writer, CALLS)
    paths = segment_paths(shards_of(tmp_path / "audit")[0])
    assert len(paths) > 1
    for path in paths[:-1]:
        assert path.stat().st_size == scan_segment(path).end
    writer.close()


def test_nothing_is_written_ahead_where_space_is_scarce(tmp_path: Path, monkeypatch) -> None:
    sizes = []
    for spare in (files_module.SPARE, 1 << 62):
        monkeypatch.setattr(files_module, "SPARE", spare)
        path = tmp_path / str(spare)
        files = Files()
        tail = Tail(files, files.open(path), 0)
        for _ in range(20):
            tail.append(b"x" * 9000)
        sizes.append(path.stat().st_size)
        assert path.read_bytes()[:180_000] == b"x" * 180_000
        tail.trim()
        tail.close()
        assert path.stat().st_size == 180_000
    assert sizes[0] > sizes[1] == 180_000


class Narrow(Files):
    """A disk on which zeros meet a limit that `free` does not know."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self.code, self.refused = code, 0

    def put(self, fd: int, data: bytes, offset: int) -> None:
        if len(data) > 1000 and not any(data):
            self.refused += 1
            super().put(fd, data[:300], offset)
            raise OSError(self.code, "injected")
        super().put(fd, data, offset)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
async def test_a_limit_for_zeros_alone_refuses_no_entry(opened, fill, tmp_path: Path, code) -> None:
    files = Narrow(code)
    writer = opened(files=files)
    await fill(writer, CALLS, payloads=True)
    assert (writer.fault, files.refused > 1) == ("", True)
    writer.close()
    report = verify_directory(tmp_path / "audit")
    assert (report.problems, report.logs[1].payloads) == ([], 2 * CALLS)
    for path, end in ends_of(shards_of(tmp_path / "audit")[0]).items():
        assert path.stat().st_size == end


def test_a_disk_that_fails_while_zeros_are_written_is_a_fault(tmp_path: Path) -> None:
    files = Narrow(errno.EIO)
    tail = Tail(files, files.open(tmp_path / "x"), 0)
    with pytest.raises(OSError, match="injected"):
        for _ in range(20):
            tail.append(b"x" * 9000)
    tail.close()
