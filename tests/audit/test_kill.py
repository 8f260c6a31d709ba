"""kill -9 under load: every acknowledged entry is there afterwards, and the log goes on.

This proves the death of a process, not of the machine: the page cache survives.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sallyport.audit.reader import LogReader
from sallyport.audit.shard import shards_of
from sallyport.audit.verify import verify_directory

CHILD = """
import asyncio, importlib.util, itertools, os, sys
from pathlib import Path
spec = importlib.util.spec_from_file_location("helper", sys.argv[2])
helper = importlib.util.module_from_spec(spec); spec.loader.exec_module(helper)
from sallyport.audit.shard import open_shard
from sallyport.audit.writer import Pace

async def main():
    writer = open_shard(Path(sys.argv[1]), helper.TestSigner(b"\\x07" * 32), helper.ORIGIN,
                        pace=Pace(checkpoint=0.02), segment_bytes=30_000)
    numbers = itertools.count()
    async def call():
        for number in numbers:
            for kind in ("intent", "outcome"):
                request = f"{os.getpid()}-{number}"
                answer = await writer.append({**helper.make_entry(number, kind), "request": request}, b"s" * 200)
                os.write(1, b"%d %s %s\\n" % (answer.index, kind.encode(), request.encode()))
    await asyncio.gather(*(call() for _ in range(16)))
asyncio.run(main())
"""


def run_and_kill(directory: Path, after: float) -> list[tuple[int, str, str]]:
    """Start the child, kill it after some acknowledged entries; what it acknowledged."""
    command = [sys.executable, "-c", CHILD, str(directory), str(Path(__file__).with_name("conftest.py"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        first = child.stdout.readline()
        assert first, child.stderr.read().decode()
        time.sleep(after)
        os.kill(child.pid, signal.SIGKILL)
        lines = [first, *child.stdout.read().split(b"\n")]
    whole = [line.decode().split() for line in lines if line.strip()]
    return [(int(i), kind, request) for i, kind, request in whole]


@pytest.mark.slow
def test_twenty_kills_lose_nothing_that_was_acknowledged(tmp_path: Path, signer) -> None:
    chance = random.Random(20261124)
    directory = tmp_path / "audit"
    acknowledged: dict[int, tuple[str, str]] = {}
    for _ in range(20):
        for index, kind, request in run_and_kill(directory, chance.uniform(0, 0.15)):
            assert index not in acknowledged, "an index was given twice"
            acknowledged[index] = (kind, request)
        report = verify_directory(directory, public_keys=[signer.public_key_bytes])
        assert report.problems == []
    place = shards_of(directory)
    assert len(place) == 1
    entries = dict(LogReader(place[0]).entries())
    assert list(entries) == list(range(len(entries)))
    for index, (kind, request) in acknowledged.items():
        assert f'"kind":"{kind}"'.encode() in entries[index]
        assert f'"request":"{request}"'.encode() in entries[index]
    assert len(acknowledged) > 100
