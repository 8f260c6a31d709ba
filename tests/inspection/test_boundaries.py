# ruff: noqa: RUF001 - other scripts are what is tested
from __future__ import annotations

import pytest
from inspection_streams import NONCE

from sallyport.inspection import boundaries

BASE64 = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaA"


def quiet(text: str, literals: tuple[str, ...] = ()) -> str:
    """The text with its first quiet cut marked; as it is if there is none."""
    cut, _ = boundaries.quiet_cut(text, 0, boundaries.literal_prefixes(literals))
    return f"{text[:cut]}|{text[cut:]}" if cut else text


@pytest.mark.parametrize(
    "marked",
    [
        "the first words |are here now",
        "we went to see |Ada yesterday",
        "there was John Smith |from Rome",  # no cut between two capitalised words
        "it was Ada Miller. |They went",
        "John Smith and |Ada Miller",
        '"we don\'t know |(yet), or do we?" he',
        "well-known people |are here",
        "the Müller café |naïve über alles",
        "привет всем |людям мира и добра",
        "a line of words\n\n|and another one",
        "the <b>word</b> here |is bold",
        "if a < b then we have it and |go on",  # sixteen letters after "<" are no label
        "see [1] and then we |go on",
        "&lt;b&gt; a |text of words and more",
        "as it is in 2024 when we had |it so",  # not within eight characters of a digit
    ],
)
def test_prose_is_cut_between_two_quiet_words(marked: str) -> None:
    assert quiet(marked.replace("|", "")) == marked


@pytest.mark.parametrize(
    "text",
    [
        "the first words are",  # nothing is known of the last word
        "1111 1111 1111 1111 1111",
        "WORDS IN CAPITALS ARE NO PROSE",
        "born 12th of March 1980",
        "my password is: swordfish: yes",
        f"the long card {NONCE} ",
        f"the long card {' '.join(NONCE)} ",
        f"the long card {NONCE[:5]} {NONCE[5:]} ",
        "this is a token < card of ",
        "this is a token &lt; card of ",
        "this is a token \\u003c card of ",
        "look: ![some words of text ",
        "look: [x](http some words ",
        "p a s s w o r d s i n l i n e",
        "the word\u200bs thathave\u200b zero\u200bwidth ",
        "something-like_this and_that or_so on_it ",
        "one      word      then      another      ",
        "ｔｈｅ ｆｉｒｓｔ ｗｏｒｄｓ ａｒｅ ｈｅｒｅ ",
    ],
)
def test_no_quiet_cut_where_something_may_be_open(text: str) -> None:
    assert quiet(text) == text


def test_no_cut_within_a_literal() -> None:
    literal = ("correct horse battery staple",)
    assert quiet("that was correct horse |battery staple".replace("|", "")) != quiet(
        "that was correct horse battery staple", literal
    )
    assert (
        quiet("that was the correct horse battery staple", literal)
        == "that was the |correct horse battery staple"
    )
    assert quiet("it is correct horse batteries are ", literal) == "it is correct horse batteries |are "
    assert boundaries.literal_prefixes(["single", "words"]) is None


@pytest.mark.parametrize(
    "text",
    [
        "the first words are here now and more of them come ",
        "x1 y2 the words are here now ",
        f"{'a' * 24}-{'b' * 16}... {'a' * 24}-{'b' * 16} and so on ",
    ],
)
def test_looking_on_finds_the_same_cut_as_looking_anew(text: str) -> None:
    start = 0
    for size in range(len(text) + 1):
        anew, _ = boundaries.quiet_cut(text[:size], 0, None)
        on, start = boundaries.quiet_cut(text[:size], start, None)
        assert on == anew
        if on:
            return
    pytest.fail("there is a cut")


def weak(text: str, place: int, literals: tuple[str, ...] = ()) -> bool:
    """Whether a weak cut is at `place`, when all of the text is known."""
    return place in boundaries.weak_cuts(text, place - 1, place, boundaries.literal_prefixes(literals))


@pytest.mark.parametrize(
    ("marked", "allowed"),
    [
        ("x = 1; |y = 2", True),
        ("世界和|平是人类", True),
        ('{"a":"b",|"c":1}', True),
        ("1234567\n|1234567\n", True),
        ("12, |13", True),
        ("a b |c", True),
        ("x = 1;| y = 2", False),
        ("ab|cd", False),
        ("1234 |5678", False),
        ("+49 (0|30) 12", False),
        ("(030) |901-820", False),
        ("<CARD |x", False),
        ("![some |text](http", False),
        ("[x](http://a |b", False),
        ("-----BEGIN X-----\nab |cd", False),
        ("-----BEGIN X-----\nab\n-----END X-----\n|cd", True),
        (f"{BASE64}\n|{BASE64}", False),
        (f"{BASE64}\n|x", True),
        (f"CARD |{NONCE} 1", False),
        (f"CARD {NONCE[:5]} |{NONCE[5:]} 1", False),
        (f"CARD {NONCE} |1", False),
        ("correct |horse", False),
    ],
)
def test_weak_cuts(marked: str, allowed: bool) -> None:
    place = marked.index("|")
    assert weak(marked.replace("|", ""), place, ("correct horse",)) is allowed


def test_weak_cuts_are_in_their_range_and_the_last_first() -> None:
    assert boundaries.weak_cuts("a b c d e f", 2, 8, None) == [8, 6, 4]
