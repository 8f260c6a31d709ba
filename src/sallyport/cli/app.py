"""The table of verbs."""

from __future__ import annotations

import functools
import importlib
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from sallyport import __version__
from sallyport.cli.output import neutral
from sallyport.errors import CATALOGUE, Fault, SallyportError, SettingsError

VERBS = ("up", "demo", "serve", "check", "login", "session", "inspect", "access", "people", "audit")
# What the first screen of help says of verbs that belong together, or too much; any other verb speaks for itself.
TOGETHER = {
    ("up", "demo"): "A door with a demo company, and its story.",
    ("serve", "check"): "Start the door with your configuration; prove it.",
    ("login", "logout", "enrol"): "A short-lived key; the end of it; your factors.",
    ("access",): "A role or a model for a limited time.",
    ("people",): "The people of the built-in directory.",
    ("whoami", "models", "token"): "Who you are, what you may use, a key for tools.",
}


class Verbs(TyperGroup):
    """The verbs, with those that belong together in one line, so that the first help fits a screen."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of verbs."""
        row_of = {verb: row for row in TOGETHER for verb in row}
        rows = dict.fromkeys(row_of.get(verb, (verb,)) for verb in self.list_commands(ctx))
        with formatter.section("Commands"):
            formatter.write_dl([(", ".join(row), TOGETHER.get(row) or self._says(row[0])) for row in rows])

    def _says(self, verb: str) -> str:
        return self.commands[verb].get_short_help_str(80)


app = typer.Typer(
    name="sallyport",
    cls=Verbs,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"sallyport {__version__}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version.")
]


@app.callback()
def root(*, version: Version = False) -> None:
    """The Zero Trust door to a company's language models. Exit codes: 0 done, 1 it did not hold,
    2 wrong usage, 3 something is missing here, 4 refused, 5 no door there, 78 unusable configuration.
    """  # noqa: D205 - one paragraph, so that the help fits one screen
    del version


@functools.cache
def load() -> typer.Typer:
    """The command with all its verbs."""
    for verb in VERBS:
        importlib.import_module(f"sallyport.cli.{verb}").add(app)
    return app


def main() -> None:
    """Entry point. Errors of ours are one sentence and the next step, never a trace."""
    try:
        load()(prog_name="sallyport")
    except SettingsError as error:
        _fail(str(error), 78)
    except Fault as fault:
        spec = CATALOGUE[fault.code]
        _fail(f"{sentence(fault.detail or spec.message)} {spec.next_step}".strip(), 1)
    except SallyportError as error:
        _fail(str(error), 1)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        _fail(f"{place}{error.strerror or type(error).__name__}. Check the path and its rights.", 3)
    except Exception as error:  # noqa: BLE001 - the last net: what its text holds is unknown, so it is not shown
        where = traceback.extract_tb(error.__traceback__)[-1]
        _fail(
            f"unexpected {type(error).__name__} at {Path(where.filename).name}:{where.lineno}. Report it.", 1
        )
    except KeyboardInterrupt:
        sys.exit(130)


def sentence(text: str) -> str:
    """With a capital letter and a full stop."""
    return text[:1].upper() + text[1:].rstrip(".") + "."


def _fail(message: str, code: int) -> None:
    sys.stderr.write(neutral(f"sallyport: {message}\n"))
    sys.exit(code)
