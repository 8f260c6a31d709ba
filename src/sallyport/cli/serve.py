"""`sallyport serve -c FILE`: the production start."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sallyport.cli.check import prove
from sallyport.cli.output import fail

Configuration = Annotated[Path, typer.Option("-c", "--config", help="sallyport.toml")]
Workers = Annotated[
    int, typer.Option("--workers", min=1, max=64, help="Gateway processes; each has its own log shard.")
]


def add(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(serve)


def serve(config: Configuration, workers: Workers = 1) -> None:
    """Start the door with your configuration.

    Stops on SIGTERM or Ctrl-C. Exit code 1 if a part does not come or stay up, 78 if the configuration cannot
    be used.
    """
    from sallyport.serving.door import run_door  # noqa: PLC0415
    from sallyport.settings import loads  # noqa: PLC0415

    prove(config)
    toml = config.read_text(encoding="utf-8")
    if loads(toml, name=str(config)).demo:
        raise fail("demo = true is for `sallyport up`. Remove it, or run: sallyport up", 2)
    raise typer.Exit(
        run_door(
            toml,
            workers=workers,
            announce=lambda plan: typer.echo(f"Listening on https://{plan.host}:{plan.port}"),
        )
    )
