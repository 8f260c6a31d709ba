"""Which answers of a model server are not the answer that was asked for, and what is told of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol

import orjson

from sallyport.errors import UpstreamFault
from sallyport.gateway.deadline import Deadline
from sallyport.gateway.upstream_target import Target

OK = 200
LOOKED_AT = ("content-type", "content-encoding", "content-length", "retry-after")
# "context_length_exceeded", "messages[2].content": no digits elsewhere, because keys have them.
_WORD = re.compile(r"[a-z_]{1,40}(?:\[[0-9]{1,4}\])?(?:\.[a-z_]{1,40}(?:\[[0-9]{1,4}\])?){0,4}")
_COMPLAINT_SECONDS = 5.0  # an error is told without its words rather than late
_BAD, _LIMITED, _SERVER = {400, 404, 409, 413, 415, 422}, 429, 500


class Begun(Protocol):
    """An answer that has begun."""

    status: int

    async def body(self) -> bytes:
        """All of it. Raises UpstreamFault."""


def refusal(status: int, headers: Mapping[str, str], target: Target, *, stream: bool) -> UpstreamFault | None:
    """Why an answer with this head is refused, or None. Of the headers, only `LOOKED_AT` are known."""
    if status != OK:
        return _complaint(status, headers)
    if headers.get("content-encoding", "identity") != "identity":
        return UpstreamFault("the answer is compressed", code="upstream_invalid")
    if stream and headers.get("content-type", "").split(";")[0].strip().lower() != "text/event-stream":
        return UpstreamFault("not an event stream", code="upstream_invalid")
    length = headers.get("content-length", "0")
    if not length.isdigit() or int(length[:20]) > target.answer_bytes:
        return UpstreamFault("announced too large", code="upstream_too_large")
    return None


def _complaint(status: int, headers: Mapping[str, str]) -> UpstreamFault:
    detail = f"status {status}"
    if status == _LIMITED:
        wait = headers.get("retry-after", "")
        seconds = int(wait[:6]) if wait.isascii() and wait.isdigit() else 1
        return UpstreamFault(detail, code="upstream_rate_limited", retry_after=seconds)
    if status in _BAD:
        return UpstreamFault(detail, code="upstream_request_invalid")
    return UpstreamFault(detail, code="upstream_unavailable" if status >= _SERVER else "upstream_refused")


async def with_words(fault: UpstreamFault, answer: Begun, target: Target) -> UpstreamFault:
    """The refusal of a call that the upstream finds wrong, with `code` and `param` of its error."""
    if answer.status not in _BAD:
        return fault
    return UpstreamFault(fault.detail + await _words(answer, target.key), code=fault.code)


async def _words(answer: Begun, key: str) -> str:
    """`code` and `param` if they are plain words; the upstream's sentence may hold anything."""
    try:
        with Deadline(_COMPLAINT_SECONDS):
            error = orjson.loads(await answer.body())["error"]
        words = {name: error.get(name) for name in ("code", "param")}
    except (UpstreamFault, TimeoutError, ValueError, KeyError, TypeError, AttributeError):
        return ""
    return "".join(
        f", {name} {word}"
        for name, word in words.items()
        if isinstance(word, str) and _WORD.fullmatch(word) and word not in key
    )
