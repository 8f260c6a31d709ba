"""Identifiers of people and their accounts, recognised by form and check digit.

Cards, IBAN, social security and national numbers, phones, e-mail and IP addresses, dates of birth. Each
pattern runs only where the gate saw its beginning. Spans cover every character of the identifier.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator

import re2

from sallyport.inspection import numbers, phones
from sallyport.inspection.checks import mod97
from sallyport.inspection.gate import GateBuilder
from sallyport.inspection.national import NationalNumbers
from sallyport.inspection.numbers import Run
from sallyport.inspection.spans import Span

_RUN = re2.compile(rb"[0-9](?:[ \t./\-()]{0,3}[0-9]){6,}")
_EMAIL = re2.compile(rb"[A-Za-z0-9._%+\-]+@[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)+")
_IBAN = re2.compile(rb"(?i)\b[A-Z]{2}[0-9]{2}(?:[ -]?[A-Z0-9]{1,4}){3,9}")
_IPV4 = re2.compile(rb"[0-9]{1,3}(?:\.[0-9]{1,3}){3,}")
_IPV6 = re2.compile(rb"(?i)[0-9a-f:]*:[0-9a-f]*:[0-9a-f:.]*")
_SSN_WORDS = re.compile(rb"(?i)\b(?:ssn|social security)")
_CARD_WORDS = re.compile(
    rb"(?i)\b(?:card|cc|visa|mastercard|amex|maestro|carte|karte|kreditkarte|tarjeta|carta)\b"
)
_WORD_BEFORE = re.compile(rb"[0-9A-Za-z]+$")
_HEXADECIMAL = re.compile(rb"(?i)[0-9a-f]*[0-9a-f]{1,4}|.*[0-9].*|.{20,}")
_LETTERED = rb"[0-9]{2}[ -]?[0-9]{2}[ -]?[0-9]{2}|[a-z]{3} ?[0-9]{2}[a-t][0-9]{2}|[a-z]{5}[0-9]{4}[a-z]|2[ab] ?[0-9]{3}"
_BORN = (
    "born",
    "birth",
    "dob",
    "d.o.b",
    "geboren",
    "geb.",
    "geburts",
    "nacid",
    "nacimiento",
    "naissance",
    "ne le",
    "nee le",
    "nato il",
    "nata il",
    "nascita",
    "nascid",
    "nascimento",
)
_MONTH = rb"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|januar|februar|marz|mai|juni|juli|okt|dez|enero|febrero|marzo|abril|mayo|junio|julio|agosto|fev|avr|juin|juil|aout)[a-z]*\.?"
_DATE = (
    rb"[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}|[0-9]{1,2}[-/. ]{1,2}[0-9]{1,2}[-/. ]{1,2}(?:19|20)?[0-9]{2}|"
    rb"[0-9]{1,2}(?:st|nd|rd|th|\.)?(?: of| de)?\s"
    + _MONTH
    + rb",?(?: de)?\s(?:19|20)[0-9]{2}|"
    + _MONTH
    + rb"\s[0-9]{1,2}(?:st|nd|rd|th)?,?\s(?:19|20)[0-9]{2}"
)
_BIRTH = re2.compile(
    rb"(?i)\b(?:born|birth|birthday|birthdate|dob|d\.o\.b\.?|geboren|geb\.|geburts\w*|nacid[oa]|nacimiento|naissance|nee? le|nato il|nata il|nascita|nascid[oa]|nascimento)"
    rb"[^0-9\n]{0,30}?\b(" + _DATE + rb")\b"
)
_FEWEST_DIGITS = 9
_VERSIONED = re.compile(rb"(?i)(?:[a-z0-9_\-/\\]|\bversions? |\bv\.? |\brelease )$")
_LONGEST_IPV4, _LONGEST_IPV6, _SHORTEST_IPV6 = 15, 45, 3
_BEFORE = 48  # bytes in front of a number in which a word says what it is

IBAN_LENGTHS = {
    b"AD": 24, b"AE": 23, b"AL": 28, b"AT": 20, b"AZ": 28, b"BA": 20, b"BE": 16, b"BG": 22, b"BH": 22, b"BI": 27,
    b"BR": 29, b"BY": 28, b"CH": 21, b"CR": 22, b"CY": 28, b"CZ": 24, b"DE": 22, b"DJ": 27, b"DK": 18, b"DO": 28,
    b"EE": 20, b"EG": 29, b"ES": 24, b"FI": 18, b"FK": 18, b"FO": 18, b"FR": 27, b"GB": 22, b"GE": 22, b"GI": 23,
    b"GL": 18, b"GR": 27, b"GT": 28, b"HR": 21, b"HU": 28, b"IE": 22, b"IL": 23, b"IQ": 23, b"IS": 26, b"IT": 27,
    b"JO": 30, b"KW": 30, b"KZ": 20, b"LB": 28, b"LC": 32, b"LI": 21, b"LT": 20, b"LU": 20, b"LV": 21, b"LY": 25,
    b"MC": 27, b"MD": 24, b"ME": 22, b"MK": 19, b"MN": 20, b"MR": 27, b"MT": 31, b"MU": 30, b"NI": 28, b"NL": 18,
    b"NO": 15, b"OM": 23, b"PK": 24, b"PL": 28, b"PS": 29, b"PT": 25, b"QA": 29, b"RO": 24, b"RS": 22, b"RU": 33,
    b"SA": 24, b"SC": 31, b"SD": 18, b"SE": 24, b"SI": 19, b"SK": 24, b"SM": 27, b"SO": 23, b"ST": 25, b"SV": 28,
    b"TL": 23, b"TN": 24, b"TR": 26, b"UA": 29, b"VA": 22, b"VG": 24, b"XK": 20, b"YE": 30,
}  # fmt: skip


class Identifiers:
    """The patterns, and the gate's bits that call for each."""

    def __init__(self, gate: GateBuilder) -> None:
        self._national = NationalNumbers()
        digits = gate.expression(rb"(?:[0-9][ \t./\-()]{0,3}){6}[0-9]")
        self._scans: tuple[tuple[int, Callable[[bytes], Iterable[Span]]], ...] = (
            (digits, self._numbers),
            (digits, phones.scan),
            (gate.expression(_LETTERED), self._national.in_text),
            (gate.expression(rb"[a-z]{2}[0-9]{2}[ -]?[a-z0-9]{4}"), _ibans),
            (gate.expression(rb"@[a-z0-9\-]+\.[a-z0-9]"), _emails),
            (gate.expression(rb"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]"), _ipv4),
            (gate.expression(rb"[0-9a-f]:[0-9a-f]{0,4}:|::[0-9a-f]"), _ipv6),
            (gate.literals(_BORN), _births),
        )
        self.mask = 0
        for bits, _ in self._scans:
            self.mask |= bits

    def scan(self, data: bytes, hits: int) -> list[Span]:
        """All identifiers in `data`, in bytes, unordered and possibly overlapping."""
        return [span for bits, scan in self._scans if hits & bits for span in scan(data)]

    def _numbers(self, data: bytes) -> Iterator[Span]:
        """Cards, social security and national numbers."""
        for match in _RUN.finditer(data):
            start, end = match.span()
            run = Run(data, start, end)
            if len(run.digits) < _FEWEST_DIGITS or not _alone(data, start, end):
                continue
            near = data[max(start - _BEFORE, 0) : start]
            context = _CARD_WORDS.search(near) is not None
            for s, e in numbers.cards(run, context=context):
                yield Span("card", s, e, 1.0, "card")
            context = _SSN_WORDS.search(near) is not None
            for s, e in numbers.social_security_numbers(run, context=context):
                yield Span("ssn", s, e, 1.0 if context else 0.8, "ssn")
            yield from self._national.in_run(run)


