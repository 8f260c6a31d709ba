"""Check digits. Each takes ASCII digits (or letters) as bytes and answers in constant time per character."""

from __future__ import annotations

_DOUBLED = bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9))
_VALUES = bytes(range(10))
TO_VALUES = bytes.maketrans(b"0123456789", _VALUES)
TO_DOUBLED = bytes.maketrans(b"0123456789", _DOUBLED)


def luhn(digits: bytes) -> bool:
    """ISO/IEC 7812-1 annex B."""
    return (sum(digits[-1::-2].translate(TO_VALUES)) + sum(digits[-2::-2].translate(TO_DOUBLED))) % 10 == 0


_AS_NUMBERS = {ord(c): str(int(c, 36)) for c in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def mod97(text: bytes) -> bool:
    """ISO 7064 MOD 97-10 of an IBAN (letters as 10 to 35), already without separators, upper case."""
    return int("".join(map(_AS_NUMBERS.__getitem__, text[4:] + text[:4]))) % 97 == 1
