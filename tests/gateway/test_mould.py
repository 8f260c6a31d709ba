from __future__ import annotations

import asyncio
import json
from itertools import pairwise

import door
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sallyport.gateway.dialects.openai_chat import OpenAIChat
from sallyport.gateway.sse import write

CHAT = OpenAIChat()
SHAPES = [{}, {"system_fingerprint": "fp"}, {"usage": None}, {"logprobs": None, "x": ["content", 1]}]


def event(text, more=(), *, ascii_only=False, name="content"):
    choice = {"index": 0, "delta": {name: text}, "finish_reason": None}
    return write(
        json.dumps({"id": "c1", "choices": [choice], **dict(more)}, ensure_ascii=ascii_only).encode()
    )


def cut(raw):
    return CHAT.mould(CHAT.chunk(raw[6:-2], raw))


@given(st.text(min_size=1), st.text(min_size=1), st.sampled_from(SHAPES), st.booleans())
def test_a_mould_reads_what_the_parser_reads(one, two, more, ascii_only):
    if any(0xD800 <= ord(c) < 0xE000 for c in one + two):
        return
    mould, raw = cut(event(one, more, ascii_only=ascii_only)), event(two, more, ascii_only=ascii_only)
    assert mould is not None
    assert mould.text(raw) == CHAT.chunk(raw[6:-2], raw).pieces[0].text == two
    filled = mould.filled(one)
    assert CHAT.chunk(filled[6:-2], filled).document == CHAT.chunk(raw[6:-2], event(one, more)).document | {
        "choices": [{"index": 0, "delta": {"content": one}, "finish_reason": None}]
    }


BEFORE, AFTER = (part for part in event("@").split(b'"@"'))
STRANGE = {
    "two members": b'"a","content":"b"',
    "another string": b'"a" "b"',
    "no string": b"1",
    "an empty text": b'""',
    "a list": b'["a"]',
    "an open string": b'"a',
    "one quote": b'"',
    "nothing": b"",
    "white space before": b' "a"',
    "white space behind": b'"a" ',
    "a control character": b'"a\nb"',
    "a line of its own": b'"a\n\ndata: b"',
    "no UTF-8": b'"\xff"',
    "half a pair": b'"\\ud800"',
    "a wrong escape": b'"\\x"',
}


@pytest.mark.parametrize("name", STRANGE)
def test_what_is_not_one_text_goes_to_the_parser(name):
    mould = cut(event("hello"))
    assert mould is not None
    assert mould.text(BEFORE + STRANGE[name] + AFTER) is None


def test_other_bytes_around_the_text_go_to_the_parser():
    mould = cut(event("hello"))
    assert mould is not None
    assert mould.text(event("hello")) == "hello"
    assert mould.text(event("hello", {"x": 1})) is None
    assert mould.text(event("hello", name="refusal")) is None
    assert mould.text(BEFORE) is None
    assert mould.text(AFTER) is None
    assert mould.text(BEFORE[:-5] + AFTER) is None


def test_there_is_no_mould_where_it_is_in_doubt_which_bytes_the_text_is():
    assert cut(event("hello", {"x": {"content": "again"}})) is None
    assert cut(event("hello", {"\\u0063": 1})) is None


async def test_a_stream_of_one_shape_is_guarded_to_its_end():
    w = door.World()
    words = ["my card", " is ", door.TOKEN, ' or "not"\n', door.CARD, " end"]
    w.chunks = door.sse(*[door.delta(content=word) for word in words], door.delta(finish="stop"), "[DONE]")
    out = await door.call(w, door.chat(stream=True, messages=[{"role": "user", "content": door.CARD}]))
    said = "".join(json.loads(e)["choices"][0]["delta"].get("content", "") for e in out.events()[:-1])
    assert said == f'my card is {door.CARD} or "not"\n[CARD] end'
    assert "".join(text for _, _, text in w.exchange.said) == "".join(words)


@pytest.mark.parametrize("after", [2, 3, 5])
async def test_a_canary_in_an_event_of_a_known_shape_stops_the_stream(after):
    w = door.World()
    words = ["well "] * after + [door.CANARY, " more"]
    w.chunks = door.sse(*[door.delta(content=word) for word in words], door.delta(finish="stop"), "[DONE]")
    out = await door.call(w, door.chat(stream=True))
    assert json.loads(out.events()[-1])["error"]["code"] == "output_blocked"
    assert door.CANARY not in out.data.decode()


@pytest.mark.parametrize("place", ["id", "x"])
async def test_an_event_that_hides_something_beside_its_text_is_parsed(place):
    w = door.World()
    plain = [door.delta(content="well ") for _ in range(4)]
    w.chunks = door.sse(
        *plain, {**door.delta(content="well "), place: door.CANARY}, door.delta(finish="stop"), "[DONE]"
    )
    out = await door.call(w, door.chat(stream=True))
    assert json.loads(out.events()[-1])["error"]["code"] == "output_blocked"
    assert door.CANARY not in out.data.decode()


@given(
    st.lists(st.text(alphabet='ab "\\\n<é', min_size=1, max_size=6), min_size=1, max_size=8),
    st.lists(st.integers(0, 4000), max_size=12),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_bytes_in_any_pieces_are_answered_alike(words, cuts, mixed):
    """An event that comes alone is read by its mould, other bytes by the reader of events."""
    deltas = [door.delta(content=word) for word in words]
    if mixed:
        deltas.insert(1, door.delta(reasoning_content="hm "))
    events = door.sse(*deltas, door.delta(finish="stop"), "[DONE]")
    whole = b"".join(events)
    places = [0, *sorted(cut % (len(whole) + 1) for cut in cuts), len(whole)]
    chunkings = events, [whole], [whole[start:end] for start, end in pairwise(places)]
    answers = {_said(asyncio.run(_streamed(chunks))) for chunks in chunkings}
    assert answers == {"".join(words)}


@pytest.mark.parametrize("before", [b": a comment that goes on ", b"x"])
async def test_bytes_that_wait_belong_to_what_comes_next(before):
    word = door.sse(door.delta(content="well "))[0]
    end = door.sse(door.delta(finish="stop"), "[DONE]")
    out = await _streamed([word, word, before, word, *end])
    assert _said(out) == "well well "


async def _streamed(chunks):
    w = door.World()
    w.chunks = list(chunks)
    return await door.call(w, door.chat(stream=True))


def _said(out):
    *events, end = out.events()
    assert end == "[DONE]"
    return "".join(json.loads(e)["choices"][0]["delta"].get("content", "") for e in events)
