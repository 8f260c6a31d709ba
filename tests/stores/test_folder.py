"""The object store in a folder."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from contract_objects import *  # noqa: F403

from sallyport.errors import Fault, SettingsError
from sallyport.stores import files
from sallyport.stores.folder import FolderObjectStore


@pytest.fixture
def objects(tmp_path: Path) -> FolderObjectStore:
    return FolderObjectStore(tmp_path / "objects")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_files_and_folders_are_closed_to_others(objects: FolderObjectStore, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        await objects.put("a/b/c", b"x")
    finally:
        os.umask(before)
    top = tmp_path / "objects"
    assert [mode(p) for p in (top, top / "a", top / "a/b", top / "a/b/c")] == [0o700, 0o700, 0o700, 0o600]


@pytest.mark.parametrize("open_to", [0o755, 0o710, 0o777])
def test_a_folder_that_others_may_enter_is_refused(tmp_path: Path, open_to: int) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(open_to)
    with pytest.raises(SettingsError, match="chmod 700"):
        FolderObjectStore(tmp_path / "shared")


async def test_what_a_crash_left_is_neither_listed_nor_read(
    objects: FolderObjectStore, tmp_path: Path
) -> None:
    await objects.put("a/b", b"x")
    (tmp_path / "objects/a/.0123456789abcdef").write_bytes(b"half")
    assert await objects.names("") == ["a/b"]
    with pytest.raises(Fault):
        await objects.get("a/.0123456789abcdef")


async def test_a_failed_write_leaves_the_old_blob_and_no_rest(
    objects: FolderObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await objects.put("a", b"old")

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device", "secret-name")

    monkeypatch.setattr(files.os, "write", full)
    with pytest.raises(Fault) as caught:
        await objects.put("a", b"new")
    assert caught.value.code == "stage_failed"
    assert "secret-name" not in str(caught.value)
    assert await objects.get("a") == b"old"
    assert [p.name for p in (tmp_path / "objects").iterdir()] == ["a"]


async def test_a_short_write_is_continued(
    objects: FolderObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(files.os, "write", lambda fd, data: write(fd, data[:7]))
    await objects.put("a", b"x" * 100)
    assert await objects.get("a") == b"x" * 100


async def test_file_folder_and_name_are_synced_in_that_order(
    objects: FolderObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    effects: list[str] = []
    fsync, rename = os.fsync, Path.rename

    def seen_fsync(fd: int) -> None:
        name = Path(f"/proc/self/fd/{fd}").readlink().name
        effects.append("file" if name.startswith(".") else name)
        fsync(fd)

    def seen_rename(path: Path, target: Path) -> Path:
        effects.append("rename")
        return rename(path, target)

    monkeypatch.setattr(files.os, "fsync", seen_fsync)
    monkeypatch.setattr(Path, "rename", seen_rename)
    await objects.put("a/b/c", b"x")
    assert effects == ["file", "rename", "b", "a", "objects"]


async def test_a_link_is_not_followed(objects: FolderObjectStore, tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(b"secret")
    (tmp_path / "objects/link").symlink_to(tmp_path / "outside")
    with pytest.raises(Fault):
        await objects.get("link")


async def test_a_disk_that_hangs_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    objects, go = FolderObjectStore(tmp_path / "objects", seconds=0.05), threading.Event()
    monkeypatch.setattr(files.os, "fsync", lambda _: go.wait(5))
    try:
        with pytest.raises(Fault):
            await objects.put("a", b"x")
    finally:
        go.set()
