from __future__ import annotations

import pytest
from running import RunningDoor


@pytest.fixture(scope="session")
def door(tmp_path_factory):
    running = RunningDoor(tmp_path_factory.mktemp("door")).start()
    yield running
    assert running.stop() == 0, running.log.read_text()[-2000:]


@pytest.fixture(scope="session")
def keys(door):
    """A key for each person of the demo company."""
    return {name: door.login(name) for name in ("sam", "ana", "dan", "sue")}


@pytest.fixture
def sam(door, keys):
    with door.client(keys["sam"]) as client:
        yield client


@pytest.fixture
def dan(door, keys):
    with door.client(keys["dan"]) as client:
        yield client
