"""Key rings over a store in memory, with a clock that the test sets."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from keys_clock import Clock
from memory_store import MemoryStore

from sallyport.keys.keyring import KeyRing
from sallyport.keys.root import FileRoot
from sallyport.stores import StateStore


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def root() -> FileRoot:
    return FileRoot(os.urandom(32))


@pytest.fixture
def ring(clock: Clock) -> Callable[..., Awaitable[KeyRing]]:
    """Starts a key ring over a store, as another process would."""

    async def start(store: StateStore, root: FileRoot, **options: float) -> KeyRing:
        keyring = KeyRing(store, root, clock, os.urandom, **options)
        await keyring.start()
        return keyring

    return start


@pytest.fixture
async def keyring(ring: Callable[..., Awaitable[KeyRing]], store: MemoryStore, root: FileRoot) -> KeyRing:
    return await ring(store, root)


@pytest.fixture
def vectors() -> Path:
    return Path(__file__).parents[2] / "vectors" / "keys"
