"""The coverage matrix of requests, derived from the dialects themselves.

Every table of fields that a dialect asks `check_fields` about is watched while it reads the seeds. Each member of each
table is a place, in which texts are planted in every shape that its check takes.
"""

from __future__ import annotations

import ast
import copy
import importlib
import json
import pkgutil
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from surface_requests import SEEDS

from sallyport.gateway import dialects
from sallyport.gateway.dialects import fields
from sallyport.gateway.dialects.base import Options
from sallyport.model import Call

TEXT = "⟨planted⟩"
# So that every table is reached.
OPTIONS = Options(uninspected=frozenset(["image", "audio", "file", "stored"]))
UNKNOWN = "x_unknown"
_STEP = re.compile(r"([A-Za-z_]+)|\[(\d+)\]")


@dataclass(frozen=True)
class Watched:
    """One question of a dialect: where, which table, and from which line of its code."""

    where: str
    table: Mapping[str, Any]
    site: tuple[str, int]


@dataclass(frozen=True)
class Place:
    """A member that a caller may write: as people read it, in which seed, and under which path."""

    name: str
    seed: int
    path: tuple[str | int, ...]
    check: Any


class Watch:
    """Reads the seeds of a surface, and remembers what its dialect asked."""

    def __init__(self) -> None:
        self.tables: dict[int, Mapping[str, Any]] = {}
        self.sites: set[tuple[str, int]] = set()

    def read(self, dialect: Any, document: dict) -> list[Watched]:
        """The questions about one document. Fails where the dialect refuses it."""
        seen: list[Watched] = []
        real = fields.check_fields

        def watched(given: Any, table: Any, where: str, allows: Any) -> Any:
            frame = sys._getframe(1)
            site = (Path(frame.f_code.co_filename).name, frame.f_lineno)
            seen.append(Watched(where, table, site))
            return real(given, table, where, allows)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(fields, "check_fields", watched)
            call = dialect.parse(json.dumps(document).encode(), document, OPTIONS)
        assert isinstance(call, Call), (document, call)
        self.tables |= {id(question.table): question.table for question in seen}
        self.sites |= {question.site for question in seen}
        return seen


def places(dialect: Any, path: str, watch: Watch) -> list[Place]:
    """All places of a surface, each once."""
    found: dict[str, Place] = {}
    for number, seed in enumerate(SEEDS[path]):
        for question in watch.read(dialect, seed):
            if question.where == "stream_options." and not seed.get("stream"):
                continue
            at = steps(question.where)
            for member, check in (*question.table.items(), (UNKNOWN, None)):
                name = readable(seed, at) + member
                found.setdefault(name, Place(name, number, (*at, member), check))
    return list(found.values())


def steps(where: str) -> tuple[str | int, ...]:
    """`messages[0].content[1].` as a path."""
    return tuple(name or int(index) for name, index in _STEP.findall(where))


def readable(seed: Any, at: tuple[str | int, ...]) -> str:
    """A path as people read it: what is listed is named by its role or type."""
    text, here = "", seed
    for step in at:
        here = here[step]
        if isinstance(step, int):
            kind = [str(here[n]) for n in ("role", "type") if isinstance(here, dict) and n in here]
            text = text.rstrip(".") + f"[{' '.join(k for k in kind if k != 'message')}]."
        else:
            kind = here.get("type") if isinstance(here, dict) and step == "source" else None
            text += f"{step}[{kind}]." if kind else f"{step}."
    return text


def shapes(check: Any, planted: str) -> Iterator[tuple[str, Any]]:
    """The planted text in every shape that a member may take; where it takes none, as a text."""
    made: list[tuple[str, Any]] = [
        ("text", planted),
        ("list", [planted]),
        ("value", {"k": planted}),
        ("name", {planted: "v"}),
        ("inside", {"k": [{"k": {"k": planted}}]}),
        ("listed", [{"type": "x", "k": planted}]),
    ]
    if check is not None and not check[0](planted):
        made.append(("address", f"https://kb.example/{planted}"))
    digits = planted.replace(" ", "")
    if digits.isdigit():
        made.append(("number", {"k": int(digits)}))
    taken = [(name, value) for name, value in made if check is not None and check[0](value)]
    return iter(taken or made[:1])


def planted(path: str, place: Place, value: Any) -> dict:
    """The seed of a place, with the value there."""
    document = copy.deepcopy(SEEDS[path][place.seed])
    here: Any = document
    for step in place.path[:-1]:
        here = here[step]
    here[place.path[-1]] = value
    return document


def sites() -> set[tuple[str, int]]:
    """Every line at which a dialect asks `check_fields`."""
    found = set()
    for file in Path(dialects.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if (
                isinstance(node, ast.Call)
                and getattr(node.func, "attr", "") == "check_fields"
                and file.name != "fields.py"
            ):
                found.add((file.name, node.lineno))
    return found


def tables() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every table of fields that a module of the dialects holds, also inside of other tables."""
    for module in pkgutil.iter_modules(dialects.__path__):
        loaded = importlib.import_module(f"{dialects.__name__}.{module.name}")
        for name, value in vars(loaded).items():
            yield from ((f"{module.name}.{name}", table) for table in _within(value))


def _within(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, dict) and value:
        if all(_is_check(inner) for inner in value.values()):
            yield value
        else:
            for inner in value.values():
                yield from _within(inner)
    elif isinstance(value, tuple):
        for inner in value:
            yield from _within(inner)


def _is_check(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and callable(value[0]) and isinstance(value[1], str)
