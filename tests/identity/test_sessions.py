from __future__ import annotations

import asyncio
import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from identity_world import ADMIN, World
from memory_store import FaultyStore, MemoryStore

from sallyport.errors import Conflict, Fault, Refusal
from sallyport.identity.directory_records import IssuedKey
from sallyport.identity.revocation import bump
from sallyport.identity.session_rules import KEY_LENGTH, format_key, well_formed
from sallyport.model import Principal
from sallyport.stores.protocols import Change


@given(st.binary(min_size=32, max_size=32))
def test_keys_are_50_characters_of_base64url(random):
    key = format_key(random)
    assert len(key) == KEY_LENGTH == 50
    assert well_formed(key)
    assert base64.urlsafe_b64decode(key[3:46] + "=") == random


@given(st.binary(min_size=32, max_size=32), st.integers(0, 49), st.characters())
def test_a_typo_is_told_without_a_lookup(random, place, character):
    key = format_key(random)
    typo = key[:place] + character + key[place + 1 :]
    assert well_formed(typo) == (typo == key)


@pytest.mark.parametrize("key", ["", "sp_", "sp_" + "A" * 47, "x" * 50, "sp_" + "\udc80" * 47, "\u0660" * 50])
async def test_what_is_no_key_reads_nothing(world, key):
    await world.feed.poll()
    world.store.reads.clear()
    assert (await world.sessions.lookup(key)).code == "token_malformed"
    assert (await world.sessions.refresh(key)).code == "token_malformed"
    assert (await world.directory.logout(key)).code == "token_invalid"
    assert world.store.reads == []


async def test_a_key_gives_its_principal(world):
    await world.enrol("sam", "agent", "analyst")
    issued = await world.login("sam")
    assert await world.sessions.lookup(issued.key) == Principal(
        id="local|sam",
        roles=("agent", "analyst"),
        mfa=True,
        amr=("pwd", "otp"),
        acr="aal2",
        auth_time=int(world.clock()) - 30,
        session=issued.session,
        expires=issued.expires,
    )


async def test_only_the_digest_is_stored_and_nothing_shows_it(world):
    await world.enrol("sam")
    issued = await world.login("sam")
    assert issued.key.encode() not in world.store.stored()
    assert issued.key[3:46].encode() not in world.store.stored()
    assert issued.key not in repr(issued)


async def test_a_warm_lookup_reads_nothing(world):
    await world.enrol("sam")
    issued = await world.login("sam")
    await world.sessions.lookup(issued.key)
    world.store.reads.clear()
    assert isinstance(await world.sessions.lookup(issued.key), Principal)
    assert world.store.reads == []


async def test_an_unknown_key_of_the_right_form(world):
    assert await world.ask(format_key(b"\1" * 32)) == "token_invalid"


@pytest.mark.parametrize("warm", [True, False])
@pytest.mark.parametrize(
    ("seconds", "answer"), [(1799, "local|sam"), (1800, "local|sam"), (1801, "token_expired")]
)
async def test_an_unused_session_ends(world, warm, seconds, answer):
    await world.enrol("sam")
    issued = await world.try_login("sam")
    if warm:
        await world.ask(issued.key)
    world.clock.forward(seconds)
    assert await world.ask(issued.key) == answer


@pytest.mark.parametrize(("at", "answer"), [(3599, "local|sam"), (3600, "token_expired")])
async def test_a_key_ends_however_much_it_is_used(world, at, answer):
    await world.enrol("sam")
    issued = await world.try_login("sam")
    for _ in range(3):
        world.clock.forward(1199)
        await world.ask(issued.key)
    world.clock.forward(at - 3597)
    assert await world.ask(issued.key) == answer


