from __future__ import annotations

import hmac
import struct

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sallyport.identity.directory_records import LinkRecord, Pending, Person
from sallyport.identity.directory_rules import (
    clean_roles,
    code_step,
    fold_name,
    link_refusal,
    login_refusal,
    password_bytes,
    password_problem,
    recovery_refusal,
    with_device,
)

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # RFC 6238 appendix B, "12345678901234567890"
NOW = 1_800_000_015
STEP = NOW // 30
SAM = Person(name="sam", roles=("agent",), password="$argon2id$", totp=SECRET, last_step=STEP - 1)


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("sam", "sam"),
        ("Sam.O-Neill_2", "sam.o-neill_2"),
        ("a" * 64, "a" * 64),
        ("a" * 65, None),
        ("", None),
        ("sam smith", None),
        ("sam|x", None),
        ("sam\n", None),
        ("\u212aim", None),  # KELVIN SIGN folds to k
        ("\u017fam", None),  # LONG S folds to s
        ("s\u0430m", None),  # Cyrillic a
        ("sam/../x", None),
    ],
)
def test_names_are_ascii_folded_and_short(given_name, kept):
    assert fold_name(given_name) == kept


def test_roles_are_sorted_unique_and_printable():
    assert clean_roles(["b", "a", "b"]) == ("a", "b")
    assert clean_roles([]) == ()
    for bad in ("", "x" * 65, "a\nb"):
        assert clean_roles(["fine", bad]) is None


@pytest.mark.parametrize(
    "password",
    [
        "violet trumpets over Lisbon",
        "kX9#mQ2$vL7@",
        "наш кот любит рыбу",
        "日本語のとても長い合言葉です",
        "x" * 6 + "violet trumpet",
    ],
)
def test_passwords_that_may_be_chosen(password):
    assert password_problem(password, "sam") == ""


@pytest.mark.parametrize(
    ("password", "name", "part"),
    [
        ("violet-trum", "sam", "shorter"),
        ("\ufb03" * 3, "sam", "shorter"),  # one ligature is three characters only after NFKC: 9
        ("v" * 1025, "sam", "longer"),
        ("\U0001f511" * 257, "sam", "longer"),
        ("\ufdfa" * 100, "sam", "longer"),  # NFKC makes 18 characters of it
        ("password1234", "sam", "well-known"),
        ("Password2026!!", "sam", "well-known"),
        ("aaaaaaaaaaaaaaaa", "sam", "well-known"),
        ("abcdefghijklmnop", "sam", "well-known"),
        ("123456789012345", "sam", "well-known"),
        ("correct horse battery staple", "sam", "well-known"),
        ("sam.oneill-sam.oneill", "sam.oneill", "well-known"),
        ("Sallyport-Oneill1", "sam.oneill", "well-known"),
        ("qwertyuiop1q2w3e4r", "sam", "well-known"),
    ],
)
def test_passwords_that_may_not(password, name, part):
    assert part in password_problem(password, name)


def test_the_same_password_typed_in_two_unicode_forms_is_one():
    assert password_bytes("cafe\u0301 au lait") == password_bytes("caf\u00e9 au lait")


@given(st.text(max_size=1100))
def test_any_text_can_be_judged_and_what_is_hashed_is_bounded(text):
    encoded = password_bytes(text)
    assert (encoded is None) or len(encoded) <= 1024
    password_problem(text, "sam")


def hotp(secret: bytes, counter: int) -> str:
    """RFC 4226, written again: the reference for what the rules accept."""
    digest = hmac.digest(secret, struct.pack(">Q", counter), "sha1")
    offset = digest[-1] & 15
    return f"{(int.from_bytes(digest[offset : offset + 4]) & 0x7FFFFFFF) % 1_000_000:06d}"


