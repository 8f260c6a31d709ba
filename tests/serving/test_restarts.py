"""When a child is started again: a table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sallyport.serving.restarts import Restarts

RULE = Restarts(settled_seconds=1.0, limit=4, first_delay=0.1, longest_delay=0.5)


@pytest.mark.parametrize(
    ("before", "lived", "after"), [(0, 0.5, 1), (2, 0.99, 3), (3, 1.0, 0), (0, 1000.0, 0)]
)
def test_a_settled_life_clears_the_count(before: int, lived: float, after: int) -> None:
    assert RULE.failures(before, lived) == after


@pytest.mark.parametrize(
    ("failures", "delay"), [(0, 0.1), (1, 0.2), (2, 0.4), (3, 0.5), (4, None), (5, None)]
)
def test_delays_double_up_to_a_bound_and_then_end(failures: int, delay: float | None) -> None:
    assert RULE.delay(failures) == delay


@given(st.lists(st.floats(0, 0.99), min_size=4))
def test_a_child_that_never_settles_is_given_up(lives: list[float]) -> None:
    failures = 0
    for lived in lives:
        failures = RULE.failures(failures, lived)
    assert RULE.delay(failures) is None


@given(st.lists(st.floats(1, 1e6)))
def test_a_child_that_settles_each_time_never_is(lives: list[float]) -> None:
    failures = 0
    for lived in lives:
        failures = RULE.failures(failures, lived)
        assert RULE.delay(failures) is not None
