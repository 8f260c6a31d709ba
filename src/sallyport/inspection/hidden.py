"""Which parts of a text are hidden from a model, and as what: without overlap, and wherever a value occurs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import re2
from msgspec import Struct

from sallyport.inspection.spans import byte_to_character
from sallyport.model import HIDING, Finding

WORDS = frozenset({"person", "street_address", "organisation", "location", "date"})
_REPEATED = 4  # shorter values are hidden where they were found, not wherever they occur
_MANY = 8  # values of one text beyond which they are looked for together
_EXPRESSION_BYTES = 67_108_864


class Span(Struct, frozen=True, order=True):
    """A part of a text that is masked, with the types of all findings that are in it, most telling first.

    What is to be redacted is not kept; nor is what it overlaps with.
    """

    start: int
    end: int
    types: tuple[str, ...]
    redact: bool = False


def spans_of(text: str, findings: Sequence[Finding]) -> list[Span]:
    """The parts to hide, without overlap, in order.

    Each further occurrence of a found value is a part too. Parts that overlap become one, so that no
    character of either remains; it bears the type of the longest, then the leftmost.
    """
    found = {
        Span(f.start, f.end, (f.type,), f.action == "redact")
        for f in findings
        if f.action in HIDING and 0 <= f.start < f.end <= len(text)
    }
    values: dict[str, tuple[tuple[str, ...], bool]] = {}
    for span in sorted(found):
        value = text[span.start : span.end]
        if len(value) >= _REPEATED:
            values[value] = (span.types, span.redact or (value in values and values[value][1]))
    if len(values) > _MANY:
        found.update(_occurrences_of_many(text, values))
    else:
        for value, (types, redact) in values.items():
            if text.count(value) > 1:
                places = _occurrences(text, value, types)
                found.update(Span(at, at + len(value), types, redact) for at in places)
    return _joined(found)


def _occurrences_of_many(text: str, values: Mapping[str, tuple[tuple[str, ...], bool]]) -> Iterator[Span]:
    """Where any of many values stands, in one pass. Nothing is looked for within an occurrence."""
    by_bytes = {value.encode(errors="replace"): kind for value, kind in values.items()}
    options = re2.Options()
    options.longest_match, options.max_mem = True, _EXPRESSION_BYTES
    expression = re2.compile(b"|".join(map(re2.escape, by_bytes)), options=options)
    data = text.encode(errors="replace")
    matches = [match.span() for match in expression.finditer(data)]
    place = byte_to_character(data, [offset for span in matches for offset in span])
    for start, end in matches:
        types, redact = by_bytes[data[start:end]]
        if not is_word(types) or _stands_alone(text, place[start], place[end]):
            yield Span(place[start], place[end], types, redact)


def _occurrences(text: str, value: str, types: tuple[str, ...]) -> Iterator[int]:
    word = is_word(types)
    at = text.find(value)
    while at >= 0:
        if not word or _stands_alone(text, at, at + len(value)):
            yield at
        at = text.find(value, at + 1)


def is_word(types: tuple[str, ...]) -> bool:
    """Whether a value of these types is made of words: "Mark" is then not looked for in "Market"."""
    return types[0] in WORDS


def _stands_alone(text: str, start: int, end: int) -> bool:
    return not (text[start - 1 : start].isalnum() or text[end : end + 1].isalnum())


def _joined(spans: Iterable[Span]) -> list[Span]:
    groups: list[list[Span]] = []
    end = 0
    for span in sorted(spans, key=lambda s: (s.start, -s.end, s.types)):
        if groups and span.start < end:
            groups[-1].append(span)
        else:
            groups.append([span])
        end = max(end, span.end)
    return [_union(group) if len(group) > 1 else group[0] for group in groups]


def _union(group: list[Span]) -> Span:
    by_length = sorted(group, key=lambda s: s.start - s.end)
    types = tuple(dict.fromkeys(kind for s in by_length for kind in s.types))
    return Span(group[0].start, max(s.end for s in group), types, any(s.redact for s in group))
