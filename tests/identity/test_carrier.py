"""One credential, in one place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sallyport.errors import Refusal
from sallyport.identity.carrier import credential

A = b"authorization"
X = b"x-api-key"


@pytest.mark.parametrize(
    "headers",
    [
        [(A, b"Bearer tok")],
        [(A, b"bEaReR tok")],
        [(A, b"Bearer   tok")],
        [(X, b"tok")],
        [(b"api-key", b"tok")],
        [(b"host", b"x"), (A, b"Bearer tok"), (b"accept", b"*/*")],
    ],
)
def test_where_a_credential_may_be(headers) -> None:
    assert credential(headers, 100) == b"tok"


@pytest.mark.parametrize(
    ("headers", "code", "reason"),
    [
        ([], "token_missing", "no_credential"),
        ([(b"cookie", b"Bearer tok")], "token_missing", "no_credential"),
        ([(A, b"Bearer ")], "token_missing", "empty_credential"),
        ([(X, b"")], "token_missing", "empty_credential"),
        ([(A, b"")], "token_malformed", "scheme"),
        ([(A, b"tok")], "token_malformed", "scheme"),
        ([(A, b"Bearer")], "token_malformed", "scheme"),
        ([(A, b"Basic dG9r")], "token_malformed", "scheme"),
        ([(A, b"DPoP tok")], "token_malformed", "scheme"),
        ([(A, b"Bearer\ttok")], "token_malformed", "scheme"),
        ([(A, b"Bearer tok"), (A, b"Bearer tok")], "token_malformed", "several_credentials"),
        ([(A, b"Bearer tok"), (X, b"tok")], "token_malformed", "several_credentials"),
        ([(X, b"tok"), (b"api-key", b"tok")], "token_malformed", "several_credentials"),
        ([(A, b""), (X, b"tok")], "token_malformed", "several_credentials"),
        ([(A, b"Bearer a b")], "token_malformed", "characters"),
        ([(A, b"Bearer a,Bearer b")], "token_malformed", "characters"),
        ([(A, b"Bearer tok ")], "token_malformed", "characters"),
        ([(A, b"Bearer t\xc3\xa9k")], "token_malformed", "characters"),
        ([(A, b"Bearer t\x00k")], "token_malformed", "characters"),
        ([(A, b"Bearer " + b"a" * 101)], "token_malformed", "size"),
    ],
)
def test_what_is_refused(headers, code, reason) -> None:
    refusal = credential(headers, 100)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.reason) == (code, reason)
    challenge = dict(refusal.headers)["www-authenticate"]
    assert challenge.startswith('Bearer realm="sallyport"')
    assert ("error=" in challenge) == (code == "token_malformed")  # RFC 6750 section 3.1


@given(st.binary(max_size=40))
def test_any_bytes_give_ascii_or_a_refusal(value) -> None:
    got = credential([(A, b"Bearer " + value)], 100)
    assert isinstance(got, Refusal) or got.decode("ascii")
