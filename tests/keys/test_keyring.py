"""The key ring: making, sharing, losing and destroying keys."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from keys_clock import Clock
from memory_store import FaultyStore, MemoryStore

from sallyport.errors import Fault, KeyFault, SettingsError
from sallyport.keys.keyring import KeyRing, in_use
from sallyport.keys.root import FileRoot, open_root
from sallyport.stores import Change
from sallyport.stores.sqlite import SqliteStateStore

Ring = Callable[..., Awaitable[KeyRing]]


def opens(one: KeyRing, other: KeyRing) -> bool:
    """Whether two rings hold the same keys of their own."""
    return one.pseudonym("x") == other.pseudonym("x") and one._state == other._state


# Start.


async def test_a_start_on_an_empty_store_makes_the_keys_and_a_later_one_loads_them(
    ring: Ring, store: MemoryStore, root: FileRoot
) -> None:
    assert not await in_use(store)
    first = await ring(store, root)
    rows = dict(store.rows)
    assert await in_use(store)
    assert opens(first, await ring(store, root))
    assert store.rows == rows
    assert {key for _, key in rows} == {"root", "secret/epoch/1", "secret/pseudonym", "secret/state"}


async def test_rings_that_start_together_agree(ring: Ring, store: MemoryStore, root: FileRoot) -> None:
    rings = await asyncio.gather(*(ring(store, root) for _ in range(5)))
    assert all(opens(rings[0], other) for other in rings)
    assert {(await r.person("sam")).id for r in rings} == {(await rings[0].person("sam")).id}


async def test_another_root_key_is_refused_by_name(ring: Ring, store: MemoryStore, root: FileRoot) -> None:
    await ring(store, root)
    rows, other = dict(store.rows), FileRoot(os.urandom(32))
    with pytest.raises(KeyFault, match=other.id):
        await ring(store, other)
    assert store.rows == rows


async def test_a_lying_root_row_does_not_help(ring: Ring, store: MemoryStore, root: FileRoot) -> None:
    await ring(store, root)
    other = FileRoot(os.urandom(32))
    await store.commit([Change(kind="key", key="root", value=other.id.encode())])
    with pytest.raises(KeyFault, match="does not open"):
        await ring(store, other)


@pytest.mark.parametrize("lost", ["root", "secret/epoch/1", "secret/pseudonym", "secret/state"])
async def test_a_lost_key_is_not_made_again(
    ring: Ring, store: MemoryStore, root: FileRoot, lost: str
) -> None:
    await ring(store, root)
    await store.commit([Change(kind="key", key=lost, value=None)])
    rows = dict(store.rows)
    with pytest.raises(KeyFault):
        await ring(store, root)
    assert store.rows == rows


async def test_keys_are_bound_to_their_names(ring: Ring, store: MemoryStore, root: FileRoot) -> None:
    await ring(store, root)
    state = store.rows["key", "secret/state"]
    await store.commit([Change(kind="key", key="secret/pseudonym", value=state.value)])
    with pytest.raises(KeyFault):
        await ring(store, root)


async def test_nothing_works_before_the_start(store: MemoryStore, root: FileRoot, clock: Clock) -> None:
    keyring = KeyRing(store, root, clock, os.urandom)
    for attempt in (lambda: keyring.pseudonym("sam"), lambda: keyring.row_key("a", "b")):
        with pytest.raises(KeyFault):
            attempt()
    for waiting in (keyring.person("sam"), keyring.shred("sam"), keyring.secret("x")):
        with pytest.raises(KeyFault):
            await waiting
    assert store.rows == {}


async def test_no_key_is_stored_or_shown_in_the_clear(
    store: MemoryStore, root: FileRoot, clock: Clock
) -> None:
    drawn: list[bytes] = []

    def random(size: int) -> bytes:
        drawn.append(os.urandom(size))
        return drawn[-1]

    keyring = KeyRing(store, root, clock, random)
    await keyring.start()
    person = await keyring.person("sam@example.com")
    await keyring.secret("signer/log")
    keys = [value for value in drawn if len(value) == 32]
    assert len(keys) == 5
    shown = store.stored() + repr((person, root)).encode()
    assert not [key for key in keys if key in shown or key.hex().encode() in shown]
    assert b"sam" not in shown


# People.


async def test_a_person_keeps_the_key_and_others_have_others(
    ring: Ring, store: MemoryStore, root: FileRoot
) -> None:
    keyring = await ring(store, root)
    sam, eve = await keyring.person("sam"), await keyring.person("eve")
    assert sam.id != eve.id
    assert (await (await ring(store, root)).person("sam")).id == sam.id
    assert (await keyring.person("sam")) is sam


async def test_callers_who_ask_together_get_one_key(keyring: KeyRing) -> None:
    found = await asyncio.gather(*(keyring.person("sam") for _ in range(20)))
    assert len({key.id for key in found}) == 1


async def test_who_is_overtaken_while_making_a_key_takes_the_others(
    ring: Ring, store: MemoryStore, root: FileRoot
) -> None:
    slow, fast = await ring(store, root), await ring(store, root)
    commit, overtaken = store.commit, []

    async def overtaking(changes: Sequence[Change]) -> None:
        if not overtaken:
            overtaken.append(None)
            overtaken[0] = (await fast.person("sam")).id
        await commit(changes)

    store.commit = overtaking  # type: ignore[method-assign]
    assert (await slow.person("sam")).id == overtaken[0]
    assert (await (await ring(store, root)).person("sam")).id == overtaken[0]
    assert await slow.resolve(slow.pseudonym("sam")) == "sam"


async def test_a_persons_key_moved_to_another_person_does_not_open(
    ring: Ring, store: MemoryStore, root: FileRoot
) -> None:
    keyring = await ring(store, root)
    await keyring.person("sam")
    await keyring.person("eve")
    sam, eve = (f"person/{keyring.pseudonym(name)}" for name in ("sam", "eve"))
    await store.commit([Change(kind="key", key=eve, value=store.rows["key", sam].value)])
    with pytest.raises(KeyFault):
        await (await ring(store, root)).person("eve")


async def test_a_damaged_row_is_a_fault(ring: Ring, store: MemoryStore, root: FileRoot) -> None:
    await (await ring(store, root)).person("sam")
    ((_, key),) = [place for place in store.rows if place[1].startswith("person/")]
    value = store.rows["key", key].value
    for changed in (b"", value[:-1], value + b"\0", value[:20] + bytes([value[20] ^ 1]) + value[21:]):
        await store.commit([Change(kind="key", key=key, value=changed)])
        with pytest.raises(KeyFault):
            await (await ring(store, root)).person("sam")


async def test_memory_holds_so_many_keys_and_drops_the_one_used_longest_ago(
    ring: Ring, store: MemoryStore, root: FileRoot
) -> None:
    keyring = await ring(store, root, people=2)
    for name in ("a", "b", "a", "c"):
        await keyring.person(name)
    assert [name for name in "abc" if keyring.cached(name)] == ["a", "c"]
    assert len(keyring._cache) == 2


async def test_a_key_in_memory_is_looked_up_again_when_it_is_old(
    keyring: KeyRing, store: MemoryStore, clock: Clock
) -> None:
    sam = await keyring.person("sam")
    clock.now += 10
    assert keyring.cached("sam") is sam
    clock.now += 0.1
    assert keyring.cached("sam") is None
    store.reads.clear()
    assert await keyring.person("sam") is sam
    assert store.reads == [("key", f"person/{keyring.pseudonym('sam')}")]
    assert keyring.cached("sam") is sam


async def test_a_store_that_fails_is_a_fault_not_a_key(root: FileRoot, clock: Clock) -> None:
    store = FaultyStore()
    keyring = KeyRing(store, root, clock, os.urandom)
    await keyring.start()
    await keyring.person("sam")
    store.error = Fault("broken")
    clock.now += 11
    assert keyring.cached("sam") is None
    for waiting in (keyring.person("sam"), keyring.person("eve"), keyring.shred("sam")):
        with pytest.raises(Fault):
            await waiting


# Pseudonyms.


async def test_pseudonyms_are_128_bits_and_belong_to_the_deployment(
    ring: Ring, store: MemoryStore, root: FileRoot
) -> None:
    keyring, other = await ring(store, root), await ring(MemoryStore(), root)
    assert len(bytes.fromhex(keyring.pseudonym("sam"))) == 16
    assert len({keyring.pseudonym("sam"), keyring.pseudonym("Sam"), other.pseudonym("sam")}) == 3


async def test_a_remembered_pseudonym_is_resolved_and_no_other(keyring: KeyRing, store: MemoryStore) -> None:
    await keyring.remember("local|sam é")
    assert await keyring.resolve(keyring.pseudonym("local|sam é")) == "local|sam é"
    assert await keyring.resolve(keyring.pseudonym("eve")) is None
    assert await keyring.resolve("no pseudonym") is None
    assert b"local|sam" not in store.stored()


async def test_an_index_entry_moved_to_another_person_does_not_open(
    keyring: KeyRing, store: MemoryStore
) -> None:
    await keyring.remember("sam")
    await keyring.remember("eve")
    sam, eve = keyring.pseudonym("sam"), keyring.pseudonym("eve")
    await store.commit([Change(kind="pseudonym", key=eve, value=store.rows["pseudonym", sam].value)])
    with pytest.raises(KeyFault):
        await keyring.resolve(eve)


@given(st.text(max_size=20))
def test_any_subject_has_a_pseudonym_or_is_refused(subject: str) -> None:
    keyring = KeyRing(MemoryStore(), FileRoot(bytes(32)), lambda: 0.0, os.urandom)
    asyncio.run(keyring.start())
    assert len(keyring.pseudonym(subject)) == 32
    with pytest.raises(KeyFault):
        keyring.pseudonym(subject + "\ud800")


# Shredding.


async def test_a_shredded_person_is_gone_from_store_and_memory(keyring: KeyRing, store: MemoryStore) -> None:
    sam = await keyring.person("sam")
    assert await keyring.shred("sam")
    assert keyring.cached("sam") is None
    assert await keyring.resolve(keyring.pseudonym("sam")) is None
    assert await keyring.known(sam.pseudonym, sam.id) is None
    assert not [place for place in store.rows if place[1].startswith("person/") or place[0] == "pseudonym"]


async def test_who_comes_back_after_shredding_gets_another_key(keyring: KeyRing) -> None:
    before = await keyring.person("sam")
    await keyring.shred("sam")
    after = await keyring.person("sam")
    assert after.id != before.id
    assert await keyring.known(before.pseudonym, before.id) is None
    held = await keyring.known(after.pseudonym, after.id)
    assert held is not None
    assert held.id == after.id


async def test_a_key_that_never_was_is_a_fault_and_not_an_erasure(keyring: KeyRing) -> None:
    sam = await keyring.person("sam")
    with pytest.raises(KeyFault):
        await keyring.known(sam.pseudonym, bytes(8))
    with pytest.raises(KeyFault):
        await keyring.known(bytes(16), sam.id)


async def test_shredding_who_is_unknown_or_shredded_says_so(keyring: KeyRing) -> None:
    assert not await keyring.shred("sam")
    await keyring.person("sam")
    assert await keyring.shred("sam")
    assert not await keyring.shred("sam")


async def test_shredding_one_leaves_the_others(keyring: KeyRing, clock: Clock) -> None:
    eve = await keyring.person("eve")
    await keyring.person("sam")
    await keyring.shred("sam")
    clock.now += 60
    assert await keyring.person("eve") is eve
    assert await keyring.resolve(keyring.pseudonym("eve")) == "eve"


async def test_a_ring_elsewhere_stops_within_the_fresh_time(
    ring: Ring, store: MemoryStore, root: FileRoot, clock: Clock
) -> None:
    here, there = await ring(store, root), await ring(store, root)
    before = await there.person("sam")
    await here.shred("sam")
    assert await there.known(before.pseudonym, before.id) is None
    clock.now += 10.1
    assert there.cached("sam") is None
    assert (await there.person("sam")).id != before.id


async def test_a_key_that_is_being_loaded_while_it_is_shredded_is_not_kept(
    ring: Ring, store: MemoryStore, root: FileRoot
) -> None:
    """The load has read the row, and has not yet gone on, when the row is deleted."""
    await (await ring(store, root)).person("sam")
    keyring = await ring(store, root)
    row = store.rows["key", f"person/{keyring.pseudonym('sam')}"]
    read, reached, go = store.read, asyncio.Event(), asyncio.Event()

    async def slow(kind: str, key: str) -> object:
        found = await read(kind, key)
        if key.startswith("person/") and not reached.is_set():
            reached.set()
            await go.wait()
        return found

    store.read = slow  # type: ignore[method-assign]
    loading = asyncio.create_task(keyring.person("sam"))
    await reached.wait()
    await keyring.shred("sam")
    go.set()
    assert (await loading).id != row.value[:8]
    cached = keyring.cached("sam")
    assert cached is not None
    assert cached.id != row.value[:8]


# With real files.

PERSON = """
import asyncio, os, sys, time
from pathlib import Path
from sallyport.keys.keyring import KeyRing, in_use
from sallyport.keys.root import open_root
from sallyport.stores.sqlite import SqliteStateStore

