from __future__ import annotations

import asyncio
import os
import threading

import pytest
from identity_world import Counter, CountingPasswords

from sallyport.identity.passwords import MEMORY_KIB, NICE, PASSES, Passwords


@pytest.fixture
def passwords():
    made = CountingPasswords(Counter(), threads=1, waiting=1)
    yield made
    made.close()


async def test_right_and_wrong(passwords):
    encoded = await passwords.hash(b"violet trumpets")
    assert encoded.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert await passwords.verify(encoded, b"violet trumpets") is True
    assert await passwords.verify(encoded, b"violet trumpet") is False


async def test_each_hash_has_its_salt(passwords):
    assert await passwords.hash(b"same") != await passwords.hash(b"same")


@pytest.mark.parametrize(("stored", "password"), [(False, b"x"), (True, None), (False, None), (False, b"")])
async def test_without_a_hash_or_a_password_the_work_is_done_and_the_answer_is_no(
    passwords, stored, password
):
    encoded = await passwords.hash(b"") if stored else ""
    assert await passwords.verify(encoded, password) is False
    assert len(passwords.checked) == 1


async def test_a_broken_hash_is_a_no(passwords):
    assert await passwords.verify("$argon2id$v=19$nonsense", b"x") is False


def test_the_decoy_costs_what_a_real_hash_costs():
    made = Passwords(Counter())
    assert made._decoy.startswith(f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p=1$")
    assert not made._hasher.check_needs_rehash(made._decoy)
    made.close()


async def test_the_line_is_bounded_and_counts_work_whose_caller_has_gone(passwords):
    gate, entered = threading.Event(), threading.Event()

    def stuck() -> None:
        entered.set()
        gate.wait()

    gone = asyncio.ensure_future(passwords._run(stuck))
    await asyncio.to_thread(entered.wait)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert not passwords.full(reserved=False)
    waiting = asyncio.ensure_future(passwords.verify("", b""))
    await asyncio.sleep(0)
    assert passwords.full(reserved=False)
    assert not passwords.full(reserved=True)
    gate.set()
    await waiting
    assert not passwords.full(reserved=False)


async def test_who_leaves_the_line_makes_room(passwords):
    gate, entered = threading.Event(), threading.Event()

    def stuck() -> None:
        entered.set()
        gate.wait()

    busy = asyncio.ensure_future(passwords._run(stuck))
    await asyncio.to_thread(entered.wait)
    leaving = asyncio.ensure_future(passwords.verify("", b""))
    await asyncio.sleep(0)
    assert passwords.full(reserved=False)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert not passwords.full(reserved=False)
    gate.set()
    await busy


async def test_hashing_steps_back_for_calls_and_only_hashing(passwords):
    def priority() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    before = priority()
    assert await passwords._run(priority) == max(before, NICE)
    assert priority() == before
