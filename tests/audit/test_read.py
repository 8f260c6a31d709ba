from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from sallyport.audit.read import export_jsonl, show, tail
from sallyport.errors import Fault


async def test_show_gives_the_entries_of_one_request(opened, fill, tmp_path: Path) -> None:
    writer = opened()
    await fill(writer, 150)
    rows = show(tmp_path / "audit", "req_000140")
    assert [(r["shard"], r["index"], r["kind"]) for r in rows] == [
        (writer.shard, 281, "intent"),
        (writer.shard, 282, "outcome"),
    ]
    with pytest.raises(Fault):
        show(tmp_path / "audit", "req_14")


async def test_tail_merges_shards_by_time(opened, entry, tmp_path: Path) -> None:
    clock = iter(range(1000))
    a = opened(worker="a", now=lambda: next(clock))
    b = opened(worker="b", now=lambda: next(clock))
    for number, writer in enumerate((a, b, a, b, a)):
        await writer.append(entry(number))
    rows = list(tail(tmp_path / "audit", 3))
    assert [r["request"] for r in rows] == ["req_000002", "req_000003", "req_000004"]
    assert list(tail(tmp_path / "audit", 0)) == []


async def test_tail_follows(opened, entry, tmp_path: Path) -> None:
    writer = opened()
    await writer.append(entry(1))
    rows = tail(tmp_path / "audit", 1, follow=True)
    assert next(rows)["request"] == "req_000001"
    await writer.append(entry(2))
    await writer.append(entry(3))
    assert [next(rows)["request"], next(rows)["request"]] == ["req_000002", "req_000003"]


async def test_export_writes_every_entry(opened, fill, tmp_path: Path) -> None:
    writer = opened(segment_bytes=30_000)
    await fill(writer, 400)
    out = io.BytesIO()
    assert export_jsonl(tmp_path / "audit", out) == 801
    rows = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [row["index"] for row in rows] == list(range(801))
    assert rows[5]["entry"]["request"] == "req_000002"


def test_an_empty_directory_has_nothing(tmp_path: Path) -> None:
    assert list(tail(tmp_path, 5)) == []
    assert export_jsonl(tmp_path, io.BytesIO()) == 0
