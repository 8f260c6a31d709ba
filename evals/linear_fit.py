"""Fits the linear model: logistic regression over the hashed features of blocks, in the same code that uses it."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from evals import draws
from evals.data import Row, weights
from sallyport.inspection.fold import fold
from sallyport.inspection.learned import hashing
from sallyport.inspection.learned.linear import Linear

STRENGTH = 3.0  # inverse of the penalty
MOST_BLOCKS = 40  # of one text
EMBEDDED = 600  # texts of a kind and fold that are put into documents as well
EMBEDDED_WEIGHT = 0.5
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Weights:
    """The model as it is shipped."""

    table: bytes
    scale: float
    bias: float

    def model(self) -> Linear:
        """The model as it is used."""
        return Linear(self.table, self.scale, self.bias)


def embedded(rows: Sequence[Row], seed: int = 11) -> list[Row]:
    """Short texts of all kinds inside documents of their own fold."""
    chance = random.Random(seed)
    everywhere = [r.text for r in rows if r.fold == -1 and r.kind == "everyday"]
    result = []
    for number in sorted({row.fold for row in rows}):
        mine = [row for row in rows if row.fold == number]
        documents = [r.text for r in mine if r.kind == "everyday" and len(r.text) > 300] or everywhere
        for kind in ("attack", "hard", "everyday"):
            pool = [row for row in mine if row.kind == kind and len(row.text) < 600]
            for row in chance.sample(pool, min(len(pool), EMBEDDED)):
                text = draws.insert(row.text, draws.excerpt(chance.choice(documents), 1000, chance), chance)
                result.append(replace(row, text=text))
    return result


class Features:
    """The hashed features of many texts, worked out once for all folds."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._words: dict[str, list[int]] = {}
        self.rows = [*rows, *embedded(rows)]
        self.weights = np.array(weights(self.rows))
        self.weights[len(rows) :] *= EMBEDDED_WEIGHT
        lists, owners = [], []
        for number, row in enumerate(self.rows):
            for block in self._blocks(row.text)[:MOST_BLOCKS]:
                lists.append(block)
                owners.append(number)
        self.owners = np.array(owners)
        self.table = _table(lists)

    def _blocks(self, text: str) -> list[list[int]]:
        found = [
            [feature for word in dict.fromkeys(block) for feature in self._features(word)]
            for block in hashing.blocks(hashing.words(fold(text)[0]))
        ]
        return [a + b for a, b in pairwise(found)] if len(found) > 1 else found

    def _features(self, word: str) -> list[int]:
        known = self._words.get(word)
        if known is None:
            known = self._words[word] = hashing.features(word)
        return known

    def fit(self, without: int | None) -> Weights:
        """The model of all rows but those of one fold."""
        chosen = np.array([row.fold != without for row in self.rows])
        blocks = np.bincount(self.owners, minlength=len(self.rows))
        pick = chosen[self.owners]
        owners = self.owners[pick]
        labels = np.array([row.attack for row in self.rows])
        weight = self.weights / blocks
        for label in (True, False):  # attacks weigh as much as all others together
            weight[labels == label] *= len(labels) / self.weights[chosen & (labels == label)].sum() / 2
        model = LogisticRegression(C=STRENGTH, max_iter=80, tol=1e-3)
        model.fit(self.table[pick], labels[owners], sample_weight=weight[owners])
        return quantised(model.coef_[0], float(model.intercept_[0]))


def quantised(weights_: Numbers, bias: float) -> Weights:
    """One byte a weight; the largest few in a million are cut off."""
    scale = float(np.quantile(np.abs(weights_), 1 - 2e-5)) / 127
    table = np.clip(np.rint(weights_ / scale), -127, 127).astype(np.int8)
    return Weights(table.tobytes(), scale, bias)


def _table(lists: list[list[int]]) -> scipy.sparse.csr_matrix:
    ends = np.cumsum([0, *map(len, lists)])
    values = np.concatenate([np.full(len(x), 1 / math.sqrt(len(x) or 1), np.float32) for x in lists])
    indices = np.concatenate([np.array(x, dtype=np.int32) for x in lists])
    table = scipy.sparse.csr_matrix((values, indices, ends), shape=(len(lists), hashing.MASK + 1))
    table.sum_duplicates()
    return table
