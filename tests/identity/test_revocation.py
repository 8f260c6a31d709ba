from __future__ import annotations

import asyncio

import pytest
from identity_world import ADMIN, Clock
from memory_store import FaultyStore, MemoryStore

from sallyport.errors import Fault
from sallyport.identity.revocation import Revocation, RevocationFeed, Revoked, gathered
from sallyport.model import Principal
from sallyport.stores.protocols import Change

NOW = 1_800_000_000


def principal(name="sam", *, session="s1", auth_time=NOW - 10) -> Principal:
    return Principal(id=f"local|{name}", session=session, auth_time=auth_time)


def feed_of(store, clock=None, **options) -> RevocationFeed:
    clock = clock or Clock()
    return RevocationFeed(store, clock.monotonic, clock=clock, **options)


@pytest.mark.parametrize(
    ("record", "covered", "spared"),
    [
        (Revocation(scope="session", id="s1", at=NOW), principal(), principal(session="s2")),
        (
            Revocation(scope="session", id="s1", at=NOW),
            principal(auth_time=NOW + 5),  # a session that was ended does not come back
            principal(session=""),
        ),
        (Revocation(scope="principal", id="local|sam", at=NOW), principal(), principal("ann")),
        (
            Revocation(scope="principal", id="local|sam", at=NOW),
            principal(auth_time=NOW),
            principal(auth_time=NOW + 1),
        ),
        (
            Revocation(scope="principal", id="local|sam", at=NOW),
            principal(auth_time=0),  # unknown: counts as before
            principal("local|sam"),
        ),
        (Revocation(scope="all", at=NOW), principal("ann"), principal("ann", auth_time=NOW + 1)),
        (Revocation(scope="all", at=NOW), principal("ann", auth_time=0), principal(auth_time=NOW + 1)),
    ],
)
def test_what_a_record_covers(record, covered, spared):
    revoked = gathered(1, [record])
    assert revoked.covers(covered)
    assert not revoked.covers(spared)


def test_nothing_revoked_covers_nobody():
    assert not Revoked().covers(principal(auth_time=0))


def test_the_later_of_two_records_counts():
    records = [Revocation(scope="all", at=NOW), Revocation(scope="all", at=NOW - 5)]
    assert gathered(1, records).everything == NOW


async def test_it_is_not_fresh_before_the_first_poll_and_stale_after_a_second():
    clock = Clock()
    feed = feed_of(MemoryStore(), clock)
    assert (feed.fresh(), feed.epoch()) == (False, -1)
    assert await feed.poll()
    assert (feed.fresh(), feed.epoch()) == (True, 0)
    clock.forward(1.0)
    assert feed.fresh()
    clock.forward(0.01)
    assert not feed.fresh()


async def test_a_poll_that_changes_nothing_is_one_read():
    store = MemoryStore()
    feed = feed_of(store)
    await feed.revoke_session("s1", by=ADMIN, reason="test")
    scans = []
    store.scan, store.reads = lambda kind, prefix="": scans.append(kind), []
    assert await feed.poll()
    assert store.reads == [("epoch", "identity")]
    assert not scans


@pytest.mark.parametrize("scope", ["session", "principal", "everything"])
async def test_two_feeds_on_one_store_see_each_others_revocations(scope):
    store, clock = MemoryStore(), Clock()
    ours, theirs = feed_of(store, clock), feed_of(store, clock)
    await ours.poll()
    before = ours.epoch()
    who = principal(auth_time=int(clock()) - 5)
    if scope == "session":
        await theirs.revoke_session("s1", by=ADMIN, reason="test")
    elif scope == "principal":
        await theirs.revoke_principal("local|sam", by=ADMIN, reason="test")
    else:
        await theirs.revoke_everything(by=ADMIN, reason="test")
    assert theirs.revoked(who)
    assert not ours.revoked(who)
    await ours.poll()
    assert ours.revoked(who)
    assert ours.epoch() > before


async def test_who_sees_the_epoch_sees_the_record():
    """Record and epoch are one commit."""
    store = MemoryStore()
    await feed_of(store).revoke_session("s1", by=ADMIN, reason="test")
    (commit,) = store.commits
    assert [change.kind for change in commit] == ["revocation", "epoch"]


async def test_the_background_follows_another_process():
    store = MemoryStore()
    ours = RevocationFeed(store, interval=0.01)
    changed = asyncio.Event()
    await ours.start()
    ours.on_change(changed.set)
    await feed_of(store).revoke_session("s1", by=ADMIN, reason="test")
    await asyncio.wait_for(changed.wait(), 20)
    assert ours.revoked(principal())
    await ours.stop()


