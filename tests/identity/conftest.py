"""What the tests of this room share: a forge of tokens, and a directory around an empty store."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from identity_forge import Forge
from identity_world import World
from memory_store import MemoryStore


@pytest.fixture(scope="session")
def forge() -> Forge:
    """Private keys of all kinds, made once."""
    return Forge()


@pytest.fixture
def world() -> Iterator[World]:
    """A directory in memory; its hashing threads are ended."""
    one = World(MemoryStore())
    yield one
    one.directory.close()