async def main():
    state = Path(sys.argv[1])
    store = await SqliteStateStore.open(state / "state.db")
    ring = KeyRing(store, open_root(state / "root.key", in_use=await in_use(store)), time.monotonic, os.urandom)
    await ring.start()
    print((await ring.person("sam")).id.hex(), ring.pseudonym("sam"))
    await store.close()

asyncio.run(main())
"""


async def test_processes_that_start_together_have_the_same_keys(tmp_path: Path) -> None:
    command = (sys.executable, "-c", PERSON, str(tmp_path / "state"))
    started = [
        await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE) for _ in range(3)
    ]
    said = {(await process.communicate())[0] for process in started}
    assert len(said) == 1
    assert len(said.pop().split()) == 2


async def test_no_byte_of_a_shredded_key_is_left_in_the_files(tmp_path: Path, clock: Clock) -> None:
    drawn: list[bytes] = []

    def random(size: int) -> bytes:
        drawn.append(os.urandom(size))
        return drawn[-1]

    folder = tmp_path / "state"
    store = await SqliteStateStore.open(folder / "state.db")
    keyring = KeyRing(store, FileRoot.create(folder / "root.key"), clock, random)
    await keyring.start()
    subjects = [f"person-{n}" for n in range(120)]
    for subject in subjects:
        await keyring.person(subject)
    wrapped, index = {}, {}
    for subject in subjects:
        name = keyring.pseudonym(subject)
        wrapped[subject] = (await store.read("key", f"person/{name}")).value[8:]  # type: ignore[union-attr]
        index[subject] = (await store.read("pseudonym", name)).value  # type: ignore[union-attr]

    def on_disk() -> bytes:
        return b"".join(p.read_bytes() for p in sorted(folder.iterdir()))

    assert all(value[:24] in on_disk() for value in wrapped.values())
    gone = subjects[::4]
    for subject in gone:
        await keyring.shred(subject)
    left = on_disk()
    for subject in gone:
        for value in (wrapped[subject], index[subject]):
            assert not [n for n in range(0, len(value) - 12, 4) if value[n : n + 12] in left], subject
    assert all(wrapped[subject][:24] in left for subject in subjects if subject not in gone)
    await store.close()
    assert not [value for value in drawn if len(value) == 32 and value in on_disk()]


async def test_a_store_without_its_root_key_does_not_start_over(tmp_path: Path, clock: Clock) -> None:
    folder = tmp_path / "state"
    store = await SqliteStateStore.open(folder / "state.db")
    keyring = KeyRing(store, open_root(folder / "root.key", in_use=await in_use(store)), clock, os.urandom)
    await keyring.start()
    (folder / "root.key").unlink()
    with pytest.raises(SettingsError, match="missing"):
        open_root(folder / "root.key", in_use=await in_use(store))
    assert not (folder / "root.key").exists()
    await store.close()
