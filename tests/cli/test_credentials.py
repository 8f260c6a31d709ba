from __future__ import annotations

import os

import pytest

from sallyport.cli import credentials as store
from sallyport.cli.credentials import Credentials
from sallyport.errors import SettingsError

KEY = "sp_not-a-real-key"
MINE = Credentials(
    server="https://localhost:8443", key=KEY, expires=1_800_000_000, ca="/ca.pem", device="dev-token"
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "config" / "sallyport" / "credentials.json"


@pytest.fixture
def umask():
    """The loosest umask: what is private must be so without its help."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask")
def test_what_is_saved_is_loaded_and_private(path):
    store.save(MINE, path)
    assert store.load(path) == MINE
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [file.name for file in path.parent.iterdir()] == ["credentials.json"]


def test_the_place_follows_xdg(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert store.default_path() == tmp_path / "sallyport" / "credentials.json"
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert store.default_path() == tmp_path / ".config" / "sallyport" / "credentials.json"


def test_nobody_has_logged_in(path):
    assert store.load(path) is None
    assert store.forget_key(path) is False


def test_a_logout_forgets_the_key_and_keeps_the_device(path):
    store.save(Credentials(server="https://s", key=KEY, expires=9, ca="c", principal="p", device="d"), path)
    assert store.forget_key(path) is True
    assert KEY.encode() not in path.read_bytes()
    assert store.load(path) == Credentials(server="https://s", key="", expires=0, ca="c", device="d")
    assert store.forget_key(path) is False


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o620, 0o602, 0o644])
def test_a_file_that_others_may_touch_is_refused(path, mode):
    store.save(MINE, path)
    path.chmod(mode)
    with pytest.raises(SettingsError, match="readable by others"):
        store.load(path)


def test_a_loose_file_is_replaced_by_a_private_one(path):
    store.save(MINE, path)
    path.chmod(0o644)
    store.save(MINE, path)
    assert store.load(path) == MINE


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"\xff", b'{"server":1,"key":"x","expires":1}', b"{" * 70_000]
)
def test_a_broken_file_is_named_and_not_shown(path, content):
    store.save(MINE, path)
    path.write_bytes(content)
    with pytest.raises(SettingsError, match="not a credential file") as raised:
        store.load(path)
    assert str(raised.value).startswith(str(path))
    assert raised.value.__cause__ is None


@pytest.mark.parametrize("kind", ["link", "folder", "pipe"])
def test_what_is_not_a_file_is_refused_without_waiting(path, kind):
    path.parent.mkdir(parents=True)
    if kind == "link":
        target = path.parent / "elsewhere"
        store.save(MINE, target)
        path.symlink_to(target)
    elif kind == "folder":
        path.mkdir(mode=0o700)
    else:
        os.mkfifo(path, 0o600)
    with pytest.raises(SettingsError):
        store.load(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_someone_else_is_refused(path):
    store.save(MINE, path)
    os.chown(path, 12_345, -1)
    with pytest.raises(SettingsError, match="another user"):
        store.load(path)


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failed_save_leaves_the_old_file_and_nothing_else(path, monkeypatch, step):
    store.save(MINE, path)

    def fail(*_arguments):
        raise OSError("no space")

    monkeypatch.setattr(os if step == "fsync" else store.Path, step, fail)
    with pytest.raises(OSError, match="no space"):
        store.save(Credentials(server="https://other", key="sp_other", expires=1), path)
    assert store.load(path) == MINE
    assert [file.name for file in path.parent.iterdir()] == ["credentials.json"]


def test_the_key_never_shows():
    shown = repr(MINE) + str(MINE) + f"{MINE}" + repr([MINE]) + repr(MINE.__rich_repr__())
    assert KEY not in shown
    assert "dev-token" not in shown
