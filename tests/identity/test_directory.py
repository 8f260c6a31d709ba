from __future__ import annotations

import asyncio

import pytest
from identity_world import ADMIN, PASSWORD, World
from memory_store import FaultyStore, MemoryStore
from msgspec.structs import replace

from sallyport.errors import Fault, Refusal
from sallyport.identity.directory_records import IssuedKey, PersonSummary
from sallyport.identity.refusals import refuse
from sallyport.identity.throttle import DelayRule, Throttle

OTHER = "seven quiet lighthouses"


async def test_a_person_enrols_and_logs_in(world):
    link = await world.directory.create_person("Sam", ["agent"], by=ADMIN)
    assert (link.name, link.purpose, link.expires - link.usable_from) == ("sam", "enrolment", 86_400)
    provisioning = await world.directory.enrol_begin(link.secret, PASSWORD)
    assert provisioning.uri == f"otpauth://totp/Sallyport:sam?secret={provisioning.secret}&issuer=Sallyport"
    world.totp["sam"] = provisioning.secret
    done = await world.directory.enrol_finish(link.secret, world.code("sam"))
    assert (done.name, done.principal) == ("sam", "local|sam")
    assert await world.directory.people() == [
        PersonSummary(
            name="sam",
            principal="local|sam",
            roles=("agent",),
            created=int(world.clock()),
            enrolled=True,
            suspended=False,
            link_open=False,
            changed_by=ADMIN,
        )
    ]
    world.clock.forward(30)
    issued = await world.directory.login("SAM", PASSWORD, world.code("sam"), source="192.0.2.1")
    assert isinstance(issued, IssuedKey)
    assert issued.principal == "local|sam"


async def test_no_secret_is_stored_in_the_clear_or_outside_the_sealed_kind(world):
    link = await world.directory.create_person("sam", [], by=ADMIN)
    await world.take(link.secret, "sam")
    issued = await world.login("sam")
    stored = world.store.stored()
    for secret in (PASSWORD, link.secret, issued.key):
        assert secret.encode() not in stored
    holders = {kind for (kind, _), row in world.store.rows.items() if world.totp["sam"].encode() in row.value}
    assert holders == {"person"}
    for value in (link, issued):
        assert repr(value) == f"<{type(value).__name__}>"


@pytest.mark.parametrize(
    ("name", "roles", "code", "param"),
    [
        ("sam smith", ["a"], "field_invalid", "name"),
        ("", ["a"], "field_invalid", "name"),
        ("new", [""], "field_invalid", "roles"),
        ("SAM", [], "person_exists", None),
    ],
)
async def test_people_who_cannot_be_entered(world, name, roles, code, param):
    await world.enrol("sam")
    refusal = await world.directory.create_person(name, roles, by=ADMIN)
    assert (refusal.code, refusal.param) == (code, param)


async def test_people_are_listed_without_secrets(world):
    await world.enrol("sam", "b", "a")
    await world.directory.create_person("ann", [], by=ADMIN)
    listed = await world.directory.people()
    assert [(p.name, p.roles, p.enrolled, p.link_open) for p in listed] == [
        ("ann", (), False, True),
        ("sam", ("a", "b"), True, False),
    ]


@pytest.mark.parametrize("name", ["root", "ROOT"])
async def test_nobody_changes_their_own_roles(world, name):
    await world.enrol("root", "security-admin")
    refusal = await world.directory.set_roles(name, ["security-admin", "data-scientist"], by=ADMIN)
    assert refusal.code == "own_roles_refused"
    assert [p.roles for p in await world.directory.people()] == [("security-admin",)]


@pytest.mark.parametrize("act", ["suspend", "resume", "recovery_link", "set_roles"])
async def test_acts_on_nobody(world, act):
    arguments = [["a"]] if act == "set_roles" else []
    for name in ("ghost", "no name at all"):
        refusal = await getattr(world.directory, act)(name, *arguments, by=ADMIN)
        assert refusal.code == "person_unknown"


