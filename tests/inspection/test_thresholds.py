"""Thresholds of a calibration: whose counts, what they may be, and that they switch nothing off."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sallyport.inspection.actions import ActionRow, Actions
from sallyport.inspection.detector import INSTRUCTIONS, TYPES
from sallyport.inspection.thresholds import (
    BLOCK_BOUNDS,
    FLAG_BOUNDS,
    INSTRUCTED,
    SHIPPED,
    Calibration,
    Cut,
    Cuts,
    Threshold,
    problem,
)
from sallyport.model import SEVERITY, Finding


def calibration(*rows: tuple[str, str, float, float], number: int = 1) -> Calibration:
    thresholds = tuple(Threshold(channel=c, role=r, flag=f, block=b) for c, r, f, b in rows)
    return Calibration(
        detectors="d", thresholds=thresholds, budget=0.01, calls=9, since=0, until=1, number=number
    )


RULING = calibration(
    ("user", "", 0.6, 0.8), ("user", "analyst", 0.45, 0.9), ("document", "support", 0.7, 0.75)
)


@pytest.mark.parametrize(
    ("channel", "roles", "cut"),
    [
        ("user", (), Cut(0.6, 0.8)),
        ("user", ("support",), Cut(0.6, 0.8)),
        ("user", ("analyst",), Cut(0.45, 0.9)),
        ("user", ("support", "analyst"), Cut(0.45, 0.8)),  # the lowest of what counts for one of them
        ("document", ("support",), Cut(0.7, 0.75)),
        ("document", ("support", "analyst"), SHIPPED),
        ("tool_result", ("analyst",), SHIPPED),
    ],
)
def test_the_lowest_threshold_of_a_callers_roles_counts(channel, roles, cut) -> None:
    assert Cuts(RULING).of(channel, roles) == cut
    assert Cuts().of(channel, roles) == SHIPPED


def seen(score: float, kind: str = "jailbreak") -> Finding:
    return Finding(type=kind, start=0, end=1, score=score, version="v")


@pytest.mark.parametrize(
    ("score", "action"), [(0.59, "allow"), (0.6, "flag"), (0.79, "flag"), (0.8, "block")]
)
def test_instructions_that_come_in_are_judged_by_it_and_say_so(score, action) -> None:
    actions = Actions()
    actions.cuts = Cuts(RULING)
    (decided,) = actions.decide([seen(score)], "input", ["user"], [])
    assert (decided.action, decided.version) == (action, f"v@{RULING.name}")


def test_answers_and_what_the_settings_decide_are_not() -> None:
    actions = Actions([ActionRow(type="jailbreak", channel="user", action="block")])
    actions.cuts = Cuts(RULING)
    (by_row,) = actions.decide([seen(0.1)], "input", ["user"], [])
    (answer,) = actions.decide([seen(0.55)], "output", ["assistant"], [])
    assert (by_row.action, by_row.version, answer.action, answer.version) == ("block", "v", "flag", "v")


@pytest.mark.parametrize("kind", sorted(TYPES - set(INSTRUCTIONS)))
def test_nothing_else_is_touched(kind) -> None:
    plain, tuned = Actions(), Actions()
    tuned.cuts = Cuts(calibration(("user", "", *_strongest())))
    findings = [seen(score, kind) for score in (0.0, 0.5, 0.7, 0.9, 1.0)]
    channels = ["user"]
    assert plain.decide(findings, "input", channels, []) == tuned.decide(findings, "input", channels, [])


def _strongest() -> tuple[float, float]:
    return FLAG_BOUNDS[1], BLOCK_BOUNDS[1]


@given(
    st.floats(0.75, 1.0),
    st.sampled_from(sorted(INSTRUCTED)),
    st.floats(*FLAG_BOUNDS),
    st.floats(*BLOCK_BOUNDS),
)
def test_whatever_the_package_blocks_is_at_least_flagged(score, channel, flag, block) -> None:
    ruling = calibration((channel, "", flag, block))
    assert problem(ruling) == ""
    actions = Actions()
    actions.cuts = Cuts(ruling)
    (decided,) = actions.decide([seen(score)], "input", [channel], [])
    assert SEVERITY[decided.action] >= SEVERITY["flag"]


@pytest.mark.parametrize(
    "bad",
    [
        calibration(),
        calibration(("user", "", 0.39, 0.75)),
        calibration(("user", "", 0.76, 0.8)),
        calibration(("user", "", 0.5, 0.74)),
        calibration(("user", "", 0.5, 0.96)),
        calibration(("user", "", float("nan"), 0.8)),
        calibration(("user", "", 0.5, float("inf"))),
        calibration(("assistant", "", 0.5, 0.8)),
        calibration(("user", "", 0.5, 0.8), ("user", "", 0.6, 0.8)),
        calibration(("user", "a" * 65, 0.5, 0.8)),
        calibration(("user", "a\n", 0.5, 0.8)),
        calibration(*[("user", str(n), 0.5, 0.8) for n in range(65)]),
    ],
)
def test_what_no_calibration_may_say(bad) -> None:
    assert problem(bad)


def test_its_name_changes_with_what_it_says() -> None:
    one, other = calibration(("user", "", 0.5, 0.8)), calibration(("user", "", 0.51, 0.8))
    assert one.name.startswith("c1-")
    assert len({one.name, other.name, calibration(("user", "", 0.5, 0.8), number=2).name}) == 3
