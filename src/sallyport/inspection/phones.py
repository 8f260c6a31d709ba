"""Telephone numbers: in international form, in the common North American form, or near a word that says so."""

from __future__ import annotations

import re
from collections.abc import Iterator

import phonenumbers
import re2

from sallyport.inspection.spans import Span

_CANDIDATE = re2.compile(
    rb"(?i)(?:\+|\b00)?\(?[0-9]{1,5}\)?(?:[ \t./\-]{0,3}\(?[0-9]{1,9}\)?){1,7}(?:\s{0,2}(?:x|ext\.?|extension)\s{0,2}[0-9]{1,6})?"
)
_NORTH_AMERICAN = re.compile(
    rb"(?:\+?1[ .\-]?|001[ .\-])?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[ .\-])[0-9]{3}[ .\-][0-9]{4}(?:\s{0,2}(?:x|ext).*)?$"
)
_DATE = re.compile(
    rb"(?:(?:1[89]|20)[0-9]{2}[-./][0-9]{1,2}[-./][0-9]{1,2}|[0-9]{1,2}[-./][0-9]{1,2}[-./](?:1[89]|20)?[0-9]{2})(?:[ T][0-9]{1,2})?$"
)
_WORDS = (
    rb"tel|tele|telefon\w*|telephone|phone|phones|ph|call|called|calling|mobile|mob|cell|cellphone|fax|whatsapp|sms|text me|reach me|reach us|"
    rb"answering|dial|ring|hotline|contact|handy|handynummer|rufnummer|anruf\w*|movil|celular|llama\w*|numero|portable|"
    rb"joindre|appel\w*|cellulare|chiama\w*|ligar|ligue|liga|pager|voicemail|extension|registered|phone number"
)
_BEFORE = re.compile(rb"(?i)\b(?:" + _WORDS + rb")\b[^0-9]{0,32}$")
_AFTER = re.compile(rb"(?i)[ \-(,]{0,3}(?:office|home|mobile|cell|fax|work|direct|tel|phone|ext|handy)\b")
_NEAR = 56
_VALIDATED = 64  # candidates of one text that are validated; in a flood of more the form is enough
_SHORT = 7  # a number on a line of its own must be longer
_DIGITS = range(6, 16)
_NOT_DIGITS = bytes(c for c in range(256) if not 48 <= c <= 57)  # noqa: PLR2004 - ASCII digits


def scan(data: bytes) -> Iterator[Span]:
    """Spans of phone numbers, extension included."""
    seen = 0
    for match in _CANDIDATE.finditer(data):
        start, end = match.span()
        text = match.group()
        seen += 1
        digits = len(text.translate(None, _NOT_DIGITS))
        if digits not in _DIGITS and not (_EXTENSION.search(text) and digits > _DIGITS[0]):
            continue
        if data[end : end + 1].isalnum() or _glued(data, start):
            continue
        score = _score(data, start, end, text, validate=seen <= _VALIDATED)
        if score:
            yield Span("phone", start, end, score, "phone")


_EXTENSION = re.compile(rb"(?i)(?:x|ext)")


def _glued(data: bytes, start: int) -> bool:
    """Part of a longer word, a decimal number or an amount of money."""
    before = data[start - 1 : start] if start else b""
    return (
        before.isalnum()
        or before in {b"_", b"$", b"#", b"="}
        or (before in {b".", b","} and data[max(start - 2, 0) : start - 1].isdigit())
    )


def _score(data: bytes, start: int, end: int, text: bytes, *, validate: bool) -> float:
    """How sure we are; 0 if it is not a phone number."""
    if text.startswith((b"+", b"00")) and (not validate or _international(text)):
        return 1.0
    if _NORTH_AMERICAN.match(text):
        return 0.9
    if _DATE.match(text):
        return 0.0
    near = _BEFORE.search(data[max(start - _NEAR, 0) : start]) or _AFTER.match(data, end, end + _NEAR)
    if near:
        return 0.8
    return (
        0.6
        if len(text) > _SHORT and _own_line(data, start, end) and text.startswith((b"0", b"(", b"+"))
        else 0.0
    )


def _own_line(data: bytes, start: int, end: int) -> bool:
    return (start == 0 or data[start - 1] in b"\n\r") and (end == len(data) or data[end] in b"\n\r")


def _international(text: bytes) -> bool:
    """Whether the country code exists and the length is possible there (E.164)."""
    number = text.decode()
    try:
        parsed = phonenumbers.parse("+" + number[2:] if number.startswith("00") else number, None)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_possible_number(parsed) or parsed.country_code == 1
