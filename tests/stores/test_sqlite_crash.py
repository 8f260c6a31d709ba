"""Processes killed in the middle of commits: what was acknowledged is there, and nothing is half there."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import sys
from pathlib import Path

import pytest

from sallyport.keys.keyring import in_use
from sallyport.stores.sqlite import SqliteStateStore

WRITER = """
import asyncio, os, sys, time
from pathlib import Path
from sallyport.keys.keyring import KeyRing, in_use
from sallyport.keys.root import open_root
from sallyport.stores import Change
from sallyport.stores.sqlite import SqliteStateStore

async def main():
    state, run = Path(sys.argv[1]), sys.argv[2]
    store = await SqliteStateStore.open(state / "state.db")
    ring = KeyRing(store, open_root(state / "root.key", in_use=await in_use(store)), time.monotonic, os.urandom)
    await ring.start()
    for n in range(100_000):
        name = f"{run}/{n}"
        await store.commit([Change(kind=k, key=name, value=os.urandom(900)) for k in ("left", "right")])
        print(name, flush=True)
        if n % 5 == 0:
            print("person", (await ring.person(name)).id.hex(), name, flush=True)
            await ring.shred(f"{run}/{n - 5}")

asyncio.run(main())
"""


async def killed_run(state: Path, run: int, seconds: float) -> list[str]:
    """Start a writer, kill it so long after its first line, and return the whole lines that it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, str(state), str(run), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    said = await process.stdout.readline()
    await asyncio.sleep(seconds)
    process.kill()
    said += await process.stdout.read()
    assert await process.wait() == -9
    return [line.decode().strip() for line in said.splitlines(keepends=True) if line.endswith(b"\n")]


@pytest.mark.slow
async def test_kills_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    dice, state, said = random.Random(5), tmp_path / "state", []
    for run in range(10):
        said += await killed_run(state, run, dice.random() * 0.3)
    store = await SqliteStateStore.open(state / "state.db")
    left, right = [{row.key for row in await store.scan(kind)} for kind in ("left", "right")]
    acknowledged = {line for line in said if not line.startswith("person")}
    assert len(acknowledged) > 50
    assert acknowledged <= left
    assert left == right
    assert len(left - acknowledged) <= 10
    assert await in_use(store)
    people = {row.key for row in await store.scan("key", "person/")}
    assert people == {f"person/{row.key}" for row in await store.scan("pseudonym")}
    await store.close()
    db = sqlite3.connect(state / "state.db")
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    db.close()


@pytest.mark.slow
async def test_a_first_start_that_is_killed_anywhere_can_be_made_again(tmp_path: Path) -> None:
    dice = random.Random(6)
    for run in range(6):
        state = tmp_path / f"state-{run}"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", WRITER, str(state), "0", stdout=asyncio.subprocess.PIPE
        )
        await asyncio.sleep(0.3 + dice.random())
        process.kill()
        await process.communicate()
        assert await killed_run(state, 1, 0.01)
