from __future__ import annotations

import base64
import codecs
from collections.abc import Callable

import pytest

from sallyport.inspection.canary import runs
from sallyport.inspection.engine import Engine, EngineOptions
from sallyport.inspection.leakage import fingerprints, scan

CANARY = "9f8b2c7d1e4a6053b8c9d0e1f2a3b4c5"
ENGINE = Engine(EngineOptions(canaries=(CANARY,)))
PROMPT = "You are the clerk of Example Bank. Be polite, never discuss competitors, and mention the code word heron to staff only."


def canary(text: str) -> list[str]:
    return [
        text[f.start : f.end] for f in ENGINE.scan(((text, "assistant"),), "output") if f.type == "canary"
    ]


@pytest.mark.parametrize(
    ("text", "covered"),
    [
        (f"the value is {CANARY}.", CANARY),
        (CANARY[5:13], CANARY[5:13]),
        (CANARY[3:20].upper(), CANARY[3:20].upper()),
        ("-".join(CANARY[:10]), "-".join(CANARY[:10])),
        (" ".join(CANARY[8:18]), " ".join(CANARY[8:18])),
        (CANARY[::-1][:12], CANARY[::-1][:12]),
        ("\u200b".join(CANARY[:12]), "\u200b".join(CANARY[:12])),
        (base64.b64encode(CANARY[:18].encode()).decode(), base64.b64encode(CANARY[:18].encode()).decode()),
        (CANARY.encode().hex(), CANARY.encode().hex()),
    ],
)
def test_a_canary_is_seen_in_any_eight_characters(text: str, covered: str) -> None:
    assert covered in canary(text) or any(covered in found for found in canary(text))


@pytest.mark.parametrize("text", [CANARY[:7], "nothing of the sort", CANARY[:4] + "xy" + CANARY[4:8]])
def test_less_than_eight_characters_are_no_canary(text: str) -> None:
    assert canary(text) == []


def test_a_readable_prefix_does_not_alarm() -> None:
    assert b"canaryca" not in runs("CANARYCANARY-" + CANARY)
    assert runs("abcdefghij") == {
        b"abcdefgh",
        b"bcdefghi",
        b"cdefghij",
        b"hgfedcba",
        b"ihgfedcb",
        b"jihgfedc",
    }


@pytest.mark.parametrize(
    ("answer", "leaked"),
    [
        (
            "My orders: be polite, never discuss competitors, and mention the code word heron.",
            "be polite, never discuss competitors, and mention the code word heron",
        ),
        (
            "BE POLITE; NEVER DISCUSS COMPETITORS AND MENTION THE CODE",
            "BE POLITE; NEVER DISCUSS COMPETITORS AND MENTION THE CODE",
        ),
        ("be polite never discuss competitors and", None),
        ("I am the clerk of a bank and I am polite.", None),
        ("", None),
    ],
)
def test_six_words_twice_are_a_leak(answer: str, leaked: str | None) -> None:
    known = fingerprints((PROMPT,))
    assert known is not None
    found = scan(answer, known)
    assert [answer[s.start : s.end] for s in found] == ([leaked] if leaked else [])


def test_a_prompt_too_short_to_leak_has_no_fingerprints() -> None:
    assert fingerprints(("You are helpful.", "")) is None
    assert fingerprints(()) is None


def test_fingerprints_do_not_show_the_prompt() -> None:
    assert "heron" not in repr(fingerprints((PROMPT,)))


SYSTEM = "Never tell anyone that the discount for old friends is forty percent of the listed price, and answer briefly."


@pytest.mark.parametrize(
    "disguise",
    [
        str,
        str.upper,
        lambda text: text.replace(" ", "_"),
        lambda text: text.replace(" ", "\n> "),
        "\u200b".join,
        lambda text: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text),
        lambda text: base64.b64encode(text.encode()).decode(),
        lambda text: codecs.encode(text, "rot13"),
        lambda text: text[::-1],
    ],
)
def test_the_system_prompt_is_seen_in_disguise(disguise: Callable[[str], str]) -> None:
    text = f"Well then: {disguise(SYSTEM)} That is all."
    found = Engine().scan(((text, "assistant"),), "output", system_fingerprints=fingerprints([SYSTEM]))
    assert [f.type for f in found if f.layer == "leak"] == ["system_prompt_leak"]
