"""Grants and locks as they are stored, and the copy of them in memory that every call is decided with.

Each change is one commit: the row at the version that was read, our own epoch, and the revocation epoch. The feed that
follows that epoch loads the copy before it confirms it: a worker that cannot learn of a change in time is not fresh, and
refuses. So the copy is never older than what the feed allows, and needs no polling of its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

import msgspec
from msgspec import Struct

from sallyport.access.elevation import FOREVER, Rules, elevated, own
from sallyport.access.grants import OPEN, REVIEWERS, Grant, state
from sallyport.access.locks import Lock, holding, lock_on
from sallyport.errors import Conflict, Fault, Refusal
from sallyport.model import Model, Principal
from sallyport.stores.protocols import Change, Row, StateStore

EPOCH = ("epoch", "access")
KEEP_SECONDS = 30 * 86_400  # of what has ended; the log keeps it for ever
ATTEMPTS = 8
REMEMBERED = 10_000  # people with grants
Note = Callable[[Grant], Awaitable[None]]
_encode = msgspec.json.Encoder().encode
_grant = msgspec.json.Decoder(Grant).decode
_lock = msgspec.json.Decoder(Lock).decode


class _View(Struct, frozen=True):
    """What was loaded: running and coming grants by holder, locks, and everything by id."""

    version: int = -1
    grants: Mapping[str, tuple[Grant, ...]] = {}
    locks: tuple[Lock, ...] = ()
    every: Mapping[str, Grant] = {}


class GrantBook:
    """`bump` moves the revocation epoch in our commit; `learn` makes this worker's feed confirm it at once."""

    def __init__(
        self,
        store: StateStore,
        rules: Rules,
        *,
        bump: Change,
        clock: Callable[[], float],
    ) -> None:
        self._store, self.rules, self._bump, self._clock = store, rules, bump, clock
        self.learn: Callable[[], Awaitable[object]] | None = None
        self._view = _View()
        self._known: dict[Principal, tuple[Principal, int]] = {}

    async def load(self) -> None:
        """Read what is stored, if it changed. Store errors are raised: then nothing new is confirmed."""
        row = await self._store.read(*EPOCH)
        version = row.version if row is not None else 0
        if version == self._view.version:
            return
        rows = await self._store.scan("grant")
        grants = [_grant(row.value) for row in rows]
        locks = [_lock(row.value) for row in await self._store.scan("lock")]
        self._view = _viewed(version, grants, locks)
        self._known = {}
        await self._purge(rows, grants)

    def elevated(self, principal: Principal) -> Principal:
        """The principal with what its grants give now; itself, where it has none."""
        held = self._view.grants.get(principal.id)
        if held is None:
            return principal
        return self._elevated(principal, held)

    def _elevated(self, principal: Principal, held: tuple[Grant, ...]) -> Principal:
        now = self.now()
        known = self._known.get(principal)
        if known is not None and now < known[1]:
            return known[0]
        stopping = [k for k in self._view.locks if k.scope == "grant" and holding(k, now)]
        stopped = frozenset(k.name for k in stopping)
        found, turn = elevated(own(principal), held, self.rules, stopped, now)
        turn = min([turn, *(k.until or FOREVER for k in stopping)])
        if len(self._known) >= REMEMBERED:
            self._known = {}
        self._known[principal] = (found, turn)
        return found

    def renewed(self, principal: Principal) -> Principal:
        """What a principal that was elevated earlier is now."""
        return self.elevated(own(principal))

    def lock(self, principal: Principal, action: str, model: Model | None) -> Lock | None:
        """The lock that stops this, if any."""
        if not self._view.locks:
            return None
        return lock_on(self._view.locks, principal, action, model, self.now())

    def now(self) -> int:
        """Seconds since the epoch."""
        return int(self._clock())

    @property
    def all(self) -> tuple[Grant, ...]:
        """All grants that are kept, also those that have ended."""
        return tuple(self._view.every.values())

    @property
    def locks(self) -> tuple[Lock, ...]:
        """All locks that hold."""
        now = self.now()
        return tuple(k for k in self._view.locks if holding(k, now))

    async def add(self, grant: Grant, note: Note) -> Refusal | None:
        """A new request. `grant_exists` where the holder has a live one for the same thing."""
        claim = f"{grant.who}|{grant.kind}|{grant.name}"
        for _ in range(ATTEMPTS):
            row = await self._store.read("grant-claim", claim)
            before = await self._read(row.value.decode()) if row is not None else None
            if before is not None and state(before[0], self.now()) in OPEN:
                return Refusal(code="grant_exists")
            await note(grant)
            changes = [
                _row(grant, 0),
                Change(
                    kind="grant-claim",
                    key=claim,
                    value=grant.id.encode(),
                    expected=row.version if row is not None else 0,
                ),
            ]
            if await self._commit(changes):
                return None
        raise Fault("a request lost too often against others")

    async def change(
        self, grant_id: str, act: Callable[[Grant], Grant | Refusal], note: Note
    ) -> Grant | Refusal:
        """What `act` makes of a stored grant. It is asked again where another worker was faster."""
        for _ in range(ATTEMPTS):
            found = await self._read(grant_id)
            if found is None:
                return Refusal(code="grant_unknown")
            changed = act(found[0])
            if isinstance(changed, Refusal):
                return changed
            await note(changed)
            if await self._commit([_row(changed, found[1])]):
                return changed
        raise Fault("a grant changed too often")

    async def put_lock(self, lock: Lock) -> None:
        """A new lock."""
        if not await self._commit([Change(kind="lock", key=lock.id, value=_encode(lock), expected=0)]):
            raise Fault("a lock's id was taken")

    async def lift_lock(self, lock_id: str) -> bool:
        """Whether there was one."""
        row = await self._store.read("lock", lock_id)
        if row is None:
            return False
        return await self._commit([Change(kind="lock", key=lock_id, value=None, expected=row.version)])

    async def _read(self, grant_id: str) -> tuple[Grant, int] | None:
        row = await self._store.read("grant", grant_id)
        return None if row is None else (_grant(row.value), row.version)

    async def _commit(self, changes: list[Change]) -> bool:
        mark = Change(kind=EPOCH[0], key=EPOCH[1], value=b"1")
        try:
            await self._store.commit([*changes, mark, self._bump])
        except Conflict:
            return False
        if self.learn is not None:
            await self.learn()
        return True

    async def _purge(self, rows: list[Row], grants: list[Grant]) -> None:
        """Drop what ended long ago. Another worker may be doing the same."""
        horizon = self.now() - KEEP_SECONDS
        old = [
            Change(kind="grant", key=row.key, value=None, expected=row.version)
            for row, grant in zip(rows, grants, strict=True)
            if _over(grant) < horizon
        ]
        if old:
            with suppress(Conflict):
                await self._store.commit(old)


def _over(grant: Grant) -> int:
    """When it ended for good; a broken glass that was not reviewed has not."""
    if grant.emergency and len(grant.reviews) < REVIEWERS:
        return FOREVER
    return grant.ended or grant.until or max(grant.answer_by, grant.start)


def _viewed(version: int, grants: list[Grant], locks: list[Lock]) -> _View:
    by_holder: dict[str, tuple[Grant, ...]] = {}
    for grant in grants:
        if grant.since and not grant.ending:
            by_holder[grant.who] = (*by_holder.get(grant.who, ()), grant)
    return _View(version, by_holder, tuple(locks), {grant.id: grant for grant in grants})


def _row(grant: Grant, expected: int) -> Change:
    return Change(kind="grant", key=grant.id, value=_encode(grant), expected=expected)
