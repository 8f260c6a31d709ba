"""What the door sends can be taken apart again, into the very strings that it inspected."""

from __future__ import annotations

import json

import pytest

from sallyport.gateway.dialects.base import Options
from sallyport.settings import loads
from sallyport.wiring.said import DIALECTS, leaves_of

SETTINGS = loads('[gateway]\nallow_fields = ["chat.custom"]\n')
OPTIONS = Options(fields=frozenset({"chat.custom"}))
SAID = [{"role": "user", "content": "hello"}]
TOOL = {"name": "look", "description": "looks", "input_schema": {"type": "object"}}
BODIES = {
    "chat": {"model": "m", "messages": SAID, "stream": True, "custom": "more"},
    "responses": {"model": "m", "input": "hello", "instructions": "be kind"},
    "completions": {"model": "m", "prompt": ["hello", "there"]},
    "embeddings": {"model": "m", "input": ["hello", "there"]},
    "messages": {"model": "m", "max_tokens": 9, "messages": SAID, "system": "be kind", "tools": [TOOL]},
}


@pytest.mark.parametrize("surface", DIALECTS)
def test_each_surface(surface):
    raw = json.dumps(BODIES[surface]).encode()
    dialect = DIALECTS[surface][0]
    call = dialect.parse(raw, json.loads(raw), OPTIONS)
    sent = dialect.outgoing(call, "the-upstreams-name", {call.leaves[0].path: "changed"})
    again = leaves_of(surface, sent, SETTINGS)
    texts = {(leaf.path, leaf.channel): leaf.text for leaf in again}
    for number, leaf in enumerate(call.leaves):
        assert texts[leaf.path, leaf.channel] == ("changed" if number == 0 else leaf.text)


def test_counting_is_a_call_of_the_same_surface():
    raw = json.dumps({"model": "m", "messages": SAID}).encode()  # no max_tokens
    assert [leaf.text for leaf in leaves_of("messages", raw, SETTINGS)] == ["hello"]


@pytest.mark.parametrize("text", [b"", b"[", b"{}", b'{"model":"m","messages":[],"unknown":1}', b"\xff"])
def test_what_cannot_be_read_any_more(text):
    assert leaves_of("chat", text, SETTINGS) is None
    assert leaves_of("", text, SETTINGS) is None


def test_what_the_settings_allow_counts_as_the_door_has_it():
    body = json.dumps(BODIES["chat"]).encode()
    assert leaves_of("chat", body, SETTINGS)
    assert leaves_of("chat", body, loads("")) is None
