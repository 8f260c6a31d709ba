"""Sealed state: the contract of a store, and rows that were moved, replayed or changed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest
from memory_store import MemoryStore

from sallyport.errors import Conflict, Fault
from sallyport.keys import sealed_state
from sallyport.keys.keyring import KeyRing
from sallyport.keys.root import FileRoot
from sallyport.keys.sealed_state import SealedStateStore
from sallyport.stores import Change, Row


def put(key: str, value: bytes = b"secret", expected: int | None = None, kind: str = "session") -> Change:
    return Change(kind=kind, key=key, value=value, expected=expected)


@pytest.fixture
def sealed(store: MemoryStore, keyring: KeyRing) -> SealedStateStore:
    return SealedStateStore(store, keyring)


def lies(keyring: KeyRing, key: str, kind: str = "session") -> tuple[str, str]:
    """Where the inner store has a row."""
    return kind, keyring.row_name(kind, key)


async def test_rows_of_its_kinds_are_encrypted_and_others_are_not(
    sealed: SealedStateStore, store: MemoryStore, keyring: KeyRing
) -> None:
    await sealed.commit([put("sam@example", b"hidden value"), put("a", b"plain", kind="counter")])
    at_rest = b"".join(kind.encode() + key.encode() + row.value for (kind, key), row in store.rows.items())
    assert b"hidden value" not in at_rest
    assert b"sam@example" not in at_rest
    assert store.rows["counter", "a"].value == b"plain"
    assert lies(keyring, "sam@example") in store.rows
    assert await sealed.read("session", "sam@example") == Row("session", "sam@example", 1, b"hidden value")
    assert await sealed.read("counter", "a") == Row("counter", "a", 1, b"plain")
    assert await sealed.scan("session") == [Row("session", "sam@example", 1, b"hidden value")]
    await sealed.commit([Change(kind="session", key="sam@example", value=None)])
    assert lies(keyring, "sam@example") not in store.rows


async def test_a_row_moved_to_another_key_or_kind_does_not_open(
    sealed: SealedStateStore, store: MemoryStore, keyring: KeyRing
) -> None:
    await sealed.commit([put("a"), put("b", b"other"), put("a", b"third", kind="credential")])
    for kind, key in (("session", "b"), ("credential", "a")):
        place = lies(keyring, key, kind)
        store.rows[place] = Row(*place, 1, store.rows[lies(keyring, "a")].value)
        with pytest.raises(Fault):
            await sealed.read(kind, key)
        with pytest.raises(Fault):
            await sealed.scan(kind)


async def test_a_row_copied_under_a_name_of_its_own_fails_the_scan(
    sealed: SealedStateStore, store: MemoryStore, keyring: KeyRing
) -> None:
    await sealed.commit([put("a")])
    store.rows["session", "copy"] = Row("session", "copy", 1, store.rows[lies(keyring, "a")].value)
    with pytest.raises(Fault):
        await sealed.scan("session")


async def test_an_insider_who_seals_a_row_under_another_name_is_refused(
    sealed: SealedStateStore, store: MemoryStore, keyring: KeyRing
) -> None:
    kind, name = lies(keyring, "b")
    store.rows[kind, name] = Row(kind, name, 1, sealed._seal(kind, name, 1, sealed_state._pack("a", b"x")))
    with pytest.raises(Fault, match="another name"):
        await sealed.read("session", "b")


async def test_an_old_value_under_a_newer_version_does_not_open(
    sealed: SealedStateStore, store: MemoryStore, keyring: KeyRing
) -> None:
    place = lies(keyring, "a")
    await sealed.commit([put("a", b"old")])
    old = store.rows[place]
    await sealed.commit([put("a", b"new")])
    store.rows[place] = Row(*place, 2, old.value)
    with pytest.raises(Fault):
        await sealed.read("session", "a")


async def test_each_byte_counts(sealed: SealedStateStore, store: MemoryStore, keyring: KeyRing) -> None:
    place = lies(keyring, "a")
    await sealed.commit([put("a")])
    row = store.rows[place]
    for byte in range(len(row.value)):
        changed = bytearray(row.value)
        changed[byte] ^= 1
        store.rows[place] = Row(*place, 1, bytes(changed))
        with pytest.raises(Fault) as caught:
            await sealed.read("session", "a")
        assert caught.value.code == "sealing_failed"


async def test_a_value_that_was_never_sealed_does_not_open(
    sealed: SealedStateStore, store: MemoryStore, keyring: KeyRing
) -> None:
    kind, name = lies(keyring, "a")
    await store.commit([Change(kind=kind, key=name, value=b"planted")])
    with pytest.raises(Fault):
        await sealed.read("session", "a")
    with pytest.raises(Fault):
        await sealed.scan("session")


async def test_the_same_value_never_looks_the_same(
    sealed: SealedStateStore, store: MemoryStore, keyring: KeyRing
) -> None:
    await sealed.commit([put("a"), put("b")])
    before = store.rows[lies(keyring, "a")].value
    await sealed.commit([put("a")])
    seen = [before, store.rows[lies(keyring, "a")].value, store.rows[lies(keyring, "b")].value]
    assert len({value[13:] for value in seen}) == len({value[1:13] for value in seen}) == 3


async def test_kinds_and_deployments_name_their_rows_apart(
    ring: Callable[..., Awaitable[KeyRing]], keyring: KeyRing, root: FileRoot
) -> None:
    other = await ring(MemoryStore(), root)
    names = {k.row_name(kind, "sam") for k in (keyring, other) for kind in ("person", "session")}
    assert len(names) == 4
    with pytest.raises(Fault):
        keyring.row_name("person", "\ud800")


async def test_two_processes_read_each_others_rows(
    ring: Callable[..., Awaitable[KeyRing]], store: MemoryStore, root: FileRoot
) -> None:
    one, other = [SealedStateStore(store, await ring(store, root)) for _ in range(2)]
    await one.commit([put("a")])
    await other.commit([put("a", b"again", 1)])
    assert await one.read("session", "a") == Row("session", "a", 2, b"again")


# Writes without an expected version.


class Racing(MemoryStore):
    """Somebody else writes the row between our look and our commit, so many times."""

    rivals, name = 0, ""

    async def commit(self, changes: Sequence[Change]) -> None:
        if self.rivals:
            self.rivals -= 1
            await super().commit([Change(kind="session", key=self.name, value=b"rival")])
        await super().commit(changes)


@pytest.mark.parametrize(("rivals", "wins"), [(1, True), (7, True), (8, False)])
async def test_they_win_against_rivals_unless_there_are_too_many(
    root: FileRoot, ring: Callable[..., Awaitable[KeyRing]], rivals: int, wins: bool
) -> None:
    store = Racing()
    keyring = await ring(store, root)
    sealed = SealedStateStore(store, keyring)
    store.rivals, store.name = rivals, keyring.row_name("session", "a")
    if wins:
        await sealed.commit([put("a"), put("b")])
        assert await sealed.read("session", "a") == Row("session", "a", rivals + 1, b"secret")
        assert await sealed.read("session", "b") == Row("session", "b", 1, b"secret")
    else:
        with pytest.raises(Conflict):
            await sealed.commit([put("a"), put("b")])
        assert await sealed.read("session", "b") is None


async def test_a_conflict_of_an_expected_version_is_told_at_once(
    root: FileRoot, ring: Callable[..., Awaitable[KeyRing]]
) -> None:
    store = Racing()
    keyring = await ring(store, root)
    sealed = SealedStateStore(store, keyring)
    store.rivals, store.name = 2, keyring.row_name("session", "a")
    with pytest.raises(Conflict):
        await sealed.commit([put("a", b"x", 0), Change(kind="session", key="gone", value=None)])
    assert store.rivals == 1


async def test_writers_together_lose_nothing(sealed: SealedStateStore) -> None:
    await asyncio.gather(*(sealed.commit([put("a", b"%d" % n)]) for n in range(6)))
    row = await sealed.read("session", "a")
    assert row is not None
    assert row.version == 6


async def test_erasing_reaches_the_inner_store(keyring: KeyRing) -> None:
    class Inner(MemoryStore):
        erased = 0

        async def erase_traces(self) -> None:
            self.erased += 1

    inner = Inner()
    await SealedStateStore(inner, keyring).erase_traces()
    await SealedStateStore(MemoryStore(), keyring).erase_traces()
    assert inner.erased == 1
