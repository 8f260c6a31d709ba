"""What is looked for when the settings ask: only that, and in the right direction."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sallyport.inspection.detector import IDENTIFIERS, NAMES
from sallyport.inspection.tagging import patterns
from sallyport.inspection.tagging.consistent import again
from sallyport.inspection.tagging.dictionaries import Dictionaries, Dictionary, problems
from sallyport.inspection.tagging.look import RULED, TAGGED, Looker, LookOptions, is_worth
from sallyport.inspection.tagging.patterns import Pattern
from sallyport.model import Finding

TEXT = "Anna Schmidt of 12 Maple Street, Springfield, called on 3 May 2024. MRN 4477123."


def types(options, text=TEXT, *, output=False):
    return {span.type for span in Looker(options).scan(text, output=output)}


def test_the_types_are_those_that_are_published():
    assert {*TAGGED, *RULED} == set(NAMES)
    assert not set(NAMES) & set(IDENTIFIERS)


@pytest.mark.parametrize("kind", ["person", "street_address", "date", "record_number"])
def test_only_what_is_asked_for(kind):
    assert types(LookOptions(types=(kind,))) == {kind}
    assert types(LookOptions(types=(kind,)), output=True) == set()


def test_nothing_is_looked_for_by_default():
    assert not Looker().looks(output=False)
    assert not Looker().scan(TEXT)
    assert not Looker().version


def test_own_values_in_both_directions():
    options = LookOptions(dictionaries=(Dictionary(type="street", values=("maple  STREET",)),))
    assert types(options) == types(options, output=True) == {"street"}


def test_versions_change_with_what_is_looked_for():
    assert len({Looker(LookOptions(types=its)).version for its in ((), ("date",), ("person",))}) == 3


@pytest.mark.parametrize(
    "text", ["what is the capital of spain?", "sort this list", "Stop it.", "{}", "a\nb"]
)
def test_texts_that_name_nobody_are_let_go(text):
    assert not is_worth(text)


@pytest.mark.parametrize("text", ["ask Anna", "my name is anna", "12 main st", "Anna Schmidt", "Anna\n"])
def test_texts_that_may_name_somebody(text):
    assert is_worth(text)


@pytest.mark.parametrize(
    ("values", "text", "expected"),
    [
        (("Blue Falcon",), "the blue  FALCON flies", ["blue  FALCON"]),
        (("Blue Falcon",), "Blue Falcons, bluefalcon", []),
        (("Blue", "Blue Falcon"), "Blue Falcon, blue", ["Blue Falcon", "blue"]),
        (("Straße",), "STRASSE", ["STRASSE"]),
        (("a-1 b",), "A-1\nB", ["A-1\nB"]),
        (("x" * 30,) * 3, "x" * 30, ["x" * 30]),
    ],
)
def test_dictionaries(values, text, expected):
    found = Dictionaries((Dictionary(type="own", values=values),)).scan(text)
    assert [text[span.start : span.end] for span in found] == expected


def test_values_that_cannot_be_looked_for():
    assert dict(problems(["fine", "!!", "a", "w " * 17])) == {
        1: "has no letter and no digit",
        2: "is a single character",
        3: "has more than 16 words",
    }


@given(st.text(max_size=80), st.lists(st.text(min_size=2, max_size=12), max_size=4))
def test_dictionary_spans_lie_in_the_text(text, values):
    spans = list(Dictionaries((Dictionary(type="own", values=tuple(values)),)).scan(text))
    ends = [0, *(span.end for span in spans)]
    assert all(end <= span.start < span.end <= len(text) for end, span in zip(ends, spans, strict=False))


def test_patterns_and_their_context():
    its = patterns.Patterns((Pattern(type="badge", expression=r"\bB-([0-9]{4})\b", context=("Badge",)),))
    data = b"badge B-1234" + b"." * 70 + b"B-9999"
    assert [data[span.start : span.end] for span in its.scan(data)] == [b"1234"]


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        (Pattern(type="x", expression="("), "missing )"),
        (Pattern(type="x", expression="(?=a)"), "invalid perl operator"),
        (Pattern(type="x", expression="a*"), "empty text"),
        (Pattern(type="x", expression="a", context=(" ",)), "context word is empty"),
        (Pattern(type="x", expression="a"), ""),
    ],
)
def test_what_is_wrong_with_a_pattern(pattern, reason):
    assert reason in patterns.problem(pattern)
    assert bool(reason) == bool(patterns.problem(pattern))


def person(leaf, start, end, score=0.99):
    return Finding(type="person", start=start, end=end, score=score, leaf=leaf)


def test_parts_of_a_name_are_found_again_in_all_texts():
    texts = ["Dr Anna Schmidt called.", "Anna asked; Annabel and anna did not. Schmidt left."]
    found = [(f.leaf, texts[f.leaf][f.start : f.end]) for f in again(texts, [person(0, 0, 15)])]
    assert found == [(1, "Anna"), (1, "Schmidt")]


@pytest.mark.parametrize("finding", [person(0, 0, 12, 0.5), Finding(type="location", start=0, end=12)])
def test_what_is_no_sure_name_is_not_looked_for_again(finding):
    assert not list(again(["Anna Schmidt", "Anna"], [finding]))
