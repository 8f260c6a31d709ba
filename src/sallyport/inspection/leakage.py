"""Whether an answer repeats the system prompt: rolling fingerprints of six words, two of which must agree."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from sallyport.inspection.spans import Span

WORDS = 6
HITS = 2
ANCHORS = 24  # beyond, looking for each costs more than looking at the words
WORD = re.compile(r"[^\W_]+")


class Fingerprints(Struct, frozen=True):
    """Six-word sequences of the system prompts of one call, and their first and last words as a quick filter."""

    grams: frozenset[tuple[str, ...]]
    ends: frozenset[tuple[str, str]]
    anchors: tuple[str, ...] = ()  # every sequence holds one of these words; none: there would be too many

    def __repr__(self) -> str:
        return f"Fingerprints({len(self.grams)})"


def fingerprints(texts: Sequence[str]) -> Fingerprints | None:
    """Fingerprints of the system prompts; None if they are too short to have one."""
    grams: set[tuple[str, ...]] = set()
    for text in texts:
        words = WORD.findall(text.lower())
        grams.update(zip(*(words[i:] for i in range(WORDS)), strict=False))
    if not grams:
        return None
    ends = frozenset((gram[0], gram[-1]) for gram in grams)
    return Fingerprints(frozenset(grams), ends, _anchors(grams))


def _anchors(grams: set[tuple[str, ...]]) -> tuple[str, ...]:
    """Few long words of which each sequence holds at least one."""
    chosen: set[str] = set()
    for gram in sorted(grams):
        if chosen.isdisjoint(gram):
            chosen.add(max(gram, key=len))
    return tuple(chosen) if len(chosen) <= ANCHORS else ()


def may_repeat(text: str, known: Fingerprints) -> bool:
    """False where `scan` would see nothing; cheaper."""
    lower = text.lower()
    if known.anchors and not any(anchor in lower for anchor in known.anchors):
        return False
    words = WORD.findall(lower)
    return not known.ends.isdisjoint(zip(words, words[WORDS - 1 :], strict=False))


def scan(text: str, known: Fingerprints) -> list[Span]:
    """One sighting from the first to the last repeated word, in characters, if two sequences agree."""
    words = WORD.findall(text.lower())
    hits = [
        i
        for i, pair in enumerate(zip(words, words[WORDS - 1 :], strict=False))
        if pair in known.ends and tuple(words[i : i + WORDS]) in known.grams
    ]
    if len(hits) < HITS:
        return []
    places = [match.span() for match in WORD.finditer(text)]
    if len(places) != len(words):
        return [Span("system_prompt_leak", 0, len(text), 1.0, "six-words")]
    return [Span("system_prompt_leak", places[hits[0]][0], places[hits[-1] + WORDS - 1][1], 1.0, "six-words")]
