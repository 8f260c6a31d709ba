"""One credential, in one place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sallyport.errors import Refusal
from sallyport.identity.carrier import credential, is_token68

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
def test_what_has_the_characters_of_a_token_is_ascii(value) -> None:
    got = credential([(A, b"Bearer " + value)], 100)
    assert isinstance(got, Refusal) or not is_token68(got) or got.decode("ascii")


@pytest.mark.parametrize(
    "value", [b"a b", b"a,Bearer b", b"tok ", b"t\xc3\xa9k", b"t\x00k", b"t\nk", b'"tok"']
)
def test_other_characters_are_no_token(value) -> None:
    assert not is_token68(value)
    assert is_token68(b"aZ09-._~+/=")
