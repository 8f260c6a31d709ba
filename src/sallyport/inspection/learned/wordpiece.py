"""WordPiece of the uncased BERT family: greedy longest match, with what each word becomes remembered.

Texts are folded first (as the views are), so that look-alikes and accents cannot leave the vocabulary.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from sallyport.inspection.fold import fold

PAD, UNKNOWN, START, END = 0, 100, 101, 102  # the vocabulary's own numbering
FRAME = 2  # pieces of a window beside the text's
_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_IDEOGRAPHS}]|[^\W_{_IDEOGRAPHS}]{{1,64}}|[^\w\s]|_")
_REMEMBERED = 16_384  # words


class WordPiece:
    """The vocabulary, one piece a line in the order of their numbers. Not thread safe (it remembers words)."""

    def __init__(self, vocabulary: Iterable[str]) -> None:
        self._ids = {piece: number for number, piece in enumerate(vocabulary)}
        self._longest = max(map(len, self._ids))
        self._words: dict[str, tuple[int, ...]] = {}

    def encode(self, text: str) -> list[int]:
        """The pieces of a text, without start and end."""
        pieces: list[int] = []
        for word in _WORD.findall(fold(text)[0].lower()):
            pieces += self._words.get(word) or self._remember(word)
        return pieces

    def located(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """The pieces of a text, and for each the span in `text` of the word that it is of."""
        folded, offsets = fold(text)
        pieces: list[int] = []
        spans: list[tuple[int, int]] = []
        for match in _WORD.finditer(folded):
            word = match.group().lower()
            start, end = match.span()
            if offsets is not None:
                start, end = offsets.start(start), offsets.end(end)
            found = self._words.get(word) or self._remember(word)
            pieces += found
            spans += [(start, end)] * len(found)
        return pieces, spans

    def _remember(self, word: str) -> tuple[int, ...]:
        pieces = tuple(self._split(word))
        if len(self._words) >= _REMEMBERED:
            self._words.pop(next(iter(self._words)))
        self._words[word] = pieces
        return pieces

    def _split(self, word: str) -> list[int]:
        pieces: list[int] = []
        start = 0
        while start < len(word):
            prefix = "##" if start else ""
            end = min(len(word), start + self._longest)
            while end > start and prefix + word[start:end] not in self._ids:
                end -= 1
            if end == start:
                return [UNKNOWN]
            pieces.append(self._ids[prefix + word[start:end]])
            start = end
        return pieces


def spans(pieces: int, length: int, overlap: int) -> list[tuple[int, int]]:
    """The stretches of `pieces` that windows of at most `length` hold: as few as cover all, all of a size.

    Each shares about `overlap` pieces with the next, so that what is said across a border is read in one.
    """
    room = length - FRAME
    if pieces <= room:
        return [(0, pieces)]
    count = -(-(pieces - overlap) // (room - overlap))
    width = -(-(pieces + (count - 1) * overlap) // count)
    return [(at, at + width) for at in [n * (pieces - width) // (count - 1) for n in range(count)]]


def window(pieces: Sequence[int]) -> list[int]:
    """One window, with start and end."""
    return [START, *pieces, END]
