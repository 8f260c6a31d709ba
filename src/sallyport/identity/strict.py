"""Strict reading of the two encodings of a token: unpadded base64url and JSON objects.

Stricter than the libraries, because two readers that disagree about a token are how tokens are forged
(RFC 7515 section 2 and appendix C; RFC 8259; RFC 8725 section 2.4 and 3.11). Pure.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from binascii import Error, a2b_base64
from collections.abc import Iterable
from json import JSONDecoder
from math import isfinite
from typing import Any, NoReturn

from orjson import loads

DEPTH = 16
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_LARGEST = 2.0**63
_DIGITS = 20


class Malformed(ValueError):
    """The text is not what it must be. `reason` names the rule, for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def base64url(text: bytes) -> bytes:
    """Decode; refuses padding, other alphabets, whitespace and spellings that are not canonical."""
    try:
        data = a2b_base64(text.translate(_TO_STANDARD) + b"=" * (-len(text) % 4))
    except Error:
        raise Malformed("base64url") from None
    if urlsafe_b64encode(data).rstrip(b"=") != text:
        raise Malformed("base64url")
    return data


def json_object(data: bytes) -> dict[str, Any]:
    """Decode one JSON object; refuses duplicate members, non-finite or huge numbers, lone surrogates, depth."""
    try:
        loads(data)  # RFC 8259 to the letter: UTF-8, surrogates in pairs, no NaN
        value = _DECODER.decode(data.decode())
    except Malformed:
        raise
    except (ValueError, RecursionError):
        raise Malformed("json") from None
    if type(value) is not dict:
        raise Malformed("json_not_object")
    if data.count(b"{") + data.count(b"[") > DEPTH and _deeper(value, DEPTH):
        raise Malformed("json_depth")
    return value


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Malformed("json_duplicate")
    return members


def _integer(text: str) -> int:
    if len(text) > _DIGITS:
        raise Malformed("json_number")
    return int(text)


def _float(text: str) -> float:
    number = float(text)
    if not isfinite(number) or abs(number) >= _LARGEST:
        raise Malformed("json_number")
    return number


def _constant(_: str) -> NoReturn:
    raise Malformed("json_number")


def _deeper(value: object, limit: int) -> bool:
    layer: list[object] = [value]
    for _ in range(limit):
        layer = [child for parent in layer for child in _children(parent)]
        if not layer:
            return False
    return any(isinstance(item, dict | list) for item in layer)


def _children(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


_DECODER = JSONDecoder(
    object_pairs_hook=_members, parse_int=_integer, parse_float=_float, parse_constant=_constant
)
