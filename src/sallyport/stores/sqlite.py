"""The state store in one SQLite file: rows by kind and key, changed by compare-and-set.

Each operation is one plain function that runs whole in the thread that owns the connection. So a caller who is
cancelled never leaves a transaction half open, and a commit costs one change of thread however many rows it
has. Writes wait in line for one connection, reads for another; write-ahead logging lets both proceed. Other processes
may use the same file: they are waited for `busy_timeout` at most.

Errors: `Conflict` for a lost compare-and-set; `Fault(stage_failed)` for a database that is locked, broken, full or
late; `SettingsError` at `open` for files that others may read. The text of errors never carries a row.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from sallyport.errors import Conflict, Fault
from sallyport.stores.files import own_file, own_folder
from sallyport.stores.protocols import Change, Row
from sallyport.stores.schema import migrate, migrate_apart

T = TypeVar("T")

READ = "SELECT version, value FROM state WHERE kind = ? AND key = ?"
SCAN = "SELECT key, version, value FROM state WHERE kind = ? AND key >= ? ORDER BY key"
SCAN_BELOW = "SELECT key, version, value FROM state WHERE kind = ? AND key >= ? AND key < ? ORDER BY key"
VERSION = "SELECT version FROM state WHERE kind = ? AND key = ?"
WRITE = (
    "INSERT INTO state (kind, key, version, value) VALUES (?, ?, 1, ?)"
    " ON CONFLICT (kind, key) DO UPDATE SET version = version + 1, value = excluded.value"
)
DELETE = "DELETE FROM state WHERE kind = ? AND key = ?"
BEFORE_SURROGATES = 0xD7FF
REBUILD_SECONDS = 60.0  # to migrate or rebuild the whole file


class SqliteStateStore:
    """A `StateStore` in one file. Make it with `open`, end it with `close`."""

    def __init__(self, reader: _Worker, writer: _Worker, seconds: float) -> None:
        self._reader, self._writer, self._seconds = reader, writer, seconds

    @classmethod
    async def open(cls, path: Path, *, seconds: float = 5.0, apart: bool = False) -> SqliteStateStore:
        """Open or create the file, mode 0600 in a folder of mode 0700, and bring its schema up to date.

        Args:
            path: The database file. `-wal` and `-shm` beside it take its mode.
            seconds: Bound of each later operation. Another process's lock is waited for half as long.
            apart: Upgrade an old or empty file in a process of its own, for a caller who runs on for long.
        """
        writer = _Worker("state-writer", path, seconds)
        reader = _Worker("state-reader", path, seconds)
        try:
            await writer.start(create=True, apart=apart)
            await reader.start(create=False)
        except BaseException:
            await writer.close()
            await reader.close()
            raise
        return cls(reader, writer, seconds)

    async def close(self) -> None:
        """End both connections; the last one of all processes folds the write-ahead log into the file."""
        await self._reader.close()
        await self._writer.close()

    async def read(self, kind: str, key: str) -> Row | None:
        """The row, or None."""
        found = await self._reader.run(lambda db: db.execute(READ, (kind, key)).fetchone())
        return Row(kind, key, *found) if found else None

    async def scan(self, kind: str, prefix: str = "") -> list[Row]:
        """All rows of a kind whose key starts with `prefix`, in code point order of the keys."""
        below = successor(prefix)
        sql, args = (SCAN, (kind, prefix)) if below is None else (SCAN_BELOW, (kind, prefix, below))
        found = await self._reader.run(lambda db: db.execute(sql, args).fetchall())
        return [Row(kind, *columns) for columns in found]

    async def commit(self, changes: Sequence[Change]) -> None:
        """Apply all or nothing, in order, durably (synchronous=FULL) when this returns."""
        await self._writer.run(lambda db: _commit(db, changes))

    async def erase_traces(self) -> None:
        """Leave no byte of a deleted or replaced value in the files.

        `secure_delete` zeroes the cell that is deleted, but pages that were split before keep stale copies of
        the cells that moved; only rebuilding the file (in memory, never in a temporary file) drops them. Other
        writers wait meanwhile: 0.2 s for 200,000 rows.
        """
        await self._writer.run(_erase, max(self._seconds, REBUILD_SECONDS))


class _Worker:
    """A connection and the one thread that uses it."""

    def __init__(self, name: str, path: Path, seconds: float) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._path, self._seconds = path, seconds
        self._db: sqlite3.Connection | None = None

    async def start(self, *, create: bool, apart: bool = False) -> None:
        self._db = await self._bounded(
            lambda: _connect(self._path, self._seconds, create=create, apart=apart), REBUILD_SECONDS
        )

    async def run(self, work: Callable[[sqlite3.Connection], T], seconds: float = 0.0) -> T:
        db = self._db
        if db is None:
            raise Fault("state store is closed")
        return await self._bounded(lambda: work(db), seconds or self._seconds)

    async def _bounded(self, work: Callable[[], T], seconds: float) -> T:
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        except TimeoutError as error:
            if self._db is not None:
                self._db.interrupt()
            raise Fault("state store: late") from error
        except sqlite3.Error as error:
            raise Fault(f"state store: {getattr(error, 'sqlite_errorname', type(error).__name__)}") from error
        except (OSError, UnicodeError, OverflowError) as error:
            raise Fault(f"state store: {type(error).__name__}") from error

    async def close(self) -> None:
        db, self._db = self._db, None
        with suppress(Fault):
            if db is not None:
                await self._bounded(db.close, self._seconds)
        self._pool.shutdown(wait=False, cancel_futures=True)


def _connect(path: Path, seconds: float, *, create: bool, apart: bool) -> sqlite3.Connection:
    """A connection with the settings that the promises of this file rest on."""
    if create:
        own_folder(path.parent)
        own_file(path)
    db = sqlite3.connect(path, timeout=seconds / 2, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA secure_delete = ON")
        db.execute("PRAGMA temp_store = MEMORY")
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA synchronous = FULL")
        if create:
            db.execute("PRAGMA journal_mode = WAL")
            if apart:
                migrate_apart(db, path)
            migrate(db)
    except BaseException:
        db.close()
        raise
    return db


def _commit(db: sqlite3.Connection, changes: Sequence[Change]) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        for change in changes:
            _apply(db, change)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _apply(db: sqlite3.Connection, change: Change) -> None:
    where = (change.kind, change.key)
    if change.expected is not None:
        found = db.execute(VERSION, where).fetchone()
        if (found[0] if found else 0) != change.expected:
            raise Conflict("another version is stored")
    if change.value is None:
        db.execute(DELETE, where)
    else:
        db.execute(WRITE, (*where, change.value))


def _erase(db: sqlite3.Connection) -> None:
    db.execute("VACUUM")
    busy, _, _ = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise Fault("state store: readers kept the write-ahead log")


def successor(prefix: str) -> str | None:
    """The smallest string above all that start with `prefix`, in code point order; None if there is none."""
    for end in range(len(prefix), 0, -1):
        point = ord(prefix[end - 1])
        if point < sys.maxunicode:
            # UTF-8 cannot carry the surrogates, U+D800 to U+DFFF.
            return prefix[: end - 1] + ("\ue000" if point == BEFORE_SURROGATES else chr(point + 1))
    return None
