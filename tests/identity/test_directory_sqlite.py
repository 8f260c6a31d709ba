"""The directory on the real store, and a second process that writes to the same file."""

from __future__ import annotations

import asyncio
import sys
import time

import pytest
from identity_world import PASSWORD, World

from sallyport.errors import Refusal
from sallyport.identity.directory_records import IssuedKey
from sallyport.identity.revocation import RevocationFeed
from sallyport.stores.sqlite import SqliteStateStore

REVOKE = """
import asyncio, sys
from pathlib import Path
from sallyport.identity.revocation import RevocationFeed
from sallyport.stores.sqlite import SqliteStateStore

async def main():
    store = await SqliteStateStore.open(Path(sys.argv[1]))
    await RevocationFeed(store).revoke_principal("local|sam", by="local|root", reason="test")
    await store.close()

asyncio.run(main())
"""


@pytest.fixture
async def file(tmp_path):
    return tmp_path / "state" / "state.db"


@pytest.fixture
async def world(file):
    store = await SqliteStateStore.open(file)
    one = World(store)
    yield one
    one.directory.close()
    await store.close()


async def test_a_life_of_a_session(world, file):
    await world.enrol("sam", "agent")
    code = world.code("sam")
    answers = await asyncio.gather(*(world.try_login("sam", code=code) for _ in range(4)))
    (issued,) = [answer for answer in answers if isinstance(answer, IssuedKey)]
    assert {a.code for a in answers if isinstance(a, Refusal)} == {"login_failed"}
    assert await world.ask(issued.key) == "local|sam"
    world.clock.forward(600)
    fresh = await world.sessions.refresh(issued.key)
    assert [await world.ask(key) for key in (issued.key, fresh.key)] == ["token_revoked", "local|sam"]
    await world.directory.logout(fresh.key)
    assert await world.ask(fresh.key) == "token_revoked"
    stored = b"".join(path.read_bytes() for path in file.parent.iterdir())
    assert not any(secret.encode() in stored for secret in (issued.key, fresh.key, PASSWORD))


async def test_a_revocation_by_another_process_is_heard(world, file):
    world.clock.now = time.time() - 60  # the other process has the real clock
    await world.enrol("sam")
    issued = await world.login("sam")
    follower = RevocationFeed(world.store, interval=0.01, clock=world.clock)
    heard = asyncio.Event()
    await follower.start()
    follower.on_change(heard.set)
    principal = await world.sessions.lookup(issued.key)
    assert not follower.revoked(principal)
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", REVOKE, str(file))
    assert await process.wait() == 0
    await asyncio.wait_for(heard.wait(), 20)
    await follower.stop()
    assert follower.revoked(principal)
    assert await world.ask(issued.key) == "token_revoked"
