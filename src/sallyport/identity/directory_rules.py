"""What the built-in directory decides: names, passwords, one-time codes, links, logins. Pure.

NIST SP 800-63B-4 section 3.1.1 (passwords), RFC 6238 (TOTP), NIST SP 800-63B-4 section 4.2 (recovery). How
often someone may try is in `throttle.py`, how long a session lives in `session_rules.py`.
"""

from __future__ import annotations

import hmac
import unicodedata
from collections.abc import Iterable

import pyotp
from msgspec import Struct

from sallyport.errors import Refusal
from sallyport.identity.directory_records import LinkRecord, Person
from sallyport.identity.refusals import refuse

NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._-")
NAME_LENGTH = 64
ROLE_LENGTH = 64
PASSWORD_CHARACTERS = 12
PASSWORD_BYTES = 1024
UNOBVIOUS_CHARACTERS = 6
NAME_PART_LENGTH = 3  # shorter parts of a name are in too many words to be taken out
STEP_SECONDS = 30
WINDOW = (-1, 0, 1)
DEVICES = 8
CODE_LENGTH = 16  # six digits, with spaces as some apps show them

# Longer words come first, so that a word is taken out whole before a shorter one inside it.
_WORDS = """
password passw0rd p@ssword p@ssw0rd passwort motdepasse kennwort geheim secret letmein welcome willkommen
admin administrator changeme default login master access qwertyuiop qwerty qwertz azerty asdfgh zxcvbn 1q2w3e4r
1qaz2wsx iloveyou sunshine princess dragon monkey football baseball superman batman trustno1 whatever starwars
spring summer autumn winter january february november december monday friday sallyport company
correct horse battery staple
"""
OBVIOUS = tuple(sorted(_WORDS.split(), key=len, reverse=True))


class LinkRules(Struct, frozen=True, kw_only=True):
    """Life of the one-time links, in seconds. `recovery_delay`: before a recovery link becomes usable."""

    enrolment_seconds: int = 86_400
    recovery_delay: int = 900
    recovery_seconds: int = 86_400  # counted from the moment when it becomes usable


def fold_name(name: str) -> str | None:
    """The name as it is kept, or None if it cannot be one. ASCII only: no look-alikes, no case folding traps."""
    folded = name.lower() if name.isascii() and len(name) <= NAME_LENGTH else ""
    return folded if folded and NAME_CHARACTERS.issuperset(folded) else None


def clean_roles(roles: Iterable[str]) -> tuple[str, ...] | None:
    """Roles sorted and without repeats, or None if one of them is empty, long or not printable."""
    unique = tuple(sorted(set(roles)))
    return unique if all(role.isprintable() and 0 < len(role) <= ROLE_LENGTH for role in unique) else None


def password_bytes(password: str) -> bytes | None:
    """What is hashed: the password in NFKC as UTF-8 (section 3.1.1.2), or None if it is over 1024 bytes."""
    if len(password) > PASSWORD_BYTES:
        return None
    encoded = unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
    return encoded if len(encoded) <= PASSWORD_BYTES else None


def password_problem(password: str, name: str) -> str:
    """Why this password cannot be chosen, as a sentence, or "". No rules of composition (section 3.1.1.2)."""
    encoded = password_bytes(password)
    if encoded is None:
        return f"The password is longer than {PASSWORD_BYTES} bytes."
    if len(unicodedata.normalize("NFKC", password)) < PASSWORD_CHARACTERS:
        return f"The password is shorter than {PASSWORD_CHARACTERS} characters."
    if len(_unobvious(password, name)) < UNOBVIOUS_CHARACTERS:
        return "The password is made of your name, well-known words or sequences."
    return ""


def _unobvious(password: str, name: str) -> str:
    """What is left of a password without the name, well-known words, repeats and sequences."""
    text = unicodedata.normalize("NFKC", password).casefold()
    names = {name, *name.replace("-", ".").replace("_", ".").split(".")}
    names = {part for part in names if len(part) >= NAME_PART_LENGTH}
    for word in (*sorted(names, key=len, reverse=True), *OBVIOUS):
        text = text.replace(word, "")
    kept = ""
    for before, character in zip("\0" + text, text, strict=False):
        if abs(ord(character) - ord(before)) > 1:
            kept += character
    return "".join(dict.fromkeys(kept))


def provisioning_uri(secret: str, name: str, issuer: str) -> str:
    """The otpauth URI for authenticator apps: SHA-1, 6 digits, 30 s, which every app understands."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=issuer)


def code_step(secret: str, code: str, now: int, last_step: int) -> int | None:
    """The time step whose code this is, or None.

    One step of drift either way (RFC 6238 section 5.2). A step at or before `last_step` is never accepted: a
    code is good once, and an older one is not good after a newer one. All candidates are always computed.
    """
    given = code[:CODE_LENGTH].replace(" ", "").encode("utf-8", "surrogatepass")
    totp = pyotp.TOTP(secret)
    current = now // STEP_SECONDS
    found: int | None = None
    for step in (current + offset for offset in WINDOW):
        right = hmac.compare_digest(totp.generate_otp(max(step, 0)).encode(), given)
        if right and step > last_step and found is None:
            found = step
    return found


def with_device(devices: tuple[str, ...], digest: str) -> tuple[str, ...]:
    """The known devices with this one as the latest; the one that was silent for longest goes first."""
    return (*(known for known in devices if known != digest), digest)[-DEVICES:]


def login_refusal(
    person: Person | None, *, password_right: bool, step: int | None, now: int
) -> Refusal | None:
    """Whether both factors let this person in.

    Who has not proven both learns nothing about the account; only the log learns which was wrong.
    """
    if person is None or not person.enrolled:
        return refuse("login_failed", "not_enrolled")
    code_right = step is not None and step > person.last_step
    if not (password_right and code_right):
        wrong = "code" if password_right else "password" if code_right else "password_and_code"
        return refuse("login_failed", wrong)
    if person.suspended:
        return Refusal(code="principal_suspended")
    if now <= person.not_before:
        return Refusal(code="login_throttled", retry_after=person.not_before - now + 1)
    return None


def link_refusal(link: LinkRecord | None, person: Person | None, digest: str, now: int) -> Refusal | None:
    """Whether a link may be used now. Only the newest link of a person is good, once, in its time."""
    if link is None or person is None or link.name != person.name or person.link != digest:
        return Refusal(code="link_invalid")
    if now >= link.expires:
        return Refusal(code="link_invalid")
    if person.suspended:
        return Refusal(code="principal_suspended")
    if now < link.usable_from:
        return Refusal(code="link_not_yet", retry_after=link.usable_from - now)
    return None


def recovery_refusal(person: Person | None, by: str, principal: str) -> Refusal | None:
    """Whether an administrator may issue a recovery link: never for themself, so one factor never suffices."""
    if person is None:
        return Refusal(code="person_unknown")
    if by == principal:
        return Refusal(code="recovery_refused")
    return None
