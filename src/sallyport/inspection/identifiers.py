"""Identifiers of people and their accounts, recognised by form and check digit.

Cards, IBAN, social security and national numbers, phones, e-mail and IP addresses, dates of birth. Each
pattern runs only where the gate saw its beginning. Spans cover every character of the identifier.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

import re2

from sallyport.inspection import addresses, iban, numbers, phones
from sallyport.inspection.gate import GateBuilder
from sallyport.inspection.national import NationalNumbers
from sallyport.inspection.numbers import Run
from sallyport.inspection.spans import Span

_RUN = re2.compile(rb"[0-9](?:[ \t./\-()_]{0,3}[0-9]){6,}")
_WIDE_RUN = re2.compile(rb"[0-9]{3,6}(?:[ \t./\-_,;|*:\\>\r\n]{1,6}[0-9]{3,10}){1,5}")
_WIDE_GATE = rb"[0-9]{3,6}[ \t./\-_,;|*:\\>\r\n]{1,6}[0-9]{3,6}[ \t./\-_,;|*:\\>\r\n]{1,6}[0-9]{3}"
_WIDE_DIGITS = range(13, 20)
_SSN_WORDS = re.compile(rb"(?i)\b(?:ssn|social security)")
_CARD_WORDS = re.compile(
    rb"(?i)\b(?:card|cc|visa|mastercard|amex|maestro|carte|karte|kreditkarte|tarjeta|carta)\b"
)
_WORD_BEFORE = re.compile(rb"[0-9A-Za-z]+\Z")
_GROUP_END = re.compile(rb"[0-9]+[^0-9]+")
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
_DAY, _YEAR = rb"[0-9]{1,2}(?:st|nd|rd|th|\.)?", rb"'?(?:19|20)?[0-9]{2}"
_GAP = rb"(?:\s?[-/.,]\s?|\s(?:of |de |d')?)"
_DATE = (
    rb"[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}|[0-9]{1,2}[-/. ]{1,2}[0-9]{1,2}[-/. ]{1,2}(?:19|20)?[0-9]{2}|"
    + _DAY + _GAP + _MONTH + rb"(?:,?\s|[-/.])(?:de |del )?" + _YEAR + rb"|"
    + _MONTH + rb"\s" + _DAY + rb",?\s" + _YEAR + rb"|" + _MONTH + rb"\s(?:de )?(?:19|20)[0-9]{2}"
)  # fmt: skip
_BIRTH = re2.compile(
    rb"(?i)(?:\b|_)(?:born|birth|birthday|birthdate|date_of_birth|birth_date|dob|d\.o\.b\.?|geboren|geb\.|geburts\w*|nacid[oa]|nacimiento|naissance|nee? le|nato il|nata il|nascita|nascid[oa]|nascimento)"
    rb"[^0-9\n]{0,30}?(?:\b|_)(" + _DATE + rb")(?:\b|_)"
)
_FEWEST_DIGITS = 9
_BEFORE = 48  # bytes in front of a number in which a word says what it is


class Identifiers:
    """The patterns, and the gate's bits that call for each."""

    def __init__(self, gate: GateBuilder) -> None:
        self._national = NationalNumbers()
        digits = gate.expression(rb"(?:[0-9][ \t./\-()]{0,3}){6}[0-9]")
        self._scans: tuple[tuple[int, Callable[[bytes], Iterable[Span]]], ...] = (
            (digits, self._numbers),
            (gate.expression(_WIDE_GATE), _wide_cards),
            (digits | gate.expression(phones.HINT), phones.scan),
            (gate.expression(_LETTERED), self._national.in_text),
            (gate.any_of(iban.HINTS), iban.scan),
            (gate.any_of(addresses.EMAIL_HINTS), addresses.emails),
            (gate.any_of(addresses.HIDDEN_HINTS), addresses.hidden_emails),
            (gate.any_of(addresses.IPV4_HINTS), addresses.ipv4),
            (gate.any_of(addresses.IPV6_HINTS), addresses.ipv6),
            (gate.expression(rb"(?:%s)[^\n]{0,44}[0-9]" % "|".join(map(re.escape, _BORN)).encode()), _births),
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
            start, end = _apart(data, *match.span())
            run = Run(data, start, end)
            if len(run.digits) < _FEWEST_DIGITS:
                continue
            near = data[max(start - _BEFORE, 0) : start]
            context = _CARD_WORDS.search(near) is not None
            for s, e in numbers.cards(run, context=context):
                yield Span("card", s, e, 1.0, "card")
            context = _SSN_WORDS.search(near) is not None
            for s, e in numbers.social_security_numbers(run, context=context):
                yield Span("ssn", s, e, 1.0 if context else 0.8, "ssn")
            yield from self._national.in_run(run)


def _wide_cards(data: bytes) -> Iterator[Span]:
    for match in _WIDE_RUN.finditer(data):
        run = Run(data, *match.span())
        if len(run.digits) in _WIDE_DIGITS and _alone(data, *match.span()):
            near = data[max(match.start() - _BEFORE, 0) : match.start()]
            for s, e in numbers.wide_card(run, context=_CARD_WORDS.search(near) is not None):
                yield Span("card", s, e, 0.9, "card-apart")


def _apart(data: bytes, start: int, end: int) -> tuple[int, int]:
    """The run without a first or last group that is a piece of a longer token; empty if none is left."""
    if _glued_before(data, start):
        match = _GROUP_END.search(data, start, end)
        start = match.end() if match else end
    if data[end : end + 1].isalnum():
        while end > start and data[end - 1 : end].isdigit():
            end -= 1
    return start, end


def _glued_before(data: bytes, start: int) -> bool:
    """Whether the digits go on a token such as a hexadecimal digest; a word glued to them does not count."""
    before = _WORD_BEFORE.search(data, max(start - _BEFORE, 0), start)
    return before is not None and _HEXADECIMAL.fullmatch(before.group()) is not None


def _alone(data: bytes, start: int, end: int) -> bool:
    return not data[end : end + 1].isalnum() and not _glued_before(data, start)


def _births(data: bytes) -> Iterator[Span]:
    for match in _BIRTH.finditer(data):
        yield Span("date_of_birth", match.start(1), match.end(1), 0.9, "date-of-birth")
