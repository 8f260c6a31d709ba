"""Which addresses are followed, and what a discovery document must say. See also test_jwks.py."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sallyport.identity.discovery import Discovery, FetchResult, is_safe, read_discovery
from sallyport.identity.providers import ProviderRules
from sallyport.identity.strict import Malformed

RULES = ProviderRules(name="p", issuer="https://idp.example", audience="api")


@pytest.mark.parametrize(
    ("url", "unsafe_http", "safe"),
    [
        ("https://idp.example/x?y=1", False, True),
        ("https://idp.example:8443/x", False, True),
        ("HTTPS://idp.example/x", False, True),
        ("http://idp.example/x", False, False),
        ("http://idp.example/x", True, False),
        ("http://127.0.0.1:8080/x", False, False),
        ("http://127.0.0.1:8080/x", True, True),
        ("http://[::1]:8080/x", True, True),
        ("http://localhost/x", True, True),
        ("http://localhost.evil.example/x", True, False),
        ("http://127.0.0.1@evil.example/x", True, False),
        ("http://127.0.0.1.evil.example/x", True, False),
        ("https://user@idp.example/x", False, False),
        ("https://:secret@idp.example/x", False, False),
        ("https://idp.example/x#y", False, False),
        ("https:///x", False, False),
        ("//idp.example/x", False, False),
        ("ftp://idp.example/x", False, False),
        ("file:///etc/passwd", True, False),
        ("https://idp.example:99999/", False, False),
        ("https://[::1", False, False),
        ("", False, False),
    ],
)
def test_which_addresses_are_followed(url, unsafe_http, safe) -> None:
    assert is_safe(url, unsafe_http=unsafe_http) is safe


def test_what_is_read() -> None:
    about = {
        "issuer": "https://idp.example",
        "jwks_uri": "https://idp.example/keys",
        "token_endpoint": "https://idp.example/token",
        "device_authorization_endpoint": "https://idp.example/device",
        "anything": {"else": [1]},
    }
    assert read_discovery(json.dumps(about).encode(), RULES) == Discovery(
        jwks_uri=about["jwks_uri"],
        token_endpoint=about["token_endpoint"],
        device_authorization_endpoint=about["device_authorization_endpoint"],
    )


@given(st.text())
def test_any_text_is_safe_or_not(url) -> None:
    assert is_safe(url, unsafe_http=True) in {True, False}


@given(
    st.dictionaries(
        st.sampled_from(["issuer", "jwks_uri", "token_endpoint"]), st.none() | st.text() | st.lists(st.text())
    )
)
def test_nonsense_is_malformed(values) -> None:
    with pytest.raises(Malformed):
        read_discovery(json.dumps(values).encode(), RULES)


def test_an_answer_does_not_show_its_body() -> None:
    assert "secret" not in repr(FetchResult(200, b"secret"))
