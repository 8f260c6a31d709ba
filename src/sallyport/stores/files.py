"""Folders and files that only our own user may open."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from sallyport.errors import SettingsError

OTHERS = stat.S_IRWXG | stat.S_IRWXO


def own_folder(path: Path) -> None:
    """Make a folder of mode 0700, or refuse one that others may enter. Errors: `SettingsError`."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            str(path), f"no folder can be made there: {error.strerror}", "name another place"
        ) from None
    refuse_shared(path, path.stat())


def own_file(path: Path) -> None:
    """Make an empty file of mode 0600, or refuse one that others may open. Errors: `SettingsError`."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        refuse_shared(path, os.fstat(descriptor))
    finally:
        os.close(descriptor)


def refuse_shared(path: Path, status: os.stat_result) -> None:
    """Raise `SettingsError` unless the file or folder is ours and closed to everybody else."""
    if status.st_uid != os.geteuid():
        raise SettingsError(str(path), "it belongs to another user", f"chown {os.geteuid()} {path}")
    if status.st_mode & OTHERS:
        mode = "700" if stat.S_ISDIR(status.st_mode) else "600"
        raise SettingsError(str(path), "other users may open it", f"chmod {mode} {path}")


def write_new(path: Path, data: bytes) -> None:
    """Make a file of mode 0600 that must not exist yet, and its content durable."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]  # a full disk writes less and raises only the next time
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_once(path: Path, data: bytes) -> None:
    """Make a file of mode 0600, whole or not at all. Errors: `FileExistsError` where there is one; it stays."""
    beside = path.parent / f".{secrets.token_hex(8)}"
    try:
        write_new(beside, data)
        os.link(beside, path)  # unlike a rename, never replaces a file
    finally:
        beside.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