def _alone(data: bytes, start: int, end: int) -> bool:
    """Not a piece of a longer token, such as a hexadecimal digest; a word glued to it does not count."""
    after = data[end : end + 1]
    before = _WORD_BEFORE.search(data, max(start - _BEFORE, 0), start)
    return not after.isalnum() and (before is None or _HEXADECIMAL.fullmatch(before.group()) is None)


def _births(data: bytes) -> Iterator[Span]:
    for match in _BIRTH.finditer(data):
        yield Span("date_of_birth", match.start(1), match.end(1), 0.9, "date-of-birth")


def _ibans(data: bytes) -> Iterator[Span]:
    for match in _IBAN.finditer(data):
        start, end = match.span()
        compact = data[start:end].translate(None, b" -").upper()
        length = IBAN_LENGTHS.get(compact[:2], 0)
        if 0 < length <= len(compact) and mod97(compact[:length]):
            yield Span("iban", start, _nth_alnum(data, start, end, length), 1.0, "iban")


def _nth_alnum(data: bytes, start: int, end: int, count: int) -> int:
    """Offset after the `count`th letter or digit of data[start:end]; 0 if there are fewer."""
    for offset in range(start, end):
        count -= chr(data[offset]).isalnum()
        if not count:
            return offset + 1
    return 0


def _emails(data: bytes) -> Iterator[Span]:
    for match in _EMAIL.finditer(data):
        start, end = match.span()
        yield Span("email", start, end, 1.0, "email")


def _ipv4(data: bytes) -> Iterator[Span]:
    for match in _IPV4.finditer(data):
        start, end = match.span()
        if end - start > _LONGEST_IPV4 or _VERSIONED.search(data, max(start - _BEFORE, 0), start):
            continue
        try:
            ipaddress.IPv4Address(data[start:end].decode())
        except ValueError:
            continue
        yield Span("ip_address", start, end, 1.0, "ipv4")


def _ipv6(data: bytes) -> Iterator[Span]:
    for match in _IPV6.finditer(data):
        start, end = match.span()
        while data[end - 1] in b".:" and data[end - 2 : end] != b"::":
            end -= 1
        glued = data[end : end + 1].isalnum() or (start and data[start - 1 : start].isalnum())
        if glued or end - start > _LONGEST_IPV6 or end - start < _SHORTEST_IPV6:
            continue
        try:
            ipaddress.IPv6Address(data[start:end].decode())
        except ValueError:
            continue
        yield Span("ip_address", start, end, 1.0, "ipv6")