async def wrong_attempts(world) -> dict[str, Refusal]:
    """One attempt of each kind that must not be told from the others."""
    await world.enrol("sam")
    await world.directory.create_person("new", [], by=ADMIN)
    world.totp["new"] = world.totp["sam"]
    tries = {
        "unknown name": ("ghost", PASSWORD, world.code("sam")),
        "impossible name": ("no such \n name", PASSWORD, world.code("sam")),
        "endless name": ("x" * 100_000, PASSWORD, world.code("sam")),
        "not enrolled": ("new", PASSWORD, world.code("sam")),
        "wrong password": ("sam", OTHER, world.code("sam")),
        "endless password": ("sam", PASSWORD + "x" * 100_000, world.code("sam")),
        "empty password": ("sam", "", world.code("sam")),
        "wrong code": ("sam", PASSWORD, "000000"),
        "old code": ("sam", PASSWORD, world.code("sam", -2)),
        "no code": ("sam", PASSWORD, ""),
        "all wrong": ("sam", OTHER, "000000"),
    }
    return {
        case: await world.directory.login(name, password, code, source=f"192.0.2.{number}")
        for number, (case, (name, password, code)) in enumerate(tries.items())
    }


async def test_all_failures_give_the_same_answer_after_the_same_work(unthrottled):
    answers = await wrong_attempts(unthrottled)
    assert {replace(answer, reason="") for answer in answers.values()} == {refuse("login_failed", "")}
    assert {case: answer.reason for case, answer in answers.items()} == {
        "unknown name": "not_enrolled",
        "impossible name": "not_enrolled",
        "endless name": "not_enrolled",
        "not enrolled": "not_enrolled",
        "wrong password": "password",
        "endless password": "password",
        "empty password": "password",
        "wrong code": "code",
        "old code": "code",
        "no code": "code",
        "all wrong": "password_and_code",
    }
    # one argon2 verification each, of a hash with the same cost
    checked = unthrottled.passwords.checked
    assert len(checked) == len(answers)
    assert {encoded.rsplit("$", 2)[0] for encoded in checked} == {"$argon2id$v=19$m=8,t=1,p=1"}


@pytest.fixture
def unthrottled():
    """A world where no attempt has to wait."""
    free = DelayRule(free=1000)
    one = World(MemoryStore(), throttle=Throttle(account=free, source=free))
    yield one
    one.directory.close()


async def test_a_code_is_good_once(world):
    await world.enrol("sam")
    code = world.code("sam")
    assert isinstance(await world.try_login("sam", code=code), IssuedKey)
    assert (await world.try_login("sam", code=code)).code == "login_failed"
    assert (await world.try_login("sam", code=world.code("sam", -1))).code == "login_failed"
    assert isinstance(await world.try_login("sam", code=world.code("sam", 1)), IssuedKey)


async def test_the_code_that_enrolled_does_not_log_in(world):
    link = await world.directory.create_person("sam", [], by=ADMIN)
    provisioning = await world.directory.enrol_begin(link.secret, PASSWORD)
    world.totp["sam"] = provisioning.secret
    await world.directory.enrol_finish(link.secret, world.code("sam"))
    assert (await world.try_login("sam")).code == "login_failed"


@pytest.mark.parametrize("processes", [1, 2])
async def test_of_two_logins_with_one_code_one_wins(world, processes):
    await world.enrol("sam")
    other = World(world.store, world.clock, seed="other")
    actors = [world, other if processes == 2 else world]
    code = world.code("sam")
    answers = await asyncio.gather(*(actor.try_login("sam", code=code) for actor in actors))
    assert sorted(type(answer).__name__ for answer in answers) == ["IssuedKey", "Refusal"]
    assert len(await world.store.scan("session")) == 1
    other.directory.close()


