"""Words of a text, and what a word looks like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sallyport.inspection.tagging import words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Anna Schmidt, 5b", ["Anna", "Schmidt", ",", "5", "b"]),
        ("O'Brien", ["O", "'", "Brien"]),
        ("a\nb", ["a", "\n", "b"]),
        ("!!!??", ["!!!", "??"]),
        ("_" * 1000, ["_" * 1000]),
        ("Łódź 12", ["Łódź", "12"]),
    ],
)
def test_a_text_is_cut_into_words(text, expected):
    assert [match[0] for match in words.WORD.finditer(text)] == expected


@pytest.mark.parametrize(
    ("word", "shape"),
    [
        ("Anna", "Xx"),
        ("ANNA", "XX"),
        ("anna", "xx"),
        ("A", "X"),
        ("a", "x"),
        ("1234", "d4"),
        ("123456789", "d6"),
        ("...", "."),
    ],
)
def test_shapes(word, shape):
    assert words.shape_of(word) == shape


@pytest.mark.parametrize(
    ("text", "mode"), [("all small", "l"), ("ALL BIG", "u"), ("As usual", "m"), ("123", "m")]
)
def test_how_a_text_is_written(text, mode):
    assert words.mode_of(text) == mode


@given(st.text(max_size=60))
def test_training_sees_as_many_rows_as_words(text):
    tokens = [match[0] for match in words.WORD.finditer(text)]
    seen = [words.seen_of(token, "m", "") for token in tokens]
    rows = words.features(tokens, seen)
    assert len(rows) == len(tokens)
    assert all("\n" not in feature for row in rows for feature in row)
