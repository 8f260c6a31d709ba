"""Whether texts may cost much more than prose of their length: what is dense in digits, signs or blanks. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from sallyport.model import Channel

DENSE_CHARACTERS = 2048  # up to which any text is inspected at once
_MOST_DIGITS, _MOST_BLANKS, _MOST_OTHERS = 0.12, 0.33, 0.4  # shares of a text
_DIGITS = b"0123456789"
_ORDINARY = b" abcdefghijklmnopqrstuvwxyz" + bytes(range(128, 256))


def too_dense(texts: Sequence[tuple[str, Channel]]) -> bool:
    """Whether texts hold so many digits, signs or blanks that they may cost much more than prose of their length."""
    dense = 0
    for text, _ in texts:
        data = text.encode(errors="replace")
        size = len(data)
        if (
            size - len(data.translate(None, _DIGITS)) > size * _MOST_DIGITS
            or data.count(b" ") > size * _MOST_BLANKS
            or len(data.translate(None, _ORDINARY)) > size * _MOST_OTHERS
        ):
            dense += size
    return dense > DENSE_CHARACTERS