@pytest.mark.parametrize("fault", ["raises", "hangs", "hangs and ignores being cancelled", "lies"])
async def test_a_store_that_fails_makes_it_stale_and_never_raises(fault):
    store, clock = FaultyStore(), Clock()
    feed = RevocationFeed(store, clock.monotonic, stale=0.05, clock=clock)
    await feed.revoke_session("s1", by=ADMIN, reason="test")
    assert feed.fresh()
    good = store.rows
    if fault == "raises":
        store.error = Fault("down")
    elif fault == "lies":
        await store.commit(
            [
                Change(kind="revocation", key="session:s2", value=b"{"),
                Change(kind="epoch", key="identity", value=b"1"),
            ]
        )
    else:
        store.hang, store.deaf = True, "ignores" in fault
    clock.forward(1)
    assert not await feed.poll()
    assert not await feed.poll()  # also while the first one still hangs
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == (2 if store.deaf else 1)  # polls do not pile up
    assert not feed.fresh()
    assert feed.revoked(principal())  # what was known stays known
    store.error, store.hang, store.rows = None, False, good
    store.released.set()
    await asyncio.sleep(0)
    assert await feed.poll()
    assert feed.fresh()


async def test_a_slow_poll_confirms_only_the_moment_when_it_began():
    clock = Clock()
    store = MemoryStore()
    feed = feed_of(store, clock)
    read = store.read

    async def slow(kind, key):
        clock.forward(1.5)
        return await read(kind, key)

    store.read = slow
    assert await feed.poll()
    assert not feed.fresh()


async def test_listeners_hear_of_lost_and_regained_freshness_and_may_fail():
    store = FaultyStore()
    clock = Clock()
    heard: asyncio.Queue[bool] = asyncio.Queue()
    feed = RevocationFeed(store, clock.monotonic, interval=0.001, stale=0.5, clock=clock)

    def broken() -> None:
        raise ValueError

    await feed.start()
    feed.on_change(broken)
    feed.on_change(lambda: heard.put_nowait(feed.fresh()))
    store.error = Fault("down")
    clock.forward(2)
    async with asyncio.timeout(20):
        assert await heard.get() is False
        store.error = None
        assert await heard.get() is True
    await feed.stop()


async def test_starting_without_a_store_is_no_crash():
    store = FaultyStore()
    store.error = OSError("no disk")
    feed = feed_of(store)
    await feed.start()
    assert not feed.fresh()
    await feed.stop()
    await feed.stop()


async def test_records_older_than_the_longest_session_are_dropped():
    store, clock = MemoryStore(), Clock()
    feed = feed_of(store, clock, keep_seconds=100)
    await feed.revoke_session("old", by=ADMIN, reason="test")
    clock.forward(101)
    await feed.revoke_session("new", by=ADMIN, reason="test")
    assert [row.key for row in await store.scan("revocation")] == ["session:new"]
    epoch = feed.epoch()
    await feed.poll()
    assert feed.epoch() == epoch  # dropping them is no news


async def test_a_revocation_that_the_store_did_not_take_is_an_error():
    store = FaultyStore()
    store.error = Fault("down")
    with pytest.raises(Fault):
        await feed_of(store).revoke_session("s1", by=ADMIN, reason="test")


async def test_a_store_put_back_from_a_backup_is_a_change():
    store = MemoryStore()
    feed = feed_of(store)
    earlier = store.rows
    await feed.revoke_session("s1", by=ADMIN, reason="test")
    store.rows = earlier
    await feed.poll()
    assert (feed.epoch(), feed.revoked(principal())) == (0, False)


async def test_what_follows_the_feed_is_loaded_before_an_epoch_is_confirmed():
    clock, store = Clock(), MemoryStore()
    feed = feed_of(store, clock)
    seen = []

    async def load():
        seen.append(feed.epoch())

    feed.follow(load)
    await feed.poll()
    await feed.poll()
    assert seen == [-1]
    await feed.revoke_session("s1", by=ADMIN, reason="r")
    assert seen == [-1, 0]
    assert feed.epoch() == 1


async def test_what_cannot_be_loaded_leaves_the_epoch_unconfirmed():
    clock, store = Clock(), MemoryStore()
    feed = feed_of(store, clock)
    await feed.poll()

    async def fails():
        raise Fault("unreadable")

    feed.follow(fails)
    await feed.revoke_session("s1", by=ADMIN, reason="r")
    assert not await feed.poll()
    assert feed.epoch() == 0
