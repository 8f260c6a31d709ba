"""The store that other tests use keeps the same contract."""

from __future__ import annotations

import pytest
from contract_state import *  # noqa: F403
from memory_store import MemoryStore


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()
