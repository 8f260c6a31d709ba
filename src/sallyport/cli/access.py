"""`sallyport access ...`: a role or a model for a limited time, and locks."""

from __future__ import annotations

import datetime as dt
import re
import time
from typing import Annotated, Any, Literal

import typer

from sallyport.cli.client import OWN, connect
from sallyport.cli.output import emit, fail, say, table

PATH = f"{OWN}/access"
UNITS = {"m": 60, "h": 3600, "d": 86_400}
USAGE = 2

access = typer.Typer(help="A role or a model for a limited time, and locks.", no_args_is_help=True)
What = Annotated[str, typer.Argument(metavar="ROLE|MODEL", help="What you need; see: sallyport access list")]
Id = Annotated[str, typer.Argument(metavar="ID", help="Of the request or grant.")]
For = Annotated[str, typer.Option("--for", help="How long: 30m, 2h, 1d.")]
Reason = Annotated[
    str, typer.Option("--reason", help="Why. Asked for where it is not given.", prompt="Reason")
]
Ticket = Annotated[str, typer.Option("--ticket", help="Number of a ticket.")]
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
Scope = Literal["user", "role", "model", "segment", "grant", "everything"]


def add(app: typer.Typer) -> None:
    """Add the verbs."""
    app.add_typer(access, name="access")


@access.command()
def request(
    what: What,
    reason: Reason,
    duration: For = "2h",
    ticket: Ticket = "",
    start: Annotated[str, typer.Option("--start", help="In how long it begins: 30m, 2h, 1d.")] = "",
    *,
    json: Json = False,
) -> None:
    """Ask for a role or a model. The clock runs from the approval.

    Exit code 4 if you may not ask for it, or have asked already.
    """
    begins = int(time.time()) + seconds(start) if start else 0
    asked = {"name": what, "seconds": seconds(duration), "reason": reason, "ticket": ticket, "start": begins}
    made = _act("request", asked, json=json)
    if not json:
        say(f"Somebody who may approve runs: sallyport access approve {made['id']}")


@access.command("list")
def list_access(*, json: Json = False) -> None:
    """What you may ask for, what you have, what you may decide about, and locks."""
    found = connect().get(PATH)
    if json:
        emit(found)
        return
    rows = [(g["id"], g["who"], g["name"], _state(g), _ends(g), g["reason"]) for g in found["grants"]]
    table(("id", "who", "what", "state", "ends", "reason"), rows)
    offered = [
        (r["name"], r["kind"], _span(r["seconds"]), _people(r["approvers"])) for r in found["requestable"]
    ]
    if offered:
        say("")
        table(("you may ask for", "kind", "at most", "approved by"), offered)
    if found["locks"]:
        say("")
        held = [(k["id"], k["scope"], k["name"], _time(k["until"]), k["reason"]) for k in found["locks"]]
        table(("lock", "scope", "name", "ends", "reason"), held)


@access.command()
def approve(which: Id, *, json: Json = False) -> None:
    """Approve somebody else's request or extension. Your second factor must be fresh: sallyport login.

    Exit code 4 if you may not.
    """
    _act("approve", {"id": which}, json=json)


@access.command()
def deny(
    which: Id, reason: Annotated[str, typer.Option("--reason", help="Why.")] = "", *, json: Json = False
) -> None:
    """Refuse somebody else's request, or end their grant at once. Exit code 4 if you may not."""
    _act("deny", {"id": which, "reason": reason}, json=json)


@access.command()
def drop(which: Id, *, json: Json = False) -> None:
    """Give back what you have before its time is over, or take a request back. Exit code 4 if it is not yours."""
    _act("drop", {"id": which}, json=json)


@access.command()
def extend(which: Id, reason: Reason, duration: For = "1h", *, json: Json = False) -> None:
    """Ask for more time, once, while it runs. It needs the same approvals. Exit code 4 if it cannot be extended."""
    _act("extend", {"id": which, "seconds": seconds(duration), "reason": reason}, json=json)


