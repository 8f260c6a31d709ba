"""Sealed records: round trips, what does not open, and erasure."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from keys_clock import Clock
from memory_store import MemoryStore
from msgspec.structs import replace

from sallyport.errors import KeyFault
from sallyport.keys import envelope, sealing
from sallyport.keys.keyring import KeyRing, PersonKey
from sallyport.keys.root import FileRoot
from sallyport.keys.sealing import OpenedValue, RecordContext, SealedValue, Sealer

CONTEXT = RecordContext(request="req_1", shard="shard-a", part="request")
TEXT = b'{"messages":[{"content":"pay with <CARD_k7_1>, mail <EMAIL_k7_2>"}]}'
VALUES = (
    SealedValue("<CARD_k7_1>", "card", "sam", "4111 1111 1111 1111"),
    SealedValue("<EMAIL_k7_2>", "email", "eve", "eve@example.com"),
    SealedValue("<CARD_k7_3>", "card", "sam", "5500 0000 0000 0004"),
)


@pytest.fixture
def sealer(keyring: KeyRing) -> Sealer:
    return Sealer(keyring)


@pytest.fixture
async def blob(sealer: Sealer) -> bytes:
    return await sealer.seal_record(owner="ann", context=CONTEXT, text=TEXT, values=VALUES)


def told(values: tuple[OpenedValue, ...]) -> list[tuple[str, str, str | None]]:
    return [(v.token, v.type, v.value) for v in values]


WHOLE = [(v.token, v.type, v.value) for v in VALUES]


async def test_a_record_opens_with_its_text_and_its_values_in_order(
    sealer: Sealer, keyring: KeyRing, blob: bytes
) -> None:
    opened = await sealer.open_record(blob, CONTEXT)
    assert opened.text == TEXT
    assert told(opened.values) == WHOLE
    assert [v.pseudonym for v in opened.values] == [keyring.pseudonym(v.subject) for v in VALUES]


async def test_nothing_of_it_is_readable(blob: bytes) -> None:
    for word in (b"messages", b"CARD_k7", b"card", b"email", b"4111", b"eve", b"sam", b"ann", b"req_1"):
        assert word not in blob


async def test_sealing_twice_gives_nothing_in_common(sealer: Sealer, blob: bytes) -> None:
    again = await sealer.seal_record(owner="ann", context=CONTEXT, text=TEXT, values=VALUES)
    entry = sealing.ENTRY
    assert len(again) == len(blob)
    assert again[25 : 1 + entry] != blob[25 : 1 + entry]
    assert again[-len(TEXT) :] != blob[-len(TEXT) :]


names = st.text(max_size=6)
values = st.lists(
    st.builds(
        SealedValue,
        token=names,
        type=names,
        subject=st.sampled_from(["a", "b", "c"]),
        value=st.text(max_size=30),
    ),
    max_size=6,
)


def ring() -> KeyRing:
    keyring = KeyRing(MemoryStore(), FileRoot(os.urandom(32)), lambda: 0.0, os.urandom)
    asyncio.run(keyring.start())
    return keyring


@given(st.binary(max_size=300), values, st.sampled_from("abcd"))
def test_anything_sealed_opens_the_same(text: bytes, values: list[SealedValue], owner: str) -> None:
    async def there_and_back() -> None:
        opened = await sealer.open_record(
            await sealer.seal_record(owner=owner, context=CONTEXT, text=text, values=values), CONTEXT
        )
        assert opened.text == text
        assert told(opened.values) == [(v.token, v.type, v.value) for v in values]

    sealer = Sealer(ring())
    asyncio.run(there_and_back())


@given(values, st.sets(st.sampled_from("abc")))
def test_shredding_takes_exactly_the_values_of_the_shredded(
    values: list[SealedValue], gone: set[str]
) -> None:
    async def shred_and_open() -> None:
        sealed = await sealer.seal_record(owner="owner", context=CONTEXT, text=TEXT, values=values)
        for subject in gone:
            await keyring.shred(subject)
        opened = await sealer.open_record(sealed, CONTEXT)
        assert opened.text == TEXT
        assert told(opened.values) == [
            (v.token, v.type, None if v.subject in gone else v.value) for v in values
        ]

    keyring = ring()
    sealer = Sealer(keyring)
    asyncio.run(shred_and_open())


# What does not open.


@pytest.mark.parametrize(
    "other",
    [
        replace(CONTEXT, request="req_2"),
        replace(CONTEXT, request="req_1s", shard="hard-a"),
        replace(CONTEXT, shard="shard-b"),
        replace(CONTEXT, part="answer"),
        replace(CONTEXT, schema=2),
    ],
    ids=["request", "boundary", "shard", "part", "schema"],
)
@pytest.mark.parametrize("owner_gone", [False, True])
async def test_each_field_of_the_context_counts(
    sealer: Sealer, keyring: KeyRing, blob: bytes, other: RecordContext, owner_gone: bool
) -> None:
    if owner_gone:
        await keyring.shred("ann")
    with pytest.raises(KeyFault):
        await sealer.open_record(blob, other)


async def test_each_byte_counts(sealer: Sealer, blob: bytes) -> None:
    for place in range(len(blob)):
        changed = blob[:place] + bytes([blob[place] ^ 0x01]) + blob[place + 1 :]
        with pytest.raises(KeyFault):
            await sealer.open_record(changed, CONTEXT)


async def test_each_cut_and_each_addition_counts(sealer: Sealer, blob: bytes) -> None:
    for other in (*(blob[:size] for size in range(len(blob))), blob + b"\0", blob * 2):
        with pytest.raises(KeyFault):
            await sealer.open_record(other, CONTEXT)


def group_bytes(blob: bytes) -> list[bytes]:
    """The groups of a record, whole."""
    reader = sealing._Reader(blob)
    reader.take(1 + sealing.ENTRY)
    groups = []
    for _ in range(int.from_bytes(reader.take(2), "big")):
        start = reader.at
        reader.entry()
        reader.take(int.from_bytes(reader.take(4), "big"))
        groups.append(blob[start : reader.at])
    return groups


async def test_values_can_be_neither_taken_away_nor_added_nor_reordered(sealer: Sealer, blob: bytes) -> None:
    head, (one, two) = blob[: 1 + sealing.ENTRY], group_bytes(blob)
    tail = blob[len(head) + 2 + len(one + two) :]
    for groups in ((), (one,), (two,), (two, one), (one, two, one)):
        other = head + len(groups).to_bytes(2, "big") + b"".join(groups) + tail
        with pytest.raises(KeyFault):
            await sealer.open_record(other, CONTEXT)
    assert head + b"\0\2" + one + two + tail == blob


async def test_parts_of_two_records_do_not_mix(sealer: Sealer, blob: bytes) -> None:
    """Same people, same context, the same values: only the keys differ."""
    other = await sealer.seal_record(owner="ann", context=CONTEXT, text=TEXT, values=VALUES)
    end = 1 + sealing.ENTRY
    groups, theirs = b"".join(group_bytes(blob)), b"".join(group_bytes(other))
    assert len(groups) == len(theirs)
    rest = end + 2 + len(groups)
    for mixed in (
        other[:end] + blob[end:],
        blob[: end + 2] + theirs + blob[rest:],
        blob[:rest] + other[rest:],
    ):
        with pytest.raises(KeyFault):
            await sealer.open_record(mixed, CONTEXT)


async def test_a_persons_values_are_not_taken_for_a_text(sealer: Sealer, blob: bytes) -> None:
    """A group, put where the text of a record of that person would be."""
    group = group_bytes(blob)[0]
    forged = sealing.VERSION + group[: sealing.ENTRY] + b"\0\0" + group[sealing.ENTRY + 4 :]
    with pytest.raises(KeyFault):
        await sealer.open_record(forged, CONTEXT)


async def test_a_record_of_another_deployment_does_not_open(
    root: FileRoot, clock: Clock, blob: bytes
) -> None:
    elsewhere = KeyRing(MemoryStore(), root, clock, os.urandom)
    await elsewhere.start()
    with pytest.raises(KeyFault):
        await Sealer(elsewhere).open_record(blob, CONTEXT)


@given(st.binary(max_size=400))
def test_anything_else_is_refused(data: bytes) -> None:
    for attempt in (data, sealing.VERSION + data, sealing.VERSION + bytes(sealing.ENTRY) + data):
        with pytest.raises(KeyFault):
            asyncio.run(Sealer(RING).open_record(attempt, CONTEXT))


RING = ring()


async def test_a_lying_insider_who_seals_nonsense_is_refused(keyring: KeyRing, sealer: Sealer) -> None:
    """Right keys, right context, and a list that names groups that are not there."""
    ann = await keyring.person("ann")
    base = sealing._base(CONTEXT) + sealing.TEXT
    for content in ((b"text", [("<T>", "card", 0)]), (b"text", [("<T>", "card", -1)]), "text", (1, 2, 3)):
        entry, sealed = sealing._seal_for(os.urandom, ann, sealing._pack(content), base, b"")
        with pytest.raises(KeyFault):
            await sealer.open_record(sealing.VERSION + entry + b"\0\0" + sealed, CONTEXT)


# Erasure.


async def test_the_owners_erasure_takes_the_text_and_leaves_the_others_values(
    sealer: Sealer, keyring: KeyRing, blob: bytes
) -> None:
    await keyring.shred("ann")
    opened = await sealer.open_record(blob, CONTEXT)
    assert opened.text is None
    assert sorted(told(opened.values)) == sorted(WHOLE)
    await keyring.shred("sam")
    opened = await sealer.open_record(blob, CONTEXT)
    assert told(opened.values) == [("<EMAIL_k7_2>", "email", "eve@example.com")]


async def test_all_erased_still_is_a_record(sealer: Sealer, keyring: KeyRing, blob: bytes) -> None:
    for subject in ("ann", "sam", "eve"):
        await keyring.shred(subject)
    opened = await sealer.open_record(blob, CONTEXT)
    assert (opened.text, opened.values) == (None, ())


async def test_erased_stays_erased_when_the_person_comes_back(
    sealer: Sealer, keyring: KeyRing, blob: bytes
) -> None:
    await keyring.shred("eve")
    await keyring.person("eve")
    opened = await sealer.open_record(blob, CONTEXT)
    assert told(opened.values)[1] == ("<EMAIL_k7_2>", "email", None)


async def test_a_lost_key_is_a_fault_and_not_an_erasure(
    sealer: Sealer, keyring: KeyRing, store: MemoryStore, blob: bytes
) -> None:
    del store.rows["key", f"person/{keyring.pseudonym('eve')}"]
    with pytest.raises(KeyFault, match="does not exist"):
        await sealer.open_record(blob, CONTEXT)


# The fast path.


async def test_the_fast_path_needs_every_key_in_memory(
    sealer: Sealer, keyring: KeyRing, clock: Clock
) -> None:
    def attempt() -> Callable[[], bytes] | None:
        return sealer.prepare(owner="ann", context=CONTEXT, text=TEXT, values=VALUES)

    assert attempt() is None
    for subject in ("ann", "sam"):
        await keyring.person(subject)
        assert attempt() is None
    await keyring.person("eve")
    seal = attempt()
    assert seal is not None
    assert told((await sealer.open_record(await asyncio.to_thread(seal), CONTEXT)).values) == WHOLE
    clock.now += 11
    assert attempt() is None


async def test_a_text_that_is_no_unicode_is_a_fault(sealer: Sealer) -> None:
    for bad in (SealedValue("<T>", "card", "sam", "\ud800"), SealedValue("<T>", "card", "\ud800", "x")):
        with pytest.raises(KeyFault):
            await sealer.seal_record(owner="ann", context=CONTEXT, text=TEXT, values=[bad])


async def test_no_value_is_shown(sealer: Sealer, blob: bytes) -> None:
    opened = await sealer.open_record(blob, CONTEXT)
    assert "4111" not in repr(VALUES) + repr(opened) + repr(opened.values)
    assert "pay" not in repr(opened)


# One key per encryption.


async def test_each_part_of_each_record_has_a_key_of_its_own(
    sealer: Sealer, keyring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    for subject in ("ann", "sam", "eve"):
        await keyring.person(subject)
    used: list[bytes] = []
    real = envelope.AESGCM

    def seen(key: bytes) -> object:
        used.append(key)
        return real(key)

    monkeypatch.setattr(envelope, "AESGCM", seen)
    for _ in range(20):
        for values in (VALUES, ()):
            seal = sealer.prepare(owner="ann", context=CONTEXT, text=TEXT, values=values)
            assert seal is not None
            seal()
    assert len(used) == len(set(used)) == 20 * 4


def test_too_little_randomness_is_refused() -> None:
    key = PersonKey(bytes(16), bytes(8), envelope.cipher(bytes(32)))
    for short in (lambda _: b"", lambda size: os.urandom(size - 1)):
        for some in ((), VALUES[:1]):
            with pytest.raises(KeyFault):
                sealing.seal(short, key, {"sam": key}, context=CONTEXT, text=TEXT, values=some)


# Vectors.


def counting() -> Callable[[int], bytes]:
    """Bytes 0, 1, 2, ... for vectors."""
    stream: Iterator[int] = iter(n % 256 for n in range(10**6))
    return lambda size: bytes(next(stream) for _ in range(size))


def vector_keys(vector: dict[str, dict[str, dict[str, str]]]) -> dict[str, PersonKey]:
    return {
        name: PersonKey(
            *(bytes.fromhex(k[f]) for f in ("pseudonym", "id")), envelope.cipher(bytes.fromhex(k["key"]))
        )
        for name, k in vector["people"].items()
    }


def test_vectors(vectors: Path) -> None:
    found = json.loads((vectors / "records.json").read_text())
    keys = vector_keys(found)
    assert found["vectors"]
    for vector in found["vectors"]:
        values = [SealedValue(*value) for value in vector["values"]]
        context = RecordContext(**vector["context"])
        people = {v.subject: keys[v.subject] for v in values}
        text = vector["text"].encode()
        assert vector["expect"]["outcome"] == "ok", vector["name"]
        sealed = sealing.seal(
            counting(), keys[vector["owner"]], people, context=context, text=text, values=values
        )
        assert sealed.hex() == vector["expect"]["record"], vector["name"]
        record = sealing._split(sealed)
        opened = sealing._open(record, sealing._base(context), keys[vector["owner"]], list(people.values()))
        assert (opened.text, told(opened.values)) == (text, [(v.token, v.type, v.value) for v in values])


Starter = Callable[..., Awaitable[KeyRing]]


async def test_another_process_opens_it(
    ring: Starter, store: MemoryStore, root: FileRoot, blob: bytes
) -> None:
    opened = await Sealer(await ring(store, root)).open_record(blob, CONTEXT)
    assert told(opened.values) == WHOLE
