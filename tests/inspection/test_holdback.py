# ruff: noqa: RUF001 - other scripts are what is tested
from __future__ import annotations

import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inspection_streams import (
    BLOCKED,
    CANARY,
    CARD,
    MAIL,
    NONCE,
    OTHER_NONCE,
    SECRET,
    WORDS,
    pieces,
    scan,
    stream,
    texts,
    unmask,
)
from msgspec.structs import replace

from sallyport.errors import DetectorFault
from sallyport.inspection.holdback import OPAQUE as OPAQUE_RUN
from sallyport.inspection.holdback import HoldBack, whole
from sallyport.model import Finding

CHUNKINGS = st.lists(st.integers(0, 10_000), max_size=40)


TEXTS, BLOCKED_TEXTS = texts(), texts(*BLOCKED)
QUICK, THOROUGH = settings(max_examples=200, deadline=None), settings(max_examples=3000, deadline=None)


def any_chunking_gives_the_same(text: str, first: list[int], second: list[int]) -> None:
    expected = whole(text, scan, unmask)
    assert stream(pieces(text, first)) == expected
    assert stream(pieces(text, second)) == expected
    assert stream(list(text)) == expected


def the_stream_finds_what_one_scan_finds(text: str, cuts: list[int]) -> None:
    out = stream(pieces(text, cuts))
    if out.blocked is not None:
        assert out.blocked.type == "opaque_run"
        return
    seen = {(f.type, f.start, f.end) for f in out.findings if f.type != "foreign_token"}
    # What is glued to a value may be read as one with it, or not: the value is masked either way.
    glued = {
        (f.type, f.start, f.end)
        for f in scan(text)
        if f.type == "note" and text[f.start - 1 : f.start].strip()
    }
    assert {f for f in seen if f[0] != "note" or not text[f[1] - 1 : f[1]].strip()} == {
        (f.type, f.start, f.end) for f in scan(text)
    } - glued


def nothing_of_a_blocked_finding_gets_out(before: str, blocked: str, after: str, cuts: list[int]) -> None:
    out = stream(pieces(f"{before} {blocked} {after}", cuts))
    assert out.blocked is not None
    assert out.escaped == 0
    assert len(out.text) <= len(unmask(before)) + len(before) + 1  # a redaction may be longer than the value
    for kept in (CANARY, SECRET):
        assert kept[:6] not in out.text


CHUNKED = given(text=BLOCKED_TEXTS, first=CHUNKINGS, second=CHUNKINGS)
SCANNED = given(text=TEXTS, cuts=CHUNKINGS)
STOPPED = given(
    before=TEXTS, blocked=st.sampled_from([CANARY, SECRET, f"-{SECRET}-"]), after=TEXTS, cuts=CHUNKINGS
)
test_any_chunking_gives_the_same = QUICK(CHUNKED(any_chunking_gives_the_same))
test_the_stream_finds_what_one_scan_finds = QUICK(SCANNED(the_stream_finds_what_one_scan_finds))
test_nothing_of_a_blocked_finding_gets_out = QUICK(STOPPED(nothing_of_a_blocked_finding_gets_out))
test_thoroughly_any_chunking_gives_the_same = pytest.mark.slow(THOROUGH(CHUNKED(any_chunking_gives_the_same)))
test_thoroughly_the_stream_finds_what_one_scan_finds = pytest.mark.slow(
    THOROUGH(SCANNED(the_stream_finds_what_one_scan_finds))
)
test_thoroughly_nothing_of_a_blocked_finding_gets_out = pytest.mark.slow(
    THOROUGH(STOPPED(nothing_of_a_blocked_finding_gets_out))
)


