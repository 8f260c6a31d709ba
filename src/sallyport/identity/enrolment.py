"""One-time links: how a person gets their factors, the first time and after losing them.

A link is known by the SHA-256 of its secret; only the newest of a person is good. Over it the person chooses a
password (`begin`) and proves the authenticator that they were given (`finish`). Until then the old factors stay,
so that a recovery which nobody uses takes nothing away; a login with both old factors cancels it.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
from collections.abc import Callable

from msgspec.structs import replace

from sallyport.errors import Conflict, Fault, Refusal
from sallyport.identity import revocation
from sallyport.identity.directory_records import (
    Enrolled,
    EnrolmentLink,
    LinkRecord,
    Pending,
    Person,
    Provisioning,
    Purpose,
    decode_link,
    encode,
    principal_id,
)
from sallyport.identity.directory_rules import (
    LinkRules,
    code_step,
    link_refusal,
    password_bytes,
    password_problem,
    provisioning_uri,
)
from sallyport.identity.passwords import Passwords
from sallyport.identity.people import ATTEMPTS, People
from sallyport.identity.refusals import refuse
from sallyport.identity.revocation import Revocation, RevocationFeed
from sallyport.stores.protocols import Change, Row, StateStore

SECRET_BYTES = 32
TOTP_BYTES = 20  # RFC 4226 section 4, R6


class Enrolment:
    """Makes links and takes them. `label` is the issuer that authenticator apps show."""

    def __init__(
        self,
        store: StateStore,
        people: People,
        passwords: Passwords,
        feed: RevocationFeed,
        *,
        rules: LinkRules,
        clock: Callable[[], float],
        random: Callable[[int], bytes],
        label: str,
    ) -> None:
        self._store, self._people, self._passwords, self._feed = store, people, passwords, feed
        self._rules, self._clock, self._random, self._label = rules, clock, random, label

    async def offer(self, person: Person, version: int, purpose: Purpose, *, by: str) -> EnrolmentLink:
        """Store a person (new: version 0) with a new link. Raises `Conflict` if the row was overtaken."""
        await self._drop_expired()
        now = int(self._clock())
        start = now + (self._rules.recovery_delay if purpose == "recovery" else 0)
        life = self._rules.recovery_seconds if purpose == "recovery" else self._rules.enrolment_seconds
        secret = _token(self._random)
        digest = _digest(secret)
        record = LinkRecord(name=person.name, purpose=purpose, usable_from=start, expires=start + life, by=by)
        renewed = replace(person, link=digest, pending=None, changed_by=by)
        await self._store.commit(
            [
                Change(kind="person", key=person.name, value=encode(renewed), expected=version),
                Change(kind="link", key=digest, value=encode(record), expected=0),
            ]
        )
        return EnrolmentLink(
            name=person.name, secret=secret, purpose=purpose, usable_from=start, expires=record.expires
        )

    async def begin(self, link_secret: str, password: str) -> Provisioning | Refusal:
        """Choose the password; returns what goes into the authenticator. May be repeated until `finish`."""
        digest = _digest(link_secret)
        opened = await self._open(digest)
        if isinstance(opened, Refusal):
            return opened
        name = opened[0].name
        problem = password_problem(password, name)
        if problem:
            return Refusal(code="password_refused", message=problem, param="password")
        if self._passwords.full(reserved=True):
            return Refusal(code="overloaded", retry_after=1)
        hashed = await self._passwords.hash(password_bytes(password) or b"")
        secret = base64.b32encode(self._random(TOTP_BYTES)).decode()
        pending = Pending(link=digest, password=hashed, totp=secret)
        for _ in range(ATTEMPTS):
            opened = await self._open(digest)
            if isinstance(opened, Refusal):
                return opened
            person, version, _link = opened
            with contextlib.suppress(Conflict):
                await self._people.write(replace(person, pending=pending), version)
                return Provisioning(name=name, secret=secret, uri=provisioning_uri(secret, name, self._label))
        raise Fault("a person changed too often to be enrolled")

    async def finish(self, link_secret: str, code: str) -> Enrolled | Refusal:
        """Prove the authenticator with its first code. The link is then used up, and old sessions end."""
        digest, device = _digest(link_secret), new_device(self._random)
        for _ in range(ATTEMPTS):
            opened = await self._open(digest)
            if isinstance(opened, Refusal):
                return opened
            person, version, link = opened
            now = int(self._clock())
            pending = person.pending
            step = code_step(pending.totp, code, now, 0) if pending is not None else None
            if pending is None or step is None:
                return refuse("login_failed", "code")
            enrolled = _with_factors(person, pending, step, now, device_digest(device))
            with contextlib.suppress(Conflict):
                await self._people.write(enrolled, version, also=_finishing(person, link, now))
                await self._feed.poll()
                return Enrolled(name=person.name, principal=principal_id(person.name), device=device)
        raise Fault("a person changed too often to be enrolled")

    async def _open(self, digest: str) -> tuple[Person, int, Row] | Refusal:
        row = await self._store.read("link", digest)
        link = decode_link(row.value) if row is not None else None
        person, version = await self._people.read(link.name) if link is not None else (None, 0)
        refusal = link_refusal(link, person, digest, int(self._clock()))
        if refusal is not None or row is None or person is None:
            return refusal or Refusal(code="link_invalid")
        return person, version, row

    async def _drop_expired(self) -> None:
        now = int(self._clock())
        dead = [
            Change(kind="link", key=row.key, value=None, expected=row.version)
            for row in await self._store.scan("link")
            if decode_link(row.value).expires <= now
        ]
        if dead:
            with contextlib.suppress(Conflict):
                await self._store.commit(dead)


def _with_factors(person: Person, pending: Pending, step: int, now: int, device: str) -> Person:
    return replace(
        person,
        password=pending.password,
        totp=pending.totp,
        last_step=step,
        link="",
        pending=None,
        devices=(device,),
        not_before=now if person.enrolled else person.not_before,
    )


def _finishing(person: Person, link: Row, now: int) -> list[Change]:
    """Use the link up; if there were factors before, all sessions that they opened end."""
    used = Change(kind="link", key=link.key, value=None, expected=link.version)
    if not person.enrolled:
        return [used]
    who = principal_id(person.name)
    return [
        used,
        *revocation.changes(Revocation(scope="principal", id=who, at=now, by=who, reason="recovered")),
    ]


def new_device(random: Callable[[int], bytes]) -> str:
    """A token for a device, to be kept beside the key."""
    return _token(random)


def device_digest(device: str) -> str:
    """What is kept of a device's token."""
    return _digest(device)


def _token(random: Callable[[int], bytes]) -> str:
    return base64.urlsafe_b64encode(random(SECRET_BYTES)).rstrip(b"=").decode()


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
