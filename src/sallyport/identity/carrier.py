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
    """The one credential of at most `limit` bytes. Header names are in lower case (ASGI).

    Its characters are still to be judged, by `is_token68`, before anything but a digest of it is used.
    """
    found = [header for header in headers if header[0] in _CARRIERS]
    if not found:
        return refuse("token_missing", "no_credential")
    if len(found) > 1:
        return refuse("token_malformed", "several_credentials")
    name, value = found[0]
    if name == b"authorization":
        if value[:7].lower() != b"bearer ":
            return refuse("token_malformed", "scheme")
        value = value[7:].lstrip(b" ")
    if not value:
        return refuse("token_missing", "empty_credential")
    return value if len(value) <= limit else refuse("token_malformed", "size")


def is_token68(value: bytes) -> bool:
    """Whether a credential has the characters of RFC 6750 alone."""
    return not value.translate(None, _TOKEN68)
