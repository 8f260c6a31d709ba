"""Every verb of the command line, with its click command."""

from __future__ import annotations

import typer

from sallyport.cli.app import load


def commands(group=None, name: str = "sallyport"):
    group = group or typer.main.get_command(load())
    for word, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{name} {word}")
        else:
            yield (
                f"{name} {word}".rstrip(),
                command,
            )  # a command without a name is what its group does by itself


VERBS = dict(commands())