@access.command("break-glass")
def break_glass(
    what: What, reason: Reason, duration: For = "15m", ticket: Ticket = "", *, json: Json = False
) -> None:
    """Take a role or a model at once, without approval. Every answer and entry is marked; two others review it.

    Exit code 4 if the settings do not allow it, or your second factor is not fresh.
    """
    asked = {"name": what, "seconds": seconds(duration), "reason": reason, "ticket": ticket}
    _act("break-glass", asked, json=json)


@access.command()
def review(
    which: Id,
    verdict: Annotated[
        Literal["justified", "unjustified"],
        typer.Option("--as", help="What you found: justified or unjustified."),
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why.")] = "",
    *,
    json: Json = False,
) -> None:
    """Say what you found of a broken glass; it takes two. Exit code 4 if you may not."""
    _act("review", {"id": which, "justified": verdict == "justified", "reason": reason}, json=json)


@access.command()
def lock(
    scope: Annotated[Scope, typer.Argument(help="user, role, model, segment, grant or everything.")],
    reason: Reason,
    name: Annotated[str, typer.Argument(help="Whom or what; nothing for everything.")] = "",
    duration: Annotated[str, typer.Option("--for", help="How long; without: until it is lifted.")] = "",
    *,
    json: Json = False,
) -> None:
    """Stop a person, a role, a model, a segment, a grant or everything, and what runs of it.

    Exit code 4 if the policy does not let you.
    """
    named = f"local|{name.lower()}" if scope == "user" and "|" not in name else name
    asked = {"scope": scope, "name": named, "reason": reason, "seconds": seconds(duration) if duration else 0}
    put = connect().post(PATH, {"action": "lock", **asked})
    emit(put) if json else say(f"{put['id']}: {put['scope']} {put['name']}".rstrip() + " is locked.")


@access.command()
def unlock(
    which: Annotated[str, typer.Argument(metavar="ID", help="Of the lock.")], *, json: Json = False
) -> None:
    """Lift a lock. Your second factor must be fresh. Exit code 4 if the policy does not let you."""
    lifted = connect().post(PATH, {"action": "unlock", "id": which})
    emit(lifted) if json else say(
        f"{lifted['id']}: {lifted['scope']} {lifted['name']}".rstrip() + " is free again."
    )


def seconds(text: str) -> int:
    """30m, 2h or 1d in seconds; anything else ends the command."""
    found = re.fullmatch(r"([0-9]{1,5})([mhd])", text)
    if found is None:
        raise fail(f"{text!r} is no time. Write 30m, 2h or 1d.", USAGE)
    return int(found[1]) * UNITS[found[2]]


def _act(action: str, asked: dict[str, Any], *, json: bool) -> dict[str, Any]:
    done: dict[str, Any] = connect().post(PATH, {"action": action, **asked})
    if json:
        emit(done)
    else:
        say(f"{done['id']}: {done['name']} for {done['who']} is {_state(done)}" + _until(done))
    return done


def _state(grant: dict[str, Any]) -> str:
    marks = [grant["state"]]
    if grant["extension"]:
        marks.append(f"{_span(grant['extension']['seconds'])} more asked for")
    if grant["emergency"]:
        marks.append("glass broken")
    if grant["to_review"]:
        marks.append("to be reviewed")
    return ", ".join(marks)


def _ends(grant: dict[str, Any]) -> str:
    return _time(grant["until"] or grant["answer_by"])


def _until(grant: dict[str, Any]) -> str:
    return f" until {_time(grant['until'])}" if grant["state"] in {"live", "scheduled"} else ""


def _time(moment: int) -> str:
    if not moment:
        return "when it is lifted"
    return dt.datetime.fromtimestamp(moment, dt.UTC).strftime("%Y-%m-%d %H:%M UTC")


def _span(length: int) -> str:
    return f"{length // 3600}h" if length % 3600 == 0 else f"{length // 60}m"


def _people(approvers: dict[str, int]) -> str:
    return " and ".join(f"{count} {role}" for role, count in approvers.items())
