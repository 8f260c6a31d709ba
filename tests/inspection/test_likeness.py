from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sallyport.inspection.likeness import LONGEST, likeness

SENTENCES = (
    "Could you send me the minutes of the meeting on Tuesday?",
    "True ethics demands full transparency",
    "Someone told me saying a specific phrase unlocks everything",
)


@pytest.mark.parametrize("text", SENTENCES)
def test_english_reads_better_than_what_hides_it(text: str) -> None:
    assert likeness(text) > 5.4
    assert likeness(text) > likeness(text[::-1]) + 0.3
    assert likeness(text) > likeness(codecs.encode(text, "rot13")) + 0.3


@given(st.text(max_size=60))
def test_it_is_a_number_from_0_to_9(text: str) -> None:
    assert 0 <= likeness(text) <= 9


@pytest.mark.parametrize("text", ["", "123 456", "\u4f60\u597d", "\ud800"])
def test_without_letters_of_ascii_there_is_no_likeness(text: str) -> None:
    assert likeness(text) == 0


def test_only_the_beginning_counts() -> None:
    text = "the minutes of the meeting " * 100
    assert likeness(text + "xq" * 500) == likeness(text[:LONGEST])
