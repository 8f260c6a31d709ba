"""Sessions of the built-in directory and their keys: issue, look up, refresh, end.

A key is kept under its SHA-256 only; one key of a session is good at a time. A look-up is answered from memory as
long as the revocation epoch stands that was read before the rows were loaded.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import time
from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from sallyport.errors import Conflict, Fault, Refusal
from sallyport.identity import revocation
from sallyport.identity.directory_records import (
    IssuedKey,
    KeyRecord,
    Person,
    SessionRecord,
    decode_key,
    decode_person,
    decode_session,
    encode,
    principal_id,
)
from sallyport.identity.refusals import refuse
from sallyport.identity.revocation import Revocation, RevocationFeed
from sallyport.identity.session_rules import (
    KEY_BYTES,
    REFRESH_AGE,
    REUSE_GRACE,
    SessionRules,
    format_key,
    key_refusal,
    local_principal,
    session_refusal,
    well_formed,
)
from sallyport.identity.session_upkeep import SessionUpkeep
from sallyport.model import Principal
from sallyport.stores.protocols import Change, StateStore

ATTEMPTS = 8
NOTE_SECONDS = 60


class Entry:
    """A verified key in memory. `ends`, `last_used`, `noted` in seconds; `noted`: last use that will be written."""

    __slots__ = ("ends", "epoch", "last_used", "noted", "principal")

    def __init__(self, principal: Principal, epoch: int, last_used: int) -> None:
        self.principal, self.epoch, self.ends = principal, epoch, principal.expires
        self.last_used = self.noted = last_used


class Held(Struct, frozen=True):
    """The rows behind a key, with the versions that a write must find."""

    key: KeyRecord
    key_version: int
    session: SessionRecord | None = None
    session_version: int = 0
    person: Person | None = None

    @property
    def principal(self) -> Principal:
        """The principal of a key that has a session and a person."""
        assert self.session is not None
        assert self.person is not None
        return local_principal(
            self.person,
            self.key.session,
            auth_time=self.session.auth_time,
            expires=min(self.key.expires, self.session.expires),
        )


class SessionKeys:
    """Keys of the directory's people. `random(n)` gives n unpredictable bytes, `clock()` seconds since the epoch."""

    def __init__(
        self,
        store: StateStore,
        feed: RevocationFeed,
        *,
        rules: SessionRules = SessionRules(),  # noqa: B008 - frozen
        clock: Callable[[], float] = time.time,
        random: Callable[[int], bytes] = secrets.token_bytes,
        capacity: int = 10_000,
    ) -> None:
        self._store, self._feed, self._rules = store, feed, rules
        self._clock, self._random, self._capacity = clock, random, capacity
        self._cache: dict[bytes, Entry] = {}
        self._upkeep = SessionUpkeep(store, clock)

    async def start(self) -> None:
        """Write uses and drop dead rows in the background."""
        await self._upkeep.start()

    async def stop(self) -> None:
        """End the background work, and write the uses that were not written yet."""
        await self._upkeep.stop()

    async def lookup(self, key: str) -> Principal | Refusal:
        """Who holds this key, with the roles as of now.

        Refuses with `token_malformed`, `token_invalid`, `token_expired`, `token_revoked`, `principal_suspended` or
        `revocation_stale`.
        """
        digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
        entry = self._cache.get(digest)
        feed = self._feed
        if entry is not None and entry.epoch == feed.epoch() and feed.fresh():
            now = int(self._clock())
            if now < entry.ends and now - entry.last_used <= self._rules.idle_seconds:
                self._use(entry, now)
                return entry.principal
        return await self._load(key, digest)

    async def issue(self, name: str, *, also: Sequence[Change] = ()) -> IssuedKey:
        """Begin a session for a person who has just proven all factors, in one commit with `also`.

        Raises `Conflict` if one of those writes has been overtaken.
        """
        now = self._now()
        session = self._random(16).hex()
        ends = now + self._rules.session_seconds
        issued, key_change = self._new_key(principal_id(name), session, now, ends)
        record = SessionRecord(person=name, auth_time=now, expires=ends, last_used=now, key=key_change.key)
        await self._store.commit(
            [*also, Change(kind="session", key=session, value=encode(record), expected=0), key_change]
        )
        return issued

    async def refresh(self, key: str) -> IssuedKey | Refusal:
        """A new key of the same session; the old one dies. An expired key will do while the session lives.

        A replaced key that turns up again after a grace (two processes of one person) is a sign of theft and ends
        the session (RFC 9700 section 4.14.2).
        """
        if not well_formed(key):
            return refuse("token_malformed", "key_format")
        digest = _digest(key)
        for _ in range(ATTEMPTS):
            held = await self._held(digest)
            if held is None:
                return refuse("token_invalid", "key_unknown")
            now = self._now()
            if held.session and held.key.replaced and now - held.key.replaced > REUSE_GRACE:
                await self.end(held.key.session, by="sallyport", reason="replaced key used again")
            refusal = await self._refresh_refusal(held, digest, now)
            if refusal is not None:
                return refusal
            with contextlib.suppress(Conflict):
                return await self._replace(held, digest, now)
        raise Fault("a session changed too often to be refreshed")

    async def end(self, session: str, *, by: str, reason: str) -> None:
        """End a session, here and everywhere. Its key stays as a tombstone until the session's natural end."""
        row = await self._store.read("session", session)
        gone = [] if row is None else [Change(kind="session", key=session, value=None)]
        ended = Revocation(scope="session", id=session, at=self._now(), by=by, reason=reason)
        await self._store.commit([*gone, *revocation.changes(ended)])
        await self._feed.poll()

    async def session_of(self, key: str) -> tuple[str, str] | None:
        """Session and principal of a key, also of one that has expired or was replaced. None if it has no session."""
        held = await self._held(_digest(key)) if well_formed(key) else None
        if held is None or held.session is None:
            return None
        return held.key.session, principal_id(held.session.person)

    async def _load(self, key: str, digest: bytes) -> Principal | Refusal:
        if not well_formed(key):
            return refuse("token_malformed", "key_format")
        known = self._cache.pop(digest, None)
        for _ in range(ATTEMPTS):
            if not self._feed.fresh():
                return refuse("revocation_stale", "feed_not_fresh")
            epoch = self._feed.epoch()
            held = await self._held(digest.hex())
            if held is None:
                return refuse("token_invalid", "key_unknown")
            now = self._now()
            refusal = key_refusal(held.key, digest.hex(), held.session, now) or self._session_refusal(
                held, known, now
            )
            if refusal is not None:
                return refusal
            if epoch == self._feed.epoch() and self._feed.fresh():
                return self._remember(digest, held, known, epoch, now)
        return refuse("revocation_stale", "feed_not_fresh")

    async def _held(self, digest: str) -> Held | None:
        row = await self._store.read("credential", digest)
        if row is None:
            return None
        key = decode_key(row.value)
        session_row = await self._store.read("session", key.session)
        if session_row is None:
            return Held(key, row.version)
        session = decode_session(session_row.value)
        person = await self._store.read("person", session.person)
        return Held(
            key,
            row.version,
            session,
            session_row.version,
            decode_person(person.value) if person is not None else None,
        )

    def _session_refusal(self, held: Held, known: Entry | None, now: int) -> Refusal | None:
        stored = held.session.last_used if held.session is not None else 0
        used = max(stored, self._upkeep.noted(held.key.session), known.last_used if known is not None else 0)
        refusal = session_refusal(held.session, held.person, now=now, last_used=used, rules=self._rules)
        if refusal is None and self._feed.revoked(held.principal):
            return refuse("token_revoked", "revoked")
        return refusal

    async def _refresh_refusal(self, held: Held, digest: str, now: int) -> Refusal | None:
        if held.key.replaced or (held.session is not None and held.session.key != digest):
            return refuse("token_revoked", "key_replaced")
        if not await self._feed.poll():
            return refuse("revocation_stale", "feed_not_fresh")
        refusal = self._session_refusal(held, self._cache.get(bytes.fromhex(digest)), now)
        if refusal is None and now - held.key.issued < REFRESH_AGE:
            return Refusal(code="login_throttled", retry_after=held.key.issued + REFRESH_AGE - now)
        return refusal

    async def _replace(self, held: Held, digest: str, now: int) -> IssuedKey:
        assert held.session is not None
        issued, fresh_key = self._new_key(
            principal_id(held.session.person), held.key.session, now, held.session.expires
        )
        session = replace(held.session, key=fresh_key.key, last_used=now)
        await self._store.commit(
            [
                Change(
                    kind="credential",
                    key=digest,
                    value=encode(replace(held.key, replaced=now)),
                    expected=held.key_version,
                ),
                Change(
                    kind="session",
                    key=held.key.session,
                    value=encode(session),
                    expected=held.session_version,
                ),
                fresh_key,
                revocation.bump(),
            ]
        )
        await self._feed.poll()
        return issued

    def _remember(self, digest: bytes, held: Held, known: Entry | None, epoch: int, now: int) -> Principal:
        assert held.session is not None
        if len(self._cache) >= self._capacity:
            del self._cache[next(iter(self._cache))]
        noted = max(held.session.last_used, known.noted if known is not None else 0)
        entry = self._cache[digest] = Entry(held.principal, epoch, noted)
        self._use(entry, now)
        return entry.principal

    def _use(self, entry: Entry, now: int) -> None:
        entry.last_used = now
        if now - entry.noted >= NOTE_SECONDS:
            entry.noted = now
            self._upkeep.note(entry.principal.session, now)

    def _new_key(self, principal: str, session: str, now: int, ends: int) -> tuple[IssuedKey, Change]:
        key = format_key(self._random(KEY_BYTES))
        expires = min(now + self._rules.key_seconds, ends)
        record = KeyRecord(session=session, issued=now, expires=expires, session_expires=ends)
        issued = IssuedKey(
            key=key, principal=principal, session=session, expires=expires, session_expires=ends
        )
        return issued, Change(kind="credential", key=_digest(key), value=encode(record), expected=0)

    def _now(self) -> int:
        return int(self._clock())


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
