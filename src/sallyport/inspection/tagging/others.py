"""Web addresses, and ages over 89: the identifiers (N) and the last of (C) of 45 CFR 164.514(b)(2)(i)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import re2

from sallyport.inspection.spans import Span

_URL = re2.compile(r"(?i)\b(?:(?:https?|ftp)://|www\.)[^\s<>\"'`|\\^{}\[\]]+")
_TRAILING = re.compile(rb"[.,;:!?)]+\Z")
_OLD = r"(?:9[0-9]|1[0-2][0-9])"
_AGE = re2.compile(
    rf"(?i)\b(?:age[ds]?|aged?|alter|âge|edad|età|leeftijd|wiek|idade)\b[\"' \t]{{0,3}}[:=]?(?: of| is| von| de)?[ \t]{{0,3}}({_OLD})\b"
    rf"|\b({_OLD})[ \t-]{{0,2}}(?:years?|yrs?|y/?o|jährige[rsn]?|jahre?|ans|años?|anni|jaar|lat|anos)\b"
)


def web_addresses(data: bytes) -> Iterator[Span]:
    """Spans of web addresses, in bytes, without the punctuation behind them."""
    for match in _URL.finditer(data):
        start, end = match.span()
        trailing = _TRAILING.search(data, start, end)
        yield Span("web_address", start, trailing.start() if trailing else end, 1.0, "web-address")


def ages(data: bytes) -> Iterator[Span]:
    """Spans of ages of 90 and more (the number alone), in bytes."""
    for match in _AGE.finditer(data):
        group = 1 if match.group(1) is not None else 2
        yield Span("age_over_89", match.start(group), match.end(group), 0.9, "age")
