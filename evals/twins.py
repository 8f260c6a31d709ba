"""Attacks and their harmless twins from `twins.txt`: the same words, another meaning."""

from __future__ import annotations

import random
import re
from pathlib import Path

from evals.data import Row

SOURCE = "own_twins"
_CHOICE = re.compile(r"\{([^{}]*)\}")
_SLOT = re.compile(r"<([a-z]+)>")
_MARKER = re.compile(r"<\|[a-z_]+\|>")
_FILE = Path(__file__).with_name("twins.txt")


def templates(text: str) -> tuple[dict[str, list[str]], list[tuple[bool, str]]]:
    """The slots, and the templates with whether each is an attack."""
    slots: dict[str, list[str]] = {}
    found: list[tuple[bool, str]] = []
    for line in text.splitlines():
        if line.startswith("= "):
            name, _, choices = line[2:].partition(": ")
            slots[name] = choices.split("|")
        elif line.startswith(("+ ", "- ")):
            found.append((line[0] == "+", line[2:]))
    return slots, found


def expand(template: str, slots: dict[str, list[str]], chance: random.Random) -> str:
    """One text of a template."""
    markers = _MARKER.findall(template)
    template = _MARKER.sub("\0", template)
    while any(match[1] in slots for match in _SLOT.finditer(template)):
        template = _SLOT.sub(lambda m: chance.choice(slots.get(m[1], [m[0]])), template)
    while match := _CHOICE.search(template):
        template = template[: match.start()] + chance.choice(match[1].split("|")) + template[match.end() :]
    for marker in markers:
        template = template.replace("\0", marker, 1)
    text = template.replace("\\n", "\n").strip()
    return text[:1].upper() + text[1:] if chance.random() < 0.8 else text


def rows(each: int = 40, seed: int = 7) -> list[Row]:
    """Different texts of every template, at most `each`; they belong to no fold (-1): always training."""
    slots, found = templates(_FILE.read_text(encoding="utf-8"))
    result = []
    for number, (attack, template) in enumerate(found):
        chance = random.Random(f"{seed}-{number}")
        texts = dict.fromkeys(expand(template, slots, chance) for _ in range(each))
        kind = "attack" if attack else "hard"
        result += [
            Row(f"twin-{number}-{n}", text, kind, SOURCE, f"{SOURCE}_{kind}", "user", "mul", -1)
            for n, text in enumerate(texts)
        ]
    return result
