"""How verbs speak: tables for people, JSON for programs, one sentence for what went wrong."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text


def data_folder() -> Path:
    """The state folder where none is named (XDG base directories)."""
    return Path("~/.local/share/sallyport").expanduser()


def neutral(text: str) -> str:
    r"""The text without what a terminal would obey or hide (CWE-150): such characters as \uXXXX, as JSON writes them."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else _escape(c) for c in text)


def _escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{high:02x}{low:02x}" for high, low in zip(units[::2], units[1::2], strict=True))


def say(text: str, *, err: bool = False) -> None:
    """Lines for people; they may hold names from the door, the log or a file."""
    typer.echo(neutral(text), err=err)


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A table on standard output."""
    shown = Table(*head, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        shown.add_row(*(Text(neutral(str(cell))) for cell in row))
    Console(highlight=False, width=None if os.isatty(1) else 120).print(shown)


def emit(value: Mapping[str, Any] | Sequence[Any]) -> None:
    """One JSON value on standard output."""
    say(json.dumps(value, indent=2, ensure_ascii=False, sort_keys=False))


def fail(message: str, code: int) -> typer.Exit:
    """Say what went wrong; raise what this returns."""
    say(f"sallyport: {message}", err=True)
    return typer.Exit(code)
