"""A sealed store keeps the contract of the store that it wraps."""

from __future__ import annotations

import os

import pytest
from contract_state import *  # noqa: F403
from memory_store import MemoryStore

from sallyport.keys.keyring import KeyRing
from sallyport.keys.root import FileRoot
from sallyport.keys.sealed_state import SealedStateStore


@pytest.fixture
async def store() -> SealedStateStore:
    inner = MemoryStore()
    keyring = KeyRing(inner, FileRoot(os.urandom(32)), lambda: 0.0, os.urandom)
    await keyring.start()
    return SealedStateStore(inner, keyring, {"k"})
