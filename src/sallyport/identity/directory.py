"""The built-in directory of people, for deployments without an identity provider.

Two factors, always: a password (argon2id) and a one-time code (TOTP). A login that fails says only that it failed,
and costs the same whoever was named. What takes something away ends sessions and moves the revocation epoch in
the same commit.
"""

from __future__ import annotations

import base64
import math
import secrets
import time
from collections.abc import Callable, Iterable

from msgspec.structs import replace

from sallyport.errors import Conflict, Fault, Refusal
from sallyport.identity import revocation
from sallyport.identity.directory_records import (
    Enrolled,
    EnrolmentLink,
    IssuedKey,
    Person,
    PersonSummary,
    Provisioning,
    Purpose,
    encode,
    principal_id,
    summary,
)
from sallyport.identity.directory_rules import (
    LinkRules,
    clean_roles,
    code_step,
    fold_name,
    login_refusal,
    password_bytes,
    recovery_refusal,
    with_device,
)
from sallyport.identity.enrolment import TOTP_BYTES, Enrolment, device_digest, new_device
from sallyport.identity.passwords import Passwords
from sallyport.identity.people import ATTEMPTS, People
from sallyport.identity.refusals import refuse
from sallyport.identity.revocation import Revocation, RevocationFeed
from sallyport.identity.sessions import SessionKeys
from sallyport.identity.throttle import Throttle, source_key
from sallyport.stores.protocols import Change, StateStore


