"""What sessions need besides answers: last uses written now and then, dead rows dropped. Off the path of a call."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from msgspec.structs import replace

from sallyport.errors import Conflict
from sallyport.identity.directory_records import decode_key, decode_session, encode
from sallyport.stores.protocols import Change, Row, StateStore

FLUSH_SECONDS = 15.0
PURGE_SECONDS = 3600
BATCH = 64
log = logging.getLogger(__name__)


class SessionUpkeep:
    """Collects the last uses of sessions. `clock()` gives seconds since the epoch."""

    def __init__(self, store: StateStore, clock: Callable[[], float]) -> None:
        self._store, self._clock = store, clock
        self._uses: dict[str, int] = {}
        self._task: asyncio.Task[None] | None = None

    def note(self, session: str, at: int) -> None:
        """Remember a use to be written."""
        self._uses[session] = at

    def noted(self, session: str) -> int:
        """The use that waits to be written, 0 if none does."""
        return self._uses.get(session, 0)

    async def start(self) -> None:
        """Go on in the background."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End, and write what waits."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        try:
            await self.flush()
        except Exception as error:  # noqa: BLE001 - a lost last use ends a session early, never late
            log.warning("last uses could not be written: %s", type(error).__name__)

    async def flush(self) -> None:
        """Write the uses that wait. Raises what the store raises; the rest is written next time."""
        while self._uses:
            batch = dict(list(self._uses.items())[:BATCH])
            rows = [row for name in batch if (row := await self._store.read("session", name)) is not None]
            if rows:
                await self._store.commit([_used(row, batch[row.key]) for row in rows])
            for session, at in batch.items():
                if self._uses.get(session) == at:
                    del self._uses[session]

    async def purge(self) -> None:
        """Drop sessions that are past their end, and all their keys. Another process may be doing the same."""
        now = int(self._clock())
        dead = [r for r in await self._store.scan("session") if decode_session(r.value).expires < now]
        dead += [r for r in await self._store.scan("credential") if decode_key(r.value).session_expires < now]
        for start in range(0, len(dead), BATCH):
            with contextlib.suppress(Conflict):
                await self._store.commit([_drop(row) for row in dead[start : start + BATCH]])

    async def _run(self) -> None:
        purged = 0
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            try:
                await self.flush()
                if int(self._clock()) - purged >= PURGE_SECONDS:
                    purged = int(self._clock())
                    await self.purge()
            except Exception as error:  # noqa: BLE001 - the next round tries again
                log.warning("sessions could not be tidied: %s", type(error).__name__)


def _used(row: Row, at: int) -> Change:
    session = decode_session(row.value)
    later = replace(session, last_used=max(session.last_used, at))
    return Change(kind=row.kind, key=row.key, value=encode(later), expected=row.version)


def _drop(row: Row) -> Change:
    return Change(kind=row.kind, key=row.key, value=None, expected=row.version)