async def test_a_change_of_roles_during_a_login_is_kept(world):
    """The login's compare-and-set loses, and is decided again on what is there now."""
    await world.enrol("sam", "agent")
    verify = world.passwords.verify

    async def slow(encoded, password):
        await world.directory.set_roles("sam", ["analyst"], by=ADMIN)
        return await verify(encoded, password)

    world.passwords.verify = slow
    issued = await world.try_login("sam")
    await world.feed.poll()
    assert (await world.sessions.lookup(issued.key)).roles == ("analyst",)


@pytest.mark.parametrize("drift", [0, 1])
@pytest.mark.parametrize("act", ["suspend", "recover"])
async def test_who_is_kept_out_during_a_login_stays_out(world, act, drift):
    await world.enrol("sam")
    link = await world.directory.recovery_link("sam", by=ADMIN)
    world.clock.forward(900)
    code = world.code("sam", drift)
    verify = world.passwords.verify

    async def slow(encoded, password):
        right = await verify(encoded, password)
        if act == "suspend":
            await world.directory.suspend("sam", by=ADMIN)
        else:
            await world.take(link.secret, "sam", OTHER)
        return right

    world.passwords.verify = slow
    refusal = await world.try_login("sam", code=code)
    assert refusal.code == ("principal_suspended" if act == "suspend" else "login_failed")
    assert await world.store.scan("session") == []


async def test_suspension_is_told_only_to_whoever_proves_both_factors(world):
    await world.enrol("sam")
    await world.directory.suspend("sam", by=ADMIN)
    assert (await world.try_login("sam", password=OTHER)).code == "login_failed"
    assert (await world.try_login("sam", code="000000")).code == "login_failed"
    assert (await world.try_login("sam")).code == "principal_suspended"
    await world.directory.resume("sam", by=ADMIN)
    assert (await world.try_login("sam")).code == "login_throttled"  # the second of the suspension itself
    world.clock.forward(1)
    assert isinstance(await world.try_login("sam"), IssuedKey)


async def test_sessions_from_before_a_suspension_stay_dead(world):
    await world.enrol("sam")
    issued = await world.login("sam")
    await world.directory.suspend("sam", by=ADMIN)
    await world.directory.resume("sam", by=ADMIN)
    assert await world.ask(issued.key) == "token_revoked"


async def test_guessing_waits_whichever_factor_is_guessed(world):
    await world.enrol("sam")
    codes = [(await world.try_login("sam", password=OTHER, code="000000")).code for _ in range(7)]
    assert codes == ["login_failed"] * 5 + ["login_throttled"] * 2
    # whoever has one factor does not get more guesses of the other, and a right guess does not show
    for password, code in ((PASSWORD, "000000"), (OTHER, world.code("sam")), (PASSWORD, world.code("sam"))):
        refusal = await world.try_login("sam", password=password, code=code)
        assert (refusal.code, refusal.retry_after) == ("login_throttled", 1)


async def test_the_owner_gets_in_while_others_guess(world):
    """From the device of the last login, and after a recovery from a new one: nobody is shut out for ever."""
    await world.enrol("sam")
    device = (await world.login("sam")).device
    for source in range(200):
        await world.try_login("sam", code="000000", source=f"192.0.2.{source}")
        world.clock.forward(1)
    assert (await world.try_login("sam")).code == "login_throttled"
    issued = await world.try_login("sam", device=device)
    assert isinstance(issued, IssuedKey)
    assert issued.device == device
    world.clock.forward(30)
    assert (await world.try_login("sam")).code == "login_throttled"  # theirs is not forgotten by it
    link = await world.directory.recovery_link("sam", by=ADMIN)
    world.clock.forward(900)
    for source in range(200):
        await world.try_login("sam", code="000000", source=f"192.0.2.{source}")
    enrolled = await world.take(link.secret, "sam", OTHER)
    assert (await world.try_login("sam", password=OTHER)).code == "login_throttled"
    assert isinstance(await world.try_login("sam", password=OTHER, device=enrolled.device), IssuedKey)


