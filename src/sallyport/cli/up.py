"""`sallyport up`: the door with its demo company, on embedded defaults."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from sallyport.cli.check import prove
from sallyport.cli.output import data_folder, table
from sallyport.errors import SettingsError
from sallyport.settings.schema import Upstream

State = Annotated[Path | None, typer.Option("--state", help="State folder (default: in your data folder).")]
Listen = Annotated[
    str, typer.Option("--listen", help="Address and port of the door (default at first: 127.0.0.1:8443).")
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Forget the state folder and start over.")]


def add(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(up)


def up(state: State = None, listen: Listen = "", fresh: Fresh = False) -> None:
    """Start the door with a demo company and a demo model.

    Starting again resumes. Exit code 1 if a part does not come or stay up, 78 if the configuration cannot be used.
    """
    from sallyport.serving.demo import demo_child  # noqa: PLC0415
    from sallyport.serving.door import run_door  # noqa: PLC0415
    from sallyport.settings import loads  # noqa: PLC0415
    from sallyport.wiring import company  # noqa: PLC0415
    from sallyport.wiring.forget import forget  # noqa: PLC0415

    folder = (state or data_folder()).expanduser().absolute()
    if fresh:
        forget(folder)
    path = company.configuration_path(folder)
    first = not path.exists()
    if first:
        company.write_configuration(folder, listen or "127.0.0.1:8443", _free_port())
    toml = path.read_text(encoding="utf-8")
    settings = loads(toml, name=str(path))
    if listen not in ("", settings.server.listen):
        raise SettingsError("server.listen", f"is {settings.server.listen} in {path}", "change it there")
    prove(path)
    beside = []
    if settings.demo:
        asyncio.run(company.enrol_everybody(toml, folder))
        if port := demo_port(folder, settings.upstreams):
            beside = [demo_child(port, (folder / "demo" / "model.key").read_text())]
    code = run_door(
        toml, beside=beside, announce=lambda plan: _announce(folder, f"{plan.host}:{plan.port}", first)
    )
    raise typer.Exit(code)


def demo_port(folder: Path, upstreams: Sequence[Upstream]) -> int:
    """Where the demo model is to listen: as long as an upstream uses its key. 0 where none does."""
    reference = f"file:{folder}/demo/model.key"
    used = (u.base_url for u in upstreams if u.api_key is not None and u.api_key.ref == reference)
    return next((urlsplit(url).port or 0 for url in used), 0)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _announce(folder: Path, address: str, first: bool) -> None:
    from sallyport.wiring import company  # noqa: PLC0415

    rows = [(person.name, person.title, person.role) for person in company.people(folder)]
    typer.echo(f"\nSallyport listens on https://{address}/v1" + ("" if first else "  (resumed)"))
    typer.echo(f"State: {folder}   Authority: {folder}/ca/authority.pem")
    table(("person", "title", "role"), rows)
    option = "" if folder == data_folder() else f" --state {folder}"
    typer.echo("Next, in another terminal:")
    for verb, what in (
        (f"demo{option}", "the whole story, in one table"),
        (f"login --demo sam{option}", "a key for the customer service agent"),
        ("models", "what that key may use"),
    ):
        typer.echo(f"  {f'{command()} {verb}':<50} {what}")


def command() -> str:
    """How to call this program from where the user is."""
    return "sallyport" if shutil.which("sallyport") else os.path.relpath(sys.argv[0])
