"""A `StateStore` in memory that keeps the protocol to the letter, and one that makes faults happen."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sallyport.errors import Conflict
from sallyport.stores.protocols import Change, Row


class MemoryStore:
    """Rows in a dict. Every operation gives way to other tasks once, as a real store does."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], Row] = {}
        self.commits: list[tuple[Change, ...]] = []
        self.reads: list[tuple[str, str]] = []

    async def read(self, kind: str, key: str) -> Row | None:
        await asyncio.sleep(0)
        self.reads.append((kind, key))
        return self.rows.get((kind, key))

    async def scan(self, kind: str, prefix: str = "") -> list[Row]:
        await asyncio.sleep(0)
        keys = sorted(key for found, key in self.rows if found == kind and key.startswith(prefix))
        return [self.rows[kind, key] for key in keys]

    async def commit(self, changes: Sequence[Change]) -> None:
        await asyncio.sleep(0)
        rows = dict(self.rows)
        for change in changes:
            place = (change.kind, change.key)
            version = rows[place].version if place in rows else 0
            if change.expected is not None and change.expected != version:
                raise Conflict(f"{change.kind}: expected {change.expected}, found {version}")
            if change.value is None:
                rows.pop(place, None)
            else:
                rows[place] = Row(*place, version + 1, change.value)
        self.rows = rows
        self.commits.append(tuple(changes))

    def stored(self) -> bytes:
        """Everything that is stored, to look for what must not be."""
        return b"\n".join(
            f"{kind}/{key}".encode() + row.value for (kind, key), row in sorted(self.rows.items())
        )


class FaultyStore(MemoryStore):
    """A store that raises `error`, or hangs for ever where `hang` is set; `deaf`: it also ignores being cancelled."""

    def __init__(self) -> None:
        super().__init__()
        self.error: Exception | None = None
        self.hang = self.deaf = False
        self.released = asyncio.Event()

    async def _fault(self) -> None:
        if self.error is not None:
            raise self.error
        while self.hang:
            try:
                await self.released.wait()
            except asyncio.CancelledError:
                if not self.deaf:
                    raise

    async def read(self, kind: str, key: str) -> Row | None:
        await self._fault()
        return await super().read(kind, key)

    async def scan(self, kind: str, prefix: str = "") -> list[Row]:
        await self._fault()
        return await super().scan(kind, prefix)

    async def commit(self, changes: Sequence[Change]) -> None:
        await self._fault()
        await super().commit(changes)
