"""The table of verbs."""

from __future__ import annotations

import importlib
import sys
from typing import Annotated

import typer

from sallyport import __version__
from sallyport.errors import CATALOGUE, Fault, SallyportError, SettingsError

VERBS = ("up", "demo", "serve", "check", "login", "session", "people", "audit")
app = typer.Typer(
    name="sallyport",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def root(
    *, version: Annotated[bool, typer.Option("--version", is_eager=True, help="Show the version.")] = False
) -> None:
    """The Zero Trust door to a company's language models. Exit codes: 0 done, 1 it did not hold,
    2 wrong usage, 3 something is missing here, 4 refused, 5 no door there, 78 unusable configuration.
    """  # noqa: D205 - one paragraph, so that the help fits one screen
    if version:
        typer.echo(f"sallyport {__version__}")
        raise typer.Exit


def load() -> typer.Typer:
    """The command with all its verbs."""
    for verb in VERBS:
        importlib.import_module(f"sallyport.cli.{verb}").add(app)
    return app


def main() -> None:
    """Entry point. Errors of ours are one sentence and the next step, never a trace."""
    try:
        load()()
    except SettingsError as error:
        _fail(str(error), 78)
    except Fault as fault:
        spec = CATALOGUE[fault.code]
        _fail(f"{sentence(fault.detail or spec.message)} {spec.next_step}".strip(), 1)
    except SallyportError as error:
        _fail(str(error), 1)
    except KeyboardInterrupt:
        sys.exit(130)


def sentence(text: str) -> str:
    """With a capital letter and a full stop."""
    return text[:1].upper() + text[1:].rstrip(".") + "."


def _fail(message: str, code: int) -> None:
    sys.stderr.write(f"sallyport: {message}\n")
    sys.exit(code)