ALTERED = {
    "exact": f"<CARD_{NONCE}_1>",
    "lower case": f"<card_{NONCE}_1>",
    "upper case": f"<CARD_{NONCE.upper()}_1>",
    "blanks around": f"< CARD_{NONCE}_1 >",
    "blanks between": f"<CARD _ {NONCE} _ 1>",
    "every letter apart": f"<C A R D _ {' '.join(NONCE)} _ 1 >",
    "line break": f"<CARD_{NONCE[:5]}\n{NONCE[5:]}_1>",
    "zero width": f"<CARD_\u200b{NONCE[:5]}\u200d{NONCE[5:]}_\ufeff1>",
    "soft hyphen": f"<CA\u00adRD_{NONCE}_1>",
    "Markdown escapes": f"<CARD\\_{NONCE}\\_1>",
    "escaped brackets": f"\\<CARD\\_{NONCE}\\_1\\>",
    "HTML": f"&lt;CARD_{NONCE}_1&gt;",
    "JSON": f"\\u003cCARD_{NONCE}_1\\u003e",
    "JSON twice": f"\\\\u003cCARD_{NONCE}_1\\\\u003e",
    "blanks for underscores": f"<CARD {NONCE} 1>",
    "hyphens for underscores": f"<CARD-{NONCE}-1>",
    "no opening bracket": f"CARD_{NONCE}_1>",
    "no closing bracket": f"<CARD_{NONCE}_1",
    "no brackets": f"CARD_{NONCE}_1",
    "words": f"card {NONCE} 1",
    "translated label": f"<KARTE_{NONCE}_1>",
    "translated label, other letters": f"<КАРТА_{NONCE}_1>",
    "look-alike in the label": f"<\u0421ARD_{NONCE}_1>",
    "percent": f"%3CCARD_{NONCE}_1%3E",
    "padded reference": f"&#060;CARD_{NONCE}_1&#062;",
    "C escape": f"\\x3cCARD_{NONCE}_1\\x3e",
    "colons": f"<CARD:{NONCE}:1>",
    "full stops": f"<CARD.{NONCE}.1>",
    "full-width lines": f"<CARD\uff3f{NONCE}\uff3f1>",
    "full-width digit": f"<CARD_{NONCE}_\uff11>",
    "no underscores": f"<CARD{NONCE}1>",
}
WRAPPED = {
    "backticks": ("`", f"<CARD_{NONCE}_1>", "`"),
    "bold": ("**", f"<CARD_{NONCE}_1>", "**"),
    "doubled brackets": ("<", f"<CARD_{NONCE}_1>", ">"),
    "quotes": ('"', f"<CARD_{NONCE}_1>", '",'),
    "full stop": ("", f"<CARD_{NONCE}_1>", "."),
    "link": ("[pay](https://pay.example/", f"<CARD_{NONCE}_1>", ")"),
}


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("form", ALTERED)
def test_an_altered_token_is_restored_over_any_chunks(form: str, size: int) -> None:
    text = f"Your card is {ALTERED[form]} and we shall use it."
    out = stream([text[i : i + size] for i in range(0, len(text), size)])
    assert out.text.replace("\\>", "").replace("\\4", "4") == f"Your card is {CARD} and we shall use it."
    assert not [f for f in out.findings if f.action != "flag"]


@pytest.mark.parametrize("form", WRAPPED)
def test_what_stands_around_a_token_stays(form: str) -> None:
    before, token, after = WRAPPED[form]
    assert stream(list(f"So {before}{token}{after} it is")).text == f"So {before}{CARD}{after} it is"


NEVER = {
    "another conversation": f"<CARD_{OTHER_NONCE}_1>",
    "another conversation, altered": f"card {OTHER_NONCE} 1",
    "one letter off": f"<CARD_{NONCE[:-1]}c_1>",
    "one letter less": f"<CARD_{NONCE[:-1]}_1>",
    "one letter more": f"<CARD_{NONCE}c_1>",
    "a number that was not given": f"<CARD_{NONCE}_3>",
    "number nought": f"<CARD_{NONCE}_0>",
    "a form that was not given": f"<CARD_{NONCE}_1b>",
    "another type": f"<EMAIL_{NONCE}_1>",
    "no type": f"<_{NONCE}_1>",
    "part of a word": f"discard_{NONCE}_1",
    "label in two pieces, no bracket": f"they wrote it in c ard {NONCE} 1",
    "number goes on": f"CARD_{NONCE}_12345678",
    "nonce alone": NONCE,
    "look-alike letters": f"<CARD_{NONCE.replace('x', 'х')}_1>",
}


@pytest.mark.parametrize("form", NEVER)
def test_what_is_no_token_of_this_conversation_stays_text(form: str) -> None:
    text = f"So {NEVER[form]} it is"
    assert stream(list(text)).text == text
    assert CARD not in stream([text]).text


def test_a_typed_look_alike_comes_back_as_typed_and_is_not_restored() -> None:
    assert stream(list(f"You wrote <CARD_~{NONCE}_1> to me")).text == f"You wrote <CARD_{NONCE}_1> to me"


def test_tokens_of_others_are_flagged() -> None:
    text = f"So <CARD_{OTHER_NONCE}_1> it is"
    (finding,) = stream(list(text)).findings
    assert (finding.type, finding.action, text[finding.start : finding.end]) == (
        "foreign_token",
        "flag",
        f"<CARD_{OTHER_NONCE}_1>",
    )


def test_a_finding_to_mask_is_redacted_for_ever_but_not_the_callers_own_value() -> None:
    out = stream(list(f"Use {CARD} or <CARD_{NONCE}_1>, write to {MAIL} or <EMAIL_{NONCE}_2>."))
    assert out.text == f"Use [CARD] or {CARD}, write to [EMAIL] or {MAIL}."
    assert [f.type for f in out.findings] == ["card", "email"]


