"""`sallyport inspect false-alarm`, `true-attack`, `marks` and `unmark`: what reviewers say of findings."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import typer

from sallyport.cli.client import OWN, connect
from sallyport.cli.inspect_calibrate import duration
from sallyport.cli.output import emit, say, table

Request = Annotated[str, typer.Argument(help="Request id of the call.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; sealed, for those who list the marks.")]
Expires = Annotated[str, typer.Option("--expires", help="When the mark ends: 30d, 12h; at most 90d.")]
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


def false_alarm(request: Request, reason: Reason, expires: Expires = "30d", *, json: Json = False) -> None:
    """The instructions found in this call are none.

    Until the mark ends they are not flagged or blocked again in the same text for the same roles, and count
    as harmless in a calibration. Exit code 4 if the door refuses: nobody marks a call of their own.
    """
    _mark("false_alarm", request, reason, expires, json=json)


def true_attack(request: Request, reason: Reason, expires: Expires = "30d", *, json: Json = False) -> None:
    """This call was an attack: no calibration counts it as harmless.

    Exit code 4 if the door refuses.
    """
    _mark("true_attack", request, reason, expires, json=json)


def marks(*, json: Json = False) -> None:
    """All marks, with who made them and why. Exit code 4 if the policy does not let you."""
    found = connect().get(f"{OWN}/marks")["marks"]
    if json:
        emit(found)
        return
    rows = [
        (m["id"], m["judgement"].replace("_", " "), m["request"], _end(m), m["by"], m["reason"])
        for m in found
    ]
    table(("mark", "judgement", "call", "ends", "by", "reason"), rows)


def unmark(mark: Annotated[str, typer.Argument(help="Id of the mark.")], *, json: Json = False) -> None:
    """End a mark now. Exit code 4 if the policy does not let you."""
    ended = connect().post(f"{OWN}/marks", {"judgement": "none", "request": mark, "reason": ""})
    emit(ended) if json else say(f"The mark {ended['id']} has ended; all workers know within a second.")


def _mark(judgement: str, request: str, reason: str, expires: str, *, json: bool) -> None:
    document = {"judgement": judgement, "request": request, "reason": reason, "seconds": duration(expires)}
    mark = connect().post(f"{OWN}/marks", document)
    if json:
        emit(mark)
        return
    say(f"Mark {mark['id']} on {mark['texts']} text(s) of {mark['request']}, until {_end(mark)}.")
    say(f"To end it: sallyport inspect unmark {mark['id']}")


def _end(mark: dict[str, object]) -> str:
    until = dt.datetime.fromtimestamp(int(str(mark["expires"])), dt.UTC).isoformat(timespec="minutes")
    return until if mark["counts"] else f"{until} (ended)"
