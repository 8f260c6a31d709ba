"""Base64 in its one canonical form (RFC 4648 section 3.5): what proves something has one spelling. Pure.

The standard library accepts any value of the unused bits before the padding, and its URL alphabet skips strange
characters, so that a changed byte of a checkpoint or a receipt would still decode to the same signature.
"""

from __future__ import annotations

from base64 import b64decode, b64encode, urlsafe_b64encode


def exact_base64(text: str) -> bytes:
    """The bytes of a base64 text with its padding. Raises ValueError for any other spelling of them."""
    data = b64decode(text, validate=True)
    if b64encode(data).decode() != text:
        raise ValueError("not base64 in its canonical form")
    return data


def exact_base64url(text: str) -> bytes:
    """The bytes of a base64url text without padding. Raises ValueError for any other spelling of them."""
    data = b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if urlsafe_b64encode(data).rstrip(b"=").decode() != text:
        raise ValueError("not base64url in its canonical form")
    return data
