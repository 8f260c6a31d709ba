"""However an answer is cut, the caller gets the same text and the same verdict, and nothing of what is blocked."""

from __future__ import annotations

import random

import pytest
from chunkings import PLACES, STOPPED, SYSTEM, WIRES, Corridor, Tally, cuts, judge, run, split
from surfaces import streams, surfaces


def test_every_streamed_wire_is_cut():
    assert set(WIRES) == {path for path, dialect in surfaces().items() if streams(dialect)}
    assert {path for path, _, _, _ in PLACES} == set(WIRES)


@pytest.mark.slow
async def test_texts_with_findings_cut_at_random():
    """300 of them; `scripts/chunkings` cuts 10,000."""
    tally = await run(300, seed=2, each=6)
    assert tally.wrong == []
    assert tally.chunkings == 300
    delivered = sum(count for verdict, count in tally.verdicts.items() if verdict.endswith(": delivered"))
    assert 10 <= delivered <= 45  # so neither everything nor nothing is stopped


@pytest.mark.soak
async def test_ten_thousand_chunkings():
    tally = await run(10_000, seed=1)
    assert tally.wrong == []


@pytest.mark.slow
async def test_each_text_that_must_not_leave_is_stopped_on_each_wire():
    corridor = Corridor()
    await corridor.learn()
    for path, _, name, make in PLACES:
        for text in [secret for secret in STOPPED if secret != SYSTEM or path != "/v1/completions"]:
            tally = Tally()
            await corridor.cut(tally, random.Random(0), path, make, f"Here it is: {text}", each=2)
            assert tally.wrong == [], (path, name)
            assert not any(verdict.endswith("delivered") for verdict in tally.verdicts), (path, name, text)


def test_a_difference_is_noticed():
    tally = Tally()
    for got in [("b", "", b""), ("a", "another", b""), ("a", "The answer was stopped: it contains x.", b"")]:
        judge(tally, "case", ("a", "", b""), ("a", "", b""), got)
    judge(tally, "case", ("a", "The answer was stopped: it contains x.", b""), ("", "", b""), got)
    assert [wrong.partition(":")[0] for wrong in tally.wrong] == [
        "another text",
        "refused for another reason",
        "another verdict",
        "another beginning",
    ]


def test_nothing_is_lost_in_the_cutting():
    chance = random.Random(1)
    for _ in range(50):
        text = "naïve 🎉 " * chance.randint(0, 9)
        assert "".join(cuts(chance)(text)) == text
        assert b"".join(split(chance, text.encode())) == text.encode()
