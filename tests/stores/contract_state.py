"""What every `StateStore` keeps to. A test module binds it by a fixture `store` and imports the tests."""

from __future__ import annotations

import asyncio

import pytest

from sallyport.errors import Conflict
from sallyport.stores import Change, Row, StateStore


def put(key: str, value: bytes = b"v", expected: int | None = None, kind: str = "k") -> Change:
    return Change(kind=kind, key=key, value=value, expected=expected)


def drop(key: str, expected: int | None = None, kind: str = "k") -> Change:
    return Change(kind=kind, key=key, value=None, expected=expected)


async def version(store: StateStore, key: str, kind: str = "k") -> int:
    row = await store.read(kind, key)
    return row.version if row else 0


async def test_absent_is_none(store: StateStore) -> None:
    assert await store.read("k", "a") is None
    assert await store.scan("k") == []


async def test_a_row_comes_back_as_it_was_put(store: StateStore) -> None:
    await store.commit([put("a", bytes(range(256)))])
    assert await store.read("k", "a") == Row("k", "a", 1, bytes(range(256)))


async def test_empty_values_are_values(store: StateStore) -> None:
    await store.commit([put("a", b"")])
    assert await store.read("k", "a") == Row("k", "a", 1, b"")


async def test_each_change_adds_one_to_the_version(store: StateStore) -> None:
    for expected in (1, 2, 3):
        await store.commit([put("a", b"%d" % expected)])
        assert await version(store, "a") == expected


async def test_a_row_that_was_deleted_starts_again(store: StateStore) -> None:
    await store.commit([put("a"), put("a"), drop("a")])
    assert await store.read("k", "a") is None
    await store.commit([put("a", expected=0)])
    assert await version(store, "a") == 1


async def test_deleting_what_is_absent_is_no_error(store: StateStore) -> None:
    await store.commit([drop("a"), drop("b", expected=0)])


@pytest.mark.parametrize("change", [put("a", b"new", 0), put("a", b"new", 2), drop("a", 0), drop("a", 2)])
async def test_another_version_is_a_conflict(store: StateStore, change: Change) -> None:
    await store.commit([put("a", b"old")])
    with pytest.raises(Conflict):
        await store.commit([change])
    assert await store.read("k", "a") == Row("k", "a", 1, b"old")


async def test_an_expected_row_that_is_absent_is_a_conflict(store: StateStore) -> None:
    for change in (put("a", expected=1), drop("a", expected=1)):
        with pytest.raises(Conflict):
            await store.commit([change])


@pytest.mark.parametrize("place", [0, 1, 2])
async def test_a_conflict_anywhere_undoes_the_whole_commit(store: StateStore, place: int) -> None:
    await store.commit([put("old"), put("gone")])
    changes = [put("new"), drop("gone")]
    changes.insert(place, put("old", b"x", 7))
    with pytest.raises(Conflict):
        await store.commit(changes)
    assert [(r.key, r.version) for r in await store.scan("k")] == [("gone", 1), ("old", 1)]


async def test_changes_apply_in_order(store: StateStore) -> None:
    await store.commit([put("a", b"1", 0), put("a", b"2", 1), drop("b"), put("b", b"3")])
    assert await store.read("k", "a") == Row("k", "a", 2, b"2")
    assert await store.read("k", "b") == Row("k", "b", 1, b"3")


async def test_no_changes_is_no_error(store: StateStore) -> None:
    await store.commit([])


async def test_kinds_do_not_mix(store: StateStore) -> None:
    await store.commit([put("a", b"1"), put("a", b"2", kind="kk"), put("ka", b"3", kind="")])
    assert [r.value for r in await store.scan("k")] == [b"1"]
    assert await store.read("k", "ka") is None


KEYS = [
    "",
    "a",
    "a%",
    "a_",
    "ab",
    "a\x00b",
    "a*",
    "a/b",
    "a\U0010ffff",
    "a\U0010ffffz",
    "A",
    "b",
    "é",
    "\ud7ff",
    "\ue000",
    "😀",
    "\U0010ffff",
]


@pytest.mark.parametrize("prefix", [*KEYS, "a\U0010ffff\U0010ffff", "nobody"])
async def test_scan_finds_what_starts_with_the_prefix_in_key_order(store: StateStore, prefix: str) -> None:
    await store.commit([put(key, key.encode()) for key in KEYS])
    found = await store.scan("k", prefix)
    assert [r.key for r in found] == sorted(k for k in KEYS if k.startswith(prefix))
    assert all(r.value == r.key.encode() for r in found)


async def test_of_many_that_expect_the_same_version_one_wins(store: StateStore) -> None:
    outcomes = await asyncio.gather(
        *(store.commit([put("a", b"%d" % n, 0)]) for n in range(20)), return_exceptions=True
    )
    assert outcomes.count(None) == 1
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 19


async def test_counting_with_compare_and_set_loses_nothing(store: StateStore) -> None:
    async def count() -> None:
        while True:
            row = await store.read("k", "n")
            now, before = (int(row.value), row.version) if row else (0, 0)
            try:
                return await store.commit([put("n", b"%d" % (now + 1), before)])
            except Conflict:
                continue

    await asyncio.gather(*(count() for _ in range(12)))
    assert await store.read("k", "n") == Row("k", "n", 12, b"12")
