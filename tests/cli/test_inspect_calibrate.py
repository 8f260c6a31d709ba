"""Transcripts of `sallyport inspect calibrate` and of marks, with a door that only remembers what it was asked."""

from __future__ import annotations

import json

import pytest

from sallyport.cli import inspect_calibrate, inspect_marks
from sallyport.inspection.calibrate import Scored, fit
from sallyport.wiring import calibrating, calibration_run
from sallyport.wiring.calibrating import Gathered

KNOWN = {"ruling": "", "detectors": "d", "calibration": None, "number": 4, "damaged": []}


class Door:
    def __init__(self):
        self.posted = []

    def post(self, path, document):
        self.posted.append((path, document))
        if path.endswith("calibration"):
            return {**KNOWN, "ruling": "c5-0" if document["action"] == "write" else ""}
        return {"id": "m1", "request": document["request"], "texts": 2, "expires": 1800000000, "counts": True}

    def get(self, path):
        mark = {
            "id": "m1", "judgement": "false_alarm", "request": "req_1", "expires": 1800000000, "by": "local|sue",
            "reason": "a\x1b[31mslide", "counts": False,
        }  # fmt: skip
        return {"marks": [mark]}


@pytest.fixture
def door(monkeypatch):
    door = Door()
    monkeypatch.setattr(inspect_calibrate, "connect", lambda: door)
    monkeypatch.setattr(inspect_marks, "connect", lambda: door)
    monkeypatch.setattr(calibrating, "give_way", lambda: None)
    return door


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "sallyport.toml"
    path.write_text(f'[server]\nstate = "{tmp_path / "state"}"\n')
    return str(path)


def scored(count, score=0.1, callers=20):
    return [Scored(who=str(n % callers), roles=(), scores={"user": score}) for n in range(count)]


@pytest.fixture
def traffic(monkeypatch):
    """What a run finds."""

    def give(calls, attacks=()):
        async def proposal(_settings, asked, _known, advance):
            advance(1, 1)
            fitted = fit(calls, calibration_run.budget(asked.budget, 1000.0), None)
            found = Gathered(found=len(calls) + 3, calls=calls, erased=2, blocked=1)
            return calibration_run.Proposal(
                gathered=found, fit=fitted, attacks=dict(attacks), detectors="d", asked=asked
            )

        monkeypatch.setattr(calibration_run, "proposal", proposal)

    return give


def calibrate(run, config, *more):
    return run("inspect", "calibrate", "-c", config, "--purpose", "p", *more)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--budget", "0%"), "no detector keeps to 0%"),
        (("--budget", "100%"), "is no budget of alarms"),
        (("--budget", "often"), "write the budget as"),
        (("--budget", "0/day"), "no detector keeps to"),
        (("--since", "yesterday"), "is no time"),
        (("--since", "0d"), "is no time"),
        (("--until", "2020-01-01"), "ends before it begins"),
        (("--write", "--withdraw"), "not both"),
    ],
)
def test_what_is_no_budget_or_span_is_said_before_the_door_is_asked(run, door, config, options, said):
    done = calibrate(run, config, *options)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert not door.posted


def test_nothing_changes_without_write(run, door, config, traffic):
    traffic(scored(400), {"user": (10, 7, 8)})
    done = calibrate(run, config)
    assert done.code == 0
    assert "0.50 -> 0.40" in done.out
    assert "7 of 10 flagged now, 8 then" in done.out
    assert "2 erased" in done.out
    assert "Nothing was changed. To let it rule: --write" in done.out
    assert [document["action"] for _, document in door.posted] == ["begin"]


def test_what_is_written_is_what_was_shown(run, door, config, traffic):
    traffic(scored(400))
    told = json.loads(calibrate(run, config, "--write", "--json").out)
    (_, begun), (_, written) = door.posted
    assert begun == {"action": "begin", "purpose": "p"}
    assert (written["replaces"], told["stored"], told["problem"]) == (4, "c5-0", "")
    assert json.loads(json.dumps(written["calibration"])) == told["calibration"]
    assert told["rows"][0]["proposed"] == {"flag": 0.4, "block": 0.75}
    assert told["attacks"] == {}


@pytest.mark.parametrize(
    ("calls", "said"),
    [
        ([], "needs 300 calls of a channel"),
        (scored(299), "there are 299"),
        (scored(400) + scored(200, 0.6, 1), "review them"),
    ],
    ids=["none", "few", "one caller's"],
)
def test_what_cannot_be_held_is_not_written(run, door, config, traffic, calls, said):
    traffic(calls)
    done = calibrate(run, config, "--write")
    assert done.code == 1
    assert said in done.err
    assert "Nothing was changed." in done.err
    assert [document["action"] for _, document in door.posted] == ["begin"]


def test_withdrawing_reads_nothing(run, door, config):
    assert "package's thresholds rule" in calibrate(run, config, "--withdraw").out
    assert [document["action"] for _, document in door.posted] == ["begin", "withdraw"]


def test_marks(run, door):
    done = run("inspect", "false-alarm", "req_1", "--reason", "a slide", "--expires", "12h")
    assert "Mark m1 on 2 text(s) of req_1, until 2027-01-15" in done.out
    assert run("inspect", "true-attack", "req_2", "--reason", "it is", "--json").code == 0
    assert run("inspect", "unmark", "m1").code == 0
    assert [document for _, document in door.posted] == [
        {"judgement": "false_alarm", "request": "req_1", "reason": "a slide", "seconds": 43_200},
        {"judgement": "true_attack", "request": "req_2", "reason": "it is", "seconds": 2_592_000},
        {"judgement": "none", "request": "m1", "reason": ""},
    ]
    listed = run("inspect", "marks").out
    assert "(ended)" in listed
    assert "\x1b" not in listed


def test_a_text_that_is_a_verbs_name_can_still_be_inspected(run, monkeypatch):
    import io

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"calibrate")))
    assert "ALLOWED" in run("inspect", "-").out