@pytest.mark.parametrize(
    ("time", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_the_vectors_of_rfc_6238(time, code):
    assert code_step(SECRET, code, time, 0) == time // 30
    assert hotp(b"12345678901234567890", time // 30) == code


@pytest.mark.parametrize(("drift", "accepted"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_one_step_of_drift_either_way(drift, accepted):
    code = hotp(b"12345678901234567890", STEP + drift)
    assert code_step(SECRET, code, NOW, 0) == (STEP + drift if accepted else None)


@pytest.mark.parametrize("last", [STEP - 1, STEP, STEP + 1])
def test_a_step_is_accepted_once_and_never_after_a_newer_one(last):
    for drift in (-1, 0, 1):
        found = code_step(SECRET, hotp(b"12345678901234567890", STEP + drift), NOW, last)
        assert found == (STEP + drift if STEP + drift > last else None)


@pytest.mark.parametrize("code", ["", "00000", "0" * 400, "١٢٣٤٥٦", "\ud800", "123 45", "-12345", "12345\n"])
def test_what_is_not_a_code_is_not_accepted(code):
    assert code_step(SECRET, code, NOW, 0) is None


def test_a_code_may_be_typed_with_a_space():
    code = pyotp.TOTP(SECRET).at(NOW)
    assert code_step(SECRET, f"{code[:3]} {code[3:]}", NOW, 0) == STEP


@pytest.mark.parametrize(
    ("person", "right", "step", "code"),
    [
        (SAM, True, STEP, None),
        (None, True, STEP, "login_failed"),
        (SAM, False, STEP, "login_failed"),
        (SAM, True, None, "login_failed"),
        (SAM, True, STEP - 1, "login_failed"),  # used meanwhile
        (replace(SAM, totp=""), True, STEP, "login_failed"),
        (replace(SAM, password=""), True, STEP, "login_failed"),
        (replace(SAM, suspended=True), True, STEP, "principal_suspended"),
        (replace(SAM, suspended=True), False, STEP, "login_failed"),
        (replace(SAM, suspended=True), True, None, "login_failed"),
        (replace(SAM, not_before=NOW), True, STEP, "login_throttled"),
        (replace(SAM, not_before=NOW - 1), True, STEP, None),
    ],
)
def test_who_is_let_in(person, right, step, code):
    refusal = login_refusal(person, password_right=right, step=step, now=NOW)
    assert (refusal.code if refusal else None) == code


LINK = LinkRecord(name="sam", purpose="recovery", usable_from=NOW, expires=NOW + 10, by="local|root")


@pytest.mark.parametrize(
    ("link", "person", "digest", "now", "code"),
    [
        (LINK, replace(SAM, link="d"), "d", NOW, None),
        (LINK, replace(SAM, link="d"), "d", NOW + 9, None),
        (LINK, replace(SAM, link="d"), "d", NOW + 10, "link_invalid"),
        (LINK, replace(SAM, link="d"), "d", NOW - 1, "link_not_yet"),
        (LINK, replace(SAM, link="newer"), "d", NOW, "link_invalid"),
        (LINK, replace(SAM, link=""), "d", NOW, "link_invalid"),
        (None, replace(SAM, link="d"), "d", NOW, "link_invalid"),
        (LINK, None, "d", NOW, "link_invalid"),
        (LINK, replace(SAM, name="ann", link="d"), "d", NOW, "link_invalid"),
        (LINK, replace(SAM, link="d", suspended=True), "d", NOW, "principal_suspended"),
    ],
)
def test_when_a_link_is_good(link, person, digest, now, code):
    refusal = link_refusal(link, person, digest, now)
    assert (refusal.code if refusal else None) == code


def test_nobody_recovers_their_own_account():
    assert recovery_refusal(SAM, "local|root", "local|sam") is None
    assert recovery_refusal(SAM, "local|sam", "local|sam").code == "recovery_refused"
    assert recovery_refusal(None, "local|root", "local|sam").code == "person_unknown"


def test_no_secret_shows_in_a_repr():
    person = replace(SAM, pending=Pending(link="d", password="hash", totp="other-secret"))
    assert repr(person) == "<Person>"
    assert SECRET not in str(person)
    assert person.__rich_repr__() == []


def test_known_devices_are_few_and_each_is_there_once():
    known: tuple[str, ...] = ()
    for digest in [*"abcdefghij", "c"]:
        known = with_device(known, digest)
    assert known == (*"defghij", "c")
    assert with_device(known, "e") == (*"dfghij", *"ce")
