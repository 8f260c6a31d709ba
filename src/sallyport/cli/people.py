"""`sallyport people ...` and `sallyport enrol`: the built-in directory."""

from __future__ import annotations

import asyncio
import datetime as dt
from pathlib import Path
from typing import Annotated, Any

import typer

from sallyport.cli.client import OWN, REFUSED, DoorClient, connect
from sallyport.cli.login import address
from sallyport.cli.output import emit, fail, say, table

people = typer.Typer(help="People of the built-in directory (security administrators).", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Name in the directory.")]
Roles = Annotated[list[str] | None, typer.Option("--role", help="A role; may be given several times.")]
Config = Annotated[
    Path | None,
    typer.Option(
        "-c", "--config", help="Act on this configuration's state directly: for the first administrator."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


def add(app: typer.Typer) -> None:
    """Add the verbs."""
    app.add_typer(people, name="people")
    app.command()(enrol)


@people.command("list")
def list_people(*, json: Json = False) -> None:
    """Everybody, with roles and state. Exit code 4 if the policy does not let you."""
    found = connect().get(f"{OWN}/people")["people"]
    if json:
        emit(found)
        return
    rows = [(p["name"], ", ".join(p["roles"]), _state(p)) for p in found]
    table(("name", "roles", "state"), rows)


@people.command("add")
def add_person(name: Name, role: Roles = None, config: Config = None, *, json: Json = False) -> None:
    """Enter a person; prints a one-time secret, once.

    The person gives it to `sallyport enrol`. Exit code 4 if the policy does not let you.
    """
    if config is not None:
        _show_link(asyncio.run(_add_offline(config, name, role or [])), "https://HOST:PORT", json=json)
        return
    door = connect()
    link = door.post(f"{OWN}/people", {"action": "create", "name": name, "roles": role or []})
    _show_link(link, door.server, json=json)


@people.command()
def recover(name: Name, *, json: Json = False) -> None:
    """A one-time secret for who lost a factor. It becomes usable after a delay."""
    door = connect()
    _show_link(door.post(f"{OWN}/people", {"action": "recover", "name": name}), door.server, json=json)


@people.command()
def suspend(name: Name, *, json: Json = False) -> None:
    """Keep a person out, and end their sessions at once."""
    _act("suspend", name, json=json)


@people.command()
def resume(name: Name, *, json: Json = False) -> None:
    """Let a person in again."""
    _act("resume", name, json=json)


@people.command()
def roles(name: Name, role: Roles = None, *, json: Json = False) -> None:
    """Replace a person's roles, also of running sessions."""
    changed = connect().post(f"{OWN}/people", {"action": "roles", "name": name, "roles": role or []})
    emit(changed) if json else say(f"{changed['name']}: {', '.join(changed['roles']) or 'no roles'}")


def enrol(
    link: Annotated[str, typer.Argument(help="The one-time link secret from your administrator.")],
    server: Annotated[str, typer.Option("--server", help="The door, https://HOST:PORT.")],
    ca: Annotated[str, typer.Option("--ca", help="Its certificate authority, a PEM file.")] = "",
) -> None:
    """Choose your password and set up your authenticator app. Exit code 4 if the secret does not count."""
    door = DoorClient(address(server), ca=ca)
    password = typer.prompt("New password (12 characters or more)", hide_input=True, confirmation_prompt=True)
    begun = door.post(f"{OWN}/enrol", {"link": link, "password": password})
    say(f"Enter this secret into your authenticator app: {begun['secret']}")
    say(f"or open: {begun['uri']}")
    code = typer.prompt("Its first code")
    done = door.post(f"{OWN}/enrol/finish", {"link": link, "code": code})
    say(f"{done['name']} is enrolled. Next: sallyport login --server {door.server} --name {done['name']}")


async def _add_offline(config: Path, name: str, roles: list[str]) -> dict[str, Any]:
    from sallyport.errors import Refusal  # noqa: PLC0415
    from sallyport.settings import load  # noqa: PLC0415
    from sallyport.wiring.offline import INSTALLER, note, open_directory  # noqa: PLC0415

    settings = load(config)
    await note(settings, "people.create", name, {"roles": roles})
    async with open_directory(settings) as directory:
        link = await directory.create_person(name, roles, by=INSTALLER)
    if isinstance(link, Refusal):
        raise fail(f"{link.message or link.spec.message} [{link.code}]", REFUSED)
    return {
        "name": link.name,
        "secret": link.secret,
        "expires": link.expires,
        "usable_from": link.usable_from,
    }


def _act(action: str, name: str, *, json: bool) -> None:
    changed = connect().post(f"{OWN}/people", {"action": action, "name": name})
    emit(changed) if json else say(f"{changed['name']}: {_state(changed)}")


def _show_link(link: dict[str, Any], server: str, *, json: bool) -> None:
    if json:
        emit(link)
        return
    until = dt.datetime.fromtimestamp(link["expires"], dt.UTC).isoformat(timespec="minutes")
    say(f"One-time secret for {link['name']}, shown only now, good until {until}:")
    say(f"  {link['secret']}")
    say(f"They run: sallyport enrol SECRET --server {server} --ca FILE")


def _state(person: dict[str, Any]) -> str:
    if person["suspended"]:
        return "suspended"
    return "active" if person["enrolled"] else "not enrolled yet"
