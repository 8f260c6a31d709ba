from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sallyport.inspection.learned import shipped
from sallyport.inspection.learned.fusion import Mix, interpolated
from sallyport.inspection.learned.odds import log_odds, probability

PARAMETERS = shipped.parameters()
LOGIT = st.floats(-40, 40)
SHARE = st.floats(0, 1)


@pytest.mark.parametrize(("at", "value"), [(-9, 0.0), (0, 0.0), (1, 0.25), (2, 0.5), (3, 0.75), (99, 0.75)])
def test_values_between_and_beyond_knots(at: float, value: float) -> None:
    assert interpolated([(0, 0.0), (2, 0.5), (3, 0.75)], at) == value


def test_a_mix_is_a_weighted_sum_of_evidence_in_nats() -> None:
    mix = Mix(bias=-1.0, rules=1.0, linear=0.5, encoder=2.0)
    assert mix.logit(0.0, 2.0, 1.0) == pytest.approx(2.0)
    assert mix.logit(1 - math.exp(-1), 0.0, 0.0) == pytest.approx(0.0, abs=1e-9)
    assert mix.logit(1.0, 0.0) == mix.logit(0.98, 0.0)


@given(SHARE, LOGIT, st.none() | LOGIT)
def test_a_score_is_within_bounds_and_never_below_what_the_rules_say(
    rules: float, linear: float, encoder: float | None
) -> None:
    score = PARAMETERS.score(rules, linear, encoder)
    assert round(rules, 4) <= score <= 1.0


@given(SHARE, LOGIT, LOGIT, LOGIT)
def test_more_suspicion_of_the_encoder_never_lowers_a_score(
    rules: float, linear: float, one: float, other: float
) -> None:
    low, high = sorted((one, other))
    assert PARAMETERS.score(rules, linear, low) <= PARAMETERS.score(rules, linear, high)


@given(LOGIT)
def test_whoever_is_unclear_for_a_user_is_unclear_in_a_document(linear: float) -> None:
    assert PARAMETERS.unclear(linear, "document") or not PARAMETERS.unclear(linear, "user")


@given(st.floats(-25, 25))
def test_log_odds_and_probability_undo_each_other(logit: float) -> None:
    assert log_odds(probability(logit)) == pytest.approx(logit, abs=1e-3)
