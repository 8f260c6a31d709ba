"""What an error tells a client library."""

from __future__ import annotations

import pytest

from sallyport.errors import Refusal
from sallyport.gateway.respond import encode_headers, error_headers


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("finding_blocked", "false"),
        ("token_missing", "false"),
        ("upstream_refused", "false"),
        ("upstream_too_large", "false"),
        ("upstream_unavailable", None),
        ("rate_limited", None),
        ("log_unavailable", None),
    ],
)
def test_a_library_is_told_where_trying_again_cannot_help(code, told):
    assert dict(error_headers(Refusal(code=code))).get("x-should-retry") == told


@pytest.mark.parametrize("value", ["a\r\nset-cookie: x", "a\nb", "a\x00b", "a\x7f", "é", "a\u2028b"])
def test_what_cannot_be_a_header_value_is_dropped(value):
    assert encode_headers([("x-a", value), ("x-b", "fine: a b")]) == [(b"x-b", b"fine: a b")]
