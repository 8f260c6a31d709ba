"""What an error tells a client library."""

from __future__ import annotations

import orjson
import pytest

from sallyport.errors import CATALOGUE, Refusal
from sallyport.gateway.respond import encode_headers, error_body, error_event, error_headers, error_object


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


WIRES = ("openai", "responses", "anthropic")


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_every_refusal_says_the_same_on_every_wire(code, wire):
    body = orjson.loads(error_body(Refusal(code=code, param="a", policy="p"), "r1", wire))
    error = body["error"]
    assert (error["code"], error["param"], error["policy"], error["request_id"]) == (code, "a", "p", "r1")
    assert CATALOGUE[code].message in error["message"]
    assert (body.get("type"), body.get("request_id")) == (
        ("error", "r1") if wire == "anthropic" else (None, None)
    )


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("token_missing", "authentication_error"),
        ("access_denied", "permission_error"),
        ("model_unknown", "not_found_error"),
        ("rate_limited", "rate_limit_error"),
        ("finding_blocked", "permission_error"),
        ("json_invalid", "invalid_request_error"),
        ("upstream_unavailable", "api_error"),
        ("log_unavailable", "overloaded_error"),
    ],
)
def test_anthropics_kinds(code, kind):
    assert error_object(Refusal(code=code), "r", "anthropic")["error"]["type"] == kind


@pytest.mark.parametrize(
    ("wire", "start"),
    [
        ("openai", b"data: {"),
        ("responses", b"event: error\ndata: {"),
        ("anthropic", b"event: error\ndata: {"),
    ],
)
def test_the_error_event_of_each_wire(wire, start):
    event = error_event(Refusal(code="output_blocked"), "r1", wire, 7)
    assert event.startswith(start)
    data = orjson.loads(event.partition(b"data: ")[2])
    assert data["error"]["code"] == "output_blocked"
    assert data.get("sequence_number") == (7 if wire == "responses" else None)
