"""How long keys and sessions of the built-in directory live, and what a key looks like. Pure.

NIST SP 800-63B-4 section 2.2.3 (AAL2): reauthentication after 12 to 24 hours whatever happens, and after 30 to 60
minutes of inactivity.
"""

from __future__ import annotations

import base64
import hashlib

from msgspec import Struct

from sallyport.errors import Refusal
from sallyport.identity.directory_records import KeyRecord, Person, SessionRecord, principal_id
from sallyport.identity.refusals import refuse
from sallyport.model import Principal

PREFIX = "sp_"
KEY_BYTES = 32
KEY_LENGTH = len(PREFIX) + 43 + 4
REUSE_GRACE = 30
REFRESH_AGE = 60


class SessionRules(Struct, frozen=True, kw_only=True):
    """Lives in seconds: of a key, of a session in all, and of a session that nobody uses."""

    key_seconds: int = 3600
    session_seconds: int = 43_200
    idle_seconds: int = 1800


def format_key(random: bytes) -> str:
    """The key over 32 random bytes: `sp_`, 43 characters base64url, 4 check characters."""
    body = PREFIX + base64.urlsafe_b64encode(random).rstrip(b"=").decode()
    return body + check_characters(body)


def check_characters(body: str) -> str:
    """The first 24 bits of SHA-256 over everything before them, base64url. For typos and secret scanners only."""
    return base64.urlsafe_b64encode(hashlib.sha256(body.encode()).digest()[:3]).decode()


def well_formed(key: str) -> bool:
    """Whether this can be a key at all, told without any look-up."""
    return (
        len(key) == KEY_LENGTH
        and key.isascii()
        and key.startswith(PREFIX)
        and check_characters(key[:-4]) == key[-4:]
    )


def session_refusal(
    session: SessionRecord | None, person: Person | None, *, now: int, last_used: int, rules: SessionRules
) -> Refusal | None:
    """Whether the session is over: ended, past its end, unused for too long, or its person may not."""
    if session is None or person is None or session.person != person.name:
        return refuse("token_revoked", "session_ended")
    if person.suspended:
        return refuse("principal_suspended", "suspended")
    if session.auth_time <= person.not_before:
        return refuse("token_revoked", "session_ended_by_administrator")
    if now >= session.expires:
        return refuse("token_expired", "session_end")
    return refuse("token_expired", "session_idle") if now - last_used > rules.idle_seconds else None


def key_refusal(key: KeyRecord, digest: str, session: SessionRecord | None, now: int) -> Refusal | None:
    """Whether the key itself is over: replaced by a newer one of its session, or past its end."""
    if key.replaced or (session is not None and session.key != digest):
        return refuse("token_revoked", "key_replaced")
    return refuse("token_expired", "key_end") if now >= key.expires else None


def local_principal(person: Person, session: str, *, auth_time: int, expires: int) -> Principal:
    """The principal of a directory login: a password and a one-time code, AAL2 (RFC 8176 amr values)."""
    return Principal(
        id=principal_id(person.name),
        roles=person.roles,
        mfa=True,
        amr=("pwd", "otp"),
        acr="aal2",
        auth_time=auth_time,
        session=session,
        expires=expires,
    )
