"""`sallyport login` and `logout`: a short-lived key for this user of this machine."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from sallyport.cli.client import OWN, REFUSED, DoorClient, door_of, known
from sallyport.cli.credentials import Credentials, default_path, forget_key, load, save
from sallyport.cli.output import data_folder, emit, fail, say

Server = Annotated[str, typer.Option("--server", help="The door, https://HOST:PORT (default: the last one).")]
Ca = Annotated[str, typer.Option("--ca", help="Its certificate authority, a PEM file.")]
State = Annotated[Path | None, typer.Option("--state", help="State folder of a door on this machine.")]
Demo = Annotated[str, typer.Option("--demo", help="Log in as this person of the demo company.")]
Provider = Annotated[str, typer.Option("--provider", help="Log in with this identity provider.")]
Name = Annotated[
    str, typer.Option("--name", help="Your name in the built-in directory, or a hint to the provider.")
]
CODE_SECONDS = 30  # RFC 6238
OK = 200
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


def add(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command()(login)
    app.command()(logout)


def login(
    server: Server = "", ca: Ca = "", state: State = None, demo: Demo = "", provider: Provider = "", name: Name = "",
    *, json: Json = False,
) -> None:  # fmt: skip
    """Get a short-lived key for this user of this machine.

    With your identity provider where the door has one, else with name, password and one-time code. Exit code 4
    if it is refused, 5 if the door cannot be reached.
    """
    server, ca = _where(server, ca, state)
    door = DoorClient(server, ca=ca)
    if demo:
        credentials = _demo(door, demo, state)
    elif provider or (not name and door.get(f"{OWN}/providers")["providers"]):
        credentials = _with_provider(door, provider, name)
    else:
        credentials = _directory(door, name)
    save(credentials, default_path())
    left = max(0, credentials.expires - int(time.time())) // 60
    if json:
        emit(
            {"server": credentials.server, "principal": credentials.principal, "expires": credentials.expires}
        )
    else:
        say(f"Logged in at {server} as {credentials.principal}; the key is good for {left} minutes.")
        say("Next: sallyport models")


def _where(server: str, ca: str, state: Path | None) -> tuple[str, str]:
    """The door that is meant: named, that of a state folder, or the last one."""
    if server:
        return address(server), ca
    last = load(default_path())
    folder = state or data_folder()
    if state is None and last is not None:
        return last.server, ca or last.ca
    if (folder / "sallyport.toml").exists():
        return door_of(folder)
    raise fail("no door is known. Name one with --server, or run: sallyport up", REFUSED)


def address(server: str) -> str:
    """The door's address. Exits with 2 where a password would go over plain http, or to no host."""
    scheme, found, rest = server.rpartition("://")
    if scheme.lower() not in ("", "https"):
        raise fail(f"the door speaks https only. Write: --server https://{rest}", 2)
    try:
        parts = urlsplit(f"https://{rest}")
        usable = bool(parts.hostname) and "@" not in rest and parts.port != 0
    except ValueError:
        usable = False
    if not usable or (found and not scheme) or not rest.isascii() or not rest.isprintable() or " " in rest:
        raise fail(f"{server} is no address. Write: --server https://HOST:PORT", 2)
    return f"https://{rest}"


def _directory(door: DoorClient, name: str) -> Credentials:
    door.get(f"{OWN}/providers")  # nobody types a password for a door that is away
    name = name or typer.prompt("Name")
    password = typer.prompt("Password", hide_input=True)
    code = typer.prompt("One-time code")
    return _exchange(door, name, password, code)


def _exchange(door: DoorClient, name: str, password: str, code: str) -> Credentials:
    factors = {"name": name, "password": password, "code": code, "device": _device(door)}
    return _credentials(door, door.post(f"{OWN}/login", factors))


def _device(door: DoorClient) -> str:
    """The token by which the door knows this machine again; it proves nothing, but is throttled by itself."""
    last = load(default_path())
    return last.device if last is not None and last.server == door.server else ""


def _credentials(door: DoorClient, issued: Any) -> Credentials:
    return Credentials(
        server=door.server,
        key=issued["key"],
        expires=issued["expires"],
        ca=door.ca,
        principal=issued["principal"],
        device=issued["device"],
    )


def _demo(door: DoorClient, name: str, state: Path | None) -> Credentials:
    from sallyport.wiring import company  # noqa: PLC0415

    person = next((p for p in company.people(state or data_folder()) if p.name == name), None)
    if person is None:
        raise fail("there is no such person. Try one of: " + ", ".join(company.PEOPLE), 2)
    return demo_login(door, person)


def demo_login(door: DoorClient, person: Any) -> Credentials:
    """Log in as a person of the demo company. A one-time code counts once, so a second login waits for the next."""
    step = int(time.time()) // CODE_SECONDS
    status, issued = door.ask("POST", f"{OWN}/login", _factors(person))
    if status != OK and issued["error"]["code"] == "login_failed":
        say("This moment's one-time code was used already; waiting for the next one.", err=True)
        time.sleep(max(0.0, (step + 1) * CODE_SECONDS - time.time()) + 0.5)
        status, issued = door.ask("POST", f"{OWN}/login", _factors(person))
    if status != OK:
        raise fail(f"{issued['error']['message']} [{issued['error']['code']}]", REFUSED)
    return _credentials(door, issued)


def _factors(person: Any) -> dict[str, str]:
    return {"name": person.name, "password": person.password, "code": person.code(time.time())}


def _with_provider(door: DoorClient, name: str, hint: str) -> Credentials:
    from sallyport.wiring.device_login import log_in  # noqa: PLC0415

    offered = door.get(f"{OWN}/providers")["providers"]
    chosen = next((p for p in offered if name in ("", p["name"])), None)
    if chosen is None:
        raise fail("the door has no such provider. It has: " + ", ".join(p["name"] for p in offered), 2)
    token, expires = asyncio.run(log_in(chosen, _show_code, hint=hint))
    client = DoorClient(door.server, ca=door.ca, key=token)
    who: Any = client.get(f"{OWN}/whoami")
    return Credentials(server=door.server, key=token, expires=expires, ca=door.ca, principal=who["id"])


def _show_code(uri: str, code: str) -> None:
    say(f"Open {uri} and enter the code {code}", err=True)


def logout(*, json: Json = False) -> None:
    """End the session at the door, and forget the key. Exit code 4 if nobody is logged in."""
    credentials = known()
    try:
        if credentials.key.startswith("sp_"):
            DoorClient(credentials.server, ca=credentials.ca, key=credentials.key).post(f"{OWN}/logout", {})
    finally:
        forget_key(default_path())
    emit({"ended": True}) if json else say("Logged out.")
