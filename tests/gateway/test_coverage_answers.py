"""The coverage matrix of answers, executed: a model that leaks, in every place in which it or its server can write."""

from __future__ import annotations

import json

import pytest
from hostile import PROVIDER_KEY, response, stream_head
from surface_answers import (
    ASKED,
    IDS,
    KINDS,
    NO_KIND,
    WRITTEN,
    encoded,
    events,
    registries,
    spoilt,
    whole,
)
from surfaces import streams, surfaces

from sallyport.gateway.dialects.anthropic_answer import RUN_BY_PROVIDER

pytestmark = pytest.mark.slow
SURFACES = surfaces()
CARD = "4012 8888 8888 1881"
CELLS = [(path, *cell) for path, written in WRITTEN.items() for cell in written()]
NAMED = [f"{path} {kind}: {name}" for path, kind, name, _ in CELLS]
STREAMED = [path for path in SURFACES if streams(SURFACES[path])]
# What only the provider can read: its form is checked.
SEALED = "signature"
# What tools of a provider's said is one form under many names: every name is a cell, one stands for all where each string is.
ALIKE = RUN_BY_PROVIDER - {"mcp_tool_result"}


@pytest.fixture(scope="module")
def ask(covered):
    headers, upstream = covered.worker.headers("science"), covered.upstream

    def asked(path, script, *, stream):
        upstream.script = [stream_head(), *script] if stream else [response(json.dumps(script).encode())]
        model = "support-claude" if "messages" in path else "support-chat"
        document = {"model": model, **ASKED[path], **({"stream": True} if stream else {})}
        return covered.worker.http.post(path, json=document, headers=headers)

    return asked


def told(reply):
    """All that a caller can read: the answer, and what its clients put together of the deltas."""
    if reply.headers["content-type"] != "text/event-stream":
        return [reply.text]
    joined: dict[str, str] = {}
    for line in reply.text.split("\n"):
        if line.startswith("data: {"):
            collect(json.loads(line[6:]), "", joined)
    return [reply.text, *joined.values()]


def collect(value, place, joined):
    if isinstance(value, str):
        joined[place] = joined.get(place, "") + value
    elif isinstance(value, dict):
        for name, inner in value.items():
            collect(inner, f"{place}.{name}", joined)
    elif isinstance(value, list):
        for inner in value:
            collect(inner, f"{place}[]", joined)


def code(reply):
    if reply.headers["content-type"] == "text/event-stream":
        last = [line[6:] for line in reply.text.split("\n") if line.startswith("data: {")][-1]
        last = json.loads(last)
        return (last.get("error") or last).get("code", "")
    return (reply.json().get("error") or {}).get("code", "")


def test_no_cell_is_empty_and_none_that_cannot_be_is_filled():
    assert set(WRITTEN) == set(SURFACES)
    for path, written in WRITTEN.items():
        filled = {kind for kind, _, _ in written()}
        excused = {kind for surface, kind in NO_KIND if surface == path}
        assert filled | excused == set(KINDS)
        assert not filled & excused


@pytest.mark.parametrize("path", registries())
def test_every_place_that_a_dialect_knows_is_planted_in(path):
    known, planted = registries()[path]
    assert known <= planted


def replies(ask, path, written):
    yield ask(path, whole(path, written), stream=False)
    if streams(SURFACES[path]):
        for size in (1, 5, 999):
            yield ask(path, encoded(path, events(path, written, size)), stream=True)


@pytest.mark.parametrize(("path", "kind", "name", "make"), CELLS, ids=NAMED)
def test_a_secret_ends_the_answer(ask, path, kind, name, make):
    for reply in replies(ask, path, make(PROVIDER_KEY)):
        assert code(reply) == "output_blocked", reply.text
        assert not any(PROVIDER_KEY in text for text in told(reply))


@pytest.mark.parametrize(("path", "kind", "name", "make"), CELLS, ids=NAMED)
def test_a_card_does_not_come_through(ask, path, kind, name, make):
    for reply in replies(ask, path, make(CARD)):
        if name in IDS:
            assert CARD in reply.text
            continue
        assert not any(CARD in text or CARD.replace(" ", "") in text for text in told(reply))
        assert code(reply) == "output_blocked" or "[CARD]" in "".join(told(reply)), reply.text


@pytest.mark.parametrize(("path", "kind", "name", "make"), CELLS, ids=NAMED)
def test_without_a_finding_all_of_it_comes_through(ask, path, kind, name, make):
    """So the other tests do not pass by refusing everything."""
    word = "pay" if name == "name" and "tool" in kind else "harmless"
    if path == "/v1/embeddings" and name == "vector":
        word = "AAAAAA=="
    for reply in replies(ask, path, make(word)):
        assert code(reply) == "", reply.text
        assert any(word in text for text in told(reply))


@pytest.mark.parametrize("path", SURFACES)
def test_no_string_of_a_whole_answer_is_overlooked(ask, path):
    for _, name, make in (cell for cell in WRITTEN[path]() if cell[1] not in ALIKE):
        for place, document in spoilt(whole(path, make("x")), PROVIDER_KEY):
            reply = ask(path, document, stream=False)
            if not place.endswith(SEALED):
                assert PROVIDER_KEY not in reply.text, (name, place)


@pytest.mark.parametrize("path", STREAMED)
def test_no_string_of_a_stream_is_overlooked(ask, path):
    seen = set()
    for _, name, make in (cell for cell in WRITTEN[path]() if cell[1] not in ALIKE):
        made = events(path, make("x"), 999)
        for number, event in enumerate(made):
            cases = list(spoilt(event, PROVIDER_KEY)) if isinstance(event, dict) else []
            form = (event.get("type") if cases else "", tuple(place for place, _ in cases))
            for place, document in [] if form in seen else cases:
                reply = ask(path, encoded(path, [*made[:number], document, *made[number + 1 :]]), stream=True)
                if not place.endswith(SEALED):
                    assert not any(PROVIDER_KEY in text for text in told(reply)), (name, number, place)
            seen.add(form)
