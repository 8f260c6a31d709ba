"""What `sallyport up` decides before anything is started."""

from __future__ import annotations

import shutil
import sys

import pytest

from sallyport.cli import up
from sallyport.settings import load
from sallyport.wiring import company


@pytest.fixture
def made(home):
    """The state folder of an earlier first start."""
    folder = home / "state"
    company.write_configuration(folder, "127.0.0.1:9443", 9444)
    return folder


def test_another_address_than_the_configurations_is_not_ignored(run, made):
    said = run("up", "--state", str(made), "--listen", "127.0.0.1:9555")
    assert said.code == 78
    assert said.err == (
        f"sallyport: server.listen: is 127.0.0.1:9443 in {made}/sallyport.toml (change it there)\n"
    )


def test_a_changed_configuration_is_proven_first(run, made):
    path = made / "sallyport.toml"
    path.write_text(path.read_text() + '[[inspection.actions]]\ntype = "crd"\naction = "mask"\n')
    said = run("up", "--state", str(made))
    assert said.code == 78
    assert "no detector finds 'crd'" in said.err
    assert not (made / "state.db").exists()


@pytest.mark.parametrize(
    ("changes", "port"),
    [
        ({}, 9444),
        ({'name = "demo"': 'name = "demo"\nkey_header = "api-key"'}, 9444),
        (
            {
                "http://127.0.0.1:9444/v1": "https://models.example/v1",
                "file:{made}/demo/model.key": "env:REAL_KEY",
            },
            0,
        ),
        ({'api_key = "file:{made}/demo/model.key"': "", "9444": "11434"}, 0),
    ],
    ids=["as it was made", "with another header", "a provider", "a server of one's own"],
)
def test_the_demo_model_runs_as_long_as_an_upstream_uses_its_key(made, monkeypatch, changes, port):
    monkeypatch.setenv("REAL_KEY", "a-key")
    path = made / "sallyport.toml"
    text = path.read_text()
    for old, new in changes.items():
        assert old.format(made=made) in text
        text = text.replace(old.format(made=made), new)
    path.write_text(text)
    assert up.demo_port(made, load(path).upstreams) == port


def test_the_next_commands_can_be_typed(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(tmp_path / ".venv" / "bin" / "sallyport"), "up"])
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    assert up.command() == ".venv/bin/sallyport"
    monkeypatch.setattr(shutil, "which", lambda _name: "/usr/bin/sallyport")
    assert up.command() == "sallyport"
