"""What the encoder is trained on: rows drawn by source, in the settings in which they occur.

A draw is seeded by its number alone, so a run that was interrupted goes on with the same draws. Whatever is
done to an attack (put into a document, its case changed, letters lost) is done to harmless text as often, so
that it is no sign of an attack.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence

from evals.data import Row

SHARES = {"attack": 0.5, "hard": 0.27, "everyday": 0.23}
POWER = 0.4  # of its size is what a source weighs
INTO_DOCUMENT = 0.15
DISTURBED = 0.10
LONGEST_DOCUMENT = 1200  # characters
_SEPARATORS = ("\n", "\n\n", " ", "\n---\n", ". ")


class Draws:
    """Labelled texts, by number."""

    def __init__(self, rows: Sequence[Row], seed: int) -> None:
        self._seed = seed
        by: dict[str, dict[str, list[Row]]] = {kind: defaultdict(list) for kind in SHARES}
        for row in rows:
            by[row.kind][row.source].append(row)
        self._by = {kind: [*sources.values()] for kind, sources in by.items() if sources}
        self._weights = {kind: [len(rows) ** POWER for rows in sources] for kind, sources in self._by.items()}
        self._documents = [r.text for r in rows if r.kind == "everyday" and len(r.text) > 300]
        self._remarks = [r.text for r in rows if not r.attack and 20 < len(r.text) < 200]

    def draw(self, number: int) -> tuple[str, int]:
        """The text and label of draw `number`."""
        chance = random.Random(f"{self._seed}-{number}")
        kinds = [*self._by]
        kind = chance.choices(kinds, [SHARES[k] for k in kinds])[0]
        source = chance.choices(self._by[kind], self._weights[kind])[0]
        row = chance.choice(source)
        text = row.text
        if len(text) < 600 and chance.random() < INTO_DOCUMENT:
            text = self._into_document(text, chance)
        elif kind == "everyday" and len(text) > 300 and chance.random() < 2 * INTO_DOCUMENT:
            text = insert(chance.choice(self._remarks), text[:LONGEST_DOCUMENT], chance)
        if chance.random() < DISTURBED:
            text = disturbed(text, chance)
        return text, int(row.attack)

    def _into_document(self, text: str, chance: random.Random) -> str:
        return insert(text, excerpt(chance.choice(self._documents), LONGEST_DOCUMENT, chance), chance)


def excerpt(document: str, most: int, chance: random.Random) -> str:
    """A stretch of 100 to `most` characters of a document."""
    length = chance.randint(100, most)
    start = chance.randrange(max(len(document) - length, 1))
    return document[start : start + length]


def insert(text: str, document: str, chance: random.Random) -> str:
    """A text before, after or inside a document."""
    at = chance.choice((0, len(document), chance.randrange(len(document) + 1)))
    while 0 < at < len(document) and not document[at].isspace():
        at += 1
    separator = chance.choice(_SEPARATORS)
    return separator.join(part for part in (document[:at].strip(), text, document[at:].strip()) if part)


def disturbed(text: str, chance: random.Random) -> str:
    """The text as people in a hurry, or in disguise, write it."""
    way = chance.randrange(5)
    if way == 0:
        return text.upper()
    if way == 1:
        return text.lower()
    if way == 2:  # letters lost, doubled or exchanged
        letters = list(text)
        for _ in range(max(len(letters) // 40, 1)):
            at = chance.randrange(len(letters))
            letters[at] = chance.choice(("", letters[at] * 2, chance.choice("abcdefghijklmnopqrstuvwxyz")))
        return "".join(letters)
    if way == 3:  # digits for letters
        table = str.maketrans(dict(zip("aeiost", "431057", strict=True)))
        return "".join(c.translate(table) if chance.random() < 0.3 else c for c in text)
    return text.replace(" ", chance.choice(("  ", "\n", "_", " - ")))
