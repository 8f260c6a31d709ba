"""Reading the log for people and for other systems: one request, the newest entries, everything as JSON lines."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from sallyport.audit.find import find
from sallyport.audit.reader import LogReader
from sallyport.audit.shard import shards_of

POLL_SECONDS = 0.25


def show(directory: Path, request: str) -> list[dict[str, Any]]:
    """The entries of a request, each with its `shard` and `index`. Raises Fault `record_unknown`."""
    return [_row(entry.shard, entry.index, entry.data) for entry in find(directory, request)]


def tail(directory: Path, count: int = 10, *, follow: bool = False) -> Iterator[dict[str, Any]]:
    """The newest `count` entries of all shards by time; with `follow`, then each further one as it becomes durable."""
    next_index: dict[str, int] = {}
    newest: list[dict[str, Any]] = []
    for place in shards_of(directory):
        end = LogReader(place).end()
        next_index[place.name] = end
        newest += _rows(place, max(0, end - count), end)
    newest.sort(key=lambda row: (row.get("time", 0), row["shard"], row["index"]))
    yield from newest[-count:] if count else []
    while follow:
        time.sleep(POLL_SECONDS)
        yield from _new(directory, next_index)


def export_jsonl(directory: Path, out: BinaryIO) -> int:
    """Write every entry as one line `{"shard", "index", "entry"}`, shard by shard; returns how many."""
    count = 0
    for place in shards_of(directory):
        name = orjson.dumps(place.name)
        for index, entry in LogReader(place).entries():
            out.write(b'{"shard":%b,"index":%d,"entry":%b}\n' % (name, index, entry))
            count += 1
    return count


def _new(directory: Path, next_index: dict[str, int]) -> Iterator[dict[str, Any]]:
    for place in shards_of(directory):
        start = next_index.get(place.name, 0)
        rows = _rows(place, start, LogReader(place).end())
        next_index[place.name] = start + len(rows)
        yield from rows


def _rows(place: Path, start: int, end: int) -> list[dict[str, Any]]:
    if start >= end:
        return []
    entries = LogReader(place).entries(start)
    return [_row(place.name, index, entry) for index, entry in entries if index < end]


def _row(shard: str, index: int, entry: bytes) -> dict[str, Any]:
    return {"shard": shard, "index": index, **orjson.loads(entry)}
