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
_GAP = re.compile(r"[\W_]")
_STEP = 16_384  # characters, words
_SORTED = (
    8192  # sequences beyond which no anchors are chosen: there would be too many, and to sort them takes long
)


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
        words = _words(text.lower())
        for at in range(0, len(words), _STEP):
            part = words[at : at + _STEP + WORDS - 1]
            grams.update(zip(*(part[i:] for i in range(WORDS)), strict=False))
    if not grams:
        return None
    ends = frozenset((gram[0], gram[-1]) for gram in grams)
    return Fingerprints(frozenset(grams), ends, _anchors(grams))


def _words(text: str) -> list[str]:
    """All words of a text. In steps, so that other threads get their turn between them."""
    words: list[str] = []
    at = 0
    while at < len(text):
        gap = _GAP.search(text, at + _STEP)
        end = gap.start() if gap else len(text)
        words += WORD.findall(text, at, end)
        at = end
    return words


def _anchors(grams: set[tuple[str, ...]]) -> tuple[str, ...]:
    """Few long words of which each sequence holds at least one."""
    if len(grams) > _SORTED:
        return ()
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
