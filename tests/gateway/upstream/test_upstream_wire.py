"""The answers of one connection: what is read, where it ends, what is refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sallyport.errors import UpstreamFault
from sallyport.gateway.upstream_wire import MOST_HEAD, Reader

MOST = 1000
BAD, AWAY, LARGE = "upstream_invalid", "upstream_unavailable", "upstream_too_large"


def read(*pieces: bytes, closed: bool = False) -> tuple[int, bytes, bool]:
    """Status, body and whether the connection may be used again. Raises UpstreamFault, also for half an answer."""
    reader = Reader(MOST)
    for piece in pieces:
        reader.feed(piece)
    if not reader.whole:
        if not closed:
            raise EOFError
        reader.end()
    return reader.status, b"".join(reader.parts), reader.reusable


def head(*lines: str, first: str = "HTTP/1.1 200 OK") -> bytes:
    return "".join(f"{line}\r\n" for line in (first, *lines, "")).encode("latin-1")


CHUNKED = head("transfer-encoding: chunked")
LENGTH = head("content-length: 2")
READ = {
    "a length": ([LENGTH + b"ok"], (200, b"ok", True)),
    "nothing": ([head("content-length: 0")], (200, b"", True)),
    "chunks": ([CHUNKED + b"1\r\no\r\n1\r\nk\r\n0\r\n\r\n"], (200, b"ok", True)),
    "a chunk's extension": ([CHUNKED + b"2;a=b\r\nok\r\n0\r\n\r\n"], (200, b"ok", True)),
    "trailers": ([CHUNKED + b"2\r\nok\r\n0\r\nconnection: close\r\n\r\n"], (200, b"ok", True)),
    "upper case": ([head("Transfer-Encoding: Chunked") + b"0\r\n\r\n"], (200, b"", True)),
    "no reason": ([head("content-length: 2", first="HTTP/1.1 200") + b"ok"], (200, b"ok", True)),
    "100 first": ([head(first="HTTP/1.1 100 Continue") + LENGTH + b"ok"], (200, b"ok", True)),
    "103 twice": ([head("link: </x>", first="HTTP/1.1 103 Hints") * 2 + LENGTH + b"ok"], (200, b"ok", True)),
    "204": ([head(first="HTTP/1.1 204 Nothing")], (204, b"", True)),
    "304": ([head("content-length: 5", first="HTTP/1.1 304 Same")], (304, b"", True)),
    "connection: close": ([head("connection: close", "content-length: 2") + b"ok"], (200, b"ok", False)),
    "a connection header of more": ([head("connection: x, y", "content-length: 0")], (200, b"", False)),
    "HTTP/1.0": ([head("content-length: 2", first="HTTP/1.0 200 OK") + b"ok"], (200, b"ok", False)),
    "HTTP/1.0, kept": (
        [head("connection: keep-alive", "content-length: 2", first="HTTP/1.0 200 OK") + b"ok"],
        (200, b"ok", False),
    ),
    "UTF-8 where nobody looks": ([head("x: caf\xc3\xa9", "content-length: 0")], (200, b"", True)),
}


@pytest.mark.parametrize("name", READ)
def test_what_is_read(name):
    pieces, expected = READ[name]
    assert read(*pieces) == expected


def test_without_a_length_the_end_of_the_connection_is_the_end():
    assert read(head(), b"ok", closed=True) == (200, b"ok", False)
    with pytest.raises(EOFError):
        read(head(), b"ok")


REFUSED = {
    "not HTTP": (b"220 smtp.example ready\r\n", AWAY),
    "an empty line first": (b"\r\n" + LENGTH + b"ok", AWAY),
    "another protocol": (head("content-length: 0", first="RTSP/1.0 200 OK"), AWAY),
    "HTTP/2": (head("content-length: 0", first="HTTP/2.0 200 OK"), AWAY),
    "HTTP/0.9": (head("content-length: 0", first="HTTP/0.9 200 OK"), AWAY),
    "a status of two digits": (head(first="HTTP/1.1 20 OK"), AWAY),
    "a status of four digits": (head(first="HTTP/1.1 2000 OK"), AWAY),
    "bare line feeds": (LENGTH.replace(b"\r\n", b"\n") + b"ok", AWAY),
    "one bare line feed": (b"HTTP/1.1 200 OK\r\nx: a\ncontent-length: 2\r\n\r\nok", AWAY),
    "a folded line": (head("x: a", " b", "content-length: 2"), AWAY),
    "a space before the colon": (head("content-length : 2"), AWAY),
    "no colon": (head("content-length"), AWAY),
    "two lengths": (head("content-length: 2", "content-length: 3"), AWAY),
    "the same length twice": (head("content-length: 2", "content-length: 2"), AWAY),
    "a list of lengths": (head("content-length: 2, 2"), AWAY),
    "a signed length": (head("content-length: +2"), AWAY),
    "a hexadecimal length": (head("content-length: 0x2"), AWAY),
    "no length": (head("content-length:"), AWAY),
    "a length that overflows": (head("content-length: 18446744073709551618"), AWAY),
    "a length and chunks": (head("content-length: 2", "transfer-encoding: chunked"), AWAY),
    "chunks and a length": (head("transfer-encoding: chunked", "content-length: 2"), AWAY),
    "compressed chunks": (head("transfer-encoding: gzip, chunked"), AWAY),
    "chunked twice": (head("transfer-encoding: chunked", "transfer-encoding: chunked"), AWAY),
    "an unknown coding": (head("transfer-encoding: xchunked"), AWAY),
    "an empty coding": (head("transfer-encoding:"), AWAY),
    "identity as coding": (head("transfer-encoding: identity"), AWAY),
    "chunks in HTTP/1.0": (head("transfer-encoding: chunked", first="HTTP/1.0 200 OK"), AWAY),
    "a null byte": (head("x: a\x00b"), AWAY),
    "a control character": (head("x: a\x01b"), AWAY),
    "a header that is not text": (head("x: a\xff\xfeb"), AWAY),
    "a header that we look at and is not ASCII": (head("content-type: caf\xc3\xa9"), AWAY),
    "another protocol from here on": (
        head("upgrade: x", "connection: upgrade", first="HTTP/1.1 101 Go"),
        AWAY,
    ),
    "101 without an upgrade": (head(first="HTTP/1.1 101 Go") + LENGTH + b"ok", AWAY),
    "interim answers without end": (head(first="HTTP/1.1 100 Continue") * 9, AWAY),
    "too many lines": (head(*["x: y"] * 128), AWAY),
    "a head that is too large": (head("x: " + "y" * MOST_HEAD), AWAY),
    "a large head in parts": (head(*[f"x: {'y' * 700}"] * 127), AWAY),
    "a chunk size that overflows": (CHUNKED + b"fffffffffffffffff\r\n", BAD),
    "a negative chunk": (CHUNKED + b"-1\r\n", BAD),
    "a chunk size that is none": (CHUNKED + b"g\r\n", BAD),
    "a chunk size with a space": (CHUNKED + b"1 \r\nx\r\n", BAD),
    "a chunk with a bare line feed": (CHUNKED + b"1\nx\r\n", BAD),
    "a chunk that is longer than its size": (CHUNKED + b"1\r\nxy\r\n", BAD),
    "a length in the trailers": (CHUNKED + b"2\r\nok\r\n0\r\ncontent-length: 9\r\n\r\n", BAD),
    "a trailer without end": (CHUNKED + b"0\r\nx: " + b"y" * MOST_HEAD, BAD),
    "too many trailers": (CHUNKED + b"0\r\n" + b"x: y\r\n" * 128, BAD),
    "an extension without end": (CHUNKED + b"1;" + b"y" * MOST_HEAD, BAD),
    "a second answer": (LENGTH + b"ok" + LENGTH, BAD),
    "bytes after the length": (LENGTH + b"ok!", BAD),
    "bytes after the chunks": (CHUNKED + b"0\r\n\r\nHTTP", BAD),
    "bytes after `connection: close`": (head("connection: close", "content-length: 2") + b"okHTTP", BAD),
    "a body where there is none": (head("content-length: 2", first="HTTP/1.1 204 Nothing") + b"ok", BAD),
    "larger than allowed": (head("content-length: 2000") + b"x" * (MOST + 1), LARGE),
    "chunks larger than allowed": (CHUNKED + b"258\r\n" + b"x" * 600 + b"\r\n258\r\n" + b"x" * 600, LARGE),
    "larger than allowed, without a length": (head() + b"x" * (MOST + 1), LARGE),
}


@pytest.mark.parametrize("cut", [100_000, 997, 1])
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name, cut):
    sent, code = REFUSED[name]
    # Where the rest comes alone, the answer is already whole: then the connection is not used again (see the pool).
    after = name.startswith(("bytes after", "a second", "a body where"))
    pieces = [sent] if after else [sent[i : i + cut] for i in range(0, len(sent), cut)]
    with pytest.raises(UpstreamFault) as caught:
        read(*pieces, closed=True)
    assert caught.value.code == code


HALF = {
    "nothing at all": ([], AWAY),
    "half a status line": ([b"HTTP/1."], AWAY),
    "half a head": ([LENGTH[:-2]], AWAY),
    "an interim answer only": ([head(first="HTTP/1.1 100 Continue")], AWAY),
    "no body": ([LENGTH], BAD),
    "half a body": ([LENGTH, b"o"], BAD),
    "no chunk": ([CHUNKED], BAD),
    "half a chunk": ([CHUNKED, b"2\r\no"], BAD),
    "no last chunk": ([CHUNKED, b"2\r\nok\r\n"], BAD),
    "half a last chunk": ([CHUNKED, b"2\r\nok\r\n0\r\n"], BAD),
}


@pytest.mark.parametrize("name", HALF)
def test_half_an_answer_is_none(name):
    pieces, code = HALF[name]
    with pytest.raises(UpstreamFault) as caught:
        read(*pieces, closed=True)
    assert caught.value.code == code


def test_a_connection_carries_one_answer_after_another():
    reader = Reader(MOST)
    reader.feed(head("content-type: text/plain", "content-length: 2") + b"ok")
    reader.expect()
    assert (reader.headers, reader.parts, reader.whole, reader.status) == ({}, [], False, 0)
    reader.feed(head("transfer-encoding: chunked", first="HTTP/1.1 404 No") + b"2\r\nno\r\n0\r\n\r\n")
    assert (reader.status, reader.parts, reader.whole) == (404, [b"no"], True)


def test_many_small_reads_without_content_are_no_endless_head():
    reader = Reader(1_000_000)
    reader.feed(CHUNKED)
    for _ in range(20_000):
        for piece in (b"1\r\n", b"x", b"\r\n"):
            reader.feed(piece)
    reader.feed(b"0\r\n\r\n")
    assert (reader.whole, reader.size) == (True, 20_000)


@pytest.mark.parametrize(
    "begin", [b"HTTP/1.1 200 ", b"HTTP/1.1 200 OK\r\nx: ", CHUNKED + b"1;", CHUNKED + b"0\r\nx: "]
)
def test_nothing_without_content_goes_on_for_ever(begin):
    reader = Reader(MOST)
    reader.feed(begin)
    with pytest.raises(UpstreamFault, match="without content"):
        for _ in range(2 * MOST_HEAD // 1000):
            reader.feed(b"y" * 1000)


def test_an_interim_head_leaves_nothing_behind():
    reader = Reader(MOST)
    reader.feed(head("content-encoding: gzip", first="HTTP/1.1 103 Hints") + LENGTH)
    assert reader.headers == {"content-length": "2"}


def test_what_we_look_at_and_nothing_else():
    reader = Reader(MOST)
    reader.feed(
        head(
            "Content-Type:  a/b \t",
            "retry-after: 7",
            "set-cookie: a=b",
            "retry-after: 8",
            "content-length: 0",
        )
    )
    assert reader.headers == {"content-type": "a/b", "retry-after": "7, 8", "content-length": "0"}


# Properties.

BODY = st.binary(max_size=200)
LINES = st.lists(
    st.sampled_from(["server: x", "content-type: text/event-stream", "date: now", "x:"]), max_size=3
)
INTERIM = st.sampled_from(
    [b"", head(first="HTTP/1.1 100 Continue"), head("link: <x>", first="HTTP/1.1 103 E")]
)


@st.composite
def answers(draw) -> bytes:
    """A valid answer that says where it ends."""
    body, lines, interim = draw(BODY), draw(LINES), draw(INTERIM)
    if draw(st.booleans()):
        return interim + head(*lines, f"content-length: {len(body)}") + body
    chunks = []
    while body:
        size = draw(st.integers(1, len(body)))
        extension = draw(st.sampled_from(["", ";a=b"]))
        chunks.append(f"{size:x}{extension}\r\n".encode() + body[:size] + b"\r\n")
        body = body[size:]
    trailer = draw(st.sampled_from([b"", b"x: y\r\n"]))
    return (
        interim + head(*lines, "transfer-encoding: chunked") + b"".join(chunks) + b"0\r\n" + trailer + b"\r\n"
    )


@st.composite
def cut(draw, whole: bytes) -> list[bytes]:
    places = sorted(draw(st.sets(st.integers(1, max(1, len(whole) - 1)), max_size=12)))
    return [p for p in (whole[a:b] for a, b in zip([0, *places], [*places, None], strict=True)) if p]


@given(st.data())
def test_any_cutting_gives_the_same_answer(data):
    sent = data.draw(answers())
    assert read(*data.draw(cut(sent))) == read(sent)


@st.composite
def damaged(draw) -> bytes:
    sent = bytearray(draw(answers()))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(sent)))
        taken = draw(st.integers(0, 3))
        given_ = draw(
            st.sampled_from(
                [
                    b"",
                    b"\r",
                    b"\n",
                    b"\r\n",
                    b"0",
                    b"9",
                    b":",
                    b"\x00",
                    b"\xff",
                    b"chunked",
                    b"HTTP/1.1 200 OK\r\n",
                ]
            )
        )
        sent[place : place + taken] = given_
    return bytes(sent)


@given(st.data(), st.booleans())
def test_no_damage_makes_an_answer_longer_than_it_says(data, closed):
    sent = data.draw(st.one_of(damaged(), st.binary(max_size=300)))
    reader = Reader(MOST)
    with contextlib.suppress(UpstreamFault):
        for piece in data.draw(cut(sent)) if sent else []:
            assert not reader.whole or reader.expect() is None
            reader.feed(piece)
            declared = reader.headers.get("content-length")
            if reader.status and declared is not None:
                assert reader.size <= int(declared)
                assert not reader.whole or reader.size == int(declared) or reader.status in {204, 304}
        assert sum(map(len, reader.parts)) == reader.size <= MOST
        if not reader.whole and closed:
            reader.end()
            assert "content-length" not in reader.headers
            assert "transfer-encoding" not in reader.headers
            assert not reader.reusable
