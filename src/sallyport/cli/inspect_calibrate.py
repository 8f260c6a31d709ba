"""`sallyport inspect calibrate`: thresholds that keep to a budget of alarms on a deployment's own traffic."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from sallyport.cli.client import OWN, connect
from sallyport.cli.output import emit, fail, say, table
from sallyport.cli.progress import counted

SECONDS = {"m": 60, "h": 3600, "d": 86_400}
NOT_HELD = 1


def duration(text: str) -> int:
    """Seconds of `30d`, `12h` or `15m`. Exits with 2 for anything else."""
    found = re.fullmatch(r"(\d{1,6})([mhd])", text)
    if not found or not int(found[1]):
        raise fail(f"{text!r} is no time. Write it as 30d, 12h or 15m.", 2)
    return int(found[1]) * SECONDS[found[2]]


def calibrate(
    config: Annotated[Path, typer.Option("-c", "--config", help="The door's configuration; its state is read.")],
    purpose: Annotated[str, typer.Option("--purpose", help="Why people's prompts are read.")] = "",
    budget: Annotated[str, typer.Option("--budget", help="Calls that may be flagged: 1%, 10/1000, 20/day.")] = "1%",
    since: Annotated[str, typer.Option("--since", help="How far back, or a day (2026-11-01).")] = "7d",
    until: Annotated[str, typer.Option("--until", help="Its end, the same way (default: now).")] = "",
    most: Annotated[int, typer.Option("--most", min=1, help="Calls that are scored at most.")] = 20_000,
    attacks: Annotated[Path | None, typer.Option("--attacks", help="Rows of attacks that should stay flagged.")] = None,
    *,
    write: Annotated[bool, typer.Option("--write", help="Let the thresholds rule.")] = False,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Go back to the package's thresholds.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False,
) -> None:  # fmt: skip
    """Fit the thresholds to your own traffic.

    Exit code 1 if there is too little of it or the budget cannot be held, 4 if the door refuses.
    """
    from sallyport.settings import load  # noqa: PLC0415
    from sallyport.wiring import calibration_run as run  # noqa: PLC0415
    from sallyport.wiring.calibrating import give_way  # noqa: PLC0415

    if write and withdraw:
        raise fail("give --write or --withdraw, not both.", 2)
    now = int(time.time())
    asked = run.Asked(
        budget=budget, since=_moment(since, now), until=_moment(until, now), most=most, attacks=attacks
    )
    settings = load(config)
    try:
        run.check(asked)
        if settings.inspection.unsafe_off:
            raise fail("inspection.unsafe_off is set: there is nothing to calibrate.", 78)
        door = connect()
        known = door.post(f"{OWN}/calibration", {"action": "begin", "purpose": purpose})
        if withdraw:
            changed = _send(door, "withdraw", purpose, known["number"])
            emit(changed) if json else say("The package's thresholds rule.")
            return
        give_way()
        with counted("calls") as advance:
            told = asyncio.run(run.proposal(settings, asked, known, advance))
    except ValueError as error:
        raise fail(f"{error}.", 2) from None
    plain = run.plain(told)
    stored = None
    if write and not told.problem:
        stored = _send(door, "write", purpose, known["number"], plain["calibration"])
    emit({**plain, "stored": stored["ruling"] if stored else ""}) if json else _show(plain, stored)
    if told.problem:
        raise fail(f"{told.problem}. Nothing was changed.", NOT_HELD)


def _send(door: Any, action: str, purpose: str, number: int, calibration: Any = None) -> Any:
    document = {"action": action, "purpose": purpose, "replaces": number}
    return door.post(f"{OWN}/calibration", document | ({"calibration": calibration} if calibration else {}))


def _moment(text: str, now: int) -> int:
    """Seconds since the epoch of a day (UTC) or of a time that has passed since; "" is now."""
    if not text:
        return now
    try:
        return int(dt.datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=dt.UTC).timestamp())
    except ValueError:
        return now - duration(text)


def _show(plain: dict[str, Any], stored: Any) -> None:
    head = (
        "channel",
        "role",
        "calls",
        "callers",
        "flag from",
        "flagged now",
        "flagged then (95 %)",
        "block from",
    )
    table(head, [_row(row) for row in plain["rows"]])
    calls = plain["calls"]
    say(
        f"\nAll calls: {_share(plain['flagged'])} flagged now, {_share(plain['expected'], between=True)} then; "
        f"the budget is {plain['budget']:.2%}."
    )
    say(
        f"{calls['scored']} of {calls['found']} calls scored, of {calls['callers']} callers. Left out: {calls['left']} "
        f"over the most that count, {calls['attacks']} attacks, {calls['blocked']} blocked and not reviewed, "
        f"{calls['erased']} erased, {calls['unreadable']} unreadable."
    )
    if plain["largest_caller"] > 1 / 2:
        say(f"{plain['largest_caller']:.0%} of the flags are those of one caller: look at them first.")
    for channel, kept in plain["attacks"].items():
        say(
            f"Attacks ({channel}): {kept['flagged']} of {kept['texts']} flagged now, {kept['expected']} then."
        )
    if not plain["attacks"]:
        say("What it costs in attacks was not measured: give a file of them with --attacks.")
    if stored:
        say(f"Stored: {stored['ruling']} rules in all workers within a second.")
    elif not plain["problem"]:
        say("Nothing was changed. To let it rule: --write")


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    now, then = row["present"], row["proposed"]
    enough = row["enough"]
    return (
        row["channel"],
        row["role"] or "(all)",
        str(row["calls"]),
        str(row["callers"]),
        f"{now['flag']:.2f} -> {then['flag']:.2f}" if enough else f"{now['flag']:.2f} (too few calls)",
        _share(row["flagged"]),
        _share(row["expected"], between=True),
        f"{now['block']:.2f} -> {then['block']:.2f}" if enough else f"{now['block']:.2f}",
    )


def _share(rate: dict[str, float], *, between: bool = False) -> str:
    around = f" ({rate['low']:.2%}-{rate['high']:.2%})" if between else ""
    return f"{rate['share']:.2%}{around}"
