"""Words of a text and what a word looks like: the eyes of the tagger, the same in training and at run time.

A text is cut into runs of letters, runs of digits, line ends and signs. What the model knows of a word are a few
strings (features); those of a word alone are the same wherever it stands, so they are looked up once for each
different word. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

# A sign that is repeated is one word, so that a flood of signs is short.
WORD = re.compile(r"[^\W\d_]+|[0-9]+|\n|([^\w\s]|_)\1*|\d")
EDGE = ("", "^", "")  # what stands before and behind the text: lower case, class, shape
LOWER, UPPER, MIXED = "l", "u", "m"
LINE_END = "¶"
_LONG_NUMBER, _AFFIX, _LONG_AFFIX = 6, 3, 4
Seen = tuple[str, str, str]  # lower case, class (shape, case of the line, word lists), shape


def mode_of(text: str) -> str:
    """How a text is written: without capitals, in capitals only, or as usual. Then a capital means something."""
    if text.islower():
        return LOWER
    return UPPER if text.isupper() else MIXED


def shape_of(word: str) -> str:
    """A word's outline: `Xx`, `XX`, `xx`, `X`, the number of its digits, or the sign itself."""
    if word.isalpha():
        if word.islower():
            return "xx" if len(word) > 1 else "x"
        if word.isupper():
            return "XX" if len(word) > 1 else "X"
        if word[0].isupper() and word[1:].islower():
            return "Xx"
        return "xX" if not word.isalnum() or word.lower() != word else "cc"
    if word.isdigit():
        return f"d{min(len(word), _LONG_NUMBER)}"
    return word[0]


def seen_of(word: str, mode: str, lists: str) -> Seen:
    """What neighbours see of a word; `lists` are the letters of the word lists that hold it."""
    if word == "\n":
        return LINE_END, LINE_END + mode, LINE_END
    shape = shape_of(word)
    return word.lower(), f"{shape}{mode}{lists}", shape


def features_of(word: str, seen: Seen) -> tuple[list[str], list[str], list[str], list[str], list[str]]:
    """The features that a word gives to itself, to the next, the one after, the one before, and two before it."""
    lower, kind, shape = seen
    own = [f"w{lower}", f"c{kind}", f"s{shape}{kind[len(shape)]}"]
    if word.isalpha():
        own += [
            f"x{lower[-_AFFIX:]}{shape}",
            f"y{lower[-2:]}{shape}",
            f"p{lower[:_AFFIX]}{shape}",
            f"z{lower[-_LONG_AFFIX:]}",
        ]
    return (
        own,
        [f"a{lower}", f"b{kind}", f"d{lower[-_AFFIX:]}"],
        [f"e{lower}", f"f{kind}"],
        [f"g{lower}", f"h{kind}", f"i{lower[-_AFFIX:]}"],
        [f"j{lower}", f"k{kind}"],
    )


def outlines_of(last: Seen, this: Seen, following: Seen) -> tuple[str, str, str]:
    """The features of a place that no word is in: which kinds of words stand there together."""
    kind = this[1]
    return f"l{last[1]}|{kind}", f"m{kind}|{following[1]}", f"q{last[2]}|{kind}|{following[2]}"


def pairs_of(before: Seen, last: Seen, this: Seen, following: Seen) -> tuple[str, str, str]:
    """The features of a place with the words around it."""
    _, kind, shape = this
    return f"n{last[0]}|{kind}", f"o{kind}|{following[0]}", f"r{before[0]}|{last[0]}|{shape}"


def features(words: Sequence[str], seen: Sequence[Seen]) -> list[list[str]]:
    """All features of all words of a text: for training."""
    parts = [features_of(word, one) for word, one in zip(words, seen, strict=True)]
    padded = [EDGE, EDGE, *seen, EDGE, EDGE]
    rows = []
    for at in range(len(words)):
        around = padded[at : at + 4]
        row = [*parts[at][0], *outlines_of(*around[1:]), *pairs_of(*around)]
        for offset, part in ((-1, 1), (-2, 2), (1, 3), (2, 4)):
            if 0 <= at + offset < len(words):
                row += parts[at + offset][part]
        rows.append(row)
    return rows
