"""An object store in a folder: a blob is a file of mode 0600, replaced atomically and durably.

Errors: `Fault(stage_failed)` for a name that is not plain or a disk that fails; `SettingsError` for a folder that others
may enter. The text of errors never carries a blob.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from sallyport.errors import Fault
from sallyport.stores.files import own_folder, sync_folder, write_new

T = TypeVar("T")
PART = 255  # bytes of one part of a name (NAME_MAX)


class FolderObjectStore:
    """An `ObjectStore` below one folder, which is made with mode 0700."""

    def __init__(self, folder: Path, *, seconds: float = 5.0) -> None:
        own_folder(folder)
        self._folder, self._seconds = folder, seconds

    async def put(self, name: str, data: bytes) -> None:
        """Store durably; an existing name is replaced atomically."""
        path = self._path(name)
        await self._run(lambda: replace(path, data, self._folder))

    async def get(self, name: str) -> bytes | None:
        """The blob, or None."""
        path = self._path(name)
        return await self._run(lambda: _load(path))

    async def names(self, prefix: str) -> list[str]:
        """Names that start with `prefix`, sorted by code point."""
        return await self._run(lambda: _names(self._folder, prefix))

    def _path(self, name: str) -> Path:
        if not plain(name):
            raise Fault("object store: the name is not plain")
        return self._folder / name

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            async with asyncio.timeout(self._seconds):
                return await asyncio.to_thread(work)
        except OSError as error:
            raise Fault(f"object store: {type(error).__name__}") from error


def plain(name: str) -> bool:
    """Whether a name may become a path: parts joined by `/`, none empty, hidden, `.` or `..`, all printable."""
    return (
        name.isprintable()
        and all(part and not part.startswith(".") for part in name.split("/"))
        and all(len(part.encode()) <= PART for part in name.split("/"))
    )


def replace(path: Path, data: bytes, top: Path) -> None:
    """Write beside the name, make it durable, rename onto it, and make the names durable up to `top`."""
    folders = [path.parent, *path.parent.parents]
    folders = folders[: folders.index(top) + 1]
    for folder in reversed(folders[:-1]):
        folder.mkdir(mode=0o700, exist_ok=True)
    # A leading dot is never part of a plain name, so an interrupted write is never listed or read.
    beside = path.parent / f".{secrets.token_hex(8)}"
    try:
        write_new(beside, data)
        beside.rename(path)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
    for folder in folders:
        sync_folder(folder)


def _load(path: Path) -> bytes | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


def _names(folder: Path, prefix: str) -> list[str]:
    start = folder / prefix.rpartition("/")[0]
    if prefix.rpartition("/")[0] and not plain(prefix.rpartition("/")[0]):
        return []
    found = [
        (Path(parent) / file).relative_to(folder).as_posix()
        for parent, _, files in os.walk(start, onerror=_raise_unless_missing)
        for file in files
        if not file.startswith(".")
    ]
    return sorted(name for name in found if name.startswith(prefix))


def _raise_unless_missing(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise error
