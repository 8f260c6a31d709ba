"""Dates in the ways of eight languages: with a day, or a month and a year. A year alone is none (45 CFR 164.514(b)(2)(i)(C)).

Form alone decides, so what is written like a date is taken for one; days and months must exist.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import re2

from sallyport.inspection.spans import Span

_NAMES = (
    "january|february|march|april|may|june|july|august|september|october|november|december"
    "|jan|feb|mar|apr|jun|jul|aug|sept|sep|oct|nov|dec"
    "|januar|jänner|februar|märz|mai|juni|juli|oktober|dezember|okt|dez"
    "|janvier|février|fevrier|mars|avril|juin|juillet|août|aout|septembre|octobre|novembre|décembre|decembre|janv|févr|déc"
    "|enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|setiembre|octubre|noviembre|diciembre|ene|abr|ago|dic"
    "|gennaio|febbraio|aprile|maggio|giugno|luglio|settembre|ottobre|dicembre|gen|mag|giu|lug|ott"
    "|januari|februari|maart|augustus|mrt"
    "|stycznia|lutego|marca|kwietnia|maja|czerwca|lipca|sierpnia|września|października|listopada|grudnia"
    "|janeiro|fevereiro|março|marco|maio|junho|julho|setembro|outubro|novembro|dezembro|fev|out"
)
_MONTH = f"(?:{'|'.join(sorted(_NAMES.split('|'), key=len, reverse=True))})"
_CAPITAL = f"(?:{'|'.join(sorted((n.capitalize() for n in _NAMES.split('|')), key=len, reverse=True))})"
_DAY = r"(?:[12][0-9]|3[01]|0?[1-9])"
_YEAR = r"(?:1[89]|20|21)[0-9]{2}"
_SHORT_YEAR = r"'?[0-9]{2}"
_ORDINAL = r"(?:st|nd|rd|th|er|º|°|\.)?"
_OF = r"(?:[ ]|\s{1,3}|[-/.])(?:of |de |del |do |d')?"
_TIME = r"(?:(?:T|,? (?:at |um |à |a las |alle |om |o |às )?)[0-2]?[0-9]:[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?(?: ?[ap]\.?m\.?|Z|[+-][0-9]{2}:?[0-9]{2}| Uhr)?)?"
_NUMERIC = (
    rf"{_YEAR}([-/.])(?:1[0-2]|0?[1-9])[-/.]{_DAY}"
    rf"|{_DAY}\s?[/.-]\s?(?:1[0-2]|0?[1-9])\s?[/.-]\s?(?:{_YEAR}|{_SHORT_YEAR})"
    rf"|(?:1[0-2]|0?[1-9])[/-]{_DAY}[/-](?:{_YEAR}|{_SHORT_YEAR})"
)
_WRITTEN = (
    rf"(?i:{_DAY}{_ORDINAL}{_OF}{_MONTH}\b\.?(?:(?:,?\s|[-/.])(?:de |del |do )?{_YEAR}|[-/ ]'?[0-9]{{2}}\b)?)"
    rf"|(?i:{_MONTH}\.?[ -]{_DAY}(?:st|nd|rd|th)?,?[ -]{_YEAR})"
    rf"|{_CAPITAL}\.?\s{_DAY}(?:st|nd|rd|th)?\b"
    rf"|(?i:{_MONTH}\.?,?\s(?:of |de |del )?{_YEAR})"
)
_DATE = re2.compile(rf"(?:\b|_)(?:{_NUMERIC}|{_WRITTEN}){_TIME}")
_TIED = re.compile(rb"[0-9A-Za-z][./:\-]?\Z")
_GOES_ON = re.compile(rb"[0-9A-Za-z]|[./\-:][0-9]")


def scan(data: bytes) -> Iterator[Span]:
    """Spans of dates, in bytes."""
    for match in _DATE.finditer(data):
        start, end = match.span()
        start += data[start : start + 1] == b"_"
        if _TIED.search(data, max(start - 2, 0), start) or _GOES_ON.match(data, end):
            continue  # a piece of a version, an address or a number
        yield Span("date", start, end, 0.9, "date")
