"""Each action that refuses does so everywhere where `block` does, and is told by its own code."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from sallyport.gateway import stages
from sallyport.gateway.limits import Limits
from sallyport.gateway.outcome import input_blocked, output_blocked, stops
from sallyport.inspection.holdback import whole
from sallyport.inspection.json_arguments import inspect_arguments
from sallyport.inspection.score import verdict
from sallyport.model import REFUSING, Action, Call, Finding, Leaf

CALL = Call(
    surface="chat",
    dialect="",
    model="",
    stream=False,
    raw=b"",
    body={},
    leaves=(Leaf(("a",), "1234", "user"),),
)
CODES = {
    "block": ("finding_blocked", "output_blocked"),
    "step-up": ("step_up_required", "step_up_required"),
    "quarantine": ("quarantined", "quarantined"),
}


def finding(action: Action, kind: str = "secret", notice: str = "") -> Finding:
    return Finding(type=kind, start=0, end=4, action=action, notice=notice)


def test_every_refusing_action_is_here() -> None:
    assert set(CODES) == REFUSING


@pytest.mark.parametrize("action", CODES)
def test_it_is_told_by_its_own_code(action: Action) -> None:
    assert (input_blocked(finding(action), "a").code, output_blocked(finding(action), "a").code) == CODES[
        action
    ]


@pytest.mark.parametrize("action", CODES)
def test_it_ends_texts_and_tool_calls(action: Action) -> None:
    for out in (
        whole("1234 and more", lambda _: [finding(action)], str),
        inspect_arguments('{"a": "1234"}', lambda _: [finding(action)], str),
    ):
        assert out.blocked is not None
        assert not out.text
    assert stops(finding(action), Leaf(("id",), "1234", "assistant"))
    assert verdict([finding(action)]) == "block"


@pytest.mark.parametrize(
    ("actions", "code"),
    [
        (("step-up",), "step_up_required"),
        (("step-up", "block"), "finding_blocked"),
        (("block", "quarantine", "step-up"), "quarantined"),
        (("mask", "flag"), None),
    ],
)
async def test_a_request_is_refused_for_its_strictest_finding(
    actions: tuple[Action, ...], code: str | None
) -> None:
    asked: list[str] = []

    async def inspect(*_: object, segment: str, **__: object) -> tuple[Finding, ...]:
        await asyncio.sleep(0)
        asked.append(segment)
        return tuple(finding(action) for action in actions)

    x = SimpleNamespace(call=CALL, roles=(), segment="lab", findings=())
    rooms = SimpleNamespace(inspection=SimpleNamespace(inspect=inspect))
    refusal = await stages.inspect_input(x, rooms, Limits())
    assert (refusal.code if refusal else None) == code
    assert asked == ["lab"]


@pytest.mark.parametrize(
    ("kind", "policy", "words"),
    [
        ("secret", "finding/secret", "contains secret."),
        ("topic.mergers", "topic/mergers", "contains the topic mergers."),
        ("harm.self_harm", "harm/self_harm", "contains what the content policy calls self harm."),
        ("thermometer.fever", "finding/thermometer.fever", "contains thermometer.fever."),
    ],
)
def test_a_refusal_says_which_policy(kind: str, policy: str, words: str) -> None:
    for refusal in (input_blocked(finding("block", kind), "a"), output_blocked(finding("block", kind), "a")):
        assert refusal.policy == policy
        assert refusal.message.endswith(words)


def test_a_policy_may_have_its_own_words() -> None:
    assert output_blocked(finding("block", "topic.x", "Ask legal."), "a").message == "Ask legal."
