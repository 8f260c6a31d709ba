"""How the layers are weighed together, and which score means what: fitted on scores of sources held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from evals.data import Row, weights
from sallyport.inspection.learned.fusion import Mix

Numbers = NDArray[np.float64]
FLAGGED, BLOCKED = 0.5, 0.75  # the scores from which the default actions flag and block
EVERYDAY_FLAGGED = 0.01  # the share of everyday texts that may be flagged
EVERYDAY_BLOCKED, HARD_BLOCKED = 0.002, 0.01
RULES_AT_MOST = (
    0.6  # the rules were written with these sources in sight, so what they prove here is less elsewhere
)
EVERYDAY_TO_ENCODER = {
    "gate_user": 0.20,
    "gate_document": 0.40,
}  # shares of everyday texts that the encoder is asked about
_LOWER = ((0.50, 0.05), (0.80, 0.15), (0.90, 0.25), (0.95, 0.35))  # shares of everyday texts below a score


@dataclass(frozen=True)
class Seen:
    """What the layers said of rows that none of them was trained on."""

    rows: Sequence[Row]
    rules: Numbers  # evidence, 0 to 1
    linear: Numbers  # log-odds
    encoder: Numbers | None = None  # log-odds

    def columns(self) -> Numbers:
        """The evidence of the rules, and the log-odds of the encoder, or of the linear model where there is none."""
        evidence = -np.log1p(-np.minimum(self.rules, 0.98))
        return np.column_stack([evidence, self.linear if self.encoder is None else self.encoder])

    def of(self, kind: str) -> NDArray[np.bool_]:
        """Which rows are of a kind."""
        return np.array([row.kind == kind for row in self.rows])


def mixed(seen: Seen) -> Mix:
    """The weights of the layers, by logistic regression; none is negative, and that of the rules is bounded.

    Where the encoder was asked, the linear model has no say: on held-out sources it adds nothing to the encoder.
    """
    columns = seen.columns()
    labels = np.array([row.attack for row in seen.rows])
    weight = np.array(weights(list(seen.rows), hard=1.0))
    model = LogisticRegression(C=10.0).fit(columns, labels, sample_weight=weight)
    rules = float(np.clip(model.coef_[0][0], 0.0, RULES_AT_MOST))
    learned = max(float(model.coef_[0][1]), 0.0)
    bias = _bias(columns @ np.array([rules, learned]), labels, weight)
    if seen.encoder is None:
        return Mix(bias=bias, rules=rules, linear=learned)
    return Mix(bias=bias, rules=rules, linear=0.0, encoder=learned)


def _bias(rest: Numbers, labels: NDArray[np.bool_], weight: Numbers) -> float:
    """What makes the mean chance right once the other weights are fixed (by bisection)."""
    low, high = -30.0, 30.0
    for _ in range(60):
        middle = (low + high) / 2
        expected = float((weight / (1 + np.exp(-(rest + middle)))).sum())
        low, high = (middle, high) if expected < float((weight * labels).sum()) else (low, middle)
    return (low + high) / 2


def logits(mix: Mix, seen: Seen) -> Numbers:
    """The mixed log-odds of every row."""
    weight = np.array([mix.rules, mix.linear if seen.encoder is None else mix.encoder])
    return np.asarray(seen.columns() @ weight + mix.bias)


def knots(mix: Mix, seen: Seen) -> tuple[tuple[float, float], ...]:
    """Log-odds and their scores: 0.5 and 0.75 by the allowed false alarms, below them by shares of everyday texts."""
    values = logits(mix, seen)
    everyday, hard = values[seen.of("everyday")], values[seen.of("hard")]

    def quantile(at: float) -> float:
        return threshold(values, seen, ("everyday",), 1 - at)

    flagged = quantile(1 - EVERYDAY_FLAGGED)
    blocked = max(quantile(1 - EVERYDAY_BLOCKED), float(np.quantile(hard, 1 - HARD_BLOCKED)), flagged + 0.5)
    points = [(float(everyday.min()) - 1.0, 0.0), *((quantile(at), score) for at, score in _LOWER)]
    points += [(flagged, FLAGGED), (blocked, BLOCKED), (blocked + 4.0, 0.99)]
    rising: list[tuple[float, float]] = []
    for at, score in points:
        place = round(max(at, rising[-1][0] + 1e-3) if rising else at, 4)
        rising.append((place, score))
    return tuple(rising)


def threshold(values: Numbers, seen: Seen, kinds: Sequence[str], alarms: float) -> float:
    """The value above which a share of `alarms` of the rows of these kinds lies.

    Sources weigh by the square root of their size, so that no large one is the measure of all.
    """
    chosen = np.array([row.kind in kinds for row in seen.rows])
    sizes: dict[str, int] = {}
    for row in seen.rows:
        if row.kind in kinds:
            sizes[row.source] = sizes.get(row.source, 0) + 1
    share = np.array([sizes[row.source] ** -0.5 for row in seen.rows if row.kind in kinds])
    order = np.argsort(values[chosen], kind="stable")
    place = np.searchsorted(np.cumsum(share[order] / share.sum()), 1 - alarms)
    return float(values[chosen][order][min(place, len(order) - 1)])


def gates(seen: Seen) -> dict[str, float]:
    """The log-odds of the linear model from which the encoder is asked, by channel."""
    return {
        name: round(threshold(seen.linear, seen, ("everyday",), share), 3)
        for name, share in EVERYDAY_TO_ENCODER.items()
    }


def alone(mine: Numbers | None, theirs: Numbers | None, other: Seen) -> Numbers:
    """One layer's values as scores, by its own thresholds on the other folds."""
    assert mine is not None
    assert theirs is not None
    flagged = threshold(theirs, other, ("everyday",), EVERYDAY_FLAGGED)
    return np.asarray(1 / (1 + np.exp(-(mine - flagged))))
