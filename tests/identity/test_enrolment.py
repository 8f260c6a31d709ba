from __future__ import annotations

import asyncio

import pytest
from identity_world import ADMIN, PASSWORD

from sallyport.identity.directory_records import IssuedKey

OTHER = "seven quiet lighthouses"


async def test_a_link_is_good_once(world):
    link = await world.directory.create_person("sam", [], by=ADMIN)
    await world.take(link.secret, "sam")
    assert (await world.directory.enrol_begin(link.secret, OTHER)).code == "link_invalid"
    assert (await world.directory.enrol_finish(link.secret, world.code("sam"))).code == "link_invalid"


@pytest.mark.parametrize("secret", ["", "wrong", "\ud800", "x" * 10_000])
async def test_a_wrong_link(world, secret):
    assert (await world.directory.enrol_begin(secret, PASSWORD)).code == "link_invalid"
    assert (await world.directory.enrol_finish(secret, "123456")).code == "link_invalid"


async def test_a_link_expires_and_its_row_goes(world):
    link = await world.directory.create_person("sam", [], by=ADMIN)
    world.clock.forward(86_400)
    assert (await world.directory.enrol_begin(link.secret, PASSWORD)).code == "link_invalid"
    await world.directory.create_person("ann", [], by=ADMIN)
    assert len(await world.store.scan("link")) == 1


async def test_a_newer_link_replaces_an_older_one(world):
    first = await world.directory.create_person("sam", [], by=ADMIN)
    second = await world.directory.recovery_link("sam", by=ADMIN)
    assert second.purpose == "enrolment"  # nothing to recover yet: no delay
    assert (await world.directory.enrol_begin(first.secret, PASSWORD)).code == "link_invalid"
    await world.take(second.secret, "sam")


async def test_an_authenticator_that_was_not_proven_counts_for_nothing(world):
    link = await world.directory.create_person("sam", [], by=ADMIN)
    assert (await world.directory.enrol_finish(link.secret, "123456")).code == "login_failed"
    provisioning = await world.directory.enrol_begin(link.secret, PASSWORD)
    world.totp["sam"] = provisioning.secret
    assert (await world.directory.enrol_finish(link.secret, world.code("sam", 5))).code == "login_failed"
    assert (await world.try_login("sam")).code == "login_failed"
    again = await world.directory.enrol_begin(link.secret, OTHER)  # starting over is allowed
    assert again.secret != provisioning.secret
    assert (await world.directory.enrol_finish(link.secret, world.code("sam"))).code == "login_failed"


async def test_a_bad_password_is_named(world):
    link = await world.directory.create_person("sam", [], by=ADMIN)
    refusal = await world.directory.enrol_begin(link.secret, "short")
    assert (refusal.code, refusal.param) == ("password_refused", "password")
    assert "12 characters" in refusal.message


async def test_of_two_who_take_one_link_one_wins(world):
    link = await world.directory.create_person("sam", [], by=ADMIN)
    provisioning = await world.directory.enrol_begin(link.secret, PASSWORD)
    world.totp["sam"] = provisioning.secret
    answers = await asyncio.gather(
        *(world.directory.enrol_finish(link.secret, world.code("sam")) for _ in range(4))
    )
    assert sorted(type(a).__name__ for a in answers) == ["Enrolled", "Refusal", "Refusal", "Refusal"]


async def test_recovery_waits_and_then_replaces_both_factors_and_ends_all_sessions(world):
    await world.enrol("sam")
    issued, old_totp = await world.login("sam"), world.totp["sam"]
    link = await world.directory.recovery_link("sam", by=ADMIN)
    refusal = await world.directory.enrol_begin(link.secret, OTHER)
    assert (refusal.code, refusal.retry_after) == ("link_not_yet", 900)
    assert (await world.directory.enrol_finish(link.secret, "123456")).code == "link_not_yet"
    assert await world.ask(issued.key) == "local|sam"  # an unused recovery takes nothing away
    world.clock.forward(900)
    await world.take(link.secret, "sam", OTHER)
    assert await world.ask(issued.key) == "token_revoked"
    assert (await world.try_login("sam")).code == "login_failed"  # the old password
    assert isinstance(await world.try_login("sam", password=OTHER), IssuedKey)
    world.clock.forward(30)
    world.totp["sam"] = old_totp
    assert (await world.try_login("sam", password=OTHER)).code == "login_failed"


async def test_a_login_with_both_factors_cancels_a_recovery(world):
    await world.enrol("sam")
    link = await world.directory.recovery_link("sam", by=ADMIN)
    await world.login("sam")
    world.clock.forward(900)
    assert (await world.directory.enrol_begin(link.secret, OTHER)).code == "link_invalid"


async def test_a_failed_login_does_not_cancel_a_recovery(world):
    await world.enrol("sam")
    link = await world.directory.recovery_link("sam", by=ADMIN)
    await world.try_login("sam", password=OTHER)
    await world.try_login("sam", code="000000")
    world.clock.forward(900)
    await world.take(link.secret, "sam", OTHER)


async def test_nobody_recovers_their_own_account(world):
    await world.enrol("root")
    assert (await world.directory.recovery_link("ROOT", by="local|root")).code == "recovery_refused"


async def test_recovery_does_not_lift_a_suspension(world):
    await world.enrol("sam")
    link = await world.directory.recovery_link("sam", by=ADMIN)
    await world.directory.suspend("sam", by=ADMIN)
    world.clock.forward(900)
    assert (await world.directory.enrol_begin(link.secret, OTHER)).code == "principal_suspended"
