"""Budgets as the wire says them: x-ratelimit-* headers with OpenAI's names, and refusals with 429. Pure.

The openai SDK waits for `retry-after` only up to 60 seconds and else tries again at once, so whatever takes
longer says `x-should-retry: false`.
"""

from __future__ import annotations

from sallyport.access.budgets import BudgetState, Shortage
from sallyport.errors import Refusal

LONGEST_WAIT = 60  # seconds that the SDK is willing to wait
IN_FLIGHT_WAIT = 1
NO_RETRY = ("x-should-retry", "false")


def refuse(short: Shortage, now: BudgetState) -> Refusal:
    """The refusal of a call that a budget does not cover."""
    headers = rate_limit_headers(now)
    if short.budget == "requests":
        wait = short.retry_after or 1
        return Refusal(
            code="rate_limited",
            policy="budget/requests",
            retry_after=wait,
            headers=headers if wait <= LONGEST_WAIT else (*headers, NO_RETRY),
        )
    if short.in_flight:
        return Refusal(
            code="rate_limited",
            message="Calls in flight have reserved the rest of your budget.",
            policy=f"budget/{short.budget}",
            retry_after=IN_FLIGHT_WAIT,
            headers=headers,
        )
    return Refusal(
        code="budget_exhausted",
        message="" if short.retry_after else "This call alone is over your budget.",
        policy=f"budget/{short.budget}",
        next_step="" if short.retry_after else "Ask for less, or lower max_tokens.",
        retry_after=short.retry_after,
        headers=(*headers, NO_RETRY),
    )


def rate_limit_headers(state: BudgetState) -> tuple[tuple[str, str], ...]:
    """Limit, remaining and reset of requests (60 seconds) and tokens (UTC day), where there is a limit."""
    return (
        *_triple("requests", state.requests_limit, state.requests_used, state.requests_reset),
        *_triple("tokens", state.tokens_limit, state.tokens_used, state.day_reset),
    )


def _triple(what: str, limit: int, used: int, reset: int) -> tuple[tuple[str, str], ...]:
    if not limit:
        return ()
    return (
        (f"x-ratelimit-limit-{what}", str(limit)),
        (f"x-ratelimit-remaining-{what}", str(max(limit - used, 0))),
        (f"x-ratelimit-reset-{what}", duration(reset)),
    )


def duration(seconds: int) -> str:
    """Seconds in the form of these headers: "42s", "6m0s", "3h2m1s"."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{rest}s"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
