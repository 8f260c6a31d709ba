from __future__ import annotations

import pytest

from sallyport.inspection.actions import ActionRow, Actions, strictest
from sallyport.inspection.detector import IDENTIFIERS, TYPES
from sallyport.model import Channel, Finding


def finding(kind: str, score: float = 1.0, leaf: int = 0) -> Finding:
    return Finding(type=kind, start=0, end=1, score=score, leaf=leaf)


def act(kind: str, direction: str, channel: Channel, score: float = 1.0, *, rows=(), roles=()) -> str:
    return Actions(rows).decide((finding(kind, score),), direction, (channel,), roles, "lab")[0].action


@pytest.mark.parametrize(
    ("kind", "direction", "channel", "score", "action"),
    [
        ("card", "input", "user", 1.0, "mask"),
        ("card", "input", "assistant", 1.0, "mask"),
        ("card", "output", "assistant", 1.0, "mask"),
        ("secret", "input", "user", 1.0, "mask"),
        ("secret", "output", "assistant", 1.0, "block"),
        ("private_key", "input", "user", 1.0, "block"),
        ("sallyport_key", "input", "tool_result", 1.0, "block"),
        ("prompt_injection", "input", "user", 0.95, "block"),
        ("prompt_injection", "input", "tool_result", 0.95, "block"),
        ("prompt_injection", "input", "document", 0.95, "block"),
        ("prompt_injection", "input", "tool_definition", 0.89, "flag"),
        ("prompt_injection", "input", "tool_definition", 0.9, "block"),
        ("prompt_injection", "input", "user", 0.6, "flag"),
        ("prompt_injection", "input", "user", 0.2, "allow"),
        ("prompt_injection", "input", "system", 1.0, "flag"),
        ("jailbreak", "input", "system", 1.0, "flag"),
        ("prompt_injection", "input", "assistant", 1.0, "flag"),
        ("exfiltration_link", "output", "assistant", 0.9, "block"),
        ("canary", "output", "assistant", 1.0, "block"),
        ("canary", "input", "system", 1.0, "flag"),
        ("system_prompt_leak", "output", "assistant", 1.0, "block"),
        ("thermometer.fever", "input", "user", 1.0, "flag"),
    ],
)
def test_the_default_table(kind: str, direction: str, channel: Channel, score: float, action: str) -> None:
    assert act(kind, direction, channel, score) == action


@pytest.mark.parametrize("kind", sorted(TYPES))
@pytest.mark.parametrize("direction", ["input", "output"])
def test_no_certain_finding_of_ours_passes_by_default(kind: str, direction: str) -> None:
    assert act(kind, direction, "user") != "allow"


@pytest.mark.parametrize("kind", IDENTIFIERS)
def test_no_identifier_leaves_unmasked_in_either_direction(kind: str) -> None:
    assert {
        act(kind, d, c)
        for d in ("input", "output")
        for c in ("user", "system", "assistant", "tool_arguments")
    } == {"mask"}


def test_the_first_row_that_matches_counts() -> None:
    rows = (
        ActionRow(type="email", role="support", action="allow"),
        ActionRow(type="email", action="block"),
        ActionRow(type="email", action="allow"),
    )
    assert act("email", "input", "user", rows=rows, roles=("support",)) == "allow"
    assert act("email", "input", "user", rows=rows, roles=("analyst",)) == "block"
    assert act("phone", "input", "user", rows=rows) == "mask"


@pytest.mark.parametrize(
    ("row", "matches"),
    [
        (ActionRow(action="allow"), True),
        (ActionRow(type="email", direction="input", channel="user", role="r", action="allow"), True),
        (ActionRow(type="phone", action="allow"), False),
        (ActionRow(direction="output", action="allow"), False),
        (ActionRow(channel="system", action="allow"), False),
        (ActionRow(role="other", action="allow"), False),
        (ActionRow(segment="lab", action="allow"), True),
        (ActionRow(segment="prod", action="allow"), False),
        (ActionRow(type="ema*", action="allow"), False),
    ],
)
def test_every_column_of_a_row_must_match(row: ActionRow, matches: bool) -> None:
    assert (act("email", "input", "user", rows=(row,), roles=("r",)) == "allow") is matches


def test_a_row_can_cover_all_types_of_a_plug_in() -> None:
    rows = (ActionRow(type="thermometer.*", action="block"),)
    assert act("thermometer.fever", "input", "user", rows=rows) == "block"
    assert act("thermometers.fever", "input", "user", rows=rows) == "flag"


def test_the_channel_is_that_of_the_findings_own_leaf() -> None:
    found = Actions().decide(
        (finding("prompt_injection", leaf=0), finding("prompt_injection", leaf=1)),
        "input",
        ("system", "user"),
        (),
    )
    assert [f.action for f in found] == ["flag", "block"]


def test_strictest() -> None:
    found = Actions().decide(
        (finding("card"), finding("private_key"), finding("email")), "input", ("user",), ()
    )
    assert strictest(found) == "block"
    assert strictest(()) == "allow"


@pytest.mark.parametrize("action", ["step-up", "quarantine"])
def test_every_word_of_the_settings_is_an_action(action: str) -> None:
    assert act("email", "input", "user", rows=(ActionRow(type="email", action=action),)) == action
