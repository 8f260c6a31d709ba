"""Harmless texts through the same door: how many are refused. What comes from documents and tools comes as a tool's result."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer

from evals.data import load
from evals.redteam.door import MODEL, Door
from sallyport.cli.client import DoorClient

OWN = Path(__file__).parents[1] / "own" / "texts.jsonl"
SEED, CALLERS, MOST_CHARACTERS = 7, 4, 60_000
OK, FORBIDDEN = 200, 403
BLOCKED = frozenset({"finding_blocked", "output_blocked"})


@dataclass(frozen=True)
class Text:
    """One harmless text; `group` is the row of the report."""

    group: str
    channel: str
    text: str


@dataclass
class Alarms:
    """Of one group: how many were sent, refused by code, and what else came instead of an answer."""

    total: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)


def texts(folder: Path, each: int) -> list[Text]:
    """`each` everyday and `each` hard ones, drawn with a fixed seed, and all of our own."""
    rows = [
        row for row in load(folder) if not row.attack and row.text.strip() and len(row.text) < MOST_CHARACTERS
    ]
    draw = random.Random(SEED)
    drawn: list[Text] = []
    for kind in ("everyday", "hard"):
        of_kind = [Text(kind, row.channel, row.text) for row in rows if row.kind == kind]
        drawn += draw.sample(of_kind, min(each, len(of_kind)))
    with OWN.open(encoding="utf-8") as lines:
        own = [json.loads(line) for line in lines]
    drawn += [
        Text(f"own, {row['kind']}", row["channel"], row["text"]) for row in own if row["kind"] != "attack"
    ]
    return drawn


def call(text: Text) -> dict[str, Any]:
    """The request that carries a text on its channel."""
    if text.channel == "user":
        return {"model": MODEL, "messages": [{"role": "user", "content": text.text}]}
    asked = {"id": "call_1", "type": "function", "function": {"name": "read", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "Please read it."},
        {"role": "assistant", "content": None, "tool_calls": [asked]},
        {"role": "tool", "tool_call_id": "call_1", "content": text.text},
    ]
    return {"model": MODEL, "messages": messages}


def run(door: Door, chosen: Sequence[Text], progress: Callable[[int, int], None]) -> dict[str, Alarms]:
    """Send each text once."""
    alarms: dict[str, Alarms] = {}
    local = threading.local()

    def ask(text: Text) -> tuple[Text, int, str]:
        if not hasattr(local, "client"):
            local.client = DoorClient(door.url, ca=door.ca, key=door.key)
        try:
            status, answer = local.client.ask("POST", "/v1/chat/completions", call(text))
        except typer.Exit:
            return text, 0, "no answer"
        return text, status, "" if status == OK else str(answer["error"]["code"])

    with ThreadPoolExecutor(CALLERS) as pool:
        for done, (text, status, code) in enumerate(pool.map(ask, chosen), 1):
            group = alarms.setdefault(text.group, Alarms())
            group.total += 1
            if status == FORBIDDEN and code in BLOCKED:
                group.refused[code] += 1
            elif status != OK:
                group.errors[f"{status} {code}"] += 1
            progress(done, len(chosen))
    return alarms