async def test_a_device_is_known_to_its_person_alone_and_until_a_recovery(world):
    await world.enrol("sam")
    await world.enrol("ann")
    device = (await world.login("sam")).device
    assert device.encode() not in world.store.stored()
    for _ in range(5):
        await world.try_login("ann", code="000000")
    assert (await world.try_login("ann", device=device)).code == "login_throttled"
    link = await world.directory.recovery_link("sam", by=ADMIN)
    world.clock.forward(900)
    await world.take(link.secret, "sam")
    codes = [(await world.try_login("sam", code="000000", device=device)).code for _ in range(2)]
    codes += [(await world.try_login("sam", code="000000")).code for _ in range(4)]
    assert codes == ["login_failed"] * 5 + ["login_throttled"]


async def test_a_device_opens_nothing_and_waits_for_its_own_guesses(world):
    await world.enrol("sam")
    device = (await world.login("sam")).device
    codes = [(await world.try_login("sam", code="000000", device=device)).code for _ in range(6)]
    assert codes == ["login_failed"] * 5 + ["login_throttled"]


async def test_the_latest_devices_are_remembered(world):
    await world.enrol("sam")
    devices = [(await world.login("sam")).device for _ in range(9)]
    assert len(set(devices)) == 9
    again = await world.try_login("sam", device=devices[1])
    assert again.device == devices[1]
    world.clock.forward(30)
    assert (await world.try_login("sam", device=devices[0])).device != devices[0]


async def test_a_login_makes_earlier_failures_forgotten(world):
    await world.enrol("sam")
    for _ in range(2):
        codes = [(await world.try_login("sam", code="000000")).code for _ in range(4)]
        assert codes == ["login_failed"] * 4
        await world.login("sam")


async def test_unknown_names_wait_like_known_ones(world):
    codes = [(await world.directory.login("ghost", "x", "y", source="a")).code for _ in range(6)]
    assert codes == ["login_failed"] * 5 + ["login_throttled"]


async def test_who_waits_costs_no_hashing(world):
    await world.enrol("sam")
    for _ in range(20):
        await world.try_login("sam", code="000000")
    assert len(world.passwords.checked) == 5


async def test_a_full_line_turns_away_and_keeps_room_for_known_devices(world):
    await world.enrol("sam")
    device = (await world.login("sam")).device
    world.passwords._busy = world.passwords._waiting
    assert (await world.try_login("sam")).code == "overloaded"
    assert isinstance(await world.try_login("sam", device=device), IssuedKey)
    world.passwords._busy = 2 * world.passwords._waiting
    world.clock.forward(30)
    assert (await world.try_login("sam", device=device)).code == "overloaded"
    world.passwords._busy = 0


@pytest.mark.parametrize("when", ["read", "commit"])
async def test_a_store_that_fails_opens_nothing_and_uses_no_code(when):
    store = FaultyStore()
    world = World(store)
    await world.enrol("sam")
    intact = getattr(store, when)

    async def broken(*arguments):
        raise Fault("down")

    setattr(store, when, broken)
    with pytest.raises(Fault):
        await world.try_login("sam")
    setattr(store, when, intact)
    assert await store.scan("session") == []
    assert isinstance(await world.try_login("sam"), IssuedKey)
    world.directory.close()


# --- logout


async def test_logout_ends_the_session_and_nothing_else(world):
    await world.enrol("sam")
    first, second = await world.login("sam"), await world.login("sam")
    assert await world.directory.logout(first.key) is None
    assert await world.ask(first.key) == "token_revoked"
    assert await world.ask(second.key) == "local|sam"
    assert (await world.directory.logout(first.key)).code == "token_invalid"


async def test_a_key_that_has_expired_can_still_log_out(world):
    await world.enrol("sam")
    issued = await world.login("sam")
    world.clock.forward(4000)
    assert await world.directory.logout(issued.key) is None
    assert (await world.sessions.refresh(issued.key)).code == "token_revoked"
