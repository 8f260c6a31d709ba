from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from sallyport.audit.reader import LogReader
from sallyport.audit.registry import read_registry
from sallyport.audit.shard import open_shard
from sallyport.audit.verify import verify_directory
from sallyport.errors import LogFault

ORIGIN = "sallyport.test/log"


def place_of(tmp_path: Path, writer) -> Path:
    return tmp_path / "audit" / "shards" / writer.shard


async def test_a_shard_is_registered_before_its_first_entry_and_is_found_again(
    opened, fill, tmp_path: Path
) -> None:
    first = opened()
    await fill(first, 3)
    first.close()
    second = opened()
    assert second.shard == first.shard
    second.close()
    states = [(e.shard, e.state, e.size) for e in read_registry(tmp_path / "audit" / "registry")]
    assert states == [
        (first.shard, "registered", 0),
        (first.shard, "opened", 1),
        (first.shard, "closed", 7),
        (first.shard, "resumed", 8),
        (first.shard, "closed", 8),
    ]
    kinds = [json.loads(e)["kind"] for _, e in LogReader(place_of(tmp_path, first)).entries()]
    assert kinds == ["shard", *["intent", "outcome"] * 3, "recovery"]


async def test_two_writers_cannot_have_the_same_shard_but_two_workers_have_two(opened) -> None:
    first = opened(worker="0")
    with pytest.raises(LogFault, match="another process"):
        opened(worker="0")
    assert opened(worker="1").shard != first.shard


async def test_a_start_names_the_calls_whose_end_is_not_known(opened, entry, tmp_path: Path) -> None:
    writer = opened()
    for number in range(3):
        await writer.append(entry(number))
    await writer.append(entry(1, "outcome"))
    writer.close()
    again = opened()
    last = json.loads(LogReader(place_of(tmp_path, again)).entry(again.size - 1))
    assert (last["kind"], last["reason"], last["status"]) == ("recovery", "start", "outcome_unknown")
    assert last["orphans"] == [{"index": 1, "request": "req_000000"}, {"index": 3, "request": "req_000002"}]
    again.close()
    (place_of(tmp_path, again) / "open-intents.json").unlink()  # then all entries are read
    third = opened()
    assert json.loads(LogReader(place_of(tmp_path, third)).entry(third.size - 1))["orphans"] == []
    third.close()
    report = verify_directory(tmp_path / "audit")
    assert (report.problems, report.logs[1].open_intents, report.logs[1].outcome_unknown) == ([], {}, 2)


async def test_very_many_orphans_fit(opened, entry, tmp_path: Path) -> None:
    writer = opened()
    for number in range(1000):
        writer._queue.append((None, entry(number), 1, None))
    await writer.append(entry(5000))
    writer.close()
    again = opened()
    again.close()
    assert verify_directory(tmp_path / "audit").logs[1].outcome_unknown == 1001


def damage_nothing(place: Path) -> None:
    """Control."""


def remove_shard(place: Path) -> None:
    shutil.rmtree(place)


def remove_checkpoint(place: Path) -> None:
    (place / "checkpoint").unlink()


def edit_checkpoint(place: Path) -> None:
    text = (place / "checkpoint").read_text()
    (place / "checkpoint").write_text(text.replace("\n601\n", "\n600\n"))


def remove_segments(place: Path) -> None:
    shutil.rmtree(place / "wal")


def cut_segment(place: Path) -> None:
    path = next((place / "wal").glob("*.wal"))
    path.write_bytes(path.read_bytes()[:-40])


def flip_segment(place: Path) -> None:
    path = next((place / "wal").glob("*.wal"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def flip_tile(place: Path) -> None:
    path = place / "tile" / "0" / "000"
    path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])


def flip_bundle(place: Path) -> None:
    path = place / "tile" / "entries" / "000"
    path.write_bytes(path.read_bytes().replace(b"support", b"Support", 1))


def remove_registry(place: Path) -> None:
    shutil.rmtree(place.parents[1] / "registry")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (damage_nothing, ""),
        (remove_shard, "missing"),
        (remove_checkpoint, "checkpoint.*missing"),
        (edit_checkpoint, "not signed"),
        (remove_segments, "missing"),
        (cut_segment, "missing"),
        (flip_segment, "damaged"),
        (flip_tile, "history was changed"),
        (flip_bundle, "history was changed"),
        (remove_registry, "does not list"),
    ],
)
async def test_a_start_refuses_a_history_that_was_changed(opened, fill, tmp_path: Path, damage, says) -> None:
    writer = opened()
    await fill(writer, 300)
    writer.close()
    damage(place_of(tmp_path, writer))
    if not says:
        opened().close()
        return
    with pytest.raises(LogFault, match=says):
        opened()


async def test_a_start_with_another_key_or_origin_is_refused(
    opened, fill, tmp_path: Path, signer, stranger
) -> None:
    writer = opened()
    await fill(writer, 3)
    writer.close()
    for key, origin in ((stranger, ORIGIN), (signer, "sallyport.test/other")):
        with pytest.raises(LogFault, match="not signed"):
            open_shard(tmp_path / "audit", key, origin)


async def test_a_torn_last_write_is_cut(opened, fill, tmp_path: Path) -> None:
    writer = opened()
    await fill(writer, 3)
    writer.close()
    path = next((place_of(tmp_path, writer) / "wal").glob("*.wal"))
    whole = path.read_bytes()
    path.write_bytes(whole + whole[24:60] + b"torn" * 2000)
    again = opened()
    last = json.loads(LogReader(place_of(tmp_path, again)).entry(again.size - 1))
    assert last["truncated_bytes"] == 8036
    again.close()
    report = verify_directory(tmp_path / "audit")
    assert (report.problems, report.logs[1].torn_bytes) == ([], 0)


async def test_segments_are_dropped_when_published_and_the_log_goes_on(opened, fill, tmp_path: Path) -> None:
    for start in range(3):
        writer = opened(segment_bytes=20_000)
        await fill(writer, 200, payloads=True)
        writer.close()
        assert len(list((place_of(tmp_path, writer) / "wal").glob("*.wal"))) < 6, start
    report = verify_directory(tmp_path / "audit")
    assert report.problems == []
    assert report.logs[1].payloads == 1200


async def test_missing_indexes_are_rebuilt(opened, fill, entry, tmp_path: Path) -> None:
    writer = opened(segment_bytes=20_000)
    await fill(writer, 200, payloads=True)
    await writer.append(entry(999))
    writer.close()
    place = place_of(tmp_path, writer)
    rows = (place / "index.bin").read_bytes()
    (place / "index.bin").unlink()
    (place / "open-intents.json").unlink()
    again = opened(segment_bytes=20_000)
    assert (place / "index.bin").read_bytes()[: len(rows)] == rows
    assert json.loads(LogReader(place).entry(again.size - 1))["orphans"][0]["request"] == "req_000999"
