"""What a budget says on the wire: OpenAI's header names, and no retry where it cannot help."""

from __future__ import annotations

import msgspec
import pytest

from sallyport.access.budgets import BudgetState, Shortage
from sallyport.access.ratelimit import duration, rate_limit_headers, refuse

STATE = BudgetState(
    requests_used=7,
    requests_limit=10,
    requests_reset=42,
    tokens_used=1200,
    tokens_limit=1000,
    money_used=1.0,
    money_limit=0.0,
    day_reset=3661,
)
NO_RETRY = ("x-should-retry", "false")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (42, "42s"), (60, "1m0s"), (372, "6m12s"), (3600, "1h0m0s")]
)
def test_durations(seconds: int, text: str) -> None:
    assert duration(seconds) == text


def test_headers() -> None:
    assert dict(rate_limit_headers(STATE)) == {
        "x-ratelimit-limit-requests": "10",
        "x-ratelimit-remaining-requests": "3",
        "x-ratelimit-reset-requests": "42s",
        "x-ratelimit-limit-tokens": "1000",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "1h1m1s",
    }
    assert rate_limit_headers(msgspec.structs.replace(STATE, requests_limit=0, tokens_limit=0)) == ()


@pytest.mark.parametrize(
    ("short", "code", "retry_after", "retried"),
    [
        (Shortage("requests", 5), "rate_limited", 5, True),
        (Shortage("requests", 61), "rate_limited", 61, False),
        (Shortage("tokens", 3661), "budget_exhausted", 3661, False),
        (Shortage("money", 10), "budget_exhausted", 10, False),
        (Shortage("tokens", None), "budget_exhausted", None, False),
        (Shortage("tokens", 3661, in_flight=True), "rate_limited", 1, True),
    ],
)
def test_refusals(short: Shortage, code: str, retry_after: int | None, retried: bool) -> None:
    refusal = refuse(short, STATE)
    assert (refusal.code, refusal.spec.status, refusal.retry_after) == (code, 429, retry_after)
    assert (NO_RETRY not in refusal.headers) is retried
    assert set(rate_limit_headers(STATE)) <= set(refusal.headers)
    assert refusal.policy == f"budget/{short.budget}"
