"""Reading a request's body within its bounds: size, time, type, no compression."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from sallyport.errors import Refusal
from sallyport.gateway.deadline import Deadline
from sallyport.gateway.ports import Headers


class ClientGoneError(Exception):
    """The caller hung up before the body was whole."""


def check_headers(headers: Headers, limit: int) -> Refusal | None:
    """What the headers say of the body, judged before a byte of it is read."""
    fields: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in {b"content-type", b"content-length", b"content-encoding"}:
            if name in fields:
                return Refusal(
                    code="field_invalid", message="A content header is given twice.", param=name.decode()
                )
            fields[name] = value
    media = fields.get(b"content-type", b"").split(b";")[0].strip().lower()
    if media != b"application/json":
        return Refusal(code="media_type_unsupported")
    if fields.get(b"content-encoding", b"identity").strip().lower() not in {b"identity", b""}:
        return Refusal(code="encoding_unsupported")
    length = fields.get(b"content-length", b"0")
    if not length.isdigit() or int(length[:20]) > limit:
        return Refusal(code="body_too_large", message=f"The body is larger than {limit} bytes.")
    return None


async def read(receive: Callable[[], Awaitable[Any]], *, limit: int, seconds: float) -> bytes | Refusal:
    """The whole body, or why not. Raises ClientGoneError on a disconnect."""
    message = await _receive(receive, seconds)
    if isinstance(message, dict) and not message.get("more_body"):
        body: bytes = message.get("body", b"")
        return body if len(body) <= limit else Refusal(code="body_too_large")
    try:
        with Deadline(seconds):
            return await _read_rest(receive, message, limit)
    except TimeoutError:
        return Refusal(code="body_timeout")


async def _receive(receive: Callable[[], Awaitable[Any]], seconds: float) -> Any:
    try:
        with Deadline(seconds):
            message = await receive()
    except TimeoutError:
        return None
    if message["type"] == "http.disconnect":
        raise ClientGoneError
    return message


async def _read_rest(receive: Callable[[], Awaitable[Any]], message: Any, limit: int) -> bytes | Refusal:
    if message is None:
        return Refusal(code="body_timeout")
    parts, size = [], 0
    while True:
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            return Refusal(code="body_too_large", message=f"The body is larger than {limit} bytes.")
        if not message.get("more_body"):
            return b"".join(parts)
        message = await receive()
