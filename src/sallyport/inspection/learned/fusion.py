"""One score out of what the layers say: the evidence of the rules, the linear model, and the encoder where it was asked.

Pure. The numbers come from training (`weights/parameters.json`): a text that is an attack on sources held out
gets 0.5 or more where one everyday text in a hundred does, and 0.75 where two in a thousand do, so that the
score means the same as a rule's.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence

from msgspec import Struct

from sallyport.model import Channel

_MOST_EVIDENCE = 0.98  # of rules; so that no rule alone decides more than four nats


class Mix(Struct, frozen=True, kw_only=True):
    """Log-odds of an attack as a weighted sum."""

    bias: float
    rules: float
    linear: float
    encoder: float = 0.0

    def logit(self, rules: float, linear: float, encoder: float = 0.0) -> float:
        """`rules` is their evidence, 0 to 1; the others are log-odds."""
        evidence = -math.log1p(-min(rules, _MOST_EVIDENCE))
        return self.bias + self.rules * evidence + self.linear * linear + self.encoder * encoder


class Parameters(Struct, frozen=True, kw_only=True):
    """Everything about the learned layers that is a number."""

    version: str
    linear_sha256: str
    encoder_sha256: str
    linear_scale: float
    linear_bias: float
    gate_user: float  # of the linear model's log-odds: from here on the encoder is asked
    gate_document: float
    quick: Mix  # rules and linear model only
    full: Mix  # with the encoder
    quick_scores: tuple[tuple[float, float], ...]  # log-odds and their score, rising
    full_scores: tuple[tuple[float, float], ...]

    def unclear(self, linear: float, channel: Channel) -> bool:
        """Whether the encoder must be asked: the linear model is not sure that the text is harmless."""
        return linear >= (self.gate_user if channel == "user" else self.gate_document)

    def score(self, rules: float, linear: float, encoder: float | None) -> float:
        """0 to 1: the higher of what the rules say by themselves and what all layers say together."""
        if encoder is None:
            learned = interpolated(self.quick_scores, self.quick.logit(rules, linear))
        else:
            learned = interpolated(self.full_scores, self.full.logit(rules, linear, encoder))
        return round(max(rules, learned), 4)


def interpolated(knots: Sequence[tuple[float, float]], at: float) -> float:
    """The value at a place between knots; beyond them that of the last."""
    right = bisect_right([x for x, _ in knots], at)
    if right == 0:
        return knots[0][1]
    if right == len(knots):
        return knots[-1][1]
    (x0, y0), (x1, y1) = knots[right - 1], knots[right]
    return y0 + (y1 - y0) * (at - x0) / (x1 - x0)
