"""The file in which `sallyport login` keeps what the other verbs send: one server, one key.

Mode 0600 in a folder of ours, replaced atomically. A file that others may read or that someone else owns is not used.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import typer
from msgspec import Struct
from msgspec.structs import replace

from sallyport.errors import SettingsError

MAX_BYTES = 65_536
FIX = "run: sallyport login"


class Credentials(Struct, frozen=True, kw_only=True):
    """Where the door is, and the key to it; `key` is "" after a logout.

    `expires`: seconds since the epoch. `ca`: path of a PEM file, or "". `device`: token that the directory gave this device;
    it goes with the next login and opens nothing by itself.
    """

    server: str
    key: str
    expires: int
    ca: str = ""
    principal: str = ""
    device: str = ""

    def __repr__(self) -> str:
        return f"Credentials(server={self.server!r}, expires={self.expires})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return [("server", self.server), ("expires", self.expires)]


_decode = msgspec.json.Decoder(Credentials).decode


def default_path() -> Path:
    """`credentials.json` in the user's configuration folder (XDG: `~/.config/sallyport`)."""
    return Path(typer.get_app_dir("sallyport")) / "credentials.json"


def save(credentials: Credentials, path: Path) -> None:
    """Replace the file. A reader sees the old or the new one, whole; the bytes were never readable by others."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # mkstemp makes the file 0600 under an unpredictable name, whatever the umask is.
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(credentials))
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Let one process of the user at a time replace the key: of two that refresh one key, the door refuses one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path.with_name(f".{path.name}.lock"), flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def load(path: Path) -> Credentials | None:
    """The credentials, or None if nobody has logged in. Raises `SettingsError`, never with the content."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SettingsError(str(path), f"cannot be opened: {type(error).__name__}", FIX) from None
    try:
        _check(path, os.fstat(descriptor))
        content = os.read(descriptor, MAX_BYTES)
    finally:
        os.close(descriptor)
    try:
        return _decode(content)
    except msgspec.MsgspecError:
        raise SettingsError(str(path), "is not a credential file", FIX) from None


def forget_key(path: Path) -> bool:
    """Drop the key, and keep where the door is and the device's token. Whether there was a key."""
    known = load(path)
    if known is None or not known.key:
        return False
    save(replace(known, key="", expires=0, principal=""), path)
    return True


def _check(path: Path, status: os.stat_result) -> None:
    """Judge the file that was opened, not whatever has that name by now."""
    if not stat.S_ISREG(status.st_mode):
        raise SettingsError(str(path), "is not a file", FIX)
    if status.st_uid != os.geteuid():
        raise SettingsError(str(path), "belongs to another user", FIX)
    if status.st_mode & 0o077:
        raise SettingsError(str(path), "is readable by others", f"chmod 600 {path}")
