"""What the built-in directory keeps and hands out. Values only.

Kept in the state store as JSON: `Person` (kind "person", sealed by the store: it holds the password hash and
the TOTP secret), `LinkRecord` ("link"), `SessionRecord` ("session"), `KeyRecord` ("credential"). The secrets of
links and keys are kept as SHA-256 only. Handed out: `EnrolmentLink`, `Provisioning`, `IssuedKey`, `PersonSummary`.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

Purpose = Literal["enrolment", "recovery"]


class Veiled(Struct, frozen=True):
    """A value with secrets in it: neither repr nor rich shows a field."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return []


class Pending(Veiled, frozen=True, kw_only=True):
    """Factors chosen over a link, whose authenticator has not been proven yet."""

    link: str  # SHA-256 (hex) of the link's secret
    password: str  # argon2id, PHC string
    totp: str  # base32


class Person(Veiled, frozen=True, kw_only=True):
    """One person. `not_before`: sessions that began at or before this second are dead."""

    name: str
    roles: tuple[str, ...] = ()
    created: int = 0
    changed_by: str = ""  # principal id of the last administrator who changed this row
    suspended: bool = False
    not_before: int = 0
    password: str = ""  # argon2id, PHC string; "" until enrolled
    totp: str = ""  # base32; "" until enrolled
    last_step: int = 0  # of the last accepted one-time code (RFC 6238 section 5.2)
    link: str = ""  # SHA-256 (hex) of the only link that is good, "" if none
    devices: tuple[str, ...] = ()  # SHA-256 (hex) of the tokens of known devices, latest last
    pending: Pending | None = None

    @property
    def enrolled(self) -> bool:
        """Whether both factors exist."""
        return bool(self.password and self.totp)


class LinkRecord(Struct, frozen=True, kw_only=True):
    """A one-time link, kept under the SHA-256 of its secret. Times in seconds since the epoch."""

    name: str
    purpose: Purpose
    usable_from: int
    expires: int
    by: str


class SessionRecord(Struct, frozen=True, kw_only=True):
    """A session of a person. `expires` is its absolute end."""

    person: str
    auth_time: int
    expires: int
    last_used: int
    key: str  # SHA-256 (hex) of the one key that is good


class KeyRecord(Struct, frozen=True, kw_only=True):
    """A key of a session, kept under its SHA-256. `replaced`: when a refresh replaced it, 0 if not."""

    session: str
    issued: int
    expires: int
    session_expires: int
    replaced: int = 0


class EnrolmentLink(Veiled, frozen=True, kw_only=True):
    """A one-time link for a person to choose their factors. `secret` is shown once and kept by nobody."""

    name: str
    secret: str
    purpose: Purpose
    usable_from: int
    expires: int


class Provisioning(Veiled, frozen=True, kw_only=True):
    """What goes into the authenticator app: the base32 secret, and the same as an otpauth URI."""

    name: str
    secret: str
    uri: str


class IssuedKey(Veiled, frozen=True, kw_only=True):
    """A key as the person receives it, once. `device`: after a login, what to send with the next one."""

    key: str
    principal: str
    session: str
    expires: int
    session_expires: int
    device: str = ""


class Enrolled(Veiled, frozen=True, kw_only=True):
    """A person who has both factors now. `device`: what to send with the first login."""

    name: str
    principal: str
    device: str


class PersonSummary(Struct, frozen=True, kw_only=True):
    """A person without any secret."""

    name: str
    principal: str
    roles: tuple[str, ...]
    created: int
    enrolled: bool
    suspended: bool
    link_open: bool  # an enrolment or recovery link is out (it may have expired)
    changed_by: str


def principal_id(name: str) -> str:
    """The principal id of a person of this directory."""
    return f"local|{name}"


def summary(person: Person) -> PersonSummary:
    """What may be shown of a person."""
    return PersonSummary(
        name=person.name,
        principal=principal_id(person.name),
        roles=person.roles,
        created=person.created,
        enrolled=person.enrolled,
        suspended=person.suspended,
        link_open=bool(person.link),
        changed_by=person.changed_by,
    )


encode = msgspec.json.Encoder().encode
decode_person = msgspec.json.Decoder(Person).decode
decode_link = msgspec.json.Decoder(LinkRecord).decode
decode_session = msgspec.json.Decoder(SessionRecord).decode
decode_key = msgspec.json.Decoder(KeyRecord).decode
