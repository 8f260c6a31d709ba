from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sallyport.audit.frames import START, frame, scan, segment_start
from sallyport.audit.tiles import prefixed

BATCHES = st.lists(st.lists(st.binary(max_size=40), min_size=1, max_size=4), min_size=1, max_size=5)


def segment(batches: list[list[bytes]], first: int = 7) -> tuple[bytes, list[int]]:
    """A segment and the offset at which each batch ends."""
    data, ends, index = segment_start(first), [], first
    for entries in batches:
        data += frame(index, [prefixed(entry) for entry in entries])
        index += len(entries)
        ends.append(len(data))
    return data, ends


@given(BATCHES)
def test_a_scan_finds_what_was_framed(batches: list[list[bytes]]) -> None:
    data, ends = segment(batches)
    found = scan(data)
    assert found is not None
    assert [batch.entries for batch in found.batches] == batches
    assert (found.first, found.end, found.size, found.damaged) == (7, ends[-1], len(data), False)
    assert found.next == 7 + sum(len(batch) for batch in batches)


@given(BATCHES, st.data())
def test_a_segment_cut_anywhere_keeps_its_whole_batches(
    batches: list[list[bytes]], data: st.DataObject
) -> None:
    whole, ends = segment(batches)
    cut = data.draw(st.integers(0, len(whole)))
    found = scan(whole[:cut])
    if cut < START.size:
        assert found is None
        return
    assert found is not None
    kept = [end for end in ends if end <= cut]
    assert found.batches == (scan(whole).batches)[: len(kept)]
    assert not found.damaged


@given(BATCHES, st.data())
def test_a_flipped_byte_before_a_good_batch_is_damage(
    batches: list[list[bytes]], data: st.DataObject
) -> None:
    whole, ends = segment([*batches, [b"last"]])
    at = data.draw(st.integers(START.size, ends[-2] - 1))
    flipped = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
    found = scan(flipped)
    assert found is not None
    assert found.damaged


def test_batches_that_do_not_follow_each_other_are_not_read() -> None:
    data = segment_start(0) + frame(0, [prefixed(b"a")]) + frame(2, [prefixed(b"c")])
    found = scan(data)
    assert found is not None
    assert (found.next, found.damaged) == (1, True)


def test_what_is_not_a_segment_is_none() -> None:
    assert scan(b"") is None
    assert scan(b"x" * 100) is None
