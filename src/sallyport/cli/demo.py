"""`sallyport demo`: the story of the door, played on real HTTP with the official OpenAI SDK."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from sallyport.cli.client import DoorClient, door_of
from sallyport.cli.login import demo_login
from sallyport.cli.output import data_folder, emit, fail, say, table

State = Annotated[Path | None, typer.Option("--state", help="State folder of the door.")]


def add(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(demo)


def demo(
    state: State = None, *, json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False
) -> None:
    """Play the story against the running door.

    Exit code 1 if something went otherwise, 3 if there is no demo company, 5 if the door is away.
    """
    from sallyport.cli.story import Story  # noqa: PLC0415
    from sallyport.wiring import company  # noqa: PLC0415

    folder = state or data_folder()
    if not (folder / "sallyport.toml").exists():
        raise fail(f"{folder} has no demo company. Run: sallyport up", 3)
    server, ca = door_of(folder)
    door = DoorClient(server, ca=ca)
    sam = next(person for person in company.people(folder) if person.name == "sam")
    key = demo_login(door, sam).key
    began = time.monotonic()
    story = Story(
        server=server,
        ca=ca,
        key=key,
        one_factor=company.one_factor_token(folder, "sam"),
        log=folder / "audit",
    )
    scenes = story.play()
    if json:
        emit([{"scene": s.name, "as_told": s.as_told, "seen": s.seen} for s in scenes])
    else:
        table(("", "scene", "what was seen"), [("ok" if s.as_told else "NO", s.name, s.seen) for s in scenes])
        good = sum(s.as_told for s in scenes)
        say(f"{good} of {len(scenes)} as told, in {time.monotonic() - began:.1f} s.")
    raise typer.Exit(0 if all(s.as_told for s in scenes) else 1)
