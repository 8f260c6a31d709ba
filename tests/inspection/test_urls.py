from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sallyport.inspection.urls import Hosts, address, carries, disguise


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Example.COM/x", "example.com"),
        ("https://example.com:8443", "example.com"),
        ("https://a:b@example.com./", "example.com"),
        ("//example.com?x", "example.com"),
        ("www.example.com/x", "www.example.com"),
        ("https:\\\\evil.example\\x", "evil.example"),
        ("https:////evil.example", "evil.example"),
        ("https://example.com\\@evil.example/", "example.com"),
        ("https://[::1]:80/", "[::1]"),
        ("https://bücher.example/", "xn--bcher-kva.example"),
        ("https://ex%61mple.com/", "example.com"),
        ("https://example。com/", "example.com"),
    ],
)
def test_the_host_is_the_one_that_a_browser_asks(url: str, host: str) -> None:
    assert address(url).host == host


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("example.com", True),
        ("www.example.com", False),
        ("a.corp.example", True),
        ("a.b.corp.example", True),
        ("corp.example", False),
        ("evilcorp.example", False),
        ("localhost", True),
        ("", False),
    ],
)
def test_hosts(host: str, allowed: bool) -> None:
    assert Hosts(("Example.com", "*.corp.example")).allow(host) is allowed


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("https://a.example/docs/how-to-install-the-package_on-linux", ""),
        ("https://a.example/en-us/2026/11/24/release-notes.html", ""),
        ("https://a.example/search?q=weather+in+london&lang=en", ""),
        ("https://a.example/x?d=c2VjcmV0LWRhdGEtaW4tYmFzZTY0", "query"),
        ("https://a.example/x?d=" + "a+" * 50, "query"),
        ("https://a.example/x#" + "7f3a9c1e5b2d4860", "query"),
        ("https://a.example/7f3a9c1e5b2d4860a1b2", "path"),
        ("https://a.example/" + "a/" * 60, "path"),
        ("https://mzxw6ytboi2tk5ldnb2q.a.example/", "host"),
        ("https://" + "ab." * 30 + "example/", "host"),
    ],
)
def test_where_data_may_be(url: str, where: str) -> None:
    assert carries(address(url)) == where


@given(st.text())
def test_any_text_has_parts(text: str) -> None:
    for url in (text, f"https://{text}"):
        of = address(url)
        assert isinstance(disguise(of), str)
        assert carries(of) in {"", "query", "path", "host"}
        assert not Hosts(("example.com",)).allow(of.host) or of.host in {
            "example.com",
            "localhost",
            "127.0.0.1",
            "[::1]",
        }
