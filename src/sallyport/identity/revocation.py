"""The revocation feed: what has been ended, and whether we can be sure to know it.

Two kinds of rows. "epoch": one row whose *version* is the epoch; every change that takes something away from
somebody writes it in the same commit, so a reader who sees an epoch sees all that came with it. "revocation": one
row for each session, principal or everything that was ended. Polling costs one read; only a new epoch loads the rows.
Whoever keeps something derived from identity stamps it with `epoch()` read *before* deriving it, and drops it when
the two differ. A store that errors, hangs or lies makes the feed not fresh: its owner must then refuse.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec
from msgspec import Struct

from sallyport.errors import Conflict
from sallyport.model import Principal
from sallyport.stores.protocols import Change, Row, StateStore

EPOCH = ("epoch", "identity")
NEVER = -1
log = logging.getLogger(__name__)


class Revocation(Struct, frozen=True, kw_only=True):
    """What was ended, when (seconds since the epoch), and by whom. `reason` is a short word, without names."""

    scope: Literal["session", "principal", "all"]
    id: str = ""
    at: int
    by: str = ""
    reason: str = ""


class Revoked(Struct, frozen=True, kw_only=True):
    """All revocations, ready to be asked. Times: what began at or before them is dead."""

    epoch: int = NEVER
    sessions: frozenset[str] = frozenset()
    principals: dict[str, int] = {}
    everything: int = NEVER

    def covers(self, principal: Principal) -> bool:
        """Whether this principal's session is over. An unknown `auth_time` (0) counts as before everything."""
        return (
            principal.session in self.sessions
            or principal.auth_time <= self.everything
            or principal.auth_time <= self.principals.get(principal.id, NEVER)
        )


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Revocation).decode


def bump() -> Change:
    """The write that moves the epoch: the version counts, the value says nothing."""
    return Change(kind=EPOCH[0], key=EPOCH[1], value=b"1")


def changes(revocation: Revocation) -> list[Change]:
    """The writes that revoke. Commit them together with whatever they go with."""
    key = f"{revocation.scope}:{revocation.id}"
    return [Change(kind="revocation", key=key, value=_encode(revocation)), bump()]


def gathered(epoch: int, records: list[Revocation]) -> Revoked:
    """The records as sets and times."""
    return Revoked(
        epoch=epoch,
        sessions=frozenset(r.id for r in records if r.scope == "session"),
        principals={r.id: r.at for r in records if r.scope == "principal"},
        everything=max((r.at for r in records if r.scope == "all"), default=NEVER),
    )


class RevocationFeed:
    """Follows the epoch.

    `interval` between polls and `stale` are seconds of the monotonic clock. `keep_seconds` is the life of the longest
    session: an older record has nothing left to end and is dropped.
    """

    def __init__(
        self,
        store: StateStore,
        clock_monotonic: Callable[[], float] = time.monotonic,
        interval: float = 0.2,
        stale: float = 1.0,
        *,
        clock: Callable[[], float] = time.time,
        keep_seconds: int = 43_200,
    ) -> None:
        self._store, self._monotonic, self._clock = store, clock_monotonic, clock
        self._interval, self._stale, self._keep = interval, stale, keep_seconds
        self._revoked = Revoked()
        self._confirmed = float("-inf")
        self._was_fresh = False
        self._listeners: list[Callable[[], None]] = []
        self._followers: list[Callable[[], Awaitable[None]]] = []
        self._lock = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Poll once, then go on in the background. A store that does not answer only leaves the feed not fresh."""
        await self.poll()
        self._was_fresh = self.fresh()
        self._task = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """End the polling. From now on the feed goes stale."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    def epoch(self) -> int:
        """The epoch as last confirmed, -1 before the first poll."""
        return self._revoked.epoch

    def fresh(self) -> bool:
        """Whether a poll that began within the last `stale` seconds was completed."""
        return self._monotonic() - self._confirmed <= self._stale

    def revoked(self, principal: Principal) -> bool:
        """Whether the session of this principal was ended, by its id, by its principal or with everything."""
        return self._revoked.covers(principal)

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call back after the epoch moved, and when freshness is lost or regained."""
        self._listeners.append(callback)

    def follow(self, load: Callable[[], Awaitable[None]]) -> None:
        """Load this too before a new epoch is confirmed. If it raises, or takes too long, the epoch is not confirmed."""
        self._followers.append(load)

    async def revoke_session(self, session: str, *, by: str, reason: str) -> None:
        """End one session, of the directory or of a provider."""
        await self.revoke(Revocation(scope="session", id=session, at=self._now(), by=by, reason=reason))

    async def revoke_principal(self, principal: str, *, by: str, reason: str) -> None:
        """End all sessions of a principal that have begun by now."""
        await self.revoke(Revocation(scope="principal", id=principal, at=self._now(), by=by, reason=reason))

    async def revoke_everything(self, *, by: str, reason: str) -> None:
        """End all sessions of everybody that have begun by now."""
        await self.revoke(Revocation(scope="all", at=self._now(), by=by, reason=reason))

    async def revoke(self, revocation: Revocation) -> None:
        """Write durably, then learn of it here at once; others do within their interval. Store errors are raised."""
        await self._store.commit(changes(revocation))
        await self.poll()

    async def poll(self) -> bool:
        """Confirm the epoch now. False if the store did not do it in half the stale time. Never raises."""
        task = asyncio.ensure_future(self._confirm())
        # wait(), not wait_for(): that one would wait for a store which ignores being cancelled.
        done, _ = await asyncio.wait({task}, timeout=self._stale / 2)
        if not done:
            task.cancel()
            task.add_done_callback(_swallow)
            log.warning("the revocation feed got no answer in time")
            return False
        error = task.exception()
        if error is not None:
            log.warning("the revocation feed could not be read: %s", type(error).__name__)
        return error is None

    async def _confirm(self) -> None:
        async with self._lock:
            began = self._monotonic()
            row = await self._store.read(*EPOCH)
            epoch = row.version if row is not None else 0
            if epoch != self._revoked.epoch:
                rows = await self._store.scan("revocation")
                records = [_decode(row.value) for row in rows]
                for load in self._followers:
                    await load()
                self._revoked = gathered(epoch, records)
                self._confirmed = began
                self._notify()
                await self._purge(rows, records)
            self._confirmed = began

    async def _purge(self, rows: list[Row], records: list[Revocation]) -> None:
        """Drop what is older than the longest session. Another process may be doing the same."""
        horizon = self._now() - self._keep
        old = [
            Change(kind=row.kind, key=row.key, value=None, expected=row.version)
            for row, record in zip(rows, records, strict=True)
            if record.at < horizon
        ]
        if old:
            with contextlib.suppress(Conflict):
                await self._store.commit(old)

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            await self.poll()
            if self.fresh() != self._was_fresh:
                self._was_fresh = not self._was_fresh
                self._notify()

    def _notify(self) -> None:
        for listener in self._listeners:
            try:
                listener()
            except Exception as error:  # noqa: BLE001 - a listener must not stop the feed
                log.warning("a listener of the revocation feed failed: %s", type(error).__name__)

    def _now(self) -> int:
        return int(self._clock())


def _swallow(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        task.exception()
