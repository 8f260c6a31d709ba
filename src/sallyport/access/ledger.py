"""Who has used what, in this process; the day's counters outlive it through the state store.

`reserve`, `settle` and `release` are synchronous and atomic. The store is written behind them, every second
and at `close`, reservations counted as used: a crash forgets at most the last second, and never a call in
flight. If the store takes nothing for long, day budgets refuse (fail closed).
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from itertools import islice

import msgspec
from msgspec import Struct

from sallyport.access import budgets as rules
from sallyport.access.budgets import Account, BudgetLimit, BudgetState, Cost, Limits
from sallyport.access.ratelimit import rate_limit_headers, refuse
from sallyport.errors import Fault, Refusal
from sallyport.model import Model, Principal, Usage
from sallyport.stores.protocols import Change, StateStore

KIND = "budget"
PEOPLE = 65_536  # accounts in memory, some 400 bytes each
FLUSH_SECONDS = 1.0
UNFLUSHED_SECONDS = 10  # without a write that worked, day budgets refuse
CLOSE_SECONDS = 5.0  # for the last write, and for the one that it waits for
LOST_SECONDS = 3600  # a reservation that nobody settled counts as used up
LOOKED_AT = 16  # accounts that make room for a new one, at most

NOTHING = Cost(0, 0)

_log = logging.getLogger("sallyport.access")


class Reservation(Struct, frozen=True):
    """What a call holds until it is settled. `id` 0: nothing is counted for this principal."""

    id: int
    person: str
    model: Model
    cost: Cost
    second: int
    daily: bool


class Stored(Struct, frozen=True, array_like=True):
    """A day's counters in the store, under the SHA-256 of the principal's id."""

    day: int
    tokens: int
    money: int


class BudgetLedger:
    """Call `start` before the first reservation and `close` after the last.

    `clock`: seconds since the epoch. `monotonic` measures only how long the store has taken nothing.
    """

    def __init__(
        self,
        store: StateStore,
        clock: Callable[[], float],
        budgets: Sequence[BudgetLimit] = (),
        *,
        people: int = PEOPLE,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        rules.check_budgets(budgets)
        self._store, self._clock, self._monotonic = store, clock, monotonic
        self._budgets, self._people = tuple(budgets), people
        self._lock = threading.Lock()
        self._limits: dict[tuple[str, ...], Limits] = {}
        self._accounts: dict[str, Account] = {}  # least recently used first
        self._open: dict[int, tuple[Reservation, float]] = {}  # oldest first
        self._stored: dict[str, Stored] = {}  # by digest, of people not seen since the start
        self._dirty: set[str] = set()
        self._flushed = 0.0
        self._last = 0
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Load today's counters, drop older ones, begin to write behind. Raises Fault if a row is not ours."""
        today = int(self._clock()) // rules.DAY
        old: list[Change] = []
        for row in await self._store.scan(KIND):
            try:
                stored = msgspec.msgpack.decode(row.value, type=Stored)
            except msgspec.DecodeError as error:
                raise Fault("a budget counter cannot be read", code="budget_unavailable") from error
            if stored.day < today:
                old.append(Change(kind=KIND, key=row.key, value=None))
            else:
                self._stored[row.key] = stored
        if old:
            await self._store.commit(old)
        self._flushed = self._monotonic()
        self._task = asyncio.create_task(self._write_behind())

    async def close(self) -> None:
        """Stop writing behind, and write what is left. Raises Fault if the store does not take it in time."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=CLOSE_SECONDS)
            self._task = None
        last = asyncio.create_task(self.flush())
        await asyncio.wait({last}, timeout=CLOSE_SECONDS)
        if not last.done():
            last.cancel()
            raise Fault("the store does not take the counters", code="budget_unavailable")
        last.result()

    def reserve(
        self, principal: Principal, model: Model, *, input_tokens: int, output_tokens: int, choices: int
    ) -> Reservation | Refusal:
        """Take what the call may cost, or say when it can be paid for. Tokens are upper estimates.

        Raises Fault (budget_unavailable) before `start`, or where the store has not taken counters for long.
        """
        limits, now = self._limits_of(principal), self._clock()
        daily = bool(limits.tokens or limits.money)
        if not (daily or limits.requests):
            return Reservation(0, principal.id, model, NOTHING, 0, daily)
        cost = rules.estimate(model, input_tokens=input_tokens, output_tokens=output_tokens, choices=choices)
        with self._lock:
            self._check_store(daily=daily)
            account = self._account(principal.id, now)
            if account is None:
                return Refusal(code="overloaded", retry_after=rules.MINUTE)
            short = rules.shortage(account, limits, cost, now)
            if short is not None:
                return refuse(short, rules.state(account, limits, now))
            account = rules.reserved(account, cost, now)
            self._last += 1
            held = Reservation(self._last, principal.id, model, cost, account.seconds[-1][0], daily)
            self._open[held.id] = (held, now)
            self._put(held, account)
            return held

    def settle(self, reservation: Reservation, usage: Usage | None) -> None:
        """Count what the call took. None: nothing was sent; tokens and money go back, the request counts.

        A reservation is settled or released once; again is without effect.
        """
        with self._lock:
            if self._open.pop(reservation.id, None) is not None:
                took = NOTHING if usage is None else rules.spent(reservation.model, usage)
                self._settle(reservation, took)

    def release(self, reservation: Reservation) -> None:
        """Give everything back, the request too: the call was not the caller's to pay for."""
        with self._lock:
            if self._open.pop(reservation.id, None) is not None:
                self._settle(reservation, NOTHING)
                account = self._accounts[reservation.person]
                self._accounts[reservation.person] = rules.unrequested(account, reservation.second)

    def state(self, principal: Principal) -> BudgetState:
        """What is used and what is the limit, for people."""
        now = self._clock()
        with self._lock:
            return rules.state(self._peek(principal.id, now), self._limits_of(principal), now)

    def headers(self, principal: Principal) -> tuple[tuple[str, str], ...]:
        """The x-ratelimit-* response headers, with the names that OpenAI uses; none where nothing is limited."""
        limits = self._limits_of(principal)
        if not (limits.requests or limits.tokens):
            return ()
        return rate_limit_headers(self.state(principal))

    async def flush(self) -> None:
        """Write the changed counters. What the store did not take stays for the next time."""
        with self._lock:
            dirty, self._dirty = self._dirty, set()
            changes = [self._change(person, self._accounts[person]) for person in dirty]
        try:
            if changes:
                await self._store.commit(changes)
        except BaseException:
            with self._lock:
                self._dirty |= dirty
            raise
        self._flushed = self._monotonic()

    async def _write_behind(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            self._forget_lost(self._clock())
            try:
                await self.flush()
            except Exception as error:  # noqa: BLE001 tried again; `reserve` refuses if it goes on
                _log.warning("budget counters were not stored: %s", type(error).__name__)

    def _check_store(self, *, daily: bool) -> None:
        if self._task is None:
            raise Fault("the ledger has not started", code="budget_unavailable")
        if daily and self._dirty and self._monotonic() - self._flushed > UNFLUSHED_SECONDS:
            raise Fault("the store does not take the counters", code="budget_unavailable")

    def _limits_of(self, principal: Principal) -> Limits:
        limits = self._limits.get(principal.roles)
        if limits is None:
            if len(self._limits) >= 1024:  # noqa: PLR2004 combinations of roles that are remembered
                self._limits.clear()
            limits = self._limits[principal.roles] = rules.limits_for(self._budgets, principal.roles)
        return limits

    def _account(self, person: str, now: float) -> Account | None:
        """The account as of now, or None if there is no room for another."""
        if person not in self._accounts and len(self._accounts) >= self._people and not self._make_room(now):
            return None
        return self._peek(person, now)

    def _peek(self, person: str, now: float) -> Account:
        account = self._accounts.get(person)
        if account is None:
            stored = self._stored.get(_digest(person)) if self._stored else None
            account = (
                Account(int(now) // rules.DAY)
                if stored is None
                else Account(stored.day, tokens=stored.tokens, money=stored.money)
            )
        return rules.current(account, now)

    def _make_room(self, now: float) -> bool:
        """Forget an account that has used nothing, looking at the least recently used ones first."""
        for person in list(islice(self._accounts, LOOKED_AT)):
            account = rules.current(self._accounts.pop(person), now)
            if account.idle:
                self._dirty.discard(person)
                return True
            self._accounts[person] = account
        return False

    def _put(self, held: Reservation, account: Account) -> None:
        self._accounts.pop(held.person, None)
        self._accounts[held.person] = account
        if held.daily:
            self._dirty.add(held.person)

    def _settle(self, held: Reservation, took: Cost) -> None:
        account = self._peek(held.person, self._clock())
        self._put(held, rules.settled(account, held.cost, took))

    def _forget_lost(self, now: float) -> None:
        with self._lock:
            while self._open:
                held, since = next(iter(self._open.values()))
                if now - since <= LOST_SECONDS:
                    return
                del self._open[held.id]
                self._settle(held, held.cost)

    @staticmethod
    def _change(person: str, account: Account) -> Change:
        stored = Stored(account.day, account.tokens + account.held_tokens, account.money + account.held_money)
        return Change(kind=KIND, key=_digest(person), value=msgspec.msgpack.encode(stored))


def _digest(person: str) -> str:
    return hashlib.sha256(person.encode()).hexdigest()
