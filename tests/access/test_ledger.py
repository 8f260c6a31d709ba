"""The ledger: never over a limit, refunds, restarts, bounded memory, and closed when the store fails."""

from __future__ import annotations

import asyncio
import sys
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sallyport.access import ledger as ledger_module
from sallyport.access.budgets import DAY, BudgetLimit
from sallyport.access.ledger import BudgetLedger, Reservation
from sallyport.errors import Fault, Refusal
from sallyport.model import Model, Principal, Usage

MODEL = Model(
    name="m",
    segment="s",
    environment="prod",
    upstream="u",
    upstream_model="m",
    input_price=1.0,
    output_price=2.0,
)
SAM = Principal(id="local|sam", roles=("analyst",))
KIM = Principal(id="local|kim", roles=("analyst",))


def rows(**limits: float) -> list[BudgetLimit]:
    return [BudgetLimit(role="analyst", **limits)]


@pytest.fixture
def uptime():
    """A clock that nobody sets, apart from `clock`."""
    return type("Uptime", (), {"now": 0.0, "__call__": lambda self: self.now})()


@pytest.fixture
async def opened(store, clock, uptime):
    """Ledgers on one store; closed at the end unless the test did it."""
    ledgers = []

    async def make(*, people: int = 100, **limits: float) -> BudgetLedger:
        ledger = BudgetLedger(store, clock, rows(**limits), people=people, monotonic=uptime)
        await ledger.start()
        ledgers.append(ledger)
        return ledger

    yield make
    store.error, store.hang = None, False
    for ledger in ledgers:
        await ledger.close()


def take(ledger: BudgetLedger, who: Principal = SAM, tokens: int = 10) -> Reservation | Refusal:
    return ledger.reserve(who, MODEL, input_tokens=tokens, output_tokens=0, choices=1)


async def test_without_a_limit_nothing_is_counted(opened) -> None:
    ledger = await opened(tokens_per_day=5)
    stranger = Principal(id="x", roles=("janitor",))
    held = take(ledger, stranger, 10**9)
    ledger.settle(held, Usage(input_tokens=10**9))
    assert isinstance(take(ledger, stranger, 10**9), Reservation)
    assert ledger.headers(stranger) == ()


async def test_requests_in_a_minute(opened, clock) -> None:
    ledger = await opened(requests_per_minute=2)
    assert isinstance(take(ledger), Reservation)
    assert isinstance(take(ledger), Reservation)
    refusal = take(ledger)
    assert (refusal.code, refusal.retry_after) == ("rate_limited", 61)
    assert isinstance(take(ledger, KIM), Reservation), "each principal has a budget of their own"
    clock.now += refusal.retry_after
    assert isinstance(take(ledger), Reservation)


async def test_settling_gives_back_what_was_not_used(opened) -> None:
    ledger = await opened(tokens_per_day=100)
    held = ledger.reserve(SAM, MODEL, input_tokens=20, output_tokens=40, choices=2)
    assert take(ledger).code == "rate_limited", "calls in flight hold the rest"
    ledger.settle(held, Usage(input_tokens=20, output_tokens=30))
    assert ledger.state(SAM).tokens_used == 50
    assert take(ledger, tokens=51).code == "budget_exhausted"
    assert isinstance(take(ledger, tokens=50), Reservation)


async def test_money(opened) -> None:
    ledger = await opened(money_per_day=0.001)
    held = ledger.reserve(SAM, MODEL, input_tokens=200, output_tokens=400, choices=1)  # exactly all of it
    assert isinstance(held, Reservation)
    assert ledger.state(SAM).money_used == 0.001
    ledger.settle(held, Usage(input_tokens=200, output_tokens=399))
    assert take(ledger, tokens=3).code == "budget_exhausted"
    assert isinstance(take(ledger, tokens=2), Reservation)


async def test_nothing_sent_gives_tokens_back_but_not_the_request(opened) -> None:
    ledger = await opened(tokens_per_day=100, requests_per_minute=3)
    ledger.settle(take(ledger), None)
    assert (ledger.state(SAM).tokens_used, ledger.state(SAM).requests_used) == (0, 1)
    ledger.release(take(ledger))
    assert (ledger.state(SAM).tokens_used, ledger.state(SAM).requests_used) == (0, 1)


async def test_a_reservation_is_settled_once(opened) -> None:
    ledger = await opened(tokens_per_day=100, requests_per_minute=9)
    held, other = take(ledger, tokens=60), take(ledger, tokens=30)
    ledger.settle(held, Usage(input_tokens=60))
    for again in (Usage(input_tokens=60), None):
        ledger.settle(held, again)
    ledger.release(held)
    state = ledger.state(SAM)
    assert (state.tokens_used, state.requests_used) == (90, 2)
    ledger.settle(other, None)
    assert ledger.state(SAM).tokens_used == 60


async def test_more_than_was_reserved_is_counted_whole(opened) -> None:
    ledger = await opened(tokens_per_day=100)
    ledger.settle(take(ledger), Usage(input_tokens=500))
    assert ledger.state(SAM).tokens_used == 500
    assert take(ledger, tokens=1).code == "budget_exhausted"
    assert dict(ledger.headers(SAM))["x-ratelimit-remaining-tokens"] == "0"


