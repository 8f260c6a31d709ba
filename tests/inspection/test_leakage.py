from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sallyport.inspection import leakage
from sallyport.inspection.leakage import ANCHORS, fingerprints, may_repeat, scan

WORDS = st.lists(
    st.sampled_from(["you", "are", "A", "helpful", "İstanbul", "ß", "shop", "für", "secret", "x1"]),
    max_size=40,
)


@given(WORDS, WORDS, st.sampled_from([" ", ", ", "\n"]))
def test_the_quick_look_misses_nothing(prompt: list[str], answer: list[str], between: str) -> None:
    known = fingerprints((" ".join(prompt),))
    if known is not None:
        assert may_repeat(between.join(answer), known) or not scan(between.join(answer), known)
        assert may_repeat(" ".join(prompt), known)


def test_what_shares_no_telling_word_is_let_go() -> None:
    known = fingerprints(("You are a helpful assistant of a shop for outdoor equipment.",))
    assert known is not None
    assert 0 < len(known.anchors) <= ANCHORS
    assert not may_repeat("the weather will be fine tomorrow in the whole country", known)


def test_a_very_long_prompt_has_no_anchors_and_is_looked_for_all_the_same() -> None:
    prompt = " ".join(f"word{n}" for n in range(ANCHORS * 12))
    known = fingerprints((prompt,))
    assert known is not None
    assert known.anchors == ()
    assert may_repeat(prompt, known)
    assert not may_repeat("nothing of it is in here, not at all, I promise", known)


@given(
    st.lists(st.sampled_from(["alpha", "beta", "x_y", "1", "é", "\n", "İ", "..."]), max_size=60),
    st.integers(1, 9),
)
def test_a_text_taken_in_steps_has_the_same_fingerprints(words: list[str], step: int) -> None:
    text = " ".join(words)
    whole = fingerprints([text])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leakage, "_STEP", step)
        assert fingerprints([text]) == whole


def test_a_prompt_of_very_many_sequences_has_no_anchors_and_is_still_found() -> None:
    text = " ".join(f"word{n}" for n in range(10_000))
    known = fingerprints([text])
    assert known is not None
    assert known.anchors == ()
    assert scan(f"So it says: {text[:200]}", known)
