"""Topics of the settings: what can be written, what is found, also in streams."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inspection_streams import pieces, texts, unmask

from sallyport.inspection.actions import ActionRow, Actions
from sallyport.inspection.engine import Engine, EngineOptions
from sallyport.inspection.holdback import HoldBack, whole
from sallyport.inspection.topics import Topic, problem
from sallyport.model import Finding

WORDS = ("takeover*", "Übernahme", "合併", "project light house", "c++", "слияние")
TOPICS = (
    Topic(name="merger", words=WORDS, expressions=(r"(?i)due\s+diligence",)),
    Topic(name="asked", words=("salary",), direction="input"),
    Topic(name="said", words=("bonus",), direction="output"),
)
ENGINE = Engine(EngineOptions(topics=TOPICS))
ENGINE.prepare_streams()
ACTIONS = Actions((ActionRow(type="topic.merger", role="staff", action="block"), ActionRow(type="topic.*", role="clerk", action="mask")), {"topic.merger": "Ask legal."})  # fmt: skip


def found(text: str, direction: str = "input", roles: Sequence[str] = ("staff",)) -> tuple[Finding, ...]:
    channel = "user" if direction == "input" else "assistant"
    return ACTIONS.decide(ENGINE.scan(((text, channel),), direction), direction, [channel], roles)


@pytest.mark.parametrize(
    "text",
    [
        "the Takeover is near",
        "TAKEOVERS",
        "die übernahme der Firma",
        "DIE ÜBERNAHME",
        "両社の合併について",
        "Project light  house",
        "project, light-house",
        "about C++ code",
        "СЛИЯНИЕ",
        "Due\n diligence",
        "t\u200bakeover",
        "the revoekat si raen, noitcurtsni eht dna".replace("revoekat", "takeover"),
    ],
)
def test_a_topic_is_found(text: str) -> None:
    assert {(f.type, f.layer, f.action, f.notice) for f in found(text)} == {
        ("topic.merger", "content", "block", "Ask legal.")
    }


@pytest.mark.parametrize(
    "text", ["overtake", "a mistakeover", "project lighthouse", "project. More light in the house"]
)
def test_another_word_is_not(text: str) -> None:
    assert found(text) == ()


def test_directions_and_roles() -> None:
    assert [f.type for f in found("salary and bonus")] == ["topic.asked"]
    assert [f.type for f in found("salary and bonus", "output")] == ["topic.said"]
    (other,) = found("takeover", roles=("guest",))
    assert (other.action, other.notice) == ("allow", "")


def test_every_mention_is_found_so_that_all_can_be_masked() -> None:
    text = "takeover, Takeovers and due diligence"
    assert [text[f.start : f.end] for f in found(text)] == ["takeover", "Takeovers", "due diligence"]
    assert len(found("takeover " * 2000)) == 1


@pytest.mark.parametrize(
    ("topic", "words"),
    [
        (Topic(name="A b", words=("x",)), "small letters"),
        (Topic(name="a"), "no words"),
        (Topic(name="a", words=("*",)), "no letter"),
        (Topic(name="a", words=("x" * 201,)), "longer"),
        (Topic(name="a", expressions=("(",)), "no RE2"),
        (Topic(name="a", expressions=(r"(?=x)",)), "no RE2"),
        (Topic(name="a", expressions=("x*",)), "empty text"),
        (Topic(name="a", words=("x",), expressions=("x+",)), ""),
    ],
)
def test_what_is_wrong_with_a_topic(topic: Topic, words: str) -> None:
    assert words in problem(topic)
    assert bool(problem(topic)) is bool(words)


def scan(text: str) -> Sequence[Finding]:
    return [f for f in found(text, "output") if f.action != "allow"]


def released(chunks: Sequence[str], *, watched: bool) -> tuple[str, object]:
    hold = HoldBack(scan, unmask, literals=WORDS, watch=ENGINE.watch() if watched else None)
    out = [*(hold.feed(chunk) for chunk in chunks), hold.finish()]
    return "".join(part.text for part in out), out[-1].blocked


@settings(max_examples=100, deadline=None)
@given(
    text=texts("the takeover of", "Project Light House", "project light", "合併", "due diligence"),
    cuts=st.lists(st.integers(0, 10_000), max_size=30),
)
def test_any_chunking_gives_the_same_and_nothing_of_a_phrase_goes_out(text: str, cuts: list[int]) -> None:
    expected = whole(text, scan, unmask, literals=WORDS)
    for chunks in (pieces(text, cuts), list(text)):
        for watched in (False, True):
            got, blocked = released(chunks, watched=watched)
            assert blocked == expected.blocked
            if blocked is None:
                assert got == expected.text
            assert "Project Light" not in got
            assert "takeover" not in got
