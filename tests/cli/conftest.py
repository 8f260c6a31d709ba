from __future__ import annotations

import json
import sys
from typing import NamedTuple

import pytest

from sallyport.cli import main


class Said(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Nobody has logged in, and nothing was ever started."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


@pytest.fixture
def run(home, capsys, monkeypatch):
    """`sallyport ...` as a user types it: exit code, standard output, standard error. No door is ever started."""

    def started(*_: object, **__: object) -> int:
        pytest.fail("a door was started")

    monkeypatch.setattr("sallyport.serving.door.run_door", started)

    def call(*words: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["sallyport", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return Said(int(ended.value.code or 0), out, err)

    return call
