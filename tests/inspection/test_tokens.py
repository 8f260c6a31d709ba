from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inspection_streams import NONCE, OTHER_NONCE

from sallyport.inspection import tokens


def test_a_nonce_has_forty_bits_and_no_vowel_or_digit() -> None:
    assert len(tokens.ALPHABET) ** tokens.NONCE_LENGTH > 2**40
    assert not set(tokens.ALPHABET) & set("aeiouy0123456789")
    nonces = {tokens.nonce_of(n.to_bytes(16, "big")) for n in range(5000)}
    assert len(nonces) == 5000
    assert all(len(n) == tokens.NONCE_LENGTH and set(n) <= set(tokens.ALPHABET) for n in nonces)


def test_a_nonce_needs_enough_randomness() -> None:
    with pytest.raises(ValueError, match="16"):
        tokens.nonce_of(b"123456789012345")


@pytest.mark.parametrize(
    ("kind", "label"),
    [("card", "CARD"), ("ip_address", "IPADDRESS"), ("x.é9", "X"), ("42", "DATA"), ("a" * 40, "A" * 16)],
)
def test_labels(kind: str, label: str) -> None:
    assert tokens.label_of(kind) == label


@pytest.mark.parametrize(
    ("text", "folded"), [("A b\n`C`\\_d*", "abc_d"), ("é\u200b \u00a0F\ufeff", "éf"), ("", "")]
)
def test_fold_takes_away_what_may_stand_between_letters(text: str, folded: str) -> None:
    assert tokens.fold(text) == folded


def test_mentions_in_order_with_their_parts() -> None:
    text = f"<CARD_{NONCE}_1> card {NONCE} 2b, <MAIL_~{OTHER_NONCE}_3> <CARD_{OTHER_NONCE}_4> {NONCE}"
    found = tokens.mentions(text, NONCE, ("CARD",))
    assert [(m.label, m.number, m.variant, m.escapes) for m in found] == [
        ("CARD", 1, "", 0),
        ("CARD", 2, "b", 0),
        ("MAIL", 3, "", 1),
        ("", 0, "", 0),
    ]
    assert [text[m.start : m.end] for m in found[1:3]] == [f"card {NONCE} 2b", f"<MAIL_~{OTHER_NONCE}_3>"]


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        (NONCE, f"~{NONCE}"),
        (f"~~{NONCE}", f"~~~{NONCE}"),
        (f"k {NONCE[1:]}", f"~k {NONCE[1:]}"),
        (f"<A_{OTHER_NONCE}_1>", f"<A_~{OTHER_NONCE}_1>"),
        (OTHER_NONCE, OTHER_NONCE),
        ("<A_b_1>", "<A_b_1>"),
    ],
)
def test_escape(text: str, escaped: str) -> None:
    assert tokens.escape(text, NONCE) == escaped


def test_a_megabyte_of_look_alikes_is_escaped_in_one_pass() -> None:
    """Copied for each of them, it would be 30 GB of copies."""
    count = 60_000
    assert tokens.escape(f"<CARD_{OTHER_NONCE}_1>" * count, NONCE) == f"<CARD_~{OTHER_NONCE}_1>" * count


PARTS = st.one_of(
    st.sampled_from(
        [NONCE, NONCE.upper(), NONCE[:5], NONCE[5:], f"<CARD_{NONCE}_1>", f"<CARD_~{OTHER_NONCE}_1>", f"<x_{OTHER_NONCE}_2b>",
         "<", ">", "_", "~", " ", "\\", "\0", "*`", "\u200b", "\u212a", "K", "word"]
    ),
    st.text(max_size=3),
)  # fmt: skip


@given(st.lists(PARTS, max_size=6))
def test_a_free_text_is_one_that_has_nothing_to_escape_or_to_mention(parts: list[str]) -> None:
    text = "".join(parts)
    free = tokens.is_free(text, NONCE)
    assert free == (tokens.escape(text, NONCE) == text)
    assert not (free and tokens.mentions(text, NONCE, ("CARD",)))
    assert not free or all(tokens.is_free(part, NONCE) for part in parts)
    assert tokens.is_free(text, "") == (not tokens.token_likes(text))
