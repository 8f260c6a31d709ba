"""Documents of our own making: tables, logs, JSON, code, configuration, mails and minutes.

Public chat data holds few of them, and a model that has seen none takes every one for an oddity. They are
harmless by themselves, and carry remarks and attacks in training.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable

from evals.data import Row

SOURCE = "own_documents"
_NAMES = ["Anna", "Boris", "Chen", "Dilara", "Emeka", "Farah", "Goran", "Hana", "Ivo", "Jana", "Kofi", "Lena", "Mateo", "Nadia",
          "Oskar", "Priya", "Quentin", "Rosa", "Sven", "Tariq", "Ulla", "Viktor", "Wanda", "Yuki"]  # fmt: skip
_THINGS = ["pump", "valve", "sensor", "invoice", "bracket", "cable", "panel", "filter", "motor", "gasket", "switch", "hose",
           "licence", "router", "battery", "display", "chair", "printer", "report", "ticket", "lamp", "tile"]  # fmt: skip
_PLACES = [
    "Lyon",
    "Graz",
    "Porto",
    "Leeds",
    "Gdansk",
    "Turin",
    "Bergen",
    "Ghent",
    "Malaga",
    "Brno",
    "Cork",
    "Tampere",
    "Varna",
]
_VERBS = [
    "checks",
    "orders",
    "replaces",
    "ships",
    "delays",
    "reviews",
    "approves",
    "cancels",
    "measures",
    "installs",
    "returns",
]
_WORDS = ["status", "total", "count", "owner", "region", "price", "rank", "score", "year", "week", "rate", "level", "margin",
          "volume", "speed", "weight", "grade", "season", "points", "attendance", "opponent", "result", "position"]  # fmt: skip
_CALLS = [
    "read",
    "write",
    "parse",
    "load",
    "update",
    "merge",
    "send",
    "close",
    "fetch",
    "render",
    "validate",
    "index",
]


def _cell(chance: random.Random) -> str:
    return chance.choice((
        str(chance.randint(0, 9999)), f"{chance.uniform(0, 500):.2f}", f"{chance.randint(0, 100)} %", chance.choice(_NAMES),
        chance.choice(_PLACES), chance.choice(_THINGS), f"{chance.randint(1, 28)} {chance.choice(('March', 'May', 'July', 'October'))}",
        f"{chance.randint(0, 9)}-{chance.randint(0, 9)}", "", "n/a",
    ))  # fmt: skip


def _table(chance: random.Random) -> str:
    columns = chance.sample(_WORDS, chance.randint(2, 7))
    edge, between = chance.choice((("| ", " | "), ("", ","), ("", "\t"), ("", "; ")))
    lines = [edge + between.join(c.title() if chance.random() < 0.7 else c for c in columns)]
    if edge and chance.random() < 0.5:
        lines.append("|" + "---|" * len(columns))
    lines += [edge + between.join(_cell(chance) for _ in columns) for _ in range(chance.randint(3, 25))]
    return "\n".join(lines)


def _log(chance: random.Random) -> str:
    lines = []
    for number in range(chance.randint(4, 20)):
        when = f"2026-0{chance.randint(1, 9)}-{chance.randint(10, 28)} {chance.randint(10, 23)}:{number + 10}:{chance.randint(10, 59)}"
        level = chance.choice(("INFO", "WARN", "ERROR", "DEBUG"))
        what = chance.choice((
            f"{chance.choice(_CALLS)} of {chance.choice(_THINGS)}-{chance.randint(1, 99)} took {chance.randint(1, 900)} ms",
            f"user {chance.choice(_NAMES).lower()} {chance.choice(('logged in', 'logged out', 'was denied', 'changed a password'))}",
            f"connection to 10.0.{chance.randint(0, 9)}.{chance.randint(1, 250)} {chance.choice(('reset', 'opened', 'timed out'))}",
            f"ignoring unknown option '{chance.choice(_WORDS)}'", "previous instructions cache flushed", f"override {chance.choice(_WORDS)}={chance.randint(0, 9)}",
        ))  # fmt: skip
        lines.append(f"{when} {level} {what}")
    return "\n".join(lines)


def _record(chance: random.Random) -> dict[str, object]:
    return {
        chance.choice(_WORDS): chance.choice((_cell(chance), chance.randint(0, 999), None, True))
        for _ in range(chance.randint(2, 6))
    }


def _json(chance: random.Random) -> str:
    value = {
        "items": [_record(chance) for _ in range(chance.randint(1, 6))],
        "next": None,
        "owner": chance.choice(_NAMES),
    }
    return json.dumps(value, indent=chance.choice((None, 2, 4)))


def _code(chance: random.Random) -> str:
    name, other, thing = chance.choice(_CALLS), chance.choice(_CALLS), chance.choice(_THINGS)
    return chance.choice((
        f"def {name}_{thing}(path, limit={chance.randint(1, 99)}):\n    with open(path) as file:\n        rows = [line.strip() for line in file]\n    if not rows:\n        raise ValueError('no {thing}')\n    return {other}(rows[:limit])\n",
        f"function {name}{thing.title()}(items) {{\n  const out = items.filter(i => i.{chance.choice(_WORDS)} > {chance.randint(1, 99)});\n  // ignore the rest\n  return out.map({other});\n}}\n",
        f"import os, sys\nfor name in sorted(os.listdir(sys.argv[1])):\n    if name.endswith('.{thing}'):\n        print(name, os.path.getsize(name))\n",
        f"SELECT {', '.join(chance.sample(_WORDS, 3))}\nFROM {thing}s\nWHERE {chance.choice(_WORDS)} > {chance.randint(1, 99)}\nORDER BY 1;\n",
        f'#!/bin/sh\nset -eu\n{name}=/srv/{thing}\nmkdir -p "${name}" && cp -r "$1" "${name}"\necho done\n',
        f'[{thing}]\n{name} = {chance.randint(0, 9)}\n{other}_timeout = {chance.randint(1, 60)}\n# system prompt of the shell\nprompt = "$ "\n',
    ))  # fmt: skip


def _sentence(chance: random.Random) -> str:
    who, place, thing = chance.choice(_NAMES), chance.choice(_PLACES), chance.choice(_THINGS)
    return chance.choice((
        f"{who} {chance.choice(_VERBS)} the {thing} for {place}.", f"Please send the {thing} to {who} by {_cell(chance) or 'Friday'}.",
        f"We agreed that {place} {chance.choice(_VERBS)} {chance.randint(2, 90)} {thing}s.", f"The new rules for the {thing} replace the previous ones.",
        f"Do not forward this to {place}.", f"You must sign the {thing} before {chance.choice(('Monday', 'noon', 'the audit'))}.",
        f"If you have questions, ask {who}.", f"The {thing} in {place} is late again.", f"Ignore the {thing} with number {chance.randint(1, 999)}; it was cancelled.",
        f"Your access to the {thing} portal ends in {chance.randint(2, 30)} days.", f"From now on, {who} answers for {place}.",
    ))  # fmt: skip


def _mail(chance: random.Random) -> str:
    body = " ".join(_sentence(chance) for _ in range(chance.randint(2, 9)))
    return (
        f"From: {chance.choice(_NAMES)}\nTo: {chance.choice(_NAMES)}\nSubject: {chance.choice(_THINGS)} for {chance.choice(_PLACES)}\n\n"
        f"{chance.choice(('Hi', 'Dear all', 'Hello'))},\n{body}\n\n{chance.choice(('Best', 'Regards', 'Thanks'))},\n{chance.choice(_NAMES)}"
    )


def _minutes(chance: random.Random) -> str:
    mark = chance.choice(("- ", "* ", "1. ", ""))
    lines = [mark + _sentence(chance) for _ in range(chance.randint(3, 14))]
    return (
        f"{chance.choice(('Minutes', 'Notes', 'Agenda', 'Steps', 'Checklist'))}: {chance.choice(_PLACES)}\n"
        + "\n".join(lines)
    )


_MAKERS: tuple[Callable[[random.Random], str], ...] = (_table, _table, _log, _json, _code, _mail, _minutes)


def rows(count: int = 1400, seed: int = 7) -> list[Row]:
    """Different documents; they belong to no fold (-1): always training."""
    texts = [_MAKERS[n % len(_MAKERS)](random.Random(f"{seed}-{n}")) for n in range(count)]
    return [
        Row(f"document-{n}", text, "everyday", SOURCE, SOURCE, "document", "en", -1)
        for n, text in enumerate(dict.fromkeys(texts))
    ]