async def test_an_upstream_that_lies_does_not_break_the_store(opened, store) -> None:
    ledger = await opened(tokens_per_day=100)
    ledger.settle(take(ledger, KIM), Usage(input_tokens=2**200, output_tokens=-(2**200)))
    await ledger.flush()
    assert take(ledger, KIM).code == "budget_exhausted"
    assert store.rows


async def test_the_next_day_begins_anew(opened, clock) -> None:
    ledger = await opened(tokens_per_day=100)
    ledger.settle(take(ledger, tokens=100), Usage(input_tokens=100))
    refusal = take(ledger)
    assert ("x-should-retry", "false") in refusal.headers
    assert refusal.retry_after == DAY - clock.now % DAY
    clock.now += refusal.retry_after
    assert isinstance(take(ledger, tokens=100), Reservation)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("reserve"), st.sampled_from([SAM, KIM]), st.integers(0, 60)),
        st.tuples(st.sampled_from(["settle", "unsent", "release"]), st.integers(0, 9), st.floats(0, 1)),
        st.tuples(st.just("wait"), st.integers(0, 90), st.none()),
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(steps)
def test_never_over_the_limit_whatever_the_order(script) -> None:
    """Any interleaving; each call uses at most what it reserved. The model: plain sums over what happened."""
    asyncio.run(interleave(script))


