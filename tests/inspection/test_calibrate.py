"""Fitting thresholds to traffic: budgets kept, bounds kept, and what one caller can teach."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sallyport.inspection.calibrate import (
    MOST_SHARE,
    Scored,
    budget,
    fit,
    heaviest,
    needed,
    rate,
    weights,
)
from sallyport.inspection.thresholds import BLOCK_BOUNDS, FLAG_BOUNDS, Calibration, Threshold, problem


def call(who, score, *, channel="user", roles=("support",), reviewed=False, **more):
    marked = frozenset({channel}) if reviewed else frozenset()
    return Scored(who=str(who), roles=roles, scores={channel: score, **more}, reviewed=marked)


def quiet(callers=20, each=50):
    """Harmless traffic: 0.3 % at 0.45, 1 % at 0.42 or more, nothing above."""
    scores = [0.45 if n % 300 == 0 else 0.42 if n % 100 == 7 else 0.1 for n in range(callers * each)]
    return [call(n % callers, score) for n, score in enumerate(scores)]


def ruling(flag, block=0.75):
    rows = (Threshold(channel="user", flag=flag, block=block),)
    return Calibration(detectors="d", thresholds=rows, budget=0.01, calls=1, since=0, until=1)


def of(fitted, channel="user", role=""):
    (row,) = [row for row in fitted.rows if (row.channel, row.role) == (channel, role)]
    return row


@pytest.mark.parametrize(
    ("text", "per_day", "share"),
    [("1%", 1, 0.01), ("0.5%", 1, 0.005), ("10/1000", 1, 0.01), ("1/200", 1, 0.005), ("20/day", 2000, 0.01)],
)
def test_a_budget_is_a_share_of_calls(text, per_day, share) -> None:
    assert budget(text, per_day) == pytest.approx(share)


@pytest.mark.parametrize(
    "text",
    ["", "1", "%", "a%", "0%", "-1%", "100%", "11%", "0.001%", "1/0", "1/-5", "0/day", "1/week", "nan%", "inf%", "1/nan", "9/day/2", "1e400%"],
)  # fmt: skip
def test_what_is_no_budget(text) -> None:
    with pytest.raises(ValueError, match=r"budget|detector"):
        budget(text, 1.0)


def test_a_quiet_deployment_gets_a_lower_threshold_and_keeps_its_budget() -> None:
    fitted = fit(quiet(), 0.01, None)
    assert fitted.held
    assert of(fitted).proposed.flag == 0.43
    assert of(fitted).proposed.block == 0.75
    assert fitted.expected.share <= 0.01
    assert fitted.expected.low <= fitted.expected.share <= fitted.expected.high


def test_a_loud_one_gets_a_higher_threshold() -> None:
    calls = quiet() + [call(n, 0.55 + n % 3 / 100) for n in range(20)] * 2
    fitted = fit(calls, 0.01, None)
    assert fitted.held
    assert of(fitted).proposed.flag == 0.58
    assert fitted.flagged.share > 0.01 >= fitted.expected.share


def test_one_caller_teaches_nothing_with_borderline_text() -> None:
    flood = [call("mallory", 0.74) for _ in range(1000)]
    fitted = fit(quiet() + flood, 0.01, None)
    assert of(fitted).proposed.flag == 0.5
    assert not fitted.held
    assert "few callers" in fitted.trouble
    assert fitted.largest == 1.0


@pytest.mark.parametrize("callers", [2, 3])
def test_nor_do_three(callers) -> None:
    flood = [call(f"mallory-{n % callers}", 0.74) for n in range(1000)]
    assert of(fit(quiet() + flood, 0.01, None)).proposed.flag == 0.5


def test_what_reviewers_marked_counts_though_it_is_one_callers() -> None:
    calls = quiet() + [call("batch", 0.6, reviewed=True) for _ in range(30)]
    fitted = fit(calls, 0.01, None)
    assert fitted.held
    assert of(fitted).proposed.flag == 0.61


def test_one_caller_thins_the_rate_by_its_share_at_most() -> None:
    loud = quiet() + [call(n, 0.6) for n in range(20)]
    plain = of(fit(loud, 0.02, None)).flagged.share
    thinned = of(fit(loud + [call("mallory", 0.0) for _ in range(20_000)], 0.02, None)).flagged.share
    assert plain * (1 - MOST_SHARE) * 0.99 <= thinned < plain


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=60))
def test_no_caller_weighs_more_than_its_share(counts) -> None:
    callers = [str(who) for who, count in enumerate(counts) for _ in range(min(count, 200))]
    given_weights = weights(callers)
    total, most = sum(given_weights), max(MOST_SHARE, 2 / len(counts))
    of_each = dict.fromkeys(callers, 0.0)
    for who, weight in zip(callers, given_weights, strict=True):
        assert 0 < weight <= 1
        of_each[who] += weight
    assert max(of_each.values()) <= most * total * (1 + 1e-9)
    assert heaviest(counts) <= max(counts)


def test_the_block_layer_moves_for_marked_false_alarms_only() -> None:
    calls = quiet() + [call(n, 0.8) for n in range(20)]
    assert of(fit(calls, 0.02, None)).proposed.block == 0.75
    calls = quiet() + [call(n, 0.8, reviewed=True) for n in range(20)]
    fitted = fit(calls, 0.03, None)
    assert of(fitted).false_blocks == 20
    assert of(fitted).proposed.block == 0.81


def test_a_block_threshold_comes_back_once_the_marks_have_ended() -> None:
    assert of(fit(quiet(), 0.01, ruling(0.5, 0.9))).proposed.block == 0.75


def test_a_budget_that_cannot_be_held_is_said_and_the_bounds_are_kept() -> None:
    calls = quiet() + [call(n % 20, 0.9, reviewed=True) for n in range(100)]
    fitted = fit(calls, 0.01, None)
    assert not fitted.held
    assert of(fitted).proposed.flag == FLAG_BOUNDS[1]
    assert "bound" in fitted.trouble
    assert fitted.expected.share > 0.01


def test_channels_keep_to_the_budget_together() -> None:
    calls = [call(n % 20, 0.3 + n % 100 / 300, document=0.3 + (n * 7 + 3) % 100 / 300) for n in range(2000)]
    fitted = fit(calls, 0.02, None)
    assert fitted.held
    assert fitted.expected.share <= 0.02


def test_a_channel_with_too_few_calls_keeps_its_threshold() -> None:
    calls = quiet() + [call(n, 0.6, channel="document") for n in range(20)]
    fitted = fit(calls, 0.03, ruling(0.5))
    assert not of(fitted, "document").enough
    assert of(fitted, "document").proposed == of(fitted, "document").present
    assert needed(0.01) == 300
    assert needed(0.1) == 100


def test_one_callers_calls_are_not_many() -> None:
    """A thousand calls of one caller beside nineteen single ones are worth a few."""
    calls = [call(0, 0.1) for _ in range(1000)] + [call(n, 0.1) for n in range(1, 20)]
    assert not of(fit(calls, 0.01, None)).enough


def test_a_role_has_its_own_threshold_where_enough_callers_have_it() -> None:
    calls = quiet() + [call(f"r{n % 10}", 0.6 if n % 21 == 0 else 0.1, roles=("red",)) for n in range(400)]
    fitted = fit(calls, 0.02, None)
    assert of(fitted, role="red").proposed.flag == 0.61
    assert of(fitted).proposed.flag < 0.5
    assert not [row for row in fitted.rows if row.role == "support" and row.proposed == of(fitted).proposed]
    alone = quiet() + [call("solo", 0.1, roles=("solo",)) for _ in range(800)]
    assert not [row for row in fit(alone, 0.01, None).rows if row.role == "solo"]


def test_nothing_to_fit() -> None:
    fitted = fit([], 0.01, None)
    assert (fitted.rows, fitted.calls, fitted.expected.share) == ((), 0, 0.0)


scored = st.builds(
    call,
    st.integers(0, 8),
    st.floats(0, 1),
    channel=st.sampled_from(["user", "document"]),
    roles=st.sampled_from([(), ("a",), ("a", "b")]),
    reviewed=st.booleans(),
)


@given(st.lists(scored, max_size=300), st.floats(0.0001, 0.1), st.floats(*FLAG_BOUNDS))
def test_whatever_the_traffic_a_proposal_may_be_stored(calls, share, flag) -> None:
    fitted = fit(calls, share, ruling(flag))
    made = Calibration(detectors="d", thresholds=fitted.thresholds, budget=share, calls=1, since=0, until=1)
    assert not fitted.rows or problem(made) == ""
    for row in fitted.rows:
        assert FLAG_BOUNDS[0] <= row.proposed.flag <= FLAG_BOUNDS[1]
        assert BLOCK_BOUNDS[0] <= row.proposed.block <= BLOCK_BOUNDS[1]
    if fitted.held:
        assert fitted.expected.share <= share


def test_wilsons_interval() -> None:
    found = rate([True] * 10 + [False] * 990, [1.0] * 1000)
    assert (round(found.share, 4), round(found.low, 4), round(found.high, 4)) == (0.01, 0.0054, 0.0183)
