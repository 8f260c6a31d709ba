"""`sallyport whoami`, `models`, `token`, `explain`: what the door says about you."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import PurePath
from typing import Annotated, Any, Literal

import typer
from msgspec.structs import replace

from sallyport.cli.client import OK, OWN, DoorClient, connect, known, refused
from sallyport.cli.credentials import Credentials, alone, default_path, save
from sallyport.cli.output import emit, say, table

Json = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
RENEW_SECONDS = 300  # a key with less than this left is replaced before it is printed


def add(app: typer.Typer) -> None:
    """Add the verbs."""
    for verb in (whoami, models, token, explain):
        app.command()(verb)


def whoami(*, json: Json = False) -> None:
    """Who you are at the door: roles, factors, connection. Exit code 4 if nobody."""
    me = connect().get(f"{OWN}/whoami")
    if json:
        emit(me)
        return
    me["expires"] = dt.datetime.fromtimestamp(me["expires"], dt.UTC).isoformat()
    me["budget"] = {name.removeprefix("x-ratelimit-"): left for name, left in me["budget"].items()}
    rows = [(name, _shown(value)) for name, value in me.items()]
    table(("what", "value"), rows)


def models(*, json: Json = False) -> None:
    """The models that you may use. Exit code 4 if nobody is logged in."""
    listed = connect().get("/v1/models")
    if json:
        emit(listed)
        return
    rows = [(m["id"], m["segment"], m["environment"], ", ".join(m["surfaces"])) for m in listed["data"]]
    table(("model", "segment", "environment", "serves"), rows)


def token() -> None:
    """Print a short-lived key, for other tools. Exit code 4 if nobody is logged in.

    For `api_key` callbacks and key commands. A key that is about to end is replaced first.
    """
    if _ends_soon(known()):
        with alone(default_path()):
            _renew(known())  # read again: another process may have renewed it meanwhile
    say(known().key)


def _ends_soon(credentials: Credentials) -> bool:
    return credentials.key.startswith("sp_") and credentials.expires - time.time() < RENEW_SECONDS


def _renew(credentials: Credentials) -> None:
    """Replace the key. A key that is still good will do where the door does not replace it yet."""
    if not _ends_soon(credentials):
        return
    door = DoorClient(credentials.server, ca=credentials.ca, key=credentials.key)
    status, issued = door.ask("POST", f"{OWN}/refresh", {})
    if status == OK:
        save(replace(credentials, key=issued["key"], expires=issued["expires"]), default_path())
    elif issued["error"]["code"] != "login_throttled" or credentials.expires <= time.time():
        raise refused(issued)


def explain(
    model: Annotated[str, typer.Argument(help="The model, as `sallyport models` names it.")],
    surface: Annotated[
        Literal["chat", "messages", "responses", "completions", "embeddings"],
        typer.Option("--surface", help="What the call is."),
    ] = "chat",
    *,
    json: Json = False,
) -> None:
    """Why a call of yours is allowed or not.

    Every fact and policy that decides it, and the roles that would allow it. Exit code 0 either way.
    """
    said = connect().post(f"{OWN}/explain", {"model": model, "surface": surface})
    if json:
        emit(said)
        return
    decision = said["decision"]
    say(f"{'Allowed' if decision['allowed'] else 'Denied'}: {surface} with {model}")
    table(("policy", "effect", "file"), [(p["id"], p["effect"], _place(p)) for p in said["policies"]])
    table(("fact", "value"), [(name, _shown(value)) for name, value in said["context"].items()])
    if said["would_allow"]:
        say("Roles that would allow it: " + ", ".join(said["would_allow"]))


def _place(policy: dict[str, Any]) -> str:
    return f"{PurePath(policy['file']).name}:{policy['line']}"


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {inner}" for name, inner in value.items() if inner != "") or "-"
    if isinstance(value, list):
        return ", ".join(str(item) for item in value) or "-"
    return str(value) if value != "" else "-"
