"""What the tagger has learned: weights of features, and lists of words, in hashed arrays.

A row of weights is one whole number with sixteen bits for each label, moved up by `MIDDLE`, so that adding rows adds
all labels at once. Loaded at first use (see `model`): about 3 MB. The file is written by `evals/tagger/pack.py`.
"""

from __future__ import annotations

import zlib
from array import array
from bisect import bisect_left
from functools import cache
from importlib.resources import files
from zlib import crc32

LABELS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG", "B-ADR", "I-ADR")
SCALE = 64.0  # of a weight's unit
MIDDLE = 1024
_ROW = 2 * len(LABELS)
_FILE = "tagger.bin"


def digest(text: str) -> int:
    """32 bits for a feature or a word; never 0, which marks a free place."""
    return crc32(text.encode(errors="surrogatepass")) or 1


class Model:
    """The weights and lists of one file."""

    def __init__(self, packed: bytes) -> None:
        parts = _parts(zlib.decompress(packed))
        count = len(LABELS)
        flat = array("i", parts[0])
        self.transitions = tuple(tuple(flat[a * count : (a + 1) * count]) for a in range(count))
        keys = array("I", parts[1])
        self._rows = parts[2]
        size = 1 << (2 * len(keys)).bit_length()
        self._last = size - 1
        self._keys, self._places = array("I", bytes(4 * size)), array("I", bytes(4 * size))
        for number, key in enumerate(keys):
            at = key & self._last
            while self._keys[at]:
                at = (at + 1) & self._last
            self._keys[at], self._places[at] = key, number * _ROW
        self._letters = parts[3].decode().split(",")
        self._listed, self._kinds = array("I", parts[4]), parts[5]
        self.version = f"{crc32(packed):08x}"

    def weight(self, feature: str) -> int:
        """The row of a feature; 0 if it has none."""
        key = crc32(feature.encode(errors="surrogatepass")) or 1
        keys, last = self._keys, self._last
        at = key & last
        while (known := keys[at]) != key:
            if not known:
                return 0
            at = (at + 1) & last
        place = self._places[at]
        return int.from_bytes(self._rows[place : place + _ROW], "little")

    def lists_of(self, word: str) -> str:
        """The letters of the lists that hold a lower-case word."""
        key = digest(word)
        at = bisect_left(self._listed, key)
        found = at < len(self._listed) and self._listed[at] == key
        return self._letters[self._kinds[at]] if found else ""


def _parts(blob: bytes) -> list[bytes]:
    parts, at = [], 0
    while at < len(blob):
        size = int.from_bytes(blob[at : at + 4], "little")
        parts.append(blob[at + 4 : at + 4 + size])
        at += 4 + size
    return parts


@cache
def model() -> Model:
    """The package's own model."""
    return Model(files(__package__).joinpath(_FILE).read_bytes())
