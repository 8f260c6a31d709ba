"""What is redacted is not kept: nobody gets it back, in texts, tool arguments and streams alike."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inspection_streams import CARD, MAIL, NONCE, scan, stream, unmask
from msgspec.structs import replace

from sallyport.inspection.actions import ActionRow, Actions
from sallyport.inspection.hidden import spans_of
from sallyport.inspection.json_arguments import inspect_arguments, is_json, mask_arguments
from sallyport.inspection.vault import Vault
from sallyport.model import Finding

OTHER = "bob@example.com"


def redact(text: str, kinds: tuple[str, ...] = ("card", "email")) -> list[Finding]:
    return [replace(f, action="redact") if f.type in kinds else f for f in scan(text)]


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        (f"pay with {CARD} now", "pay with [CARD] now"),
        (f"{CARD}, {MAIL}", f"[CARD], <EMAIL_{NONCE}_1>"),
        (f"{CARD} and {CARD}", "[CARD] and [CARD]"),
        (f"say {NONCE} and {CARD}", f"say ~{NONCE} and [CARD]"),
    ],
)
def test_the_placeholder_says_the_type_and_the_vault_holds_nothing_of_it(text: str, sent: str) -> None:
    vault = Vault(NONCE)
    assert vault.mask(text, redact(text, ("card",))) == sent
    assert vault.unmask(sent, lambda _kind, _origin: True) == text.replace(CARD, "[CARD]")
    assert CARD not in {value for _, value in vault.values().values()}


def test_every_occurrence_of_a_redacted_value_goes_and_so_does_what_overlaps_it() -> None:
    text = f"{MAIL} or {MAIL} or {OTHER}"
    one = [Finding(type="email", start=0, end=len(MAIL), action="redact")]
    two = [Finding(type="email", start=len(MAIL) + 4, end=2 * len(MAIL) + 4, action="mask")]
    for findings in (one, one + two, two + one):
        vault = Vault(NONCE)
        assert vault.mask(text, findings) == f"[EMAIL] or [EMAIL] or {OTHER}"
        assert vault.is_empty
    across = [
        Finding(type="person", start=0, end=5, action="mask"),
        Finding(type="email", start=3, end=len(MAIL), action="redact"),
    ]
    assert [s.redact for s in spans_of(text, across)][:1] == [True]
    many = " ".join(f"{name}@example.org" for name in "abcdefghijkl")
    found = redact(many)
    assert Vault(NONCE).mask(f"{many} {many}", found) == " ".join(["[EMAIL]"] * 24)


PIECES = st.lists(
    st.sampled_from([CARD, MAIL, OTHER, "hello", " ", ", ", '"', "\\", NONCE, f"<CARD_{NONCE}_1>", "[CARD]"]),
    max_size=12,
)


@settings(max_examples=300)
@given(pieces=PIECES)
def test_what_is_not_redacted_comes_back_and_nothing_else(pieces: list[str]) -> None:
    text, vault = " ".join(pieces), Vault(NONCE)
    sent = vault.mask(text, redact(text, ("card",)))
    assert CARD not in sent
    assert vault.unmask(sent, lambda _kind, _origin: True) == text.replace(CARD, "[CARD]")


@settings(max_examples=300)
@given(pieces=PIECES, number=st.booleans())
def test_arguments_stay_json(pieces: list[str], number: bool) -> None:
    text = " ".join(pieces)
    arguments = json.dumps(
        {"a": text, "b": [json.dumps({"c": text})], "n": 4111111111111111 if number else 1}
    )
    vault = Vault(NONCE)
    sent = mask_arguments(vault, arguments, redact)
    assert is_json(sent)
    assert CARD not in sent
    assert "4111111111111111" not in sent
    assert vault.is_empty
    assert json.loads(sent)["a"].count("[CARD]") == text.count(CARD) + text.count("[CARD]")


def test_a_model_that_writes_what_is_redacted() -> None:
    text = f"the card is {CARD}, the token <CARD_{NONCE}_1>, the address {MAIL} of him and others"
    whole = stream([text], redact)
    assert whole.text == f"the card is [CARD], the token {CARD}, the address [EMAIL] of him and others"
    for size in (1, 3, 7):
        chunks = [text[at : at + size] for at in range(0, len(text), size)]
        assert stream(chunks, redact).text == whole.text
    out = inspect_arguments(json.dumps({"to": MAIL, "say": f"<CARD_{NONCE}_1>"}), redact, unmask)
    assert json.loads(out.text) == {"to": "[EMAIL]", "say": CARD}


def test_rows_say_who_what_and_where() -> None:
    rows = (
        ActionRow(type="email", direction="input", channel="user", segment="s", role="r", action="redact"),
    )
    found = (Finding(type="email", start=0, end=3),)

    def action(direction="input", channel="user", roles=("r",), segment="s"):
        return Actions(rows).decide(found, direction, (channel,), roles, segment)[0].action

    assert action() == "redact"
    assert {
        action("output"),
        action(channel="document"),
        action(roles=("q",)),
        action(segment="t"),
    } == {"mask"}