class Directory:
    """People, their factors and their logins. `by` is the principal id of the administrator who acts.

    `clock` gives seconds since the epoch, `monotonic` seconds for the throttle, `random(n)` n unpredictable bytes.
    """

    def __init__(
        self,
        store: StateStore,
        clock: Callable[[], float] = time.time,
        random: Callable[[int], bytes] = secrets.token_bytes,
        *,
        sessions: SessionKeys,
        feed: RevocationFeed,
        monotonic: Callable[[], float] = time.monotonic,
        passwords: Passwords | None = None,
        throttle: Throttle | None = None,
        links: LinkRules = LinkRules(),  # noqa: B008 - frozen
        label: str = "Sallyport",
    ) -> None:
        self._clock, self._monotonic, self._random = clock, monotonic, random
        self._sessions, self._feed = sessions, feed
        self._passwords = passwords or Passwords(random)
        self._throttle = throttle or Throttle()
        self._people = People(store)
        self._decoy = base64.b32encode(random(TOTP_BYTES)).decode()
        self._enrolment = Enrolment(
            store,
            self._people,
            self._passwords,
            feed,
            rules=links,
            clock=clock,
            random=random,
            label=label,
        )

    def close(self) -> None:
        """End the threads that hash."""
        self._passwords.close()

    async def create_person(self, name: str, roles: Iterable[str], *, by: str) -> EnrolmentLink | Refusal:
        """Enter a person without factors, and the link to choose them: `field_invalid`, `person_exists`."""
        folded, clean = fold_name(name), clean_roles(roles)
        if folded is None or clean is None:
            return Refusal(code="field_invalid", param="name" if folded is None else "roles")
        person = Person(name=folded, roles=clean, created=self._now())
        try:
            return await self._enrolment.offer(person, 0, "enrolment", by=by)
        except Conflict:
            return Refusal(code="person_exists")

    async def recovery_link(self, name: str, *, by: str) -> EnrolmentLink | Refusal:
        """The link for a person who lost a factor: `person_unknown`, `recovery_refused` (their own).

        It becomes usable after a delay. For someone who never enrolled it is a new enrolment link.
        """
        for _ in range(ATTEMPTS):
            person, version = await self._people.read(fold_name(name) or "")
            refusal = recovery_refusal(person, by, principal_id(fold_name(name) or ""))
            if refusal is not None or person is None:
                return refusal or Refusal(code="person_unknown")
            purpose: Purpose = "recovery" if person.enrolled else "enrolment"
            try:
                return await self._enrolment.offer(person, version, purpose, by=by)
            except Conflict:
                continue
        raise Fault("a person changed too often to be recovered")

    async def enrol_begin(self, link_secret: str, password: str) -> Provisioning | Refusal:
        """First step: `link_invalid`, `link_not_yet`, `password_refused`, `principal_suspended`, `overloaded`."""
        return await self._enrolment.begin(link_secret, password)

    async def enrol_finish(self, link_secret: str, code: str) -> Enrolled | Refusal:
        """Second step, with the authenticator's first code: `login_failed`, or as `enrol_begin`."""
        return await self._enrolment.finish(link_secret, code)

    async def login(
        self, name: str, password: str, code: str, *, source: str, device: str = ""
    ) -> IssuedKey | Refusal:
        """Open a session: `login_failed`, `login_throttled`, `overloaded`.

        `principal_suspended` only to whoever has proven both factors. `source` is the address of the client, `device`
        the token that an earlier login or enrolment gave: whoever sends it does not wait for others' attempts.
        """
        account = fold_name(name) or ""  # nobody is called "": all impossible names share its throttle
        person, version = await self._people.read(account)
        known = person if person is not None and person.enrolled else None
        familiar = device_digest(device) if known and device_digest(device) in known.devices else ""
        if self._passwords.full(reserved=bool(familiar)):
            return Refusal(code="overloaded", retry_after=1)
        place = source_key(source)
        wait = self._throttle.admit(account, place, self._monotonic(), familiar)
        if wait:
            return Refusal(code="login_throttled", retry_after=math.ceil(wait))
        step = code_step(
            known.totp if known else self._decoy, code, self._now(), known.last_step if known else 0
        )
        proven = known.password if known else ""
        right = await self._passwords.verify(proven, password_bytes(password))
        token = device if familiar else new_device(self._random)
        issued = await self._let_in(
            account, (person, version), proven=proven if right else "", step=step, device=token
        )
        if isinstance(issued, IssuedKey):
            self._throttle.succeeded(account, place, familiar)
        return issued

    async def logout(self, key: str) -> Refusal | None:
        """End the session of a key, also of an expired one. `token_invalid` if it has none."""
        found = await self._sessions.session_of(key)
        if found is None:
            return refuse("token_invalid", "key_without_session")
        session, principal = found
        await self._sessions.end(session, by=principal, reason="logout")
        return None

    async def suspend(self, name: str, *, by: str) -> PersonSummary | Refusal:
        """Keep a person out, and end all their sessions."""
        now = self._now()
        who = principal_id(fold_name(name) or "")
        ended = Revocation(scope="principal", id=who, at=now, by=by, reason="suspended")
        return await self._change(
            name,
            lambda p: replace(p, suspended=True, not_before=max(p.not_before, now), changed_by=by),
            also=revocation.changes(ended),
        )

    async def resume(self, name: str, *, by: str) -> PersonSummary | Refusal:
        """Let a person in again. Sessions from before stay dead."""
        return await self._change(name, lambda p: replace(p, suspended=False, changed_by=by))

    async def set_roles(self, name: str, roles: Iterable[str], *, by: str) -> PersonSummary | Refusal:
        """Replace the roles, also of running sessions: `person_unknown`, `own_roles_refused`, `field_invalid`."""
        clean = clean_roles(roles)
        if clean is None:
            return Refusal(code="field_invalid", param="roles")
        if by == principal_id(fold_name(name) or ""):
            return Refusal(code="own_roles_refused")
        return await self._change(
            name, lambda p: replace(p, roles=clean, changed_by=by), also=[revocation.bump()]
        )

    async def people(self) -> list[PersonSummary]:
        """Everybody, by name, without secrets."""
        return [summary(person) for person in await self._people.all()]

    async def _let_in(
        self, account: str, found: tuple[Person | None, int], *, proven: str, step: int | None, device: str
    ) -> IssuedKey | Refusal:
        """Decide, and use the code up in the commit that opens the session: of two logins with one code, one wins."""
        for _ in range(ATTEMPTS):
            person, version = found
            right = bool(proven) and person is not None and person.password == proven
            refusal = login_refusal(person, password_right=right, step=step, now=self._now())
            if refusal is not None or person is None or step is None:
                return refusal or refuse("login_failed", "not_enrolled")
            devices = with_device(person.devices, device_digest(device))
            used = replace(person, last_step=step, link="", pending=None, devices=devices)
            change = Change(kind="person", key=account, value=encode(used), expected=version)
            try:
                return replace(await self._sessions.issue(account, also=[change]), device=device)
            except Conflict:
                found = await self._people.read(account)
        raise Fault("a person changed too often to be let in")

    async def _change(
        self, name: str, edit: Callable[[Person], Person], *, also: Iterable[Change] = ()
    ) -> PersonSummary | Refusal:
        changed = await self._people.change(fold_name(name) or "", edit, also=list(also))
        if isinstance(changed, Refusal):
            return changed
        await self._feed.poll()
        return summary(changed)

    def _now(self) -> int:
        return int(self._clock())
