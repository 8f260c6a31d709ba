"""`--fresh` removes a state folder of ours, and never anything else."""

from __future__ import annotations

import socket

import pytest

from sallyport.errors import SettingsError
from sallyport.wiring import company
from sallyport.wiring.forget import forget


@pytest.fixture
def state(tmp_path):
    folder = tmp_path / "state"
    company.write_configuration(folder, "127.0.0.1:1", 2)
    return folder


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_state_folder_is_removed(state):
    (state / "run").mkdir()
    forget(state)
    assert not state.exists()


def test_nothing_and_an_empty_folder(tmp_path):
    forget(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    forget(tmp_path / "empty")
    assert list(tmp_path.iterdir()) == []


def with_notes(state):
    (state / "notes.txt").write_text("mine")


def with_another_state(state):
    path = state / "sallyport.toml"
    path.write_text(path.read_text().replace(f'state = "{state}"', 'state = "/var/lib/sallyport"'))


def with_a_broken_configuration(state):
    (state / "sallyport.toml").write_text("[server\n")


def without_configuration(state):
    (state / "sallyport.toml").unlink()


def open_to_others(state):
    state.chmod(0o755)


@pytest.mark.parametrize(
    "change",
    [with_notes, with_another_state, with_a_broken_configuration, without_configuration, open_to_others],
)
def test_what_may_be_somebodys_stays(state, change):
    change(state)
    before = names(state)
    with pytest.raises(SettingsError):
        forget(state)
    assert names(state) == before


def test_a_running_door_keeps_its_state(state):
    (state / "run").mkdir(mode=0o700)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(state / "run" / "w.sock"))
    listener.listen()
    try:
        with pytest.raises(SettingsError, match="running"):
            forget(state)
        assert (state / "sallyport.toml").exists()
    finally:
        listener.close()
    forget(state)
    assert not state.exists()


def test_a_link_is_not_followed(state, tmp_path):
    (tmp_path / "link").symlink_to(state)
    with pytest.raises(SettingsError, match="not a folder"):
        forget(tmp_path / "link")
    (state / "audit").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "kept").write_text("kept")
    forget(state)
    assert (tmp_path / "elsewhere" / "kept").read_text() == "kept"
