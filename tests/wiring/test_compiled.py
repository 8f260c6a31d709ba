"""What was compiled is found again, unless somebody touched it."""

from __future__ import annotations

import logging
import os
import time

import pytest
from memory_store import MemoryStore

from sallyport.errors import Fault
from sallyport.keys.keyring import KeyRing
from sallyport.keys.root import FileRoot
from sallyport.keys.sealed_state import SealedStateStore
from sallyport.stores import Row
from sallyport.stores.shelf import Shelf
from sallyport.wiring.compiled import KEY, KIND, CompiledGates

GATES = {b"d" * 32: b"compiled", b"e" * 32: b"sieve"}


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
async def keyring(store: MemoryStore) -> KeyRing:
    ring = KeyRing(store, FileRoot(os.urandom(32)), time.monotonic, os.urandom)
    await ring.start()
    return ring


@pytest.fixture
def state(store: MemoryStore, keyring: KeyRing) -> SealedStateStore:
    return SealedStateStore(store, keyring)


async def test_a_later_start_finds_them_sealed(state: SealedStateStore, store: MemoryStore) -> None:
    first = CompiledGates(state, None)
    assert await first.known() == {}
    await first.keep(GATES)
    assert not any(b"compiled" in row.value or b"sieve" in row.value for row in store.rows.values())
    assert await CompiledGates(state, None).known() == GATES


async def test_they_are_written_once(state: SealedStateStore, store: MemoryStore, keyring: KeyRing) -> None:
    await CompiledGates(state, None).keep(GATES)
    place = (KIND, keyring.row_name(KIND, KEY))
    before = store.rows[place]
    again = CompiledGates(state, None)
    await again.known()
    await again.keep(GATES)
    assert store.rows[place] == before
    await again.keep({b"f" * 32: b"newer"})
    assert await CompiledGates(state, None).known() == {b"f" * 32: b"newer"}


async def test_what_was_changed_is_not_used(
    state: SealedStateStore, store: MemoryStore, keyring: KeyRing, caplog: pytest.LogCaptureFixture
) -> None:
    await CompiledGates(state, None).keep(GATES)
    place = (KIND, keyring.row_name(KIND, KEY))
    value = store.rows[place].value
    for changed in (value[:-1] + bytes([value[-1] ^ 1]), value[:20], b""):
        store.rows[place] = Row(*place, store.rows[place].version, changed)
        with caplog.at_level(logging.WARNING):
            assert await CompiledGates(state, None).known() == {}
    assert "compiling anew" in caplog.text


async def test_a_store_that_takes_nothing_costs_the_next_start_only(
    state: SealedStateStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def refuse(_: object) -> None:
        raise Fault("full")

    monkeypatch.setattr(state, "commit", refuse)
    await CompiledGates(state, None).keep(GATES)
    assert "not kept" in caplog.text


async def test_the_shelf_comes_first(state: SealedStateStore) -> None:
    shelf = Shelf.make("test")
    try:
        one = CompiledGates(state, shelf)
        one.hand_on(GATES)
        one.hand_on({})
        await one.keep({b"f" * 32: b"other"})
        assert await CompiledGates(state, shelf).known() == GATES
    finally:
        shelf.close()
