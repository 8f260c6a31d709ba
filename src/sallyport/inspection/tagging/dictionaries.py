"""Values of a tenant's own (names of customers, projects, drugs) as whole words, in any case and spacing.

A tree of words: the time is linear in the text for dictionaries of any size. Pure.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from sallyport.inspection.spans import Span
from sallyport.inspection.tagging.words import WORD

_END = ""  # key of a tree under which the dictionary's type stands
_LONGEST = 16  # words of a value


class Dictionary(Struct, frozen=True, kw_only=True):
    """Values that become findings of `type`."""

    type: str
    values: tuple[str, ...]


class Dictionaries:
    """Several dictionaries, looked up together. Where values overlap, the longest that begins first counts."""

    def __init__(self, dictionaries: Sequence[Dictionary] = ()) -> None:
        self._tree: dict[str, object] = {}
        for dictionary in dictionaries:
            for value in dictionary.values:
                self._add(value, dictionary.type)

    def _add(self, value: str, kind: str) -> None:
        node = self._tree
        for word in folded_words(value):
            node = node.setdefault(word, {})  # type: ignore[assignment]
        node.setdefault(_END, kind)

    def scan(self, text: str) -> Iterator[Span]:
        """Spans of values, in characters."""
        if not self._tree:
            return
        matches = [match for match in WORD.finditer(text) if match[0] != "\n"]
        folded = [_folded(match[0]) for match in matches]
        at = 0
        while at < len(folded):
            kind, after = self._longest(folded, at) if folded[at] in self._tree else ("", at)
            if kind:
                yield Span(kind, matches[at].start(), matches[after - 1].end(), 1.0, "dictionary")
            at = max(after, at + 1)

    def _longest(self, folded: Sequence[str], at: int) -> tuple[str, int]:
        node: object = self._tree
        kind, after = "", at
        for place in range(at, min(at + _LONGEST, len(folded))):
            assert isinstance(node, dict)
            node = node.get(folded[place])
            if node is None:
                break
            assert isinstance(node, dict)
            if _END in node:
                kind, after = str(node[_END]), place + 1
        return kind, after


def folded_words(value: str) -> list[str]:
    """The words of a value as they are compared."""
    return [_folded(match[0]) for match in WORD.finditer(value) if match[0] != "\n"]


def problems(values: Iterable[str]) -> Iterator[tuple[int, str]]:
    """(place, what is wrong) of values that could never be found or would be found everywhere."""
    for place, value in enumerate(values):
        words = folded_words(value)
        if not any(word.isalnum() for word in words):
            yield place, "has no letter and no digit"
        elif len(words) == 1 and len(words[0]) == 1:
            yield place, "is a single character"
        elif len(words) > _LONGEST:
            yield place, f"has more than {_LONGEST} words"


def _folded(word: str) -> str:
    return word.lower() if word.isascii() else unicodedata.normalize("NFKC", word).casefold()
