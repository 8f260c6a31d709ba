"""Telephone numbers: in international form, in the common North American form, or near a word that says so."""

from __future__ import annotations

import re
from collections.abc import Iterator

import phonenumbers
import re2

from sallyport.inspection.spans import Span

_CANDIDATE = re2.compile(
    rb"(?i)(?:\+|\b00)?\(?[0-9]{1,5}\)?(?:[ \t./\-]{0,3}\(?[0-9]{1,9}\)?){1,11}(?:\s{0,2}(?:x|ext\.?|extension)\s{0,2}[0-9]{1,6})?"
)
_NORTH_AMERICAN = re.compile(
    rb"(?:\+?1[ .\-]?|001[ .\-])?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[ .\-])[0-9]{3}[ .\-][0-9]{4}(?:\s{0,2}(?:x|ext).*)?$"
)
_NORTH_AMERICAN_IN_ROW = re.compile(
    rb"(?<![0-9])(?:\+?1[ .\-]?)?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[ .\-])[0-9]{3}[ .\-][0-9]{4}(?![0-9])"
)
_NEXT, _DIGIT_BYTES = re.compile(rb"[0-9]+\)?[ \t./\-]+"), b"0123456789"
_GROUP, _GROUPS = re.compile(rb"[0-9]+\)?"), 8
HINT = rb"\+[0-9]{1,3}[0-9 ()./\-]{0,12}\r?\n"  # a number that goes on in the next line
_CONTINUED = re.compile(rb"[ \t]?\r?\n[ \t>]{0,3}[0-9][0-9 ./\-]{2,14}(?<=[0-9])")
_EXTENSION = re.compile(rb"(?i)(?:x|ext)")
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
_DIGITS = range(7, 16)
_NOT_DIGITS = bytes(c for c in range(256) if not 48 <= c <= 57)  # noqa: PLR2004 - ASCII digits


def scan(data: bytes) -> Iterator[Span]:
    """Spans of phone numbers, extension included."""
    done = 0
    for seen, match in enumerate(_CANDIDATE.finditer(data), 1):
        start, end = _trimmed(data, *match.span())
        if start < done or _glued(data, start, end):
            continue
        validate = seen <= _VALIDATED
        score = _score(data, start, end, validate=validate)
        if not score:
            for place in _parts(data, start, end, validate=validate):
                yield Span("phone", *place, 0.9, "phone")
                done = place[1]
        else:
            yield Span("phone", start, end, score, "phone")


def _trimmed(data: bytes, start: int, end: int) -> tuple[int, int]:
    """Without groups that are glued to a word, and a bracket that belongs to what stands around the number."""
    if start and data[start - 1 : start].isalnum():
        rest = _NEXT.search(data, start, end)
        start = rest.end() if rest else start
    if data[end : end + 1].isalnum():
        last = data[start:end].rstrip(_DIGIT_BYTES).rstrip(b" \t./-(")
        end = start + len(last) if last else end
    if data[end - 1 : end] == b")" and data.count(b"(", start, end) < data.count(b")", start, end):
        end -= 1
    if data[start : start + 1] == b"(" and data.find(b")", start, end) < 0:
        start += 1
    return start, end


def _glued(data: bytes, start: int, end: int) -> bool:
    """Part of a longer word, a decimal number or an amount of money."""
    if data[end : end + 1].isalnum():
        return True
    before = data[start - 1 : start] if start else b""
    if (
        data[start : start + 1] == b"+"
        or data[start : start + 2] == b"00"
        or _NORTH_AMERICAN.match(data[start:end])
    ):
        return before.isalnum() or before == b"$"
    return (
        before.isalnum()
        or before in {b"_", b"$", b"#"}
        or (before == b"=" and not _BEFORE.search(data[max(start - _NEAR, 0) : start]))
        or (before in {b".", b","} and data[max(start - 2, 0) : start - 1].isdigit())
    )


def _parts(data: bytes, start: int, end: int, *, validate: bool) -> list[tuple[int, int]]:
    """Phone numbers in a row of numbers, or one that goes on in the next line."""
    over = _over_lines(data, start, end) if validate else []
    if over:
        return over
    found = [match.span() for match in _NORTH_AMERICAN_IN_ROW.finditer(data, start, end)]
    if len(found) == 1 and data[found[0][1] - 5 : found[0][1] - 4] == b" ":
        found = []  # three numbers of a row
    if not validate or data[start : start + 1] != b"+" or end - start <= _SHORT:
        return found
    for stop in reversed([match.end() for match in _GROUP.finditer(data, start, end)][:_GROUPS]):
        if (not found or stop <= found[0][0]) and _international(data[start:stop]):
            return [(start, stop), *found]
    return found


def _over_lines(data: bytes, start: int, end: int) -> list[tuple[int, int]]:
    """A number in international form whose rest stands on the next line."""
    if data[start : start + 1] != b"+":
        return []
    rest = _CONTINUED.match(data, end)
    if rest is None or not _international(b" ".join(data[start : rest.end()].split())):
        return []
    return [(start, rest.end())]


def _score(data: bytes, start: int, end: int, *, validate: bool) -> float:
    """How sure we are; 0 if it is not a phone number."""
    text = data[start:end]
    digits = len(text.translate(None, _NOT_DIGITS))
    if digits not in _DIGITS and not (_EXTENSION.search(text) and digits > _DIGITS[0]):
        return 0.0
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
