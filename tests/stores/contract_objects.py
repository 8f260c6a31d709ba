"""What every `ObjectStore` keeps to. A test module binds it by a fixture `objects` and imports the tests."""

from __future__ import annotations

import asyncio

import pytest

from sallyport.errors import Fault
from sallyport.stores import ObjectStore


async def test_absent_is_none(objects: ObjectStore) -> None:
    assert await objects.get("a/b") is None
    assert await objects.names("") == []


@pytest.mark.parametrize("data", [b"", b"\x00\xff" * 70_000])
async def test_a_blob_comes_back_as_it_was_put(objects: ObjectStore, data: bytes) -> None:
    await objects.put("a/b/c.bin", data)
    assert await objects.get("a/b/c.bin") == data


async def test_putting_again_replaces(objects: ObjectStore) -> None:
    await objects.put("a", b"long, old")
    await objects.put("a", b"new")
    assert await objects.get("a") == b"new"
    assert await objects.names("") == ["a"]


@pytest.mark.parametrize(
    ("prefix", "found"),
    [
        ("", ["a/1", "a/2", "ab/1", "b"]),
        ("a", ["a/1", "a/2", "ab/1"]),
        ("a/", ["a/1", "a/2"]),
        ("a/2", ["a/2"]),
        ("a/2/", []),
        ("zz", []),
        ("zz/zz", []),
        ("b/", []),
    ],
)
async def test_names_by_prefix_in_order(objects: ObjectStore, prefix: str, found: list[str]) -> None:
    for name in ("b", "ab/1", "a/2", "a/1"):
        await objects.put(name, b"x")
    assert await objects.names(prefix) == found


async def test_writers_of_one_name_leave_one_whole_blob(objects: ObjectStore) -> None:
    blobs = [bytes([n]) * 50_000 for n in range(8)]
    await asyncio.gather(*(objects.put("a", blob) for blob in blobs))
    assert await objects.get("a") in blobs


BAD = [
    "",
    "/",
    "/a",
    "a/",
    "a//b",
    ".",
    "..",
    "../a",
    "a/../b",
    "a/..",
    ".a",
    "a/.b",
    "a\x00b",
    "a\nb",
    "\ud800",
]


@pytest.mark.parametrize("name", BAD)
async def test_a_name_that_is_not_plain_is_refused(objects: ObjectStore, name: str) -> None:
    with pytest.raises(Fault):
        await objects.put(name, b"x")
    with pytest.raises(Fault):
        await objects.get(name)
    assert await objects.names("") == []


@pytest.mark.parametrize("prefix", ["../", "/", "/etc/", "a/../../", "..", "a/../b"])
async def test_a_prefix_never_looks_outside(objects: ObjectStore, prefix: str) -> None:
    await objects.put("a/b", b"x")
    assert await objects.names(prefix) == []
