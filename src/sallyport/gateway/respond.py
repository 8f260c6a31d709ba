"""Refusals and faults as the caller's wire says them. Pure.

The error object is the same on every wire, in a stream and on our own API: message, type, code, param, request_id,
policy, remedy; around it is what the wire's clients expect. It never holds what a rule matched, a score, or anything of the payload.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from sallyport.errors import POLICY, Fault, Refusal
from sallyport.gateway import sse
from sallyport.gateway.dialects.base import Wire

# The SDKs retry 408, 409, 429 and 5xx; where the same call can never succeed, they are told not to.
_RETRY_HELPS = {429, 502, 503, 504}
_NEVER_HELPS = {"upstream_refused", "upstream_too_large"}  # the same again, and paid for again
_SERVER = 500
# Anthropic's error types by HTTP status (API reference, errors); the SDK goes by the status, people by the words.
_ANTHROPIC = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}
_ANTHROPIC_OTHER = ("invalid_request_error", "api_error")
SECURITY_HEADERS = (("x-content-type-options", "nosniff"), ("cache-control", "no-store"))


def from_fault(fault: Fault, stage: str) -> Refusal:
    """The refusal that a fault becomes. The fault's detail stays in the log."""
    return Refusal(code=fault.code, retry_after=fault.retry_after, stage=stage)


def _said(refusal: Refusal, request_id: str, kind: str) -> dict[str, Any]:
    spec = refusal.spec
    next_step = refusal.next_step or spec.next_step
    error: dict[str, Any] = {
        "message": " ".join(part for part in (refusal.message or spec.message, next_step) if part),
        "type": kind,
        "code": refusal.code,
        "param": refusal.param,
        "request_id": request_id,
    }
    if refusal.policy:
        error["policy"] = refusal.policy
    if refusal.command:
        error["remedy"] = {"action": "request_access", "command": refusal.command}
    return error


def error_object(refusal: Refusal, request_id: str, wire: Wire = "openai") -> dict[str, Any]:
    """The error as JSON values. Anthropic's has a kind of its own for some statuses, and the request's id twice."""
    if wire == "anthropic":
        kind = _ANTHROPIC.get(refusal.spec.status, _ANTHROPIC_OTHER[refusal.spec.status >= _SERVER])
        return {"type": "error", "error": _said(refusal, request_id, kind), "request_id": request_id}
    return {"error": _said(refusal, request_id, refusal.spec.type)}


def error_body(refusal: Refusal, request_id: str, wire: Wire = "openai") -> bytes:
    """The error as a response body."""
    return orjson.dumps(error_object(refusal, request_id, wire))


def error_event(refusal: Refusal, request_id: str, wire: Wire = "openai", sequence: int = 0) -> bytes:
    """The error as the last event of a stream that cannot go on; no end mark follows it.

    `sequence` is the number of this event, where the wire counts them.
    """
    error = error_object(refusal, request_id, wire)
    if wire == "responses":
        said = error["error"]
        top = {
            "type": "error",
            "sequence_number": sequence,
            **{n: said[n] for n in ("code", "message", "param")},
        }
        return sse.write(orjson.dumps({**top, **error}), b"error")
    return sse.write(orjson.dumps(error), b"error" if wire == "anthropic" else b"")


def error_headers(refusal: Refusal) -> list[tuple[str, str]]:
    """Headers that go with an error, beside the content type."""
    status = refusal.spec.status
    headers = [*SECURITY_HEADERS, *refusal.headers]
    given = {name for name, _ in headers}
    if refusal.retry_after is not None:
        headers.append(("retry-after", str(max(1, refusal.retry_after))))
    if status == 401 and "www-authenticate" not in given:  # noqa: PLR2004 - an HTTP status
        headers.append(("www-authenticate", 'Bearer realm="sallyport"'))
    futile = status not in _RETRY_HELPS or refusal.code in _NEVER_HELPS
    if futile and "x-should-retry" not in given:
        headers.append(("x-should-retry", "false"))
    if refusal.spec.type == POLICY:
        headers.append(("x-sallyport-decision", "deny"))
    if refusal.policy:
        headers.append(("x-sallyport-policy", refusal.policy))
    return headers


def ids(request_id: str, wire: Wire) -> list[tuple[str, str]]:
    """The headers that name the call: ours, and where the wire has one of its own, that too."""
    ours = ("x-request-id", request_id)
    return [ours, ("request-id", request_id)] if wire == "anthropic" else [ours]


def encode_headers(headers: Sequence[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Header pairs for ASGI. What cannot be a header value is dropped rather than sent."""
    everything = "".join([value for _, value in headers])
    if not (everything.isascii() and everything.isprintable()):
        headers = [(name, value) for name, value in headers if value.isascii() and value.isprintable()]
    return [(name.encode(), value.encode()) for name, value in headers]
