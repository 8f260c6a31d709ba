"""The linear model: a weight a feature, added up over stretches of a text; the highest stretch counts."""

from __future__ import annotations

import math
from itertools import pairwise

from sallyport.inspection.learned import hashing

REMEMBERED = 8192  # words
_COUNT_BITS = 24  # of a packed number: below them how many features, above them the sum of their weights
_COUNT = (1 << _COUNT_BITS) - 1


class _Words(dict[str, int]):
    """Each word's sum of weights and number of features, packed, so that a text is one sum in C."""

    def __init__(self, weights: bytes) -> None:
        super().__init__()
        self._weights = memoryview(weights).cast("b")

    def __missing__(self, word: str) -> int:
        found = hashing.features(word)
        packed = (sum([self._weights[i] for i in found]) << _COUNT_BITS) + len(found)
        if len(self) >= REMEMBERED:
            self.clear()
        self[word] = packed
        return packed


class Linear:
    """Weights of one byte each, with a common scale and a bias. Not thread safe (it remembers words)."""

    def __init__(self, weights: bytes, scale: float, bias: float) -> None:
        if len(weights) != hashing.MASK + 1:
            raise ValueError(f"weights: {len(weights)} bytes, expected {hashing.MASK + 1}")
        self._words = _Words(weights)
        self._scale, self._bias = scale, bias

    def logit(self, text: str) -> float:
        """How much a folded text looks like an attack: log-odds on the training's own scale, not calibrated."""
        known = self._words.__getitem__
        sums = [sum(map(known, set(block))) for block in hashing.blocks(hashing.words(text))]
        if len(sums) > 1:  # what is said across a border must count too
            sums = [first + second for first, second in pairwise(sums)]
        best = max([(packed >> _COUNT_BITS) / math.sqrt(packed & _COUNT or 1) for packed in sums])
        return self._bias + self._scale * best
