"""Reading a request's body within its bounds: size, time, type, no compression."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from sallyport.errors import Refusal
from sallyport.gateway.ports import Headers

_CONTENT = frozenset({b"content-type", b"content-length", b"content-encoding"})
_JSON = b"application/json"


class ClientGoneError(Exception):
    """The caller hung up before the body was whole."""


def check_headers(headers: Headers, limit: int) -> Refusal | None:
    """What the headers say of the body, judged before a byte of it is read."""
    given = [header for header in headers if header[0] in _CONTENT]
    fields = dict(given)
    if len(fields) != len(given):
        names = [name for name, _ in given]
        twice = next(name for name in names if names.count(name) > 1)
        return Refusal(code="field_invalid", message="A content header is given twice.", param=twice.decode())
    media = fields.get(b"content-type", b"")
    if media != _JSON and media.split(b";")[0].strip().lower() != _JSON:
        return Refusal(code="media_type_unsupported")
    encoding = fields.get(b"content-encoding")
    if encoding is not None and encoding.strip().lower() not in {b"identity", b""}:
        return Refusal(code="encoding_unsupported")
    length = fields.get(b"content-length", b"0")
    if not length.isdigit() or int(length[:20]) > limit:
        return _too_large(limit)
    return None


async def read(receive: Callable[[], Awaitable[Any]], *, limit: int) -> bytes | Refusal:
    """The whole body, or why not. Raises ClientGoneError on a disconnect. How long it may take is the caller's."""
    message = await receive()
    if message["type"] != "http.disconnect" and not message.get("more_body"):
        body: bytes = message.get("body", b"")
        return body if len(body) <= limit else _too_large(limit)
    parts, size = [], 0
    while True:
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            return _too_large(limit)
        if not message.get("more_body"):
            return b"".join(parts)
        message = await receive()


def _too_large(limit: int) -> Refusal:
    return Refusal(code="body_too_large", message=f"The body is larger than {limit} bytes.")
