"""`sallyport check -c FILE`: prove a configuration before starting, and list what weakens the door."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sallyport.cli.output import emit, fail, say
from sallyport.errors import SettingsError

Config = Annotated[Path, typer.Option("-c", "--config", help="sallyport.toml")]


def add(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(check)


def check(
    config: Config, *, json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False
) -> None:
    """Prove a configuration before starting.

    Each problem with its fix, then the switches that weaken the door. Exit code 78 if it would not start.
    """
    from sallyport.wiring.preflight import preflight  # noqa: PLC0415

    problems, unsafe = preflight(config)
    if json:
        emit(
            {
                "problems": [{"key": p.key, "problem": p.problem, "fix": p.fix} for p in problems],
                "unsafe": unsafe,
            }
        )
    else:
        for problem in problems:
            say(_line(problem))
        for switch in unsafe:
            say(f"UNSAFE   {switch} is set; it weakens the door")
        say("The door would not start." if problems else "The configuration is good.")
    raise typer.Exit(78 if problems else 0)


def prove(config: Path) -> None:
    """The same before a start: problems end it with 78, switches are warned of. Both on standard error."""
    from sallyport.wiring.preflight import preflight  # noqa: PLC0415

    problems, unsafe = preflight(config)
    for switch in unsafe:
        say(f"WARNING: {switch} is set; it weakens the door.", err=True)
    for problem in problems:
        fail(str(problem), 78)
    if problems:
        raise typer.Exit(78)


def _line(problem: SettingsError) -> str:
    return f"PROBLEM  {problem.key}: {problem.problem}\n         fix: {problem.fix}"
