"""The root key in a file."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from sallyport.errors import KeyFault, SettingsError
from sallyport.keys.envelope import WRAPPED
from sallyport.keys.root import FileRoot, open_root


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "root.key"


def place(path: Path, content: bytes, mode: int = 0o600) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)


def test_a_new_file_holds_32_random_bytes_closed_to_others(path: Path, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        FileRoot.create(path)
        FileRoot.create(tmp_path / "other" / "root.key")
    finally:
        os.umask(before)
    assert len(path.read_bytes()) == 32
    assert path.read_bytes() != (tmp_path / "other" / "root.key").read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert path.stat().st_nlink == 1
    assert [p.name for p in path.parent.iterdir()] == ["root.key"]


def test_creating_never_replaces_a_key(path: Path) -> None:
    first = FileRoot.create(path)
    content = path.read_bytes()
    assert FileRoot.create(path).id == first.id
    assert path.read_bytes() == content


def test_processes_that_create_together_agree(path: Path) -> None:
    code = "import sys; from pathlib import Path; from sallyport.keys.root import FileRoot\nprint(FileRoot.create(Path(sys.argv[1])).id)"
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE) for _ in range(4)
    ]
    assert len({process.communicate(timeout=30)[0] for process in started}) == 1
    assert [p.name for p in path.parent.iterdir()] == ["root.key"]


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o602, 0o601, 0o777])
def test_a_file_that_others_may_open_is_refused(path: Path, mode: int) -> None:
    place(path, bytes(32), mode)
    with pytest.raises(SettingsError, match="chmod 600"):
        FileRoot.load(path)


@pytest.mark.parametrize("size", [0, 16, 31, 33, 64])
def test_another_size_is_refused(path: Path, size: int) -> None:
    place(path, bytes(size))
    with pytest.raises(SettingsError, match="32 bytes"):
        FileRoot.load(path)


def test_a_file_of_another_user_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place(path, bytes(32))
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    with pytest.raises(SettingsError, match="another user"):
        FileRoot.load(path)


def test_a_link_is_refused(path: Path, tmp_path: Path) -> None:
    place(tmp_path / "keys" / "elsewhere", bytes(32))
    path.symlink_to(tmp_path / "keys" / "elsewhere")
    with pytest.raises(SettingsError):
        FileRoot.load(path)
    with pytest.raises(SettingsError):
        open_root(path, in_use=False)


def test_a_full_disk_leaves_no_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(SettingsError, match="No space"):
            FileRoot.create(path)
    assert list(path.parent.iterdir()) == []


def test_a_missing_key_of_a_store_in_use_is_an_error_and_is_not_made(path: Path) -> None:
    with pytest.raises(SettingsError, match="restore"):
        open_root(path, in_use=True)
    assert not path.exists()


def test_the_first_start_makes_a_key_and_later_ones_read_it(path: Path) -> None:
    first = open_root(path, in_use=False)
    assert open_root(path, in_use=True).id == first.id == open_root(path, in_use=False).id


def test_wrapped_keys_open_with_the_same_root_and_context_only(path: Path) -> None:
    root, other = FileRoot.create(path), FileRoot(os.urandom(32))
    key = os.urandom(32)
    blob = root.wrap(key, b"context")
    assert (len(blob), key in blob) == (WRAPPED, False)
    assert FileRoot.load(path).unwrap(blob, b"context") == key
    for opener, context in ((root, b"contexT"), (other, b"context")):
        with pytest.raises(KeyFault):
            opener.unwrap(blob, context)
    assert root.wrap(key, b"context") != blob


def test_the_id_tells_keys_apart_and_nothing_else(path: Path) -> None:
    root = FileRoot.create(path)
    assert root.id != FileRoot(os.urandom(32)).id
    assert len(root.id) == 16
    assert path.read_bytes().hex() not in repr(root) + str(root) + root.id
    assert bytes.fromhex(root.id) not in path.read_bytes()
