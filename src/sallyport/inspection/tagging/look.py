"""Everything of this folder over one text: the tagger, dates, record numbers, dictionaries and patterns.

Only what is asked for runs. `Looker.scan` gives spans in characters, disjoint within a kind of detector; what else the
engine found is merged by its caller. Deterministic.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cached_property

import msgspec
import re2
from msgspec import Struct

from sallyport.inspection.spans import Span, byte_to_character
from sallyport.inspection.tagging import dates, others, records, streets, weights
from sallyport.inspection.tagging.dictionaries import Dictionaries, Dictionary
from sallyport.inspection.tagging.patterns import Pattern, Patterns
from sallyport.inspection.tagging.tagger import Tagger

TAGGED = ("person", "street_address", "organisation", "location")
RULED = ("date", "record_number", "web_address", "age_over_89")
_RULES = {
    "street_address": streets.scan,
    "date": dates.scan,
    "record_number": records.scan,
    "web_address": others.web_addresses,
    "age_over_89": others.ages,
}
_LEAST_SCORE = {"person": 0.1, "street_address": 0.1, "organisation": 0.5, "location": 0.3}
_TITLE = re2.compile(
    r"(?i)\b(?:mr|mrs|ms|miss|dr|prof|sir|judge|doctor|professor|herrn?|frau|m|mme|monsieur|madame|docteur|sr|sra|dra|don|doña|"
    r"sig|sig\.ra|signora?|dott|dott\.ssa|dhr|mevr|meneer|mevrouw|pana?|pani)\.?[ \t]+\z"
)
_TITLE_REACH = 16  # characters in front of a name in which its title may stand
_LEANING = 1.0
# What a text must have for the tagger to run at all: a capital inside a line, a digit beside a word, or a word that
# goes before names also where nobody writes capitals.
_WORTH = re2.compile(
    r"[^\s.!?:;,\"'(\[{][ \t]+[\"'(\[]?\p{Lu}|\p{Lu}[\p{L}.'\x{2019}-]+[ \t,]+\p{Lu}|[0-9][ \t]+\p{L}{3}|\p{L}[ \t]+[0-9]"
    r"|(?i)\b(?:name|called|mr|mrs|ms|dr|i'm|i am|this is|it's|dear|hi|hello|hey|thanks|regards|signed|from|in|near|"
    r"heiße|bin|herr|frau|hallo|liebe[rs]?|m'appelle|suis|madame|monsieur|llamo|soy|hola|señora?|chiamo|sono|ciao|"
    r"naam|heet|mevrouw|meneer|nazywam|jestem|pani?|nome|sou|olá)\b|(?m)^[ \t]*\p{Lu}\p{L}+[.,!]?[ \t]*$"
)


class LookOptions(Struct, frozen=True, kw_only=True):
    """What is looked for: types of this folder, and a tenant's own dictionaries and patterns."""

    types: tuple[str, ...] = ()
    dictionaries: tuple[Dictionary, ...] = ()
    patterns: tuple[Pattern, ...] = ()


class Looker:
    """Built once per engine; the weights are loaded with the first text that needs them."""

    def __init__(self, options: LookOptions = LookOptions()) -> None:  # noqa: B008 - frozen
        self._types = frozenset(options.types)
        self._tagged = self._types.intersection(TAGGED)
        self._dictionaries, self._patterns = Dictionaries(options.dictionaries), Patterns(options.patterns)
        self.own = frozenset([*(d.type for d in options.dictionaries), *(p.type for p in options.patterns)])
        self.version = _version(options, tagged=bool(self._tagged)) if self._types or self.own else ""

    def looks(self, *, output: bool) -> bool:
        """Whether there is anything to look for. In answers only a tenant's own values: names there are the model's."""
        return bool(self.own) or (bool(self._types) and not output)

    @cached_property
    def _tagger(self) -> Tagger:
        return Tagger(weights.model(), leaning=_LEANING)

    def scan(self, text: str, *, output: bool = False) -> list[Span]:
        """All that is asked for, in characters of `text`; spans of different detectors may overlap."""
        if not self.looks(output=output):
            return []
        found = list(self._dictionaries.scan(text)) if self.own else []
        if self._tagged and not output and (is_worth(text) or self._tagger.knows_somebody(text)):
            found += self._names(text)
        return [*found, *self._in_bytes(text, self._types if not output else frozenset())]

    def _in_bytes(self, text: str, types: frozenset[str]) -> Iterator[Span]:
        data = text.encode(errors="replace")
        spans = [span for kind, scan in _RULES.items() if kind in types for span in scan(data)]
        if self.own:
            spans += self._patterns.scan(data)
        table = byte_to_character(data, [offset for span in spans for offset in (span.start, span.end)])
        for span in spans:
            yield Span(span.type, table[span.start], table[span.end], span.score, span.detector)

    def _names(self, text: str) -> Iterator[Span]:
        for tag in self._tagger.tags(text):
            if tag.type in self._tagged and tag.score >= _LEAST_SCORE[tag.type]:
                start = _from_title(text, tag.start) if tag.type == "person" else tag.start
                yield Span(tag.type, start, tag.end, tag.score, "tagger")


def _version(options: LookOptions, *, tagged: bool) -> str:
    digest = hashlib.sha256(msgspec.msgpack.encode(options)).hexdigest()[:8]
    return f"{digest}-{weights.model().version}" if tagged else digest


def _from_title(text: str, start: int) -> int:
    """Where a name begins with the title in front of it."""
    near = max(start - _TITLE_REACH, 0)
    title = _TITLE.search(text[near:start])
    return near + title.start() if title else start


def is_worth(text: str) -> bool:
    """Whether the tagger may find something in a text. Microseconds."""
    return _WORTH.search(text) is not None
