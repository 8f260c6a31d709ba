from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sallyport.identity.throttle import DelayRule, Penalty, Table, Throttle, delay, penalise, source_key

RULE = DelayRule(free=3, first=1.0, cap=60.0, forget=1000.0)


def test_waits_double_up_to_the_cap():
    assert [delay(n, RULE) for n in range(12)] == [0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_the_longest_attack_overflows_nothing():
    assert delay(10**9, RULE) == 60.0
    assert penalise(Penalty(10**9), 5.0, RULE).until == 65.0


@pytest.mark.parametrize(
    ("source", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::"),
        ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ("not an address" * 10, ("not an address" * 10)[:64]),
        ("", ""),
    ],
)
def test_sources_are_networks(source, key):
    assert source_key(source) == key


def fail(throttle: Throttle, account: str, source: str, now: float, times: int) -> None:
    for _ in range(times):
        throttle.admit(account, source, now)


def test_an_account_waits_wherever_the_attempts_come_from():
    throttle = Throttle(account=RULE, source=DelayRule(free=1000))
    for number in range(3):
        assert throttle.admit("sam", f"10.0.0.{number}", 0.0) == 0
    assert throttle.admit("sam", "10.0.0.99", 0.5) == 0.5
    assert throttle.admit("ann", "10.0.0.99", 0.5) == 0
    assert throttle.admit("sam", "10.0.0.99", 1.0) == 0
    assert throttle.admit("sam", "10.0.0.99", 1.0) == 2.0


def test_a_source_waits_whoever_is_tried():
    throttle = Throttle(account=DelayRule(free=1000), source=RULE)
    for number in range(3):
        assert throttle.admit(f"p{number}", "10.0.0.1", 0.0) == 0
    assert throttle.admit("p9", "10.0.0.1", 0.0) == 1.0
    assert throttle.admit("p9", "10.0.0.2", 0.0) == 0


def test_attempts_that_are_turned_away_do_not_lengthen_the_wait():
    throttle = Throttle(account=RULE)
    fail(throttle, "sam", "a", 0.0, 3)
    fail(throttle, "sam", "a", 0.5, 500)
    assert throttle.admit("sam", "a", 1.0) == 0


def test_parallel_attempts_count_before_their_outcome_is_known():
    throttle = Throttle(account=RULE)
    assert [throttle.admit("sam", "a", 0.0) for _ in range(5)] == [0, 0, 0, 1.0, 1.0]


def test_a_known_device_never_waits_for_the_attempts_of_others():
    throttle = Throttle(account=RULE, source=RULE)
    for second in range(10_000):
        throttle.admit("sam", "a", float(second))
        throttle.admit("sam", "b", float(second), "another")
    assert throttle.admit("sam", "a", 10_000.0) > 0
    assert throttle.admit("sam", "a", 10_000.0, "own") == 0


def test_a_known_device_waits_for_its_own():
    throttle = Throttle(account=RULE, source=RULE)
    assert [throttle.admit("sam", "a", 0.0, "own") for _ in range(4)] == [0, 0, 0, 1.0]
    assert throttle.admit("sam", "b", 0.0, "own") == 1.0  # wherever it is
    assert throttle.admit("ann", "a", 0.0, "own") == 0


def test_a_login_clears_what_was_counted_for_it():
    throttle = Throttle(account=RULE, source=RULE)
    fail(throttle, "sam", "a", 0.0, 2)
    throttle.admit("sam", "a", 0.0)
    throttle.succeeded("sam", "a")
    assert throttle.admit("sam", "b", 0.0) == 0
    assert throttle.admit("eve", "a", 0.0) == 0
    assert throttle.admit("eve", "a", 0.0) == 1.0  # the two failures from there still count


def test_a_login_from_a_known_device_helps_no_one_who_guesses_elsewhere():
    throttle = Throttle(account=RULE, source=RULE)
    fail(throttle, "sam", "a", 0.0, 3)
    throttle.admit("sam", "a", 0.0, "own")
    throttle.succeeded("sam", "a", "own")
    assert throttle.admit("sam", "c", 0.0) == 1.0


def test_own_logins_do_not_launder_a_source_that_sprays_passwords():
    throttle = Throttle(account=DelayRule(free=1000), source=RULE)
    for number in range(3):
        throttle.admit(f"victim{number}", "a", 0.0)
        if throttle.admit("eve", "a", 0.0) == 0:
            throttle.succeeded("eve", "a")
    assert throttle.admit("victim9", "a", 0.0) > 0


def test_quiet_is_forgotten():
    table = Table(RULE, 10)
    table.count("sam", 0.0)
    assert table.wait("other", 999.0) == 0
    assert len(table) == 1
    table.wait("other", 1000.0)
    assert len(table) == 0


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 30)), max_size=120))
def test_a_flood_of_names_frees_nobody_and_costs_no_memory(attempts):
    """Whatever else is tried, a key that must wait goes on waiting, and the table is bounded."""
    table = Table(RULE, 8)
    for _ in range(4):
        table.count("victim", 0.0)
    now = 0.0
    for name, pause in attempts:
        now = min(now + pause / 100, 1.5)
        table.count(f"n{name}", now)
        assert table.wait("victim", now) == pytest.approx(2.0 - now)
        assert len(table) <= 9


def test_names_beyond_the_table_share_one_wait():
    table = Table(RULE, 2)
    table.count("a", 0.0)
    table.count("b", 0.0)
    for number in range(3):
        table.count(f"new{number}", 0.0)
    assert table.wait("another", 0.0) == 1.0
    assert table.wait("a", 0.0) == 0


def test_who_goes_on_trying_keeps_nobody_elses_row_in_memory():
    table = Table(RULE, 10)
    table.count("restless", 0.0)
    for number in range(5):
        table.count(f"n{number}", 1.0)
    table.count("restless", 900.0)
    table.wait("anybody", 1001.0)
    assert len(table) == 1
    assert table.wait("restless", 1001.0) == 0
