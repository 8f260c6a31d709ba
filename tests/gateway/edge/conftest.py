"""The running door, loaded by path: tests share no package."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

HELPER = Path(__file__).parents[2] / "helpers" / "edge_door.py"


def load():
    if "edge_door" not in sys.modules:
        spec = importlib.util.spec_from_file_location("edge_door", HELPER)
        sys.modules["edge_door"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules["edge_door"])
    return sys.modules["edge_door"]


@pytest.fixture(scope="session")
def kit():
    return load()


@pytest.fixture(scope="session")
def opened(kit, tmp_path_factory):
    """Starts doors; all are stopped at the end of the session."""
    doors = []

    def start(**options):
        door = kit.Door(tmp_path_factory.mktemp("door"), **options)
        doors.append(door)
        return door.start()

    yield start
    for door in doors:
        if door.process.poll() is None:
            door.stop()
        elif door.reader.is_alive() or not door.process.stdout.closed:
            door.wait()


@pytest.fixture(scope="session")
def door(opened):
    """The default: no client certificates, post-quantum preferred."""
    return opened(client_certificates="optional")
