"""`sallyport inspect`: what the door would do with a text, without a door."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Literal

import typer
from typer.core import TyperGroup

from sallyport.cli import inspect_calibrate, inspect_marks
from sallyport.cli.output import fail, neutral, say
from sallyport.errors import CATALOGUE, Fault

if TYPE_CHECKING:
    from sallyport.model import Direction
    from sallyport.settings import Settings
    from sallyport.wiring.inspect_rows import Reading

Text = Annotated[str, typer.Argument(help="The text, or - for standard input; with --json a file of rows.")]
Config = Annotated[
    Path | None, typer.Option("-c", "--config", help="sallyport.toml (default: the embedded defaults).")
]
File = Annotated[Path | None, typer.Option("--file", help="Read the text, or the rows, from this file.")]
Channel = Annotated[
    Literal["", "user", "document", "tool", "assistant"],
    typer.Option(
        "--channel", help="Whose text it is: user, document or tool.", show_default=False, metavar="NAME"
    ),
]
Role = Annotated[str, typer.Option("--role", help="Role of the caller.")]
Output = Annotated[bool, typer.Option("--output", help="It is what a model said.")]
Json = Annotated[bool, typer.Option("--json", help="Rows of JSON in, one line of JSON each out.")]
NOT_INSPECTED = 1


class TextOrVerb(TyperGroup):
    """`inspect` takes a text, unless the word is one of its verbs: the command that takes it has no name."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = {"": self.commands.pop("inspect"), **self.commands}

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Let what is no verb go to the command that takes a text."""
        return super().parse_args(ctx, args if args and args[0] in self.commands else ["", *args])


def add(app: typer.Typer) -> None:
    """Add the verbs."""
    verbs = typer.Typer(cls=TextOrVerb, help="What the door would do with a text.")
    verbs.command()(inspect)
    verbs.command()(inspect_calibrate.calibrate)
    verbs.command()(inspect_marks.false_alarm)
    verbs.command()(inspect_marks.true_attack)
    verbs.command()(inspect_marks.marks)
    verbs.command()(inspect_marks.unmark)
    app.add_typer(verbs, name="inspect")


def inspect(
    text: Text = "", config: Config = None, file: File = None, channel: Channel = "", role: Role = "",
    *, output: Output = False, json: Json = False,
) -> None:  # fmt: skip
    """What the door would do with a text.

    Needs no door and no state. Exit code 1 if a text could not be inspected, 3 if there is no such file.

    Verbs instead of a text: calibrate, false-alarm, true-attack, marks, unmark.
    """
    from sallyport.wiring.inspect_rows import Reading  # noqa: PLC0415
    from sallyport.wiring.inspecting import CHANNELS  # noqa: PLC0415

    direction: Direction = "output" if output else "input"
    if channel and channel not in CHANNELS[direction]:
        raise fail(f"--channel must be one of: {', '.join(CHANNELS[direction])}.", 2)
    if text and file:
        raise fail("give a text or --file, not both.", 2)
    settings = _settings(config)
    limits = settings.server.limits
    reading = Reading(
        direction=direction,
        channel=channel or next(iter(CHANNELS[direction])),
        role=role,
        row_bytes=limits.body_bytes,
        json_depth=limits.json_depth,
    )
    if json:
        _inspect_rows(settings, file or Path(text or "-"), reading)
    else:
        _explain(settings, _text(text, file, limits.body_bytes), reading)


def _settings(config: Path | None) -> Settings:
    """The configuration, as the door would take it for inspection. Exits with 78 where it would not."""
    from sallyport.settings import load, loads  # noqa: PLC0415
    from sallyport.wiring import preflight_rooms  # noqa: PLC0415

    settings = load(config) if config else loads("")
    problems = [str(problem) for problem in preflight_rooms.inspection(settings)]
    for problem in problems:
        fail(problem, 78)
    if problems:
        raise typer.Exit(78)
    if settings.inspection.unsafe_off:
        say("WARNING: inspection.unsafe_off is set; nothing is looked for.", err=True)
    return settings


def _inspect_rows(settings: Settings, place: Path, reading: Reading) -> None:
    """All rows. Exits with 1 if one of them could not be inspected."""
    try:
        opened = nullcontext(sys.stdin.buffer) if str(place) == "-" else place.open("rb")
    except OSError as error:
        raise fail(f"{place} cannot be read ({error.strerror}). Name a file of rows.", 3) from None
    with opened as source:
        rows, bad = asyncio.run(_rows(settings, source, reading))
    if bad:
        say(f"sallyport: {bad} of {rows} rows could not be inspected; their lines say why.", err=True)
        raise typer.Exit(NOT_INSPECTED)


async def _rows(settings: Settings, source: BinaryIO, reading: Reading) -> tuple[int, int]:
    """How many rows there were, and how many of them could not be inspected."""
    from sallyport.cli.progress import progress  # noqa: PLC0415
    from sallyport.wiring import inspect_rows as lines  # noqa: PLC0415
    from sallyport.wiring.inspecting import Inspector  # noqa: PLC0415

    out, shown, rows, bad = sys.stdout.buffer, sys.stdout.isatty(), 0, 0
    async with Inspector(settings) as inspector:
        # Rows are read outside the loop, which would hear of an interrupt only after the next one.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with progress("rows", source) as advance:
            for number, raw in lines.numbered(source, reading.row_bytes):
                row = lines.parsed(raw, number, reading)
                line, good = await lines.inspected(inspector, row, reading.direction)
                out.write((neutral(line.decode()).encode() if shown else line) + b"\n")
                out.flush()
                rows, bad = rows + 1, bad + (not good)
                advance(len(raw))
    return rows, bad


def _text(text: str, file: Path | None, most: int) -> str:
    """The one text. Exits with 2 where there is none, with 3 where it cannot be read."""
    try:
        if file:
            with file.open("rb") as source:
                data = source.read(most + 1)
        elif text == "-":
            data = sys.stdin.buffer.read(most + 1)
        else:
            data = text.encode()
        if not data:
            raise fail("there is no text. Write: sallyport inspect TEXT", 2)
        if len(data) > most:
            raise fail(f"the text is longer than the door takes ({most} bytes, server.limits.body_bytes).", 1)
        return data.decode()
    except OSError as error:
        raise fail(f"{file} cannot be read ({error.strerror}). Name a file.", 3) from None
    except UnicodeError:
        raise fail("the text is no UTF-8.", 3) from None


def _explain(settings: Settings, text: str, reading: Reading) -> None:
    from sallyport.cli.inspect_text import show  # noqa: PLC0415
    from sallyport.wiring.inspect_text import explained  # noqa: PLC0415

    try:
        show(asyncio.run(explained(settings, text, reading)))
    except Fault as fault:
        raise fail(CATALOGUE[fault.code].message + " Without that the door refuses.", NOT_INSPECTED) from None
