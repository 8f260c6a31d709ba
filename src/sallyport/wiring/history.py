"""Whether the keys, the log and the log's name belong together. What was lost is never made anew in silence.

New keys beside an old log would sign another history; a new log beside old keys would hide that there was one. The
state store therefore remembers the log's name from its first start.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from sallyport.errors import Conflict, SettingsError
from sallyport.keys.keyring import in_use
from sallyport.stores.files import write_once
from sallyport.stores.protocols import Change, StateStore
from sallyport.wiring.places import Places

KIND, KEY = "log", "origin"
RESTORE = "restore it from its backup, or start over with an empty state folder"


async def refuse_lost_keys(store: StateStore, places: Places) -> None:
    """Raise SettingsError where there is a log, but the store has none of the keys that signed it."""
    if holds_log(places.audit) and not await in_use(store):
        problem = f"holds no keys, but {places.audit} holds a log that was signed with them"
        raise SettingsError(str(places.database), problem, RESTORE)


async def refuse_lost_log(store: StateStore, places: Places, origin: str) -> None:
    """Raise SettingsError where the store knows of a log that is gone, or that has another name."""
    row = await store.read(KIND, KEY)
    if row is None:
        return
    if not holds_log(places.audit):
        raise SettingsError(str(places.audit), "the log is missing; there was one", RESTORE)
    if row.value != origin.encode():
        known = row.value.decode(errors="replace")
        raise SettingsError(
            "audit.origin", f"is {origin!r}, but the log's name is {known!r}", f"use {known!r}"
        )


async def remember_log(store: StateStore, origin: str) -> None:
    """Keep the name of a log that was opened."""
    if await store.read(KIND, KEY) is None:
        with suppress(Conflict):  # another worker was first
            await store.commit([Change(kind=KIND, key=KEY, value=origin.encode(), expected=0)])


def holds_log(audit: Path) -> bool:
    """Whether anything was ever signed there."""
    return any(next(audit.glob(place), None) for place in ("registry/checkpoint", "shards/*/checkpoint"))


def own_origin(path: Path, random: str) -> str:
    """The name in the file, made once for all workers. Raises SettingsError for a file that holds none."""
    with suppress(FileExistsError):
        write_once(path, f"sallyport.local/{random}".encode())
    try:
        name = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        name = ""
    if not name or not name.isprintable():
        raise SettingsError(str(path), "does not hold the log's name", RESTORE)
    return name
