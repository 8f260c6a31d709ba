"""The running door, loaded by path: tests share no package."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

HELPER = Path(__file__).parents[1] / "helpers" / "edge_door.py"


@pytest.fixture(scope="session")
def kit():
    if "edge_door" not in sys.modules:
        spec = importlib.util.spec_from_file_location("edge_door", HELPER)
        sys.modules["edge_door"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules["edge_door"])
    return sys.modules["edge_door"]


@pytest.fixture
def make(kit, tmp_path):
    """Makes a door of one test; it is stopped, or its end is awaited, afterwards."""
    doors = []

    def door(**options):
        (tmp_path / str(len(doors))).mkdir(mode=0o700)
        doors.append(kit.Door(tmp_path / str(len(doors)), **options))
        return doors[-1]

    yield door
    for door in doors:
        door.stop()
