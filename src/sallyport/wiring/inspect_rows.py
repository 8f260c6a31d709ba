r"""Rows of texts in, one line of verdict each out, in order: the interface by which inspection is measured.

A row is a JSON object on a line of its own with `text`, and optionally `id`, `channel` and `role`; other members
are not looked at. JSON is read as strictly as the door reads a body. What is wrong with a row is said in its line,
and the run goes on.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import msgspec
from msgspec import Struct

from sallyport.errors import CATALOGUE, Fault, Refusal
from sallyport.gateway import strict_json
from sallyport.model import Direction
from sallyport.wiring.inspecting import CHANNELS, Inspector, Seen

_READ = 8  # times the longest row: how much of a longer one is read for its id
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_WORDS = {
    "json_invalid": "The row is not valid JSON.",
    "json_duplicate": "The row names a member twice.",
    "json_too_deep": "The row is nested too deeply.",
    "body_too_large": "The row is larger than the door takes (server.limits.body_bytes).",
}
_encode = msgspec.json.Encoder().encode


class Reading(Struct, frozen=True, kw_only=True):
    """How rows are read: what a row does not say, and the bounds of the door."""

    direction: Direction = "input"
    channel: str = ""  # "" means user, on output assistant
    role: str = ""
    row_bytes: int = 1_048_576
    json_depth: int = 32


class Row(Struct, frozen=True, kw_only=True):
    """A row that can be inspected. `channel` is one of `CHANNELS`."""

    id: Any
    text: str
    channel: str
    roles: tuple[str, ...]


class BadRow(Struct, frozen=True, kw_only=True):
    """A row that cannot, and why: a code of the catalogue, and a sentence."""

    id: Any
    code: str
    message: str


def numbered(source: BinaryIO, row_bytes: int) -> Iterator[tuple[int, bytes]]:
    """The lines of a file with their numbers, from 1. Blank ones are left out, endless ones cut."""
    most = _READ * row_bytes + 1
    number = 0
    while line := source.readline(most):
        number += 1
        rest = line
        while len(rest) == most and not rest.endswith(b"\n"):
            rest = source.readline(most)
        if number == 1:
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if line.strip():
            yield number, line


def parsed(raw: bytes, number: int, reading: Reading) -> Row | BadRow:
    """The row of a line. Without an `id` of its own it has the number of its line."""
    document = strict_json.parse(raw, depth=reading.json_depth)
    if isinstance(document, Refusal):
        return _not_json(raw, number, reading, document.code)
    if not isinstance(document, dict):
        return BadRow(id=number, code="field_invalid", message="The row is no JSON object.")
    identity = document.get("id")
    identity = number if identity is None else identity
    if len(raw) > reading.row_bytes:
        return _bad(identity, "body_too_large")
    problem = _problem(document, CHANNELS[reading.direction])
    if problem:
        return BadRow(id=identity, code="field_invalid", message=problem)
    role = document.get("role") or reading.role
    return Row(
        id=identity,
        text=document["text"],
        channel=document.get("channel") or reading.channel or next(iter(CHANNELS[reading.direction])),
        roles=(role,) if role else (),
    )


def _problem(document: Mapping[str, Any], channels: Mapping[str, Any]) -> str:
    """What is wrong with the members of a row; "" if nothing is."""
    if not isinstance(document.get("text"), str):
        return "`text` is missing." if "text" not in document else "`text` is no string."
    if document.get("channel") is not None and document["channel"] not in list(channels):
        return f"`channel` must be one of: {', '.join(channels)}."
    if not isinstance(document.get("role") or "", str):
        return "`role` is no string."
    return ""


def _not_json(raw: bytes, number: int, reading: Reading, code: str) -> BadRow:
    """A line that is no JSON to the door. Its id is still looked for, by a reader that takes more."""
    identity: Any = None
    if len(raw) > reading.row_bytes:
        code = "body_too_large"
    try:
        document = json.loads(raw, parse_constant=lambda _: None)
        identity = document.get("id") if isinstance(document, dict) else None
        _encode(identity)
    except (ValueError, TypeError, RecursionError):  # no JSON at all, or an id that cannot be written
        return _bad(number, code)
    bad = _bad(number if identity is None else identity, code)
    if code == "json_invalid" and "\\u" in raw.decode(errors="replace"):
        return msgspec.structs.replace(bad, message="The row holds half a character (a lone surrogate).")
    return bad


def _bad(identity: Any, code: str) -> BadRow:
    return BadRow(id=identity, code=code, message=_WORDS.get(code) or CATALOGUE[code].message)


def line_of(row: Row, seen: Seen, milliseconds: float) -> bytes:
    """The line of a row that was inspected. Findings that the settings allow are not told, as in the log."""
    return _encode(
        {
            "id": row.id,
            "verdict": seen.verdict,
            "score": seen.score,
            "findings": [
                {"type": f.type, "start": f.start, "end": f.end, "score": f.score, "layer": f.layer}
                for f in seen.findings
                if f.action != "allow"
            ],
            "masked": seen.delivered,
            "ms": round(milliseconds, 3),
        }
    )


def error_line(bad: BadRow) -> bytes:
    """The line of a row that could not be inspected."""
    return _encode({"id": bad.id, "error": {"code": bad.code, "message": bad.message}})


async def inspected(inspector: Inspector, row: Row | BadRow, direction: Direction) -> tuple[bytes, bool]:
    """The line of a row, and whether it was inspected."""
    if isinstance(row, BadRow):
        return error_line(row), False
    began = time.perf_counter()
    try:
        seen = await inspector.look(row.text, CHANNELS[direction][row.channel], direction, row.roles)
    except Fault as fault:
        return error_line(_bad(row.id, fault.code)), False
    except Exception:  # noqa: BLE001 - the door would refuse such a call too, and its text may hold the row's
        return error_line(_bad(row.id, "stage_failed")), False
    return line_of(row, seen, (time.perf_counter() - began) * 1000), True
