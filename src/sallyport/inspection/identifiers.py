"""Identifiers of people and their accounts, recognised by form and check digit.

Cards, IBAN, social security and national numbers, phones, e-mail and IP addresses, dates of birth. Each
pattern runs only where the gate saw its beginning. Spans cover every character of the identifier.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator

import re2

from sallyport.inspection import numbers
from sallyport.inspection.checks import mod97
from sallyport.inspection.gate import GateBuilder
from sallyport.inspection.spans import Span

_RUN = re2.compile(rb"[0-9](?:[ \t./\-()]{0,3}[0-9]){6,}")
_EMAIL = re2.compile(rb"[A-Za-z0-9._%+\-]+@[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)+")
_IBAN = re2.compile(rb"(?i)\b[A-Z]{2}[0-9]{2}(?:[ -]?[A-Z0-9]{1,4}){3,9}")
_IPV4 = re2.compile(rb"[0-9]{1,3}(?:\.[0-9]{1,3}){3,}")
_IPV6 = re2.compile(rb"(?i)[0-9a-f:]*:[0-9a-f]*:[0-9a-f:.]*")
_SSN_WORDS = re2.compile(rb"(?i)\b(?:ssn|social security)")
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
        self._scans: tuple[tuple[int, Callable[[bytes], Iterable[Span]]], ...] = (
            (gate.expression(rb"(?:[0-9][ \t./\-()]{0,3}){6}[0-9]"), _numbers),
            (gate.expression(rb"[a-z]{2}[0-9]{2}[ -]?[a-z0-9]{4}"), _ibans),
            (gate.expression(rb"@[a-z0-9\-]+\.[a-z0-9]"), _emails),
            (gate.expression(rb"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]"), _ipv4),
            (gate.expression(rb"[0-9a-f]:[0-9a-f]{0,4}:|::[0-9a-f]"), _ipv6),
        )
        self.mask = 0
        for bits, _ in self._scans:
            self.mask |= bits

    def scan(self, data: bytes, hits: int) -> list[Span]:
        """All identifiers in `data`, in bytes, unordered and possibly overlapping."""
        return [span for bits, scan in self._scans if hits & bits for span in scan(data)]


def _numbers(data: bytes) -> Iterator[Span]:
    for match in _RUN.finditer(data):
        start, end = match.span()
        run = numbers.run_of(data, start, end)
        for s, e in numbers.cards(run):
            if _alone(data, s, e):
                yield Span("card", s, e, 1.0, "card")
        context = _SSN_WORDS.search(data, max(start - _BEFORE, 0), start) is not None
        for s, e in numbers.social_security_numbers(run, context=context):
            if _alone(data, s, e):
                yield Span("ssn", s, e, 1.0 if context else 0.8, "ssn")


def _alone(data: bytes, start: int, end: int) -> bool:
    """Not a piece of a longer word, such as a hexadecimal digest."""
    return not (data[start - 1 : start].isalnum() and start) and not data[end : end + 1].isalnum()


def _ibans(data: bytes) -> Iterator[Span]:
    for match in _IBAN.finditer(data):
        start, end = match.span()
        length = IBAN_LENGTHS.get(data[start : start + 2].upper())
        stop = _nth_alnum(data, start, end, length) if length else 0
        if stop and mod97(bytes(c for c in data[start:stop].upper() if chr(c).isalnum())):
            yield Span("iban", start, stop, 1.0, "iban")


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
        try:
            ipaddress.IPv4Address(data[start:end].decode())
        except ValueError:
            continue
        yield Span("ip_address", start, end, 1.0, "ipv4")


def _ipv6(data: bytes) -> Iterator[Span]:
    for match in _IPV6.finditer(data):
        start, end = match.span()
        end -= (
            len(match.group()) - len(match.group().rstrip(b".:")) if not match.group().endswith(b"::") else 0
        )
        try:
            ipaddress.IPv6Address(data[start:end].decode())
        except ValueError:
            continue
        yield Span("ip_address", start, end, 1.0, "ipv6")
