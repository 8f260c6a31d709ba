"""Arithmetic of budgets: what is left, what a reservation takes, what a settlement gives back. Pure.

Requests are counted over the last 60 seconds, tokens and money over the UTC day. What calls in flight have
reserved counts as used until they are settled. Money is in billionths, rounded up. Bounds OWASP LLM10:2025.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from sallyport.errors import SettingsError
from sallyport.model import Model, Usage

MINUTE, DAY = 60, 86_400
BILLION = 1_000_000_000
MOST_TOKENS = BILLION  # that one call may claim to have taken


class BudgetLimit(Struct, frozen=True, kw_only=True):
    """What a principal with this role may use. 0 means no limit."""

    role: str
    requests_per_minute: int = 0
    tokens_per_day: int = 0
    money_per_day: float = 0.0


class Limits(Struct, frozen=True):
    """What counts for one principal. 0 means no limit. Money in billionths."""

    requests: int = 0
    tokens: int = 0
    money: int = 0


class Cost(Struct, frozen=True):
    """What a call takes. Money in billionths."""

    tokens: int
    money: int


class Account(Struct, frozen=True):
    """What one principal has used. `seconds` holds (second, requests) of the last minute, oldest first."""

    day: int
    seconds: tuple[tuple[int, int], ...] = ()
    requests: int = 0  # the sum of `seconds`
    tokens: int = 0  # settled today
    money: int = 0
    held_tokens: int = 0  # reserved by calls in flight
    held_money: int = 0

    @property
    def idle(self) -> bool:
        """Forgetting it changes nothing."""
        return not (self.requests or self.tokens or self.money or self.held_tokens or self.held_money)


class Shortage(Struct, frozen=True):
    """Why a call cannot be paid for. `retry_after`: seconds until it can be, None if that will not come."""

    budget: Literal["requests", "tokens", "money"]
    retry_after: int | None
    in_flight: bool = False  # only reservations of other calls stand in the way


class BudgetState(Struct, frozen=True, kw_only=True):
    """For people: used (reservations included) and limit of each budget; limit 0 means none."""

    requests_used: int
    requests_limit: int  # in 60 seconds
    requests_reset: int  # seconds until all are free again
    tokens_used: int
    tokens_limit: int  # in a UTC day
    money_used: float
    money_limit: float  # in a UTC day
    day_reset: int  # seconds


def check_budgets(budgets: Sequence[BudgetLimit]) -> None:
    """Raises SettingsError for a role that has two rows, or a negative limit (0 would mean none)."""
    seen: set[str] = set()
    for index, row in enumerate(budgets):
        where = f"access.budgets[{index}]"
        if row.role in seen:
            raise SettingsError(f"{where}.role", f"{row.role!r} has a row already", "write one row per role")
        amounts = (row.requests_per_minute, row.tokens_per_day, row.money_per_day)
        if not all(math.isfinite(a) and a >= 0 for a in amounts):
            raise SettingsError(where, "a limit is negative or not a number", "write 0 for no limit")
        seen.add(row.role)


def limits_for(budgets: Sequence[BudgetLimit], roles: Collection[str]) -> Limits:
    """The most generous of the rows of these roles; no row means no limit."""
    rows = [b for b in budgets if b.role in roles]
    if not rows:
        return Limits()
    return Limits(
        _generous([b.requests_per_minute for b in rows]),
        _generous([b.tokens_per_day for b in rows]),
        _generous([billionths(b.money_per_day) for b in rows]),
    )


def _generous(limits: list[int]) -> int:
    return 0 if 0 in limits else max(limits)


def billionths(money: float) -> int:
    """Money in billionths; what is not zero stays so."""
    return math.ceil(round(money * BILLION, 3))


def estimate(model: Model, *, input_tokens: int, output_tokens: int, choices: int) -> Cost:
    """What a call may take at most: the prompt once, the answer for each choice."""
    return spent(model, Usage(input_tokens=input_tokens, output_tokens=output_tokens * choices))


def spent(model: Model, usage: Usage) -> Cost:
    """What a call took. An upstream that lies about it can neither give something back nor overflow."""
    tokens_in = min(max(usage.input_tokens, 0), MOST_TOKENS)
    tokens_out = min(max(usage.output_tokens, 0), MOST_TOKENS)
    money = tokens_in * model.input_price + tokens_out * model.output_price  # millionths
    return Cost(tokens_in + tokens_out, billionths(money / 1_000_000))


def current(account: Account, now: float) -> Account:
    """The account as of `now`: old requests left behind, a new day begun. A clock set back changes nothing.

    A second counts until it is 60 whole seconds old, so no 60 seconds ever hold more than the limit.
    """
    second, day = int(now), int(now) // DAY
    if account.seconds and account.seconds[0][0] < second - MINUTE:
        kept = tuple(s for s in account.seconds if s[0] >= second - MINUTE)
        account = replace(account, seconds=kept, requests=sum(n for _, n in kept))
    if account.day < day:
        account = replace(account, day=day, tokens=0, money=0)
    return account


def shortage(account: Account, limits: Limits, cost: Cost, now: float) -> Shortage | None:
    """Whether one more call of this cost exceeds a limit. The account is current."""
    if limits.requests and account.requests >= limits.requests:
        return Shortage("requests", requests_free_in(account, limits.requests, now))
    tokens, money = (account.tokens, account.held_tokens), (account.money, account.held_money)
    return _over("tokens", limits.tokens, tokens, cost.tokens, now) or _over(
        "money", limits.money, money, cost.money, now
    )


def _over(
    budget: Literal["tokens", "money"], limit: int, used_and_held: tuple[int, int], cost: int, now: float
) -> Shortage | None:
    used, held = used_and_held
    if not limit or used + held + cost <= limit:
        return None
    if cost > limit:
        return Shortage(budget, None)
    return Shortage(budget, day_ends_in(now), in_flight=used + cost <= limit)


def requests_free_in(account: Account, limit: int, now: float) -> int:
    """Seconds until one more request is within `limit`."""
    leaving = account.requests - limit + 1
    for second, count in account.seconds:
        leaving -= count
        if leaving <= 0:
            return seconds_left(second, now)
    return 0


def seconds_left(second: int, now: float) -> int:
    """Seconds until the requests of a second count no more."""
    return max(1, math.ceil(second + MINUTE + 1 - now))


def day_ends_in(now: float) -> int:
    """Seconds until the UTC day ends."""
    return max(1, math.ceil(DAY - now % DAY))


def reserved(account: Account, cost: Cost, now: float) -> Account:
    """One more request, its cost held. The account is current."""
    second, seconds = int(now), account.seconds
    if seconds and seconds[-1][0] >= second:
        last, count = seconds[-1]
        seconds = (*seconds[:-1], (last, count + 1))
    else:
        seconds = (*seconds, (second, 1))
    return Account(
        account.day,
        seconds,
        account.requests + 1,
        account.tokens,
        account.money,
        account.held_tokens + cost.tokens,
        account.held_money + cost.money,
    )


def settled(account: Account, held: Cost, took: Cost) -> Account:
    """The reservation gone, and what the call took counted, on the day on which it ends."""
    return Account(
        account.day,
        account.seconds,
        account.requests,
        account.tokens + took.tokens,
        account.money + took.money,
        account.held_tokens - held.tokens,
        account.held_money - held.money,
    )


def unrequested(account: Account, second: int) -> Account:
    """One request of that second uncounted, if it still counts."""
    seconds = tuple((s, n - 1) if s == second else (s, n) for s, n in account.seconds if s != second or n > 1)
    return replace(account, seconds=seconds, requests=sum(n for _, n in seconds))


def state(account: Account, limits: Limits, now: float) -> BudgetState:
    """For people. The account is current."""
    return BudgetState(
        requests_used=account.requests,
        requests_limit=limits.requests,
        requests_reset=seconds_left(account.seconds[-1][0], now) if account.seconds else 0,
        tokens_used=account.tokens + account.held_tokens,
        tokens_limit=limits.tokens,
        money_used=(account.money + account.held_money) / BILLION,
        money_limit=limits.money / BILLION,
        day_reset=day_ends_in(now),
    )
