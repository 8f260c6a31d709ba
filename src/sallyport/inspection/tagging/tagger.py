"""The tagger: which words of a text are names, places, organisations or addresses. A linear-chain CRF, decoded by Viterbi.

What a word gives to itself and its neighbours is looked up once for each different word; words that are nothing by a
wide margin end a run, and only the runs between them are decoded. Deterministic, linear in the text, and pure but for
the memory of common words.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from operator import add
from struct import Struct as Layout

from msgspec import Struct

from sallyport.inspection.tagging import words
from sallyport.inspection.tagging.weights import LABELS, SCALE, Model
from sallyport.inspection.tagging.words import EDGE, Seen

TYPES = {"PER": "person", "LOC": "location", "ORG": "organisation", "ADR": "street_address"}
_COUNT = len(LABELS)
_ROW = Layout(f"<{_COUNT}H")
_BYTES = 2 * _COUNT
_BEGINS, _INSIDE = range(1, _COUNT, 2), range(2, _COUNT, 2)
_KEPT = 20_000  # words whose rows are remembered: those that the model knows, so nobody's own
_NOTHING_TO_SAY = 9.0  # weight by which "nothing" must lead for a word to end a run
_FAR = 20.0  # and by which it must lead so that what stands around it is not looked at


_NAMED, _ENGLISH = frozenset("FL"), "E"  # letters of the word lists: first and last names, English words
_SIGNS = ".,;:!?()'\""


class Tag(Struct, frozen=True):
    """Words at [start, end) of a text that name something, with how sure that is (0 to 1)."""

    type: str
    start: int
    end: int
    score: float


class _Word(Struct, frozen=True):
    """What one word gives: rows to itself, to the next, the one after, the one before, and two before it."""

    seen: Seen
    own: int
    next: int
    after: int
    last: int
    before: int


_EDGE = _Word(EDGE, 0, 0, 0, 0, 0)


class Tagger:
    """Tags texts with a model. `leaning` is taken from "nothing": more is found, and more of it wrongly."""

    def __init__(self, model: Model, *, leaning: float = 0.0) -> None:
        self._model = model
        self._leaning = round(leaning * SCALE)
        self._margin = round(_NOTHING_TO_SAY * SCALE) + self._leaning
        self._outlines: dict[str, int] = {}
        self._far = round(_FAR * SCALE)
        self._known: dict[tuple[str, str], _Word] = {}
        into = list(zip(*model.transitions, strict=True))
        self._into = [(label, into[label]) for label in (0, *_BEGINS)]
        self._within = [(label, into[label][label - 1], into[label][label]) for label in _INSIDE]
        self.version = model.version

    def tags(self, text: str) -> list[Tag]:
        """The tags of a text, in order, without overlap."""
        mode = words.mode_of(text)
        matches = list(words.WORD.finditer(text))
        found: list[Tag] = []
        for first, rows in self._runs(self._words([match[0] for match in matches], mode)):
            labels = self._decoded(rows)
            for kind, begin, end in _entities(labels):
                score = _score(rows[begin:end], labels[begin:end])
                found.append(
                    Tag(TYPES[kind], matches[first + begin].start(), matches[first + end - 1].end(), score)
                )
        return found

    def knows_somebody(self, text: str) -> bool:
        """Whether a text without capitals holds a listed name that is no English word: then it may name somebody."""
        if not text.islower():
            return False
        return any(_NAMED & set(its) and _ENGLISH not in its for its in map(self._listed, set(text.split())))

    def _listed(self, word: str) -> str:
        return self._model.lists_of(word.strip(_SIGNS))

    def _words(self, tokens: Sequence[str], mode: str) -> list[_Word]:
        known: dict[str, _Word] = {}
        return [known.get(token) or known.setdefault(token, self._word(token, mode)) for token in tokens]

    def _word(self, token: str, mode: str) -> _Word:
        kept = self._known.get((token, mode))
        if kept is not None:
            return kept
        model = self._model
        seen = words.seen_of(token, mode, model.lists_of(token.lower()))
        rows = [sum(map(model.weight, part)) for part in words.features_of(token, seen)]
        word = _Word(seen, *rows)
        if len(self._known) < _KEPT and model.weight(f"w{seen[0]}"):
            self._known[token, mode] = word
        return word

    def _runs(self, row: Sequence[_Word]) -> Iterator[tuple[int, list[tuple[int, ...]]]]:
        """(place of the first word, weights of each word by label) of the runs that may hold something."""
        leaning, margin, far = self._leaning, self._margin, self._far
        padded = [_EDGE, _EDGE, *row, _EDGE, _EDGE]
        run: list[tuple[int, ...]] = []
        for at, word in enumerate(row):
            before, last, following, after = padded[at], padded[at + 1], padded[at + 3], padded[at + 4]
            total = word.own + last.next + before.after + following.last + after.before
            nothing, *others = _ROW.unpack(total.to_bytes(_BYTES, "little"))
            if nothing - max(others) <= far:
                total += self._around(before.seen, last.seen, word.seen, following.seen)
                nothing, *others = _ROW.unpack(total.to_bytes(_BYTES, "little"))
            if nothing - max(others) > margin:
                if run:
                    yield at - len(run), run
                    run = []
            else:
                run.append((nothing - leaning, *others))
        if run:
            yield len(row) - len(run), run

    def _around(self, before: Seen, last: Seen, this: Seen, following: Seen) -> int:
        """What stands around a place gives it."""
        weight, outlines = self._model.weight, self._outlines
        total = sum(map(weight, words.pairs_of(before, last, this, following)))
        for feature in words.outlines_of(last, this, following):
            row = outlines.get(feature)
            if row is None:
                row = weight(feature)
                if len(outlines) < _KEPT:
                    outlines[feature] = row
            total += row
        return total

    def _decoded(self, rows: Sequence[Sequence[int]]) -> list[int]:
        """The best labels (Viterbi); "nothing" stands in front."""
        first, *rest = rows
        best = list(map(add, first, self._model.transitions[0]))
        for label in _INSIDE:
            best[label] = -(1 << 30)
        back: list[list[int]] = []
        for row in rest:
            pointers, scores = [0] * _COUNT, [0] * _COUNT
            for label, into in self._into:
                sums = list(map(add, best, into))
                top = max(sums)
                pointers[label], scores[label] = sums.index(top), top + row[label]
            for label, from_begin, from_inside in self._within:
                begin, inside = best[label - 1] + from_begin, best[label] + from_inside
                pointers[label] = label - 1 if begin >= inside else label
                scores[label] = max(begin, inside) + row[label]
            best = scores
            back.append(pointers)
        label = max(range(_COUNT), key=best.__getitem__)
        labels = [label]
        for pointers in reversed(back):
            label = pointers[label]
            labels.append(label)
        return labels[::-1]


def _entities(labels: Sequence[int]) -> Iterator[tuple[str, int, int]]:
    """(kind, first, behind the last) of the runs of labels that belong together."""
    at = 0
    while at < len(labels):
        label, begin = labels[at], at
        at += 1
        if not label:
            continue
        while at < len(labels) and labels[at] == label + 1 - (label % 2 == 0):
            at += 1
        yield LABELS[label][2:], begin, at


def _score(rows: Sequence[Sequence[int]], labels: Sequence[int]) -> float:
    """How much the words speak for their labels and against "nothing", on average, as 0 to 1."""
    lead = sum(row[label] - row[0] for row, label in zip(rows, labels, strict=True)) / len(rows)
    return round(1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, lead / SCALE)))), 3)
