"""Whatever comes in on a connection, the call on it ends, and its answer is no longer than it says."""

from __future__ import annotations

import asyncio
import itertools

from hypothesis import given
from hypothesis import strategies as st

from sallyport.errors import UpstreamFault
from sallyport.gateway.upstream_connection import Connection, PlainAnswer
from sallyport.gateway.upstream_target import Target

TARGET = Target(name="u", base_url="http://127.0.0.1/v1", answer_bytes=100)
HEADS = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 6\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n",
)
REST = (b"abc", b"def", b"3\r\nabc\r\n", b"0\r\n\r\n", b"\r\n", b"3", b"x" * 101, b"\xff\x00")
PIECES = st.lists(st.sampled_from([*HEADS, *REST]) | st.binary(min_size=1, max_size=9), max_size=9)


class Transport(asyncio.Transport):
    """Remembers whether it was closed."""

    closed = False

    def write(self, data):
        """Nobody reads it."""

    def get_write_buffer_size(self):
        return 0

    def is_closing(self):
        return self.closed

    def abort(self):
        self.closed = True

    def pause_reading(self):
        """Nothing that comes here is so large."""

    resume_reading = pause_reading


async def play(pieces, *, stream, reset):
    """What the caller gets: the body or None, and whether the connection was kept."""
    kept = []
    connection, transport = Connection(TARGET.answer_bytes, kept.append, lambda _: None), Transport()
    connection.connection_made(transport)
    answer = PlainAnswer(connection, TARGET, connection.loop.time(), stream=stream)
    connection.ask(answer, b"")
    for piece in pieces:
        if not transport.closed:
            connection.data_received(piece)
    connection.connection_lost(ConnectionResetError() if reset else None)
    assert answer.ready.done()
    if answer.refusal is not None:
        return None, bool(kept)
    try:
        async with asyncio.timeout(1):
            return await answer.body(), bool(kept) and not transport.closed
    except UpstreamFault:
        return None, bool(kept)


@given(PIECES, st.booleans(), st.booleans())
def test_every_call_ends_and_nothing_is_longer_than_it_says(pieces, stream, reset):
    body, kept = asyncio.run(play(pieces, stream=stream, reset=reset))
    sent = b"".join(pieces)
    if body is None:
        return
    assert len(body) <= TARGET.answer_bytes
    head = sent[sent.index(b"HTTP/1.1 200") :].split(b"\r\n\r\n")[0]
    if b"content-length: 6" in head:
        assert len(body) == 6
    elif b"chunked" not in head:
        assert not kept
        assert not reset
    if kept:
        assert sent.endswith((body, b"0\r\n\r\n", b"\r\n"))


@given(st.lists(st.integers(0, 110), max_size=6))
def test_any_cutting_gives_the_same_answer(places):
    sent = HEADS[1] + b"3\r\nabc\r\n" + b"2;x\r\nde\r\n0\r\n\r\n"
    edges = sorted({0, len(sent), *(min(place, len(sent)) for place in places)})
    pieces = [sent[a:b] for a, b in itertools.pairwise(edges)]
    for stream in (False, True):
        assert asyncio.run(play(pieces, stream=stream, reset=False)) == (b"abcde", True)


async def test_what_is_offered_while_somebody_waits_is_not_in_the_chunks():
    connection, taken = Connection(TARGET.answer_bytes, lambda _: None, lambda _: None), []
    connection.connection_made(Transport())
    answer = PlainAnswer(connection, TARGET, connection.loop.time(), stream=True)
    connection.ask(answer, b"")
    answer.offer(lambda data: data != b"no" and not taken.append(data))
    connection.data_received(HEADS[1] + b"1\r\na\r\n")  # nobody waits yet
    chunks = answer.chunks()
    assert await anext(chunks) == b"a"
    waiting = asyncio.ensure_future(anext(chunks))
    await asyncio.sleep(0)
    connection.data_received(b"1\r\nb\r\n1\r\nc\r\n")
    assert taken == [b"bc"]
    assert not waiting.done()
    connection.data_received(b"2\r\nno\r\n")
    connection.data_received(b"1\r\nd\r\n")  # what waits is not overtaken
    assert taken == [b"bc"]
    assert await waiting == b"nod"
