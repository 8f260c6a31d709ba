"""One number and one word for a text."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sallyport.errors import DetectorFault
from sallyport.inspection.detector import IDENTIFIERS, INSTRUCTIONS, LEAKS, SECRETS
from sallyport.inspection.score import attack_score, evidence, strongest, verdict
from sallyport.model import Finding


def found(kind, score=1.0, layer="rules", action="flag"):
    return Finding(type=kind, start=0, end=1, score=score, layer=layer, action=action)


FINDINGS = st.builds(
    found,
    st.sampled_from([*INSTRUCTIONS, *IDENTIFIERS, *SECRETS, *LEAKS, "theirs.word"]),
    st.floats(0, 1),
    st.sampled_from(["rules", "learned"]),
)


@pytest.mark.parametrize("kind", INSTRUCTIONS)
def test_an_instruction_gives_its_score(kind):
    assert attack_score([found(kind, 0.4)]) == 0.4


@pytest.mark.parametrize("kind", [*IDENTIFIERS, *SECRETS, *LEAKS, "theirs.word"])
def test_what_is_no_instruction_does_not_raise_the_score(kind):
    assert attack_score([found(kind)]) == 0.0
    assert attack_score([found(kind), found("jailbreak", 0.3)]) == 0.3


def test_each_layer_gives_the_strongest_of_what_it_saw():
    seen = [
        found("jailbreak", 0.3),
        found("prompt_injection", 0.6),
        found("jailbreak", 0.2, "learned"),
        found("card"),
    ]
    assert evidence(seen) == {"rules": 0.6, "learned": 0.2}
    assert evidence([]) == {}


def test_another_fusion_can_be_given():
    seen = [found("jailbreak", 0.5), found("jailbreak", 0.5, "learned")]
    assert attack_score(seen) == 0.5
    assert attack_score(seen, lambda e: 1 - math.prod(1 - s for s in e.values())) == 0.75
    assert attack_score([], lambda e: e.get("learned", 0.1)) == 0.1


@pytest.mark.parametrize("lie", [-0.01, 1.01, math.nan, math.inf])
def test_a_fusion_that_lies_is_a_fault(lie):
    with pytest.raises(DetectorFault):
        attack_score([], lambda _: lie)


@given(st.lists(FINDINGS), FINDINGS)
def test_more_evidence_never_lowers_the_score(findings, more):
    assert 0.0 <= attack_score(findings) <= attack_score([*findings, more]) <= 1.0
    assert attack_score(findings) == strongest(evidence(findings[::-1]))


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        ((), "allow"),
        (("allow",), "allow"),
        (("mask", "allow"), "allow"),
        (("mask", "flag"), "flag"),
        (("flag", "block", "mask"), "block"),
    ],
)
def test_the_verdict_is_what_the_actions_make_of_it(actions, expected):
    assert verdict([found("card", action=action) for action in actions]) == expected
