"""A body that is read beside the event loop is read as any other; one with too many values is not read at all."""

from __future__ import annotations

import json

import door
import pytest

from sallyport.gateway import stages
from sallyport.gateway.limits import Limits
from sallyport.wiring.guards import LONG_CHARACTERS


def world():
    w = door.World()
    w.answer = door.answer("hi")
    return w


@pytest.fixture
def threads(monkeypatch):
    """How often something was done beside the loop."""
    used = []

    async def noted(work):
        used.append(work)
        return work()

    monkeypatch.setattr(stages, "aside", noted)
    return used


LARGE = [{"role": "user", "content": f"{n} words " * 40} for n in range(700)]


async def test_it_is_answered_and_forwarded_as_it_came(threads):
    w = world()
    out = await door.call(w, door.chat(messages=LARGE))
    assert out.status == 200
    assert json.loads(w.upstream_bodies[0])["messages"] == LARGE
    assert len(threads) == 2  # read and written


async def test_what_is_to_be_masked_or_blocked_in_it_is(threads):
    w = world()
    await door.call(w, door.chat(messages=[*LARGE, {"role": "user", "content": door.CARD}]))
    assert door.CARD.encode() not in w.upstream_bodies[0]
    blocked = await door.call(w, door.chat(messages=[*LARGE, {"role": "user", "content": door.CANARY}]))
    assert blocked.json()["error"]["param"] == "messages[700].content"
    assert threads


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b'{"model":"support-chat","messages":[' + b"[]," * 60_000 + b"[]]}", "json_too_many"),
        (b'{"model":"support-chat","messages":' + b"[" * 100_000, "json_too_many"),
        (json.dumps(door.chat(messages=LARGE)).encode()[:-1], "json_invalid"),
        (json.dumps(door.chat(messages=LARGE)).encode()[:-1] + b',"model":"m"}', "json_duplicate"),
        (json.dumps(door.chat(messages=LARGE, temperature="hot")).encode(), "field_invalid"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_it_is_refused_for_the_same_reasons(raw, code):
    w = world()
    out = await door.call(w, None, raw=raw)
    assert out.json()["error"]["code"] == code
    assert w.upstream_bodies == []


async def test_the_bound_on_values_is_a_setting():
    w = world()
    out = await door.call(w, door.chat(messages=LARGE), limits=Limits(json_values=3000))
    assert (out.status, out.json()["error"]["code"]) == (413, "json_too_many")


async def test_a_small_body_is_read_in_the_moment_that_it_comes(threads):
    await door.call(world(), door.chat(messages=[{"role": "user", "content": door.CARD}]))
    assert threads == []


async def test_long_texts_are_masked_beside_the_loop_where_the_vault_allows_it(threads, monkeypatch):
    monkeypatch.setattr(door.World, "is_apart", lambda _, text, _found: len(text) > LONG_CHARACTERS)
    w = world()
    text = f"{door.CARD} " + "words " * 4000
    await door.call(
        w, door.chat(messages=[{"role": "user", "content": text}, {"role": "user", "content": "short"}])
    )
    assert door.CARD.encode() not in w.upstream_bodies[0]
    assert len(threads) == 1
