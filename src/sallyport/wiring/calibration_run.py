"""One run of a calibration: what was gathered, the thresholds that hold the budget, and what they would cost."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from sallyport.errors import SettingsError
from sallyport.inspection.calibrate import Fit, Rate, Row, budget, fit
from sallyport.inspection.thresholds import BLOCK_BOUNDS, FLAG_BOUNDS, Calibration, Cuts
from sallyport.model import Channel
from sallyport.settings import Settings
from sallyport.wiring.calibrating import Gathered, attacks, gathered
from sallyport.wiring.inspecting import CHANNELS

DAY = 86_400
MOST_ATTACKS = 2000  # rows


class Asked(Struct, frozen=True, kw_only=True):
    """What a run is asked for. Times in seconds since the epoch."""

    budget: str
    since: int
    until: int
    most: int
    attacks: Path | None = None


class Proposal(Struct, frozen=True, kw_only=True):
    """What a run found."""

    gathered: Gathered
    fit: Fit
    attacks: Mapping[str, tuple[int, int, int]]  # channel -> texts, flagged at present, flagged then
    detectors: str
    asked: Asked

    @property
    def problem(self) -> str:
        """Why nothing can be written; "" where it can."""
        fit = self.fit
        if not any(row.enough for row in fit.rows):
            most = max((row.calls for row in fit.rows), default=0)
            return (
                f"too little traffic: a budget of {fit.budget:.2%} needs {fit.needed} calls of a channel "
                f"(weighed, so that no caller dominates); there are {most}"
            )
        if not fit.held:
            least = fit.expected.share
            return f"the budget of {fit.budget:.2%} cannot be held, {least:.2%} is the least: {fit.trouble}"
        return ""

    @property
    def calibration(self) -> Calibration:
        """What the door is given."""
        return Calibration(
            detectors=self.detectors,
            thresholds=self.fit.thresholds,
            budget=self.fit.budget,
            calls=self.fit.calls,
            since=self.asked.since,
            until=self.asked.until,
        )


def check(asked: Asked) -> None:
    """Raises ValueError for a budget or span that is none, before anything is read."""
    if asked.until <= asked.since:
        raise ValueError("the span ends before it begins")
    budget(asked.budget, 1e6 if asked.budget.endswith("/day") else 1.0)


async def proposal(
    settings: Settings, asked: Asked, known: Mapping[str, Any], advance: Callable[[int, int], None]
) -> Proposal:
    """Gather and fit. `known` is what the door says of the present calibration. Raises ValueError for the budget."""
    present = _present(known)
    found = await gathered(settings, since=asked.since, until=asked.until, most=asked.most, advance=advance)
    days = (asked.until - asked.since) / DAY
    try:
        share = budget(asked.budget, max(found.found, 1) / days)
    except ValueError as error:
        raise ValueError(f"{error} (there were {found.found} calls in {days:.1f} days)") from None
    fitted = fit(found.calls, share, present)
    then = Cuts(Calibration(detectors="", thresholds=fitted.thresholds, budget=0, calls=0, since=0, until=0))
    scores = await attacks(settings, _rows(asked.attacks)) if asked.attacks else {}
    return Proposal(
        gathered=found,
        fit=fitted,
        attacks={channel: _kept(each, channel, Cuts(present), then) for channel, each in scores.items()},
        detectors=str(known["detectors"]),
        asked=asked,
    )


def _present(known: Mapping[str, Any]) -> Calibration | None:
    """The calibration that rules; one that the door does not use is as none."""
    return msgspec.convert(known["calibration"], Calibration) if known["ruling"] else None


def _kept(scores: Sequence[float], channel: Channel, now: Cuts, then: Cuts) -> tuple[int, int, int]:
    flagged = [sum(score >= cuts.of(channel, ()).flag for score in scores) for cuts in (now, then)]
    return len(scores), flagged[0], flagged[1]


def _rows(path: Path) -> list[tuple[str, Channel]]:
    """Texts of a file of rows as `sallyport inspect --json` reads them; with a `kind`, those of the kind attack."""
    rows: list[tuple[str, Channel]] = []
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line) if line.strip() else {"kind": "none"}
            if row.get("kind", "attack") == "attack":
                rows.append((str(row["text"]), CHANNELS["input"][row.get("channel", "user")]))
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        raise SettingsError(str(path), "is no file of rows", "see docs/cli.md") from None
    return rows[:MOST_ATTACKS]


def plain(told: Proposal) -> dict[str, Any]:
    """The proposal as JSON values."""
    fit, found = told.fit, told.gathered
    return {
        "budget": fit.budget,
        "since": told.asked.since,
        "until": told.asked.until,
        "detectors": told.detectors,
        "calls": {
            "found": found.found,
            "scored": fit.calls,
            "callers": fit.callers,
            "needed": fit.needed,
            "left": found.left,
            "attacks": found.attacks,
            "blocked": found.blocked,
            "erased": found.erased,
            "unreadable": found.unreadable,
        },
        "rows": [_row(row) for row in fit.rows],
        "flagged": _rate(fit.flagged),
        "expected": _rate(fit.expected),
        "largest_caller": round(fit.largest, 4),
        "attacks": {
            channel: {"texts": count, "flagged": now, "expected": then}
            for channel, (count, now, then) in told.attacks.items()
        },
        "bounds": {"flag": FLAG_BOUNDS, "block": BLOCK_BOUNDS},
        "problem": told.problem,
        "calibration": msgspec.to_builtins(told.calibration),
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "channel": row.channel,
        "role": row.role,
        "calls": row.calls,
        "callers": row.callers,
        "enough": row.enough,
        "present": {"flag": row.present.flag, "block": row.present.block},
        "proposed": {"flag": row.proposed.flag, "block": row.proposed.block},
        "flagged": _rate(row.flagged),
        "expected": _rate(row.expected),
        "false_blocks": row.false_blocks,
    }


def _rate(rate: Rate) -> dict[str, float]:
    return {"share": round(rate.share, 6), "low": round(rate.low, 6), "high": round(rate.high, 6)}
