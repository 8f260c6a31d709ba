"""The arithmetic of budgets: limits of roles, prices, windows, days."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sallyport.access.budgets import (
    DAY,
    Account,
    BudgetLimit,
    Cost,
    Limits,
    billionths,
    current,
    estimate,
    limits_for,
    requests_free_in,
    reserved,
    settled,
    shortage,
    spent,
    unrequested,
)
from sallyport.model import Model, Usage

ROWS = [
    BudgetLimit(role="small", requests_per_minute=10, tokens_per_day=100, money_per_day=0.5),
    BudgetLimit(role="large", requests_per_minute=20, tokens_per_day=50, money_per_day=0.25),
    BudgetLimit(role="free", requests_per_minute=5),
]
MODEL = Model(
    name="m",
    segment="s",
    environment="prod",
    upstream="u",
    upstream_model="m",
    input_price=0.15,
    output_price=0.6,
)


@pytest.mark.parametrize(
    ("roles", "limits"),
    [
        ((), Limits()),
        (("stranger",), Limits()),
        (("small",), Limits(10, 100, 500_000_000)),
        (("small", "large"), Limits(20, 100, 500_000_000)),
        (("small", "stranger"), Limits(10, 100, 500_000_000)),
        (("small", "free"), Limits(10, 0, 0)),
    ],
)
def test_the_most_generous_row_counts(roles, limits) -> None:
    assert limits_for(ROWS, roles) == limits


def test_a_call_costs_the_prompt_once_and_every_choice() -> None:
    assert estimate(MODEL, input_tokens=1000, output_tokens=100, choices=3) == Cost(1300, 330_000)
    assert spent(MODEL, Usage(input_tokens=1, output_tokens=1)) == Cost(2, 750)
    assert spent(MODEL, Usage(input_tokens=-5, output_tokens=-5)) == Cost(0, 0)
    assert spent(MODEL, Usage(input_tokens=2**70, output_tokens=2**70)).money < 2**40


@given(st.floats(0, 1e6))
def test_money_is_never_rounded_down_to_nothing(money: float) -> None:
    assert billionths(money) >= int(money * 1e9) - 1
    assert (billionths(money) > 0) == (money >= 5e-13 or round(money * 1e9, 3) > 0)


moments = st.lists(st.floats(0, 400, allow_nan=False), min_size=1, max_size=80).map(sorted)


@given(moments, st.integers(1, 6))
def test_no_sixty_seconds_hold_more_requests_than_the_limit(times, limit) -> None:
    account, taken = Account(0), []
    for now in times:
        account = current(account, now)
        if shortage(account, Limits(limit), Cost(0, 0), now) is None:
            account = reserved(account, Cost(0, 0), now)
            taken.append(now)
        assert account.requests == sum(n for _, n in account.seconds)
        assert len(account.seconds) <= 61
    for start in taken:
        assert sum(start <= t < start + 60 for t in taken) <= limit


@given(moments, st.integers(1, 6))
def test_after_retry_after_it_works_and_not_long_before(times, limit) -> None:
    account = Account(0)
    for now in times:
        account = current(account, now)
        short = shortage(account, Limits(limit), Cost(0, 0), now)
        if short is None:
            account = reserved(account, Cost(0, 0), now)
            continue
        wait = short.retry_after
        assert 1 <= wait <= 61
        assert shortage(current(account, now + wait), Limits(limit), Cost(0, 0), now + wait) is None
        if wait > 1:
            early = now + wait - 1
            assert shortage(current(account, early), Limits(limit), Cost(0, 0), early) is not None


def test_a_clock_set_back_frees_nothing() -> None:
    account = reserved(Account(0), Cost(5, 5), 1000.0)
    account = reserved(current(account, 500.0), Cost(5, 5), 500.0)
    assert account.requests == 2
    assert current(account, 500.0).requests == 2
    tomorrow = settled(current(account, DAY + 1.0), Cost(10, 10), Cost(7, 7))
    assert current(tomorrow, 10.0).tokens == 7


def test_a_new_day_begins_with_what_is_still_in_flight() -> None:
    account = settled(reserved(Account(0), Cost(60, 60), 10.0), Cost(60, 60), Cost(60, 60))
    account = reserved(account, Cost(30, 30), DAY - 1.0)
    account = current(account, DAY + 1.0)
    assert (account.tokens, account.held_tokens) == (0, 30)
    assert shortage(account, Limits(0, 100), Cost(71, 0), DAY + 1.0) is not None
    assert shortage(account, Limits(0, 100), Cost(70, 0), DAY + 1.0) is None


@pytest.mark.parametrize(
    ("used", "held", "cost", "retry_after", "in_flight"),
    [(0, 0, 101, None, False), (90, 0, 11, DAY - 10, False), (50, 45, 20, DAY - 10, True)],
)
def test_when_a_daily_budget_can_be_met_again(used, held, cost, retry_after, in_flight) -> None:
    account = Account(0, tokens=used, held_tokens=held)
    short = shortage(account, Limits(0, 100), Cost(cost, 0), 10.0)
    assert (short.budget, short.retry_after, short.in_flight) == ("tokens", retry_after, in_flight)
    money = shortage(Account(0, money=used, held_money=held), Limits(0, 0, 100), Cost(0, cost), 10.0)
    assert (money.budget, money.retry_after, money.in_flight) == ("money", retry_after, in_flight)


def test_a_request_given_back_frees_its_place() -> None:
    account = reserved(reserved(reserved(Account(0), Cost(0, 0), 1.0), Cost(0, 0), 1.5), Cost(0, 0), 3.0)
    assert account.seconds == ((1, 2), (3, 1))
    assert unrequested(account, 1).seconds == ((1, 1), (3, 1))
    assert unrequested(unrequested(account, 3), 1).requests == 1
    assert unrequested(account, 2) == account
    assert requests_free_in(account, 1, 3.0) == 61
    assert requests_free_in(Account(0), 1, 3.0) == 0
