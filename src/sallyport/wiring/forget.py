"""Removes a state folder for a fresh start: only one that is ours, holds nothing else, and that no door uses."""

from __future__ import annotations

import shutil
import socket
import stat
import tomllib
from pathlib import Path

from sallyport.errors import SettingsError
from sallyport.stores.files import refuse_shared

CONFIGURATION = "sallyport.toml"
OURS = frozenset(
    (
        CONFIGURATION,
        "demo",
        "state.db",
        "state.db-wal",
        "state.db-shm",
        "keys",
        "ca",
        "audit",
        "run",
        "origin",
    )
)


def forget(folder: Path) -> None:
    """Remove the folder, if there is one. Raises SettingsError, before anything is removed, for any doubt."""
    if not folder.is_symlink() and not folder.exists():
        return
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise _refused(folder, "is not a folder")
    names = {entry.name for entry in folder.iterdir()}
    if names:
        refuse_shared(folder, status)
        _refuse_strangers(folder, names)
        _refuse_running(folder)
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise _refused(folder, f"cannot be removed: {error.strerror}") from None


def _refuse_strangers(folder: Path, names: set[str]) -> None:
    if strangers := names - OURS:
        raise _refused(folder, f"holds {min(strangers)!r}, which Sallyport did not make")
    try:
        stated = tomllib.loads((folder / CONFIGURATION).read_text(encoding="utf-8"))["server"]["state"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise _refused(folder, "is not a state folder of Sallyport") from None
    if stated != str(folder):
        raise _refused(folder, f"is not the state folder that its {CONFIGURATION} names")


def _refuse_running(folder: Path) -> None:
    for place in (folder / "run").glob("*.sock"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(1)
            if probe.connect_ex(str(place)) == 0:
                raise SettingsError(str(folder), "a door is running on it", "stop it first")


def _refused(folder: Path, problem: str) -> SettingsError:
    return SettingsError(str(folder), problem, "remove it yourself, or name another")
