"""Where a credential may be in the headers: in exactly one place. Pure.

`authorization: Bearer` (RFC 6750 section 2.1, the scheme in any case), or `x-api-key` or `api-key`, which some
clients use for the same credential. Two carriers, or one twice, is two claims of who calls: refused.
"""

from __future__ import annotations

from collections.abc import Sequence

from sallyport.errors import Refusal
from sallyport.identity.refusals import refuse

_CARRIERS = frozenset({b"authorization", b"x-api-key", b"api-key"})
_TOKEN68 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/="


def credential(headers: Sequence[tuple[bytes, bytes]], limit: int) -> bytes | Refusal:
    """The one credential of at most `limit` bytes. Header names are in lower case (ASGI)."""
    found: tuple[bytes, bytes] | None = None
    for header in headers:
        if header[0] in _CARRIERS:
            if found is not None:
                return refuse("token_malformed", "several_credentials")
            found = header
    if found is None:
        return refuse("token_missing", "no_credential")
    name, value = found
    if name == b"authorization":
        if value[:7].lower() != b"bearer ":
            return refuse("token_malformed", "scheme")
        value = value[7:].lstrip(b" ")
    return _usable(value, limit)


def _usable(value: bytes, limit: int) -> bytes | Refusal:
    if not value:
        return refuse("token_missing", "empty_credential")
    if len(value) > limit:
        return refuse("token_malformed", "size")
    if value.translate(None, _TOKEN68):
        return refuse("token_malformed", "characters")
    return value