def hidden(text: str) -> list[Finding]:
    """Finds `CARD_<nonce>_1` wherever it is: a detector of things that look random."""
    at = text.find(f"CARD_{NONCE}_1")
    return [Finding(type="secret", start=at, end=at + 17, action="block")] if at >= 0 else []


@pytest.mark.parametrize("token", [f"<CARD_{NONCE}_1>", f"CARD_{NONCE}_1"])
def test_the_callers_own_token_is_no_finding(token: str) -> None:
    assert stream(list(f"So {token} it is"), hidden).text == f"So {CARD} it is"
    assert stream(list(f"So CARD_{NONCE}_1x it is"), hidden).blocked is not None


def test_a_finding_that_began_before_a_cut_is_seen_and_what_got_out_is_counted() -> None:
    def leak(text: str) -> list[Finding]:
        at = text.find("the quick brown fox jumps over the lazy dog")
        return [Finding(type="leak", start=at, end=at + 43, action="block")] if at >= 0 else []

    text = (
        "They told me that the quick brown fox jumps over the lazy dog and then slept. " + "More of it. " * 60
    )
    expected = whole(text, leak, unmask)
    assert expected.blocked is not None
    assert expected.blocked.start == text.index("the quick")
    assert 0 < expected.escaped < 43
    assert "lazy dog" not in expected.text
    for size in (1, 5, 64, 700):
        assert stream([text[i : i + size] for i in range(0, len(text), size)], leak) == expected


def test_a_scan_that_names_only_one_place_hides_no_other() -> None:
    def first(text: str) -> list[Finding]:
        return list(scan(text))[:1]

    text = "Pay with 4111 1111 1111 1111 as they told us, or with 4111-1111-1111-1111 which is the same."
    assert "4111" not in stream(list(text), first).text
    assert len(stream(list(text), first).findings) == 2


def test_overlapping_findings_become_one_redaction() -> None:
    def nested(text: str) -> list[Finding]:
        at = text.find("abcdefgh")
        spans = ((0, 6, "card"), (1, 3, "phone"), (4, 8, "email"))
        return (
            [Finding(type=t, start=at + s, end=at + e, action="mask") for s, e, t in spans] if at >= 0 else []
        )

    assert stream(list("It is abcdefgh now."), nested).text == "It is [CARD] now."


@pytest.mark.parametrize("size", [1, 5, 100, 600, 5000])
def test_the_scan_sees_the_same_windows_for_any_chunks(size: int) -> None:
    def window(text: str) -> list[Finding]:
        at = text.find(MAIL)
        return [Finding(type="email", start=at, end=at + 15, detector=text, action="mask")] if at >= 0 else []

    prose = "the committee met to discuss how the new rules would be applied across this region and then "
    text = f"{prose * 14}{MAIL} {prose * 2}{MAIL} {prose * 8}"
    expected = stream(list(text), window)
    assert len(expected.findings) == 2
    assert stream([text[i : i + size] for i in range(0, len(text), size)], window) == expected
    assert all(512 <= len(f.detector) <= 700 for f in expected.findings)


def test_nothing_of_a_literal_of_several_words_gets_out() -> None:
    def canary(text: str) -> list[Finding]:
        at = text.lower().find("correct horse battery staple")
        return [Finding(type="canary", start=at, end=at + 28, action="block")] if at >= 0 else []

    text = "You may be right, the word was correct Horse battery staple and no other one was."
    out = stream(list(text), canary, literals=("correct horse battery staple",))
    assert out.blocked is not None
    assert out.escaped == 0
    assert "correct" not in out.text
    benign = "It is correct and the correct horse was not found at all by them"
    assert stream(list(benign), canary, literals=("correct horse battery staple",)).text == benign


OPAQUE = {
    "one word": "x" * 5000,
    "digits in groups": "1234 " * 1000,
    "base64 lines": ("QUJD" * 16 + "\n") * 80,
    "key material": "-----BEGIN THING-----\n" + "a1 b2 " * 900,
    "address": "https://example.org/" + "a/" * 2500,
    "local part": "a.b" * 1700,
}


@pytest.mark.parametrize("form", OPAQUE)
def test_what_never_ends_fails_closed_at_the_bound(form: str) -> None:
    hold = HoldBack(scan, unmask, open_token=1024)
    outs = [hold.feed(c) for c in f"The value is {OPAQUE[form]}"]
    blocked = next(out.blocked for out in outs if out.blocked is not None)
    assert blocked.type == "opaque_run"
    assert "".join(out.text for out in outs) in ("The value is ", "The value ", "The ", "")
    assert hold.feed("more of it, and more of it").text == ""
    assert hold.finish().text == ""
    assert hold.finish().blocked == blocked


def opaque(action: str) -> Finding:
    return replace(OPAQUE_RUN, action=action)


