"""Grants as they are stored: the copy of each worker, conflicts, and stores and logs that fail."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from sallyport.access.grant_book import KEEP_SECONDS, GrantBook
from sallyport.access.grants import Grant, Requestable
from sallyport.access.locks import Lock, lock_on
from sallyport.errors import Conflict, Fault, LogFault, Refusal
from sallyport.model import Model, Principal
from sallyport.stores.protocols import Change

NOW = 1_800_000_000
BUMP = Change(kind="epoch", key="identity", value=b"1")
RULES = {
    ("role", "analyst"): Requestable(
        kind="role", name="analyst", eligible=frozenset({"support-agent"}), approvers={"lead": 1}
    )
}
SAM = Principal(id="local|sam", roles=("support-agent",), mfa=True, auth_time=NOW)
GRANT = Grant(
    id="g-1", who="local|sam", kind="role", name="analyst", seconds=3600, asked=NOW, answer_by=NOW + 60,
    reason="because of the figures", since=NOW, until=NOW + 3600,
)  # fmt: skip
PENDING = replace(GRANT, since=0, until=0)


async def written(_grant):
    """The log took the entry."""


@pytest.fixture
def books(store, clock):
    return [GrantBook(store, RULES, bump=BUMP, clock=clock) for _ in range(2)]


async def test_a_worker_learns_of_a_grant_when_it_loads_and_of_its_end_by_the_clock(books, clock):
    one, other = books
    assert await one.add(GRANT, written) is None
    assert other.elevated(SAM) == SAM
    await other.load()
    found = other.elevated(SAM)
    assert (found.roles, [g.id for g in found.granted]) == (("analyst", "support-agent"), ["g-1"])
    clock.now = NOW + 3599
    assert other.elevated(SAM) == found
    clock.now = NOW + 3600
    assert other.elevated(SAM) == SAM
    assert other.renewed(found) == SAM


async def test_a_change_moves_both_epochs_in_its_own_commit(books, store):
    await books[0].add(GRANT, written)
    places = {(change.kind, change.key) for change in store.commits[-1]}
    assert places >= {("grant", "g-1"), ("epoch", "access"), ("epoch", "identity")}
    await books[0].put_lock(Lock(id="l", scope="everything", reason="r", by="local|sue", at=NOW))
    assert {change.kind for change in store.commits[-1]} == {"lock", "epoch"}


async def test_one_live_request_for_one_thing_also_on_two_workers_at_once(books, store, clock):
    asked = [book.add(replace(PENDING, id=f"g-{i}"), written) for i, book in enumerate(books)]
    answers = await asyncio.gather(*asked)
    assert [a.code for a in answers if a is not None] == ["grant_exists"]
    assert len(await store.scan("grant")) == 1
    clock.now = NOW + 60
    assert (
        await books[0].add(replace(PENDING, id="g-9", asked=clock.now, answer_by=clock.now + 60), written)
        is None
    )


async def test_two_changes_at_once_are_made_one_after_the_other(books):
    await books[0].add(PENDING, written)
    seen = []

    def count(grant):
        seen.append(grant.more)
        return replace(grant, more=grant.more + 1)

    await asyncio.gather(*(book.change("g-1", count, written) for book in books))
    assert sorted(seen) == [0, 0, 1]
    stored = await books[0].change("g-1", lambda g: Refusal(code="grant_over", message=str(g.more)), written)
    assert stored.message == "2"


@pytest.mark.parametrize("error", [Fault("store"), Conflict("again and again")])
async def test_a_store_that_fails_gives_nothing(books, store, error):
    await books[0].add(PENDING, written)
    store.error = error
    with pytest.raises((Fault, Conflict)):
        await books[0].change("g-1", lambda g: replace(g, since=NOW, until=NOW + 60), written)
    with pytest.raises((Fault, Conflict)):
        await books[1].load()
    store.error = None
    await books[1].load()
    assert books[1].elevated(SAM) == SAM


async def test_without_an_entry_in_the_log_nothing_is_given(books, store):
    async def refuses(_grant):
        raise LogFault("full")

    with pytest.raises(LogFault):
        await books[0].add(GRANT, refuses)
    assert await store.scan("grant") == []


async def test_what_ended_long_ago_is_dropped_but_no_glass_without_its_review(books, store, clock):
    await books[0].add(GRANT, written)
    await books[0].add(replace(GRANT, id="g-2", name="other", emergency=True), written)
    clock.now = NOW + 3600 + KEEP_SECONDS + 1
    await books[1].load()
    assert [row.key for row in await store.scan("grant")] == ["g-2"]


async def test_a_locked_grant_counts_again_after_the_lock(books, clock):
    await books[0].add(GRANT, written)
    await books[0].put_lock(
        Lock(id="l", scope="grant", name="g-1", reason="r", by="s", at=NOW, until=NOW + 60)
    )
    await books[0].load()
    assert books[0].elevated(SAM) == SAM
    clock.now = NOW + 60
    assert books[0].elevated(SAM) != SAM


MODEL = Model(name="m", segment="s", environment="prod", upstream="u", upstream_model="m")


@pytest.mark.parametrize(
    ("scope", "name", "until", "action", "model", "stops"),
    [
        ("user", "local|sam", 0, "chat", MODEL, True),
        ("user", "local|sam", 0, "manage_people", None, True),
        ("user", "local|dan", 0, "chat", MODEL, False),
        ("role", "support-agent", 0, "chat", MODEL, True),
        ("role", "support-agent", 0, "manage_locks", None, False),
        ("role", "analyst", 0, "chat", MODEL, False),
        ("model", "m", 0, "use_tool", MODEL, True),
        ("model", "n", 0, "chat", MODEL, False),
        ("segment", "s", 0, "embed", MODEL, True),
        ("segment", "s", 0, "read_content", None, False),
        ("everything", "", 0, "read_content", None, True),
        ("everything", "", 0, "send_uninspected", MODEL, True),
        ("everything", "", 0, "manage_locks", None, False),
        ("everything", "", NOW + 1, "chat", MODEL, True),
        ("everything", "", NOW, "chat", MODEL, False),
        ("grant", "g-1", 0, "chat", MODEL, False),  # only the grant does not count
    ],
)
def test_what_a_lock_stops(scope, name, until, action, model, stops):
    lock = Lock(id="l", scope=scope, name=name, reason="r", by="s", at=NOW, until=until)
    assert (lock_on([lock], SAM, action, model, NOW) is not None) == stops
