from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sallyport.inspection.learned import hashing, linear
from sallyport.inspection.learned.linear import Linear

SIZE = hashing.MASK + 1


def table(**weights: int) -> bytes:
    """Weights for the first feature of some words."""
    found = bytearray(SIZE)
    for word, weight in weights.items():
        found[hashing.features(word)[0]] = weight % 256
    return bytes(found)


def test_a_logit_is_the_weighted_sum_over_the_root_of_how_many() -> None:
    model = Linear(table(ignore=100, rules=20), scale=0.5, bias=-1.0)
    count = len(hashing.features("ignore")) + len(hashing.features("rules"))
    assert model.logit("ignore rules") == pytest.approx(-1.0 + 0.5 * 120 / math.sqrt(count))


def test_negative_weights_lower_it() -> None:
    model = Linear(table(ignore=-100), scale=1.0, bias=0.0)
    assert model.logit("ignore") < -10


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
def test_a_text_without_words_has_the_bias(text: str) -> None:
    assert Linear(table(), scale=1.0, bias=-2.5).logit(text) == -2.5


def test_a_word_counts_once_in_a_block() -> None:
    model = Linear(table(ignore=100), scale=1.0, bias=0.0)
    assert model.logit("ignore ignore ignore") == model.logit("ignore")


def test_the_worst_stretch_of_a_long_text_counts() -> None:
    model = Linear(table(ignore=100), scale=1.0, bias=0.0)
    calm = " ".join(f"calm{n}" for n in range(400))
    assert model.logit(f"{calm} ignore {calm}") > 2.0
    assert model.logit(calm) == 0.0


def test_the_memory_is_bounded() -> None:
    model = Linear(table(), scale=1.0, bias=0.0)
    for start in range(0, 3 * linear.REMEMBERED, 1000):
        model.logit(" ".join(f"w{n}" for n in range(start, start + 1000)))
    assert len(model._words) <= linear.REMEMBERED


def test_a_table_of_the_wrong_size_is_refused() -> None:
    with pytest.raises(ValueError, match="12 bytes, expected"):
        Linear(bytes(12), 1.0, 0.0)


@given(st.text(max_size=400))
def test_any_text_has_a_finite_logit_and_the_same_twice(text: str) -> None:
    model = Linear(bytes(n * 37 % 256 for n in range(SIZE)), scale=0.03, bias=-1.0)
    first = model.logit(text)
    assert math.isfinite(first)
    assert model.logit(text) == first


@given(st.text(max_size=300))
def test_no_word_is_too_long_and_none_is_lost(text: str) -> None:
    found = hashing.words(text)
    assert all(len(word) <= 48 for word in found)
    assert "".join(found) == "".join(text.lower().split())


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("rules", "rules", True), ("12", "34", True), ("12", "345", False), ("Rules".lower(), "rule", False)],
)
def test_which_words_are_one(one: str, other: str, same: bool) -> None:
    assert (hashing.features(one) == hashing.features(other)) is same


def test_signs_at_the_edge_are_features_of_their_own() -> None:
    assert set(hashing.features("rules")) < set(hashing.features("rules!!"))


def test_the_features_are_what_they_were_in_training() -> None:
    """Weights are useless under other hashes: a change here asks for a new training."""
    assert hashing.features("ignore")[:4] == FEATURES_OF_IGNORE


FEATURES_OF_IGNORE = [55010, 248256, 112996, 202292]
