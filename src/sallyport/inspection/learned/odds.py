"""Log-odds as a score of a finding, and back."""

from __future__ import annotations

import math

_MOST = 30.0  # beyond, a float holds no difference


def probability(logit: float) -> float:
    """0 to 1, of log-odds."""
    return 1.0 / (1.0 + math.exp(-max(-_MOST, min(_MOST, logit))))


def log_odds(score: float) -> float:
    """The way back."""
    bounded = min(max(score, 1e-12), 1 - 1e-12)
    return math.log(bounded / (1 - bounded))
