from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sallyport.gateway.sse import Reader, comment, write

TEXT = 'data: {"a":"é"}\n\nevent: x\ndata: one\ndata:two\n\n: comment\n\ndata: last\n\n'
EVENTS = [(b"", '{"a":"é"}'.encode()), (b"x", b"one\ntwo"), (b"", b"last")]


def read(chunks, limit=10_000):
    reader = Reader(limit=limit)
    return [(e.name, e.data) for chunk in chunks for e in reader.feed(chunk)], reader


@given(st.sampled_from(["\n", "\r\n", "\r"]), st.lists(st.integers(0, 200), max_size=30), st.booleans())
def test_any_chunking_and_any_line_end_gives_the_same_events(newline, cuts, bom):
    raw = (b"\xef\xbb\xbf" if bom else b"") + TEXT.replace("\n", newline).encode()
    raw += b"\n" if newline == "\r" else b""  # a lone CR at the very end could still become CRLF
    points = sorted({0, len(raw), *(c % len(raw) for c in cuts)})
    if bom and 0 < points[1] < 3:
        points = [0, *[p for p in points if p >= 3]]
    events, _ = read([raw[a:b] for a, b in itertools.pairwise(points)])
    assert events == EVENTS


def test_an_unfinished_event_is_no_event():
    events, _ = read([b"data: x\n"])
    assert events == []


def test_a_lone_carriage_return_ends_a_line_at_once():
    events, reader = read([b"data: x\r\r"])
    assert events == [(b"", b"x")]
    assert [e.data for e in reader.feed(b"\ndata: y\n\n")] == [b"y"]


def test_what_waits_is_not_joined_again_for_each_line():
    """A megabyte in lines of two bytes: joined for each of them, this would be 250 GB of copies."""
    reader = Reader(limit=1_000_000)
    for _ in range(500_000):
        reader.feed(b"a\n")
    (event,) = reader.feed(b"data: x\n\n")
    assert event.data == b"x"


def test_nothing_but_data_lines_is_passed_on():
    reader = Reader(limit=1000)
    (event,) = reader.feed(b": secret\nid: secret\ndata: x\nfoo: secret\n\n")
    assert event.raw == b"data: x\n\n"


def test_an_event_that_never_ends_is_refused():
    reader = Reader(limit=100)
    with pytest.raises(ValueError, match="larger"):
        for _ in range(50):
            reader.feed(b"data: aaaaaaaaaa")


def test_writing():
    assert write(b"{}") == b"data: {}\n\n"
    assert write(b"{}", b"ping") == b"event: ping\ndata: {}\n\n"
    assert comment(b"x") == b": x\n\n"