@settings(max_examples=60, deadline=None)
@given(
    form=st.sampled_from(
        sorted({*OPAQUE} - {"key material"})
    ),  # blanks in it are places to cut it, once it has begun
    action=st.sampled_from(["allow", "flag", "mask", "redact"]),
    cuts=CHUNKINGS,
)
def test_a_run_that_is_meant_goes_on_or_is_replaced_whatever_the_chunks(form, action, cuts) -> None:
    text = f"The value is {OPAQUE[form]} and this is what follows it, for my card is {CARD} and nothing else."
    outs = [stream(given, open_token=1024, opaque=opaque(action)) for given in ([text], pieces(text, cuts))]
    assert outs[0] == outs[1]
    out = outs[0]
    assert out.blocked is None
    assert out.text.endswith("and this is what follows it, for my card is [CARD] and nothing else.")
    runs = [f for f in out.findings if f.type == "opaque_run"]
    if action in {"allow", "flag"}:
        assert out.text == text.replace(CARD, "[CARD]")
        assert len(runs) == (action == "flag")
    else:
        assert out.text.count("[OPAQUERUN]") == 1
        assert len(out.text) < 400, "nothing of the run but its first words"


@pytest.mark.parametrize("action", ["allow", "flag", "mask"])
def test_what_is_blocked_within_an_opaque_run_ends_the_answer_wherever_it_is_cut(action) -> None:
    for before in (900, 940, 959, 960, 961, 1000, 1023, 3000):
        text = f"The value is {'x' * before}-{SECRET}-{'x' * 3000}"
        out = stream([text], open_token=1024, opaque=opaque(action))
        assert out.blocked is not None
        assert out.blocked.type == "secret"
        assert SECRET[:12] not in out.text


def test_signed_text_and_refusing_actions_end_at_an_opaque_run() -> None:
    for action in ("block", "step-up", "quarantine"):
        assert stream(["x" * 2000], open_token=1024, opaque=opaque(action)).blocked.action == action
    signed = stream(["x" * 2000], open_token=1024, opaque=opaque("mask"), verbatim=True)
    assert signed.blocked.type == "opaque_run"
    assert stream(["x" * 2000], open_token=1024, opaque=opaque("flag"), verbatim=True).text == "x" * 2000


@pytest.mark.parametrize("size", [1023, 1024, 1025])
def test_the_bound_is_the_same_for_a_whole_text(size: int) -> None:
    text = "x" * size
    out = whole(text, scan, unmask, open_token=1024)
    assert (out.blocked is not None) is (size >= 1024)
    assert stream(list(text), open_token=1024).blocked == out.blocked


LONG = {
    "code": "def f(x):\n    y[0] = g(x, 1) + h('a')\n    return {k: v for k, v in y.items()}\n" * 80,
    "table": "| 2024-01-01 | 12.50 | 3 |\n" * 200,
    "compact JSON": '{"id":"a1","values":["x","y"],"next":{"k":"v"}},' * 150,
    "capitals": "THIS IS A TEXT IN CAPITALS ONLY. " * 150,
    "Chinese": "世界和平是人类共同的愿望，我们应当为之努力。" * 250,
    "Russian": "Комитет собрался во вторник, чтобы обсудить новые правила. " * 90,
    "digits by line": "1234567\n" * 600,
    "HTML": '<div class="a b"><p id="c">Some text here, and more.</p></div>\n' * 80,
}


@pytest.mark.parametrize("form", LONG)
def test_what_is_no_prose_flows_too(form: str) -> None:
    hold, text = HoldBack(lambda _: (), unmask), LONG[form]
    held, got = [], ""
    for c in text:
        got += hold.feed(c).text
        held.append(hold.held)
    assert got + hold.finish().text == text
    assert max(held) < 256


def test_ordinary_prose_waits_for_sixteen_characters_at_the_median() -> None:
    prose = " ".join(w for w in WORDS[:46] if w.isascii()) + ". "
    hold = HoldBack(scan, unmask)
    held = []
    for c in prose * 20:
        hold.feed(c)
        held.append(hold.held)
    assert statistics.median(held) <= 16
    assert max(held) <= 128


@pytest.mark.parametrize("place", [(-1, 3), (0, 0), (3, 2), (0, 10_000)])
def test_a_scan_that_lies_is_a_fault_and_releases_nothing(place: tuple[int, int]) -> None:
    hold = HoldBack(lambda _: [Finding(type="card", start=place[0], end=place[1], action="mask")], unmask)
    with pytest.raises(DetectorFault):
        hold.feed("some ordinary words that would have been released by now")


def test_what_is_allowed_is_not_reported() -> None:
    def allowing(text: str) -> list[Finding]:
        return [Finding(type="card", start=0, end=len(text), action="allow")] if text else []

    assert stream(["some words that", " are allowed"], allowing).findings == ()
