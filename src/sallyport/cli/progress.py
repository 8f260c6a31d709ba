"""A bar on standard error while something long is read, for people only."""

from __future__ import annotations

import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os import fstat
from typing import BinaryIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn


@contextmanager
def progress(what: str, source: BinaryIO) -> Iterator[Callable[[int], None]]:
    """Called with each number of bytes that are done. Silent unless standard error alone is a terminal."""
    with _bar() as bar:
        task = bar.add_task(what, total=_size(source))
        yield lambda count: bar.advance(task, count)


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty() or sys.stdout.isatty(),
    )


def _size(source: BinaryIO) -> int | None:
    """Bytes of a file; None for a pipe, whose end nobody knows."""
    try:
        status = fstat(source.fileno())
    except (OSError, ValueError):
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


@contextmanager
def counted(what: str) -> Iterator[Callable[[int, int], None]]:
    """Called with how many are done and how many there are. Silent unless standard error alone is a terminal."""
    with _bar() as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