async def interleave(script) -> None:
    now = 10 * DAY - 300.0
    ledger = BudgetLedger(NoStore(), lambda: now, rows(tokens_per_day=100, requests_per_minute=6))
    await ledger.start()
    flight: list[Reservation] = []
    used: list[tuple[str, int, int]] = []  # person, day of settlement, tokens
    asked: list[tuple[str, float]] = []
    for what, first, second in script:
        if what == "wait":
            now += first
        elif what == "reserve":
            held = take(ledger, first, second)
            if isinstance(held, Reservation):
                flight.append(held)
                asked.append((first.id, now))
            else:
                assert held.retry_after
        elif flight:
            held = flight.pop(first % len(flight))
            if what == "settle":
                tokens = int(held.cost.tokens * second)
                ledger.settle(held, Usage(input_tokens=tokens))
                used.append((held.person, int(now) // DAY, tokens))
            elif what == "unsent":
                ledger.settle(held, None)
            else:
                ledger.release(held)
        for who in (SAM, KIM):
            today = sum(t for person, day, t in used if (person, day) == (who.id, int(now) // DAY))
            held_now = sum(h.cost.tokens for h in flight if h.person == who.id)
            assert ledger.state(who).tokens_used == today + held_now
            assert today + held_now <= 100
            if not any(what == "release" for what, _, _ in script):
                assert sum(p == who.id and t > now - 60 for p, t in asked) <= 6
    await ledger.close()


class NoStore:
    async def read(self, kind, key):
        return None

    async def scan(self, kind, prefix=""):
        return []

    async def commit(self, changes):
        pass


async def test_threads_do_not_share_a_token(opened) -> None:
    ledger = await opened(tokens_per_day=5000)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    taken: list[Reservation | Refusal] = []

    together = threading.Barrier(4)

    def greedy() -> None:
        together.wait()
        taken.extend([take(ledger, tokens=1) for _ in range(1500)])

    threads = [threading.Thread(target=greedy) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.setswitchinterval(interval)
    assert sum(isinstance(t, Reservation) for t in taken) == 5000
    assert len({t.id for t in taken if isinstance(t, Reservation)}) == 5000
    assert ledger.state(SAM).tokens_used == 5000


async def test_counters_survive_a_restart_with_flights_as_used(opened) -> None:
    ledger = await opened(tokens_per_day=100)
    ledger.settle(take(ledger, tokens=30), Usage(input_tokens=30))
    take(ledger, tokens=50)  # in flight for ever: the process is killed
    await ledger.flush()
    again = await opened(tokens_per_day=100)
    assert again.state(SAM).tokens_used == 80
    assert take(again, tokens=21).code == "budget_exhausted"
    assert isinstance(take(again, tokens=20), Reservation)
    await again.flush()
    third = await opened(tokens_per_day=100)
    assert third.state(SAM).tokens_used == 100


async def test_close_writes_what_is_left(store, clock) -> None:
    ledger = BudgetLedger(store, clock, rows(tokens_per_day=100, money_per_day=1.0))
    await ledger.start()
    ledger.settle(take(ledger, tokens=30), Usage(input_tokens=30))
    await ledger.close()
    assert len(store.rows) == 1
    assert b"sam" not in store.stored(), "no personal data in the store"
    again = BudgetLedger(store, clock, rows(tokens_per_day=100))
    await again.start()
    assert again.state(SAM).tokens_used == 30
    await again.close()


async def test_yesterdays_counters_are_dropped(opened, store, clock) -> None:
    ledger = await opened(tokens_per_day=100)
    take(ledger, tokens=30)
    await ledger.flush()
    clock.now += DAY
    again = await opened(tokens_per_day=100)
    assert again.state(SAM).tokens_used == 0
    assert not store.rows


async def test_the_background_writes(opened, store, monkeypatch) -> None:
    monkeypatch.setattr(ledger_module, "FLUSH_SECONDS", 0.001)
    ledger = await opened(tokens_per_day=100)
    take(ledger, tokens=30)
    for _ in range(1000):
        if store.rows:
            break
        await asyncio.sleep(0.001)
    assert store.rows


async def test_a_store_that_fails_keeps_counters_and_closes_the_door(
    opened, store, uptime, monkeypatch
) -> None:
    monkeypatch.setattr(ledger_module, "FLUSH_SECONDS", 3600)
    ledger = await opened(tokens_per_day=100, requests_per_minute=50)
    take(ledger, tokens=30)
    store.error = OSError("disk")
    with pytest.raises(OSError, match="disk"):
        await ledger.flush()
    assert isinstance(take(ledger, tokens=5), Reservation), "for a moment it goes on"
    uptime.now += 11
    with pytest.raises(Fault) as caught:
        take(ledger)
    assert caught.value.code == "budget_unavailable"
    store.error = None
    await ledger.flush()
    again = await opened(tokens_per_day=100)
    assert again.state(SAM).tokens_used == 35
    assert isinstance(take(ledger), Reservation)


async def test_what_the_store_did_not_take_is_written_the_next_time(opened, store) -> None:
    ledger = await opened(tokens_per_day=100)
    take(ledger, tokens=30)
    store.error = OSError("disk")
    with pytest.raises(OSError, match="disk"):
        await ledger.flush()
    store.error = None
    await ledger.flush()
    assert store.rows


async def test_a_store_that_hangs_closes_the_door_and_does_not_hold_up_the_end(
    store, clock, uptime, monkeypatch
) -> None:
    monkeypatch.setattr(ledger_module, "FLUSH_SECONDS", 0.001)
    monkeypatch.setattr(ledger_module, "CLOSE_SECONDS", 0.02)
    ledger = BudgetLedger(store, clock, rows(tokens_per_day=100), monotonic=uptime)
    await ledger.start()
    store.hang = True
    take(ledger)
    await asyncio.sleep(0.05)
    uptime.now += 11
    take(ledger)  # the first since the hung write began: nothing waits to be written yet
    with pytest.raises(Fault):
        take(ledger)
    with pytest.raises(Fault):
        await ledger.close()
    store.hang = False
    store.released.set()


async def test_before_the_start_and_after_a_bad_row_it_refuses(store, clock) -> None:
    ledger = BudgetLedger(store, clock, rows(requests_per_minute=5))
    with pytest.raises(Fault):
        take(ledger)
    row = type("Row", (), {"kind": "budget", "key": "k", "version": 1, "value": b"\xc1"})()
    store.rows["budget", "k"] = row
    with pytest.raises(Fault) as caught:
        await ledger.start()
    assert caught.value.code == "budget_unavailable"


async def test_memory_is_bounded_and_forgets_only_who_used_nothing(opened, clock) -> None:
    ledger = await opened(requests_per_minute=5, tokens_per_day=100, people=3)
    people = [Principal(id=f"p{i}", roles=("analyst",)) for i in range(6)]
    for who in people[:3]:
        ledger.settle(take(ledger, who), None)
    assert take(ledger, people[3]).code == "overloaded", "all three are within their minute"
    clock.now += 62
    spender = take(ledger, people[0])
    ledger.settle(spender, Usage(input_tokens=90))
    for who in people[3:]:
        ledger.settle(take(ledger, who), None)
        clock.now += 62
    assert len(ledger._accounts) <= 3
    assert ledger.state(people[0]).tokens_used == 90


async def test_a_call_whose_account_was_forgotten_can_be_settled(opened, clock) -> None:
    ledger = await opened(tokens_per_day=100, people=1)
    held = take(ledger, tokens=0)
    clock.now += 62
    ledger.settle(take(ledger, KIM), None)
    assert list(ledger._accounts) == [KIM.id]
    ledger.settle(held, Usage(input_tokens=7))
    assert ledger.state(SAM).tokens_used == 7


async def test_a_reservation_that_nobody_settles_counts_as_used(opened, clock, monkeypatch) -> None:
    monkeypatch.setattr(ledger_module, "FLUSH_SECONDS", 0.001)
    ledger = await opened(tokens_per_day=100)
    held = take(ledger, tokens=40)
    clock.now += 3601
    for _ in range(1000):
        if not ledger._open:
            break
        await asyncio.sleep(0.001)
    assert ledger.state(SAM).tokens_used == 40
    ledger.settle(held, None)
    assert ledger.state(SAM).tokens_used == 40


async def test_headers(opened) -> None:
    ledger = await opened(tokens_per_day=100, requests_per_minute=5)
    take(ledger, tokens=30)
    found = dict(ledger.headers(SAM))
    assert found["x-ratelimit-remaining-requests"] == "4"
    assert found["x-ratelimit-remaining-tokens"] == "70"
    assert found["x-ratelimit-reset-requests"] == "1m1s"
