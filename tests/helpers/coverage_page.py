"""The tables of docs/coverage.md, made of what the tests execute.

As a program it writes them into the page; with `--places` it prints every place and the channels of its texts instead.
"""
# ruff: noqa: T201 - also a program

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from surface_answers import KINDS, NO_KIND, WRITTEN
from surfaces import CHANNELS, NO_PLACE, NO_STREAM, SEALED, UNREAD, all_places, channels_of, streams, surfaces

PAGE = Path(__file__).parents[2] / "docs" / "coverage.md"
BEGIN, END = "<!-- made by tests/helpers/coverage_page.py -->", "<!-- end -->"


def requests() -> Iterator[str]:
    """Channel x surface: in how many places a text may stand, and how it may be sent."""
    known, dialects = all_places(), surfaces()
    read = {path: [channels_of(path, dialects[path], place) for place in known[path]] for path in known}
    yield from _head("Channel", list(known))
    for channel in CHANNELS:
        counts = [sum(channel in (found or ()) for found in read[path]) for path in known]
        yield _row(f"`{channel}`", [str(count) if count else "-" for count in counts])
    yield _row("no text may stand there", [str(sum(found is None for found in read[path])) for path in known])
    yield _row("streamed", ["yes" if streams(dialects[path]) else "-" for path in known])


def answers() -> Iterator[str]:
    """Kind of text x surface: where a model, or its server, may write it."""
    yield from _head("Text", list(WRITTEN))
    written = {path: list(made()) for path, made in WRITTEN.items()}
    for kind in KINDS:
        named = [[name for its, name, _ in written[path] if its == kind] for path in written]
        yield _row(kind, [str(len(names)) if names else "-" for names in named])


def reasons() -> Iterator[str]:
    """Why a cell is empty."""
    yield "| Surface | Cell | Why there is none |"
    yield "|---|---|---|"
    for (path, cell), why in sorted({**NO_PLACE, **NO_KIND}.items()):
        part = "request" if (path, cell) in NO_PLACE else "answer"
        yield f"| `{path}` | {cell}, in {'a' if part == 'request' else 'an'} {part} | {why} |"
    for path, why in sorted(NO_STREAM.items()):
        yield f"| `{path}` | streamed | {why} |"
    for name in sorted(SEALED):
        path = "/v1/responses" if name.startswith("input") else "/v1/messages"
        yield f"| `{path}` | `{name}` | only the provider can read it; its form is checked |"
    yield f"| all | {', '.join(f'`{name}`' for name in sorted(UNREAD))} | bytes; [not inspected](#content-that-nobody-can-look-into) |"


def _head(first: str, paths: Sequence[str]) -> Iterator[str]:
    yield _row(first, [f"`{path.removeprefix('/v1/')}`" for path in paths])
    yield _row("---", ["--:"] * len(paths)).replace(" ", "")


def _row(first: str, cells: Sequence[str]) -> str:
    return "| " + " | ".join([first, *cells]) + " |"


TABLES = {"Requests": requests, "Answers": answers, "What is not there": reasons}


def made() -> str:
    """All tables, each under its heading."""
    return "\n\n".join(f"### {title}\n\n" + "\n".join(table()) for title, table in TABLES.items())


def main() -> None:
    if "--places" in sys.argv:
        for path, dialect in surfaces().items():
            for place in all_places()[path]:
                print(path, place.name, *sorted(channels_of(path, dialect, place) or ["-"]))
        return
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n\n{made()}\n\n{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
