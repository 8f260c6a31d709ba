"""One flipped byte anywhere in entries, tiles or checkpoints is found, and the first bad entry is named."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sallyport.audit.entry import erasure
from sallyport.audit.frames import frame, segment_start
from sallyport.audit.payloads import RECORD, PayloadStore, payload_paths, records
from sallyport.audit.reader import LogReader
from sallyport.audit.shard import open_shard, shards_of
from sallyport.audit.tiles import prefixed
from sallyport.audit.verify import verify_directory
from sallyport.audit.wal import scan_segment, segment_paths

ORIGIN = "sallyport.test/log"
SKIPPED = {"lock", "index.bin", "open-intents.json"}  # prove nothing, are not part of the log


@pytest.fixture
async def made(opened, fill, tmp_path: Path) -> Path:
    writer = opened(segment_bytes=60_000)
    await fill(writer, 300, payloads=True)
    writer.close()
    return tmp_path / "audit"


@pytest.fixture
def place(made: Path) -> Path:
    return shards_of(made)[0]


def problems(directory: Path, signer, **more: object) -> list[str]:
    return [
        str(p) for p in verify_directory(directory, public_keys=[signer.public_key_bytes], **more).problems
    ]


def evidence(directory: Path) -> list[Path]:
    return sorted(p for p in directory.rglob("*") if p.is_file() and p.name not in SKIPPED)


async def test_a_good_log_is_good_and_counted(made: Path, signer) -> None:
    seen: list[tuple[str, int, int]] = []
    report = verify_directory(made, public_keys=[signer.public_key_bytes], progress=lambda *a: seen.append(a))
    assert report.problems == []
    assert report.ok
    assert report.first is None
    shard = report.logs[1]
    assert (shard.size, shard.unpublished, shard.payloads) == (601, 0, 600)
    assert shard.kinds == {"shard": 1, "intent": 300, "outcome": 300}
    assert seen[-1] == (shard.log, 601, 601)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_any_flipped_byte_is_found(made: Path, signer, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(evidence(made)))
    content = path.read_bytes()
    at = data.draw(st.integers(0, len(content) - 1))
    bit = data.draw(st.integers(0, 7))
    path.write_bytes(content[:at] + bytes([content[at] ^ (1 << bit)]) + content[at + 1 :])
    try:
        assert problems(made, signer), f"{path} byte {at}"
    finally:
        path.write_bytes(content)


async def test_every_flipped_byte_of_a_payload_s_header_is_found(place: Path, made: Path, signer) -> None:
    path = payload_paths(place)[0]
    content, found = path.read_bytes(), list(records(path))[7]
    for at in range(found.place.offset, found.place.offset + RECORD.size):
        path.write_bytes(content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :])
        assert problems(made, signer), f"byte {at - found.place.offset} of the header"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_any_cut_file_is_found(made: Path, signer, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(evidence(made)))
    content = path.read_bytes()
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    try:
        assert problems(made, signer), str(path)
    finally:
        path.write_bytes(content)


async def test_a_changed_entry_is_named(place: Path, made: Path, signer) -> None:
    path = place / "tile" / "entries" / "001"
    path.write_bytes(path.read_bytes().replace(b'"req_000150"', b'"req_000151"', 1))
    report = verify_directory(made, public_keys=[signer.public_key_bytes])
    assert report.first is not None
    assert (report.first.log, report.first.index) == (place.name, 301)
    assert "does not give the hash" in report.first.why


async def test_an_edited_size_is_found(place: Path, made: Path, signer) -> None:
    text = (place / "checkpoint").read_text()
    (place / "checkpoint").write_text(text.replace("\n601\n", "\n512\n"))
    assert any("checkpoint is not good" in p for p in problems(made, signer))


async def test_a_removed_tail_is_found_against_the_checkpoint(place: Path, made: Path, signer) -> None:
    shutil.rmtree(place / "tile" / "entries" / "002.p")
    assert any("is missing" in p for p in problems(made, signer))


async def test_a_removed_shard_is_found(place: Path, made: Path, signer) -> None:
    shutil.rmtree(place)
    assert problems(made, signer) == [f"{place.name}: the shard is registered, but it is not here"]


async def test_an_unlisted_shard_is_found(place: Path, made: Path, signer) -> None:
    shutil.copytree(place, place.with_name("9-000000000000"))
    assert any(
        p.startswith("9-000000000000: the shard is not in the registry") for p in problems(made, signer)
    )


async def test_a_log_that_was_rolled_back_whole_is_found_by_the_registry(
    opened, fill, tmp_path: Path, signer
) -> None:
    writer = opened()
    await fill(writer, 3)
    writer.close()
    shard = tmp_path / "audit" / "shards" / writer.shard
    shutil.copytree(shard, tmp_path / "old")
    again = opened()
    await fill(again, 3)
    again.close()
    shutil.rmtree(shard)
    shutil.copytree(tmp_path / "old", shard)
    assert any("entries are missing" in p for p in problems(tmp_path / "audit", signer))


async def test_a_history_other_than_the_seen_one_is_found(tmp_path: Path, opened, fill, signer) -> None:
    """Everything was made again with the right key; only a kept checkpoint tells."""
    writer = opened()
    await fill(writer, 5)
    writer.close()
    note = LogReader(tmp_path / "audit" / "shards" / writer.shard).note()
    assert problems(tmp_path / "audit", signer, seen=[note]) == []
    shutil.rmtree(tmp_path / "audit")
    opened().close()
    found = problems(tmp_path / "audit", signer, seen=[note])
    assert found == [f"{ORIGIN}/{writer.shard}: a checkpoint of this log is known, but the log is not here"]


async def test_a_stranger_cannot_have_signed(made: Path, stranger) -> None:
    found = problems(made, stranger)
    assert len(found) >= 2
    assert all("checkpoint is not good" in p for p in found)


async def test_without_keys_the_log_is_taken_at_its_word(made: Path) -> None:
    report = verify_directory(made)
    assert report.ok
    assert not report.trusted


async def test_another_entry_in_a_whole_segment_is_named(place: Path, made: Path, signer) -> None:
    """The write-ahead segment was framed anew around a changed entry; bundles and tiles are untouched."""
    path = segment_paths(place)[-1]
    batch, *rest = scan_segment(path).batches
    entries = [e.replace(b'"kind"', b'"KIND"') for e in batch.entries]
    data = segment_start(batch.first) + frame(batch.first, [prefixed(e) for e in entries])
    for good in rest:
        data += frame(good.first, [prefixed(e) for e in good.entries])
    path.write_bytes(data)
    report = verify_directory(made, public_keys=[signer.public_key_bytes])
    assert report.first is not None
    assert report.first.index == batch.first
    assert "another entry than the log" in report.first.why


async def test_a_consistent_log_that_is_not_the_signed_one_is_found(
    opened, fill, tmp_path: Path, signer, monkeypatch
) -> None:
    """Entries, tiles and segments agree with each other, but the checkpoint was signed for others."""
    monkeypatch.setattr("sallyport.audit.shard.token_hex", lambda _: "00")
    writer = opened()
    await fill(writer, 3)
    writer.close()
    note = (tmp_path / "audit" / "shards" / "0-00" / "checkpoint").read_text()
    shutil.rmtree(tmp_path / "audit")
    other = opened(now=lambda: 5.0)
    await fill(other, 3)
    other.close()
    (tmp_path / "audit" / "shards" / "0-00" / "checkpoint").write_text(note)
    found = problems(tmp_path / "audit", signer)
    assert found == ["0-00: the first 7 entries do not give the root that was signed for them"]


async def test_a_changed_payload_is_named(place: Path, made: Path, signer) -> None:
    path = place / "payload" / "000000.seg"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert problems(made, signer) == [f"{place.name}/600: the payload was changed"]


async def test_an_erased_payload_is_fine_if_the_log_says_so(opened, fill, tmp_path: Path, signer) -> None:
    writer = opened()
    await fill(writer, 3, payloads=True)
    store = PayloadStore(tmp_path / "audit")
    store.erase(writer.shard, 2)
    await writer.append(erasure(writer.shard, 3, who="a" * 32))
    store.erase(writer.shard, 3)
    writer.close()
    assert problems(tmp_path / "audit", signer) == [
        f"{writer.shard}/2: the payload was erased, and no entry says so"
    ]


async def test_a_log_in_use_verifies(opened, entry, tmp_path: Path, signer) -> None:
    writer = opened()
    for number in range(700):
        await writer.append(entry(number))
        if number % 100 == 0:
            assert problems(tmp_path / "audit", signer) == []


@pytest.mark.parametrize("remove", [shutil.rmtree, lambda d: shutil.rmtree(d / "registry")])
async def test_without_a_registry_nothing_verifies(
    made: Path, signer, remove: Callable[[Path], None]
) -> None:
    remove(made)
    assert problems(made, signer) == ["registry: there is no registry"]


async def test_a_shard_that_died_before_its_first_checkpoint_is_no_problem(
    tmp_path: Path, signer, monkeypatch
) -> None:
    from sallyport.audit.shard import _Opening

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(_Opening, "_write", die)
    with pytest.raises(KeyboardInterrupt):
        open_shard(tmp_path / "audit", signer, ORIGIN)
    assert problems(tmp_path / "audit", signer) == []
    monkeypatch.undo()
    open_shard(tmp_path / "audit", signer, ORIGIN).close()
    assert problems(tmp_path / "audit", signer) == []


async def test_every_flipped_bit_of_a_checkpoint_s_last_characters_is_found(made: Path, signer) -> None:
    """Base64 has bits there that stand for nothing."""
    for path in made.rglob("checkpoint"):
        content = path.read_bytes()
        for at in range(8 * (len(content) - 8), 8 * len(content)):
            flipped = bytearray(content)
            flipped[at // 8] ^= 1 << at % 8
            path.write_bytes(flipped)
            assert problems(made, signer), f"{path} bit {at}"
        path.write_bytes(content)