async def test_a_session_ends_however_often_it_is_refreshed(world):
    await world.enrol("sam")
    issued = await world.try_login("sam")
    for _ in range(43_200 // 1200 - 1):
        world.clock.forward(1200)
        issued = await world.sessions.refresh(issued.key)
        assert isinstance(issued, IssuedKey)
    assert await world.ask(issued.key) == "local|sam"
    assert issued.expires == issued.session_expires
    world.clock.forward(1200)
    assert await world.ask(issued.key) == "token_expired"
    assert (await world.sessions.refresh(issued.key)).code == "token_expired"


async def test_a_refresh_replaces_the_key_here_and_elsewhere(world):
    await world.enrol("sam")
    old = await world.try_login("sam")
    other = World(world.store, world.clock, seed="other")
    assert await other.ask(old.key) == "local|sam"
    world.clock.forward(600)
    fresh = await world.sessions.refresh(old.key)
    assert (fresh.session, fresh.principal) == (old.session, old.principal)
    for process in (world, other):
        assert await process.ask(old.key) == "token_revoked"
        assert await process.ask(fresh.key) == "local|sam"
    other.directory.close()


async def test_a_key_that_has_expired_may_be_refreshed_while_the_session_lives(world):
    await world.enrol("sam")
    issued = await world.try_login("sam")
    for _ in range(3):
        world.clock.forward(1000)
        await world.ask(issued.key)
    world.clock.forward(1000)
    assert await world.ask(issued.key) == "token_expired"
    fresh = await world.sessions.refresh(issued.key)
    assert await world.ask(fresh.key) == "local|sam"


async def test_a_young_key_is_not_refreshed(world):
    await world.enrol("sam")
    issued = await world.try_login("sam")
    world.clock.forward(59)
    refusal = await world.sessions.refresh(issued.key)
    assert (refusal.code, refusal.retry_after) == ("login_throttled", 1)
    assert await world.ask(issued.key) == "local|sam"


async def test_of_two_refreshes_one_wins_and_the_session_lives(world):
    await world.enrol("sam")
    issued = await world.try_login("sam")
    world.clock.forward(600)
    answers = await asyncio.gather(*(world.sessions.refresh(issued.key) for _ in range(4)))
    (won,) = [answer for answer in answers if isinstance(answer, IssuedKey)]
    assert {a.code for a in answers if isinstance(a, Refusal)} == {"token_revoked"}
    assert await world.ask(won.key) == "local|sam"


async def test_a_replaced_key_that_turns_up_late_ends_the_session(world):
    await world.enrol("sam")
    stolen = await world.try_login("sam")
    world.clock.forward(600)
    thief = await world.sessions.refresh(stolen.key)
    assert await world.ask(thief.key) == "local|sam"
    world.clock.forward(31)
    assert (await world.sessions.refresh(stolen.key)).code == "token_revoked"
    assert await world.ask(thief.key) == "token_revoked"


@pytest.mark.parametrize("act", ["suspend", "end", "feed session", "feed principal", "feed all", "recover"])
@pytest.mark.parametrize("elsewhere", [False, True])
async def test_what_ends_a_session_ends_it_in_every_process(world, act, elsewhere):
    await world.enrol("sam")
    issued = await world.login("sam")
    other = World(world.store, world.clock, seed="other")
    for process in (world, other):
        assert await process.ask(issued.key) == "local|sam"
    actor = other if elsewhere else world
    expected = "token_revoked"
    if act == "suspend":
        await actor.directory.suspend("sam", by=ADMIN)
        expected = "principal_suspended"
    elif act == "end":
        await actor.sessions.end(issued.session, by=ADMIN, reason="test")
    elif act == "feed session":
        await actor.feed.revoke_session(issued.session, by=ADMIN, reason="test")
    elif act == "feed principal":
        await actor.feed.revoke_principal("local|sam", by=ADMIN, reason="test")
    elif act == "feed all":
        await actor.feed.revoke_everything(by=ADMIN, reason="test")
    else:
        link = await actor.directory.recovery_link("sam", by=ADMIN)
        world.clock.forward(900)
        await actor.take(link.secret, "sam")
    for process in (actor, world, other):
        assert await process.ask(issued.key) == expected
        assert (await process.sessions.refresh(issued.key)).code == expected
    # whoever holds the principal of a running stream hears of it from the feed
    assert world.feed.revoked(Principal(id="local|sam", session=issued.session, auth_time=1))
    other.directory.close()


async def test_roles_are_those_of_now(world):
    await world.enrol("sam", "agent")
    issued = await world.login("sam")
    other = World(world.store, world.clock, seed="other")
    await other.ask(issued.key)
    await world.directory.set_roles("sam", ["analyst"], by=ADMIN)
    await other.feed.poll()
    for process in (world, other):
        assert (await process.sessions.lookup(issued.key)).roles == ("analyst",)
    other.directory.close()


async def test_without_a_fresh_feed_nobody_is_known(world):
    await world.enrol("sam")
    issued = await world.login("sam")
    assert await world.ask(issued.key) == "local|sam"
    world.clock.forward(2)
    assert (await world.sessions.lookup(issued.key)).code == "revocation_stale"
    assert await world.ask(issued.key) == "local|sam"


async def test_a_change_that_arrives_during_the_load_is_not_missed(world):
    """The epoch is read before the rows: what was loaded under an epoch that has moved is loaded again."""
    await world.enrol("sam", "agent")
    issued = await world.login("sam")
    read = world.store.read
    once = iter([True])

    async def overtaken(kind, key):
        row = await read(kind, key)
        if kind == "person" and next(once, False):
            await world.directory.set_roles("sam", ["analyst"], by=ADMIN)
        return row

    world.store.read = overtaken
    assert (await world.sessions.lookup(issued.key)).roles == ("analyst",)


@pytest.mark.parametrize("fault", ["raises", "hangs"])
async def test_a_store_that_fails_lets_nobody_in(fault):
    store = FaultyStore()
    world = World(store)
    await world.enrol("sam")
    issued = await world.login("sam")
    if fault == "raises":
        store.error = Fault("down")
        with pytest.raises(Fault):
            await world.sessions.lookup(issued.key)
    else:
        store.hang = True
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(world.sessions.lookup(issued.key), 0.01)
    world.directory.close()


def session_writes(world) -> int:
    return sum(change.kind == "session" for commit in world.store.commits for change in commit)


async def test_the_last_use_is_written_at_most_once_a_minute(world):
    await world.enrol("sam")
    issued = await world.try_login("sam")
    before = session_writes(world)
    for _ in range(120):
        world.clock.forward(1)
        await world.ask(issued.key)
        await world.sessions._upkeep.flush()
    assert session_writes(world) - before == 2


async def test_another_process_knows_of_uses_here(world):
    await world.enrol("sam")
    issued = await world.try_login("sam")
    for _ in range(3):
        world.clock.forward(900)
        await world.ask(issued.key)
    await world.sessions._upkeep.flush()
    other = World(world.store, world.clock, seed="other")
    assert await other.ask(issued.key) == "local|sam"
    other.directory.close()


async def test_an_idle_verdict_in_memory_asks_the_store_first(world):
    await world.enrol("sam")
    issued = await world.try_login("sam")
    await world.ask(issued.key)
    other = World(world.store, world.clock, seed="other")
    for _ in range(2):
        world.clock.forward(1700)
        await other.ask(issued.key)
        await other.sessions._upkeep.flush()
    assert await world.ask(issued.key) == "local|sam"
    other.directory.close()


async def test_writing_a_use_never_brings_an_ended_session_back(world):
    await world.enrol("sam")
    issued = await world.try_login("sam")
    world.clock.forward(600)
    await world.ask(issued.key)
    read = world.store.read

    async def overtaken(kind, key):
        row = await read(kind, key)
        if kind == "session":
            world.store.read = read
            await world.sessions.end(issued.session, by=ADMIN, reason="test")
        return row

    world.store.read = overtaken
    with pytest.raises(Conflict):
        await world.sessions._upkeep.flush()
    await world.sessions._upkeep.flush()
    assert await world.store.read("session", issued.session) is None
    assert await world.ask(issued.key) == "token_revoked"


async def test_stopping_writes_uses_and_survives_a_dead_store():
    store = FaultyStore()
    world = World(store)
    await world.enrol("sam")
    issued = await world.try_login("sam")
    await world.sessions.start()
    world.clock.forward(600)
    await world.ask(issued.key)
    store.error = Fault("down")
    await world.sessions.stop()
    store.error = None
    before = store.rows["session", issued.session].version
    await world.sessions.stop()
    assert store.rows["session", issued.session].version == before + 1
    world.directory.close()


async def test_dead_rows_are_dropped(world):
    await world.enrol("sam")
    issued = await world.try_login("sam")
    world.clock.forward(600)
    await world.sessions.refresh(issued.key)
    world.clock.forward(43_200 - 600)
    live = await world.login("sam")
    await world.sessions._upkeep.purge()
    assert [row.key for row in await world.store.scan("session")] == [live.session]
    assert len(await world.store.scan("credential")) == 1
    assert await world.ask(live.key) == "local|sam"


async def test_memory_is_bounded(world):
    world.sessions._capacity = 3
    await world.enrol("sam")
    keys = [(await world.login("sam")).key for _ in range(6)]
    for key in keys * 2:
        assert await world.ask(key) == "local|sam"
    assert len(world.sessions._cache) == 3


async def test_a_session_begins_with_its_other_writes_or_not_at_all(world):
    await world.enrol("sam")
    with pytest.raises(Conflict):
        await world.sessions.issue("sam", also=[Change(kind="person", key="sam", value=b"{}", expected=99)])
    assert await world.store.scan("session") == []
    assert await world.store.scan("credential") == []


async def test_a_store_in_memory_loses_compare_and_set_as_a_real_one_does():
    store = MemoryStore()
    await store.commit([Change(kind="a", key="x", value=b"1", expected=0)])
    with pytest.raises(Conflict):
        await store.commit(
            [Change(kind="a", key="y", value=b"1"), Change(kind="a", key="x", value=b"2", expected=0)]
        )
    assert [row.key for row in await store.scan("a")] == ["x"]


async def test_a_refresh_asks_the_feed_itself(world):
    """It reads rows, so a revocation that is only in the feed must be fetched before a new key is made."""
    await world.enrol("sam")
    issued = await world.try_login("sam")
    world.clock.forward(600)
    await world.feed.poll()
    other = World(world.store, world.clock, seed="other")
    await other.feed.revoke_principal("local|sam", by=ADMIN, reason="test")
    assert (await world.sessions.refresh(issued.key)).code == "token_revoked"
    other.directory.close()


async def test_a_refresh_without_a_feed_makes_no_key(world):
    await world.enrol("sam")
    issued = await world.try_login("sam")
    world.clock.forward(600)
    read = world.store.read

    async def no_epoch(kind, key):
        if kind == "epoch":
            raise Fault("down")
        return await read(kind, key)

    world.store.read = no_epoch
    assert (await world.sessions.refresh(issued.key)).code == "revocation_stale"
    assert len(await world.store.scan("credential")) == 1


async def test_a_refresh_never_brings_an_ended_session_back(world):
    await world.enrol("sam")
    issued = await world.try_login("sam")
    world.clock.forward(600)
    commit = world.store.commit

    async def overtaken(changes):
        world.store.commit = commit
        await world.sessions.end(issued.session, by=ADMIN, reason="test")
        await commit(changes)

    world.store.commit = overtaken
    assert (await world.sessions.refresh(issued.key)).code == "token_revoked"
    assert await world.store.scan("session") == []


@pytest.mark.parametrize("act", ["suspend", "recover"])
async def test_an_old_session_stays_dead_without_its_revocation_record(world, act):
    await world.enrol("sam")
    issued = await world.login("sam")
    if act == "suspend":
        await world.directory.suspend("sam", by=ADMIN)
        await world.directory.resume("sam", by=ADMIN)
    else:
        link = await world.directory.recovery_link("sam", by=ADMIN)
        world.clock.forward(900)
        await world.take(link.secret, "sam")
    records = [Change(kind="revocation", key=r.key, value=None) for r in await world.store.scan("revocation")]
    await world.store.commit([*records, bump()])
    assert await world.ask(issued.key) == "token_revoked"


async def test_a_dead_replaced_key_writes_nothing_more(world):
    """Whoever holds one cannot make every process load its sessions again and again."""
    await world.enrol("sam")
    stolen = await world.try_login("sam")
    world.clock.forward(600)
    await world.sessions.refresh(stolen.key)
    world.clock.forward(31)
    await world.sessions.refresh(stolen.key)
    commits = len(world.store.commits)
    assert (await world.sessions.refresh(stolen.key)).code == "token_revoked"
    assert len(world.store.commits) == commits
