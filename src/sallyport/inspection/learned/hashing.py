"""A text as the features that the linear model adds up: words, the signs at their edges, and their pieces, hashed.

All of it hangs on one word alone, so it is worked out once a word and remembered, and a text costs a look-up a
word. (Pairs of words were tried: twice the time, and no better on unseen sources; see `evals/LOG.md`.) Training
uses the very same functions, so nothing can differ between training and use.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from zlib import crc32

BITS = 18
MASK = (1 << BITS) - 1
BLOCK = 48  # words
_LONGEST = 48  # characters between blanks; longer runs (text without blanks, addresses) are cut into words
_READ = 24  # characters of a word whose pieces are looked at
_TOKEN = re.compile(r"[^\W\d_]{1,16}|\d{1,16}|[\W_]{1,16}")
_EDGE = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
_CHARACTER = 4  # bytes, in UTF-32


def words(text: str) -> list[str]:
    """What stands between blanks, in lower case, in order."""
    found = text.lower().split()
    if found and max(map(len, found)) > _LONGEST:
        return [
            piece for word in found for piece in ((word,) if len(word) <= _LONGEST else _TOKEN.findall(word))
        ]
    return found


def blocks(found: Sequence[str]) -> Iterator[Sequence[str]]:
    """The words in stretches that follow each other; one empty stretch if there are none."""
    for start in range(0, len(found) or 1, BLOCK):
        yield found[start : start + BLOCK]


def features(word: str) -> list[int]:
    """The features of one word: itself, the signs at its edges, its pieces of three to five characters.

    Numbers of as many digits (up to four) are one word.
    """
    core = word.strip(_EDGE)
    name = "0" * min(len(core), 4) if core.isdigit() else core or word
    found = [crc32(name.encode(errors="replace")) & MASK]
    if core and core != word:
        left, _, right = word.partition(core)
        edges = (("\1", left), ("\2", right))
        found += [crc32(f"{side}{sign[:3]}".encode()) & MASK for side, sign in edges if sign]
    if len(core) > 1 and not core.isdigit():
        data = f"<{core[:_READ]}>".encode("utf-32-le", errors="replace")
        for width in (3 * _CHARACTER, 4 * _CHARACTER, 5 * _CHARACTER):
            ends = range(width, len(data) + 1, _CHARACTER)
            found += [crc32(data[end - width : end]) & MASK for end in ends]
    return found
