from __future__ import annotations

from pathlib import Path

import pytest

from sallyport.audit.files import Files
from sallyport.audit.payloads import PayloadStore, PayloadWriter, payload_paths, records
from sallyport.audit.shard import shards_of
from sallyport.errors import Fault, LogFault


async def test_payloads_are_read_back_by_shard_and_index(opened, entry, tmp_path: Path) -> None:
    writer = opened()
    answers = [await writer.append(entry(i), b"sealed %d" % i) for i in range(5)]
    plain = await writer.append(entry(9))
    store = PayloadStore(tmp_path / "audit")
    assert [store.read(writer.shard, a.index) for a in answers] == [b"sealed %d" % i for i in range(5)]
    for shard, index in (
        (writer.shard, plain.index),
        (writer.shard, 99),
        (writer.shard, -1),
        ("../registry", 0),
        ("", 0),
        ("none", 0),
    ):
        with pytest.raises(Fault) as caught:
            store.read(shard, index)
        assert caught.value.code == "record_unknown"


async def test_an_erased_payload_is_gone_from_the_disk(opened, entry, tmp_path: Path) -> None:
    writer = opened()
    secret, other = await writer.append(entry(1), b"S" * 99), await writer.append(entry(2), b"other")
    store = PayloadStore(tmp_path / "audit")
    store.erase(writer.shard, secret.index)
    store.erase(writer.shard, secret.index)
    with pytest.raises(Fault, match="erased"):
        store.read(writer.shard, secret.index)
    assert store.read(writer.shard, other.index) == b"other"
    place = shards_of(tmp_path / "audit")[0]
    assert all(b"SSS" not in path.read_bytes() for path in place.rglob("*") if path.is_file())


async def test_a_damaged_payload_is_not_returned(opened, entry, tmp_path: Path) -> None:
    writer = opened()
    answer = await writer.append(entry(1), b"sealed")
    path = payload_paths(shards_of(tmp_path / "audit")[0])[0]
    path.write_bytes(path.read_bytes()[:-1] + b"X")
    with pytest.raises(LogFault, match="damaged"):
        PayloadStore(tmp_path / "audit").read(writer.shard, answer.index)


def test_segments_rotate_and_what_belongs_to_no_entry_is_cut(tmp_path: Path) -> None:
    writer = PayloadWriter(Files(), tmp_path, segment_bytes=100)
    for index in range(10):
        writer.append([(index, b"%d" % index * 30)])
    writer.close()
    assert len(payload_paths(tmp_path)) > 3
    last = [r.index for r in records(payload_paths(tmp_path)[-1])]
    again = PayloadWriter(Files(), tmp_path, segment_bytes=100)
    again.resume(last[0] + 1)
    again.append([(last[0] + 1, b"new")])
    again.close()
    found = [r.index for path in payload_paths(tmp_path) for r in records(path)]
    assert found == list(range(last[0] + 2))
