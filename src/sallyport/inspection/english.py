"""Signs of English in a text that hides it: common words as they look rotated or reversed."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator

_SIGNS = (
    "the",
    "and",
    "you",
    "your",
    "all",
    "that",
    "with",
    "this",
    "ignore",
    "previous",
    "prior",
    "instructions",
    "instruction",
    "system",
    "prompt",
    "reveal",
    "password",
    "please",
    "forget",
    "disregard",
    "rules",
    "above",
    "tell",
    "write",
    "how",
    "without",
    "safety",
    "bypass",
    "guidelines",
    "restrictions",
    "content",
    "policies",
    "mode",
    "training",
    "share",
    "show",
    "act",
)
# More words of hidden requests, and letters that many words share: enough for nearly every sentence to hold one.
_MORE_SIGNS = """have from what who was for are not can will has they them been any about into must should could would when where
    which while then than there here only also some someone everything want need make give get take use run execute print display
    output create generate code script explain describe provide answer respond question like never always more other out now full
    my me is of but were may pretend role play imagine model assistant user secret hidden data access admin developer message text
    word words help let know think say said using start speak version"""
_SHARED = ("tion", "ment", "ould", "ight", "able", "ance", "ence", "atio", "ents", "ally", "ical", "ions", "uest", "onfi", "rect",
           "tory", "view", "form", "prot", "ethi", "ontr", "very", "hing", "ness", "ough", "ente")  # fmt: skip
# What is a word by itself, once it is rotated or reversed, or part of many.
_WORDS_ROTATED = frozenset(
    ("or", "gb", "ab", "va", "bs", "vs", "ol", "ba", "gur", "irel", "trg", "har", "chg")
)
_WORDS_REVERSED = frozenset((
    "era", "ton", "saw", "si", "em", "dna", "star", "evil", "live", "tub", "won", "tuo", "sah", "on", "emit", "edit", "dias", "tel",
    "nur", "lap", "ssen", "laci", "net", "tom", "ees", "raw", "peek",
))  # fmt: skip


def _hidden(how: Callable[[str], str], words: frozenset[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The signs as they look when hidden: words, and letters inside words."""
    whole = {how(word) for word in (*_SIGNS, *_MORE_SIGNS.split())} - words
    return tuple(sorted(whole - set(_SIGNS))), tuple(sorted({how(part) for part in _SHARED} - words))


ROT13, ROT13_INSIDE = _hidden(lambda word: codecs.encode(word, "rot13"), _WORDS_ROTATED)
REVERSED, REVERSED_INSIDE = _hidden(lambda word: word[::-1], _WORDS_REVERSED)


# Words of more than about 2 % of everyday texts, the most frequent first: they say too little to wake a rule.
_FREQUENT = """the a to and of in for that is on it with s you i be are as this from not an by what have can should at was also t if
    system my generate which has about any will use would all how script so do when answer question up 2 your been following their like
    new first no me out other into given two include 3 its just after were them want only could 4 year get make these don m where need said
    being now while know write through here world using place access list even see help please before does take set file user go security re
    without able those state read off come information think am function both data above since down below say day d block specific log ve
    going against address every rules real old around give next code never questions second got text provide called create start order key
    building told end input act update summary e story show must always didn let u human instead request explain asked doesn type whether
    until understand won full making game tell free post put original away call keep play control url past change live far become words
    everything"""
_RANKS = {word: rank for rank, word in enumerate(_FREQUENT.split(), 1)}


def frequency(word: str) -> int:
    """How often a word occurs in everyday text, on a scale where "the" has 1000 and rare words 1."""
    rank = _RANKS.get(word.lower())
    return max(1000 // rank, 3) if rank else 1


_OFTEN_MISSPELT = (
    "ignore",
    "disregard",
    "forget",
    "previous",
    "instructions",
    "instruction",
    "everything",
    "guidelines",
    "restrictions",
    "system",
    "prompt",
    "reveal",
    "before",
    "bypass",
    "override",
)
_OWN_WORDS = frozenset(("forge", "revel", "forgets", "systems", "reveals"))


def _misspellings(word: str) -> Iterator[str]:
    """A letter left out, two letters exchanged, a letter doubled; the first letter stays."""
    for at in range(1, len(word)):
        yield word[:at] + word[at + 1 :]
        yield word[:at] + word[at] + word[at:]
        if at + 1 < len(word):
            yield word[:at] + word[at + 1] + word[at] + word[at + 2 :]


MISSPELT = {
    wrong: word
    for word in _OFTEN_MISSPELT
    for wrong in _misspellings(word)
    if wrong not in _OFTEN_MISSPELT and wrong not in _OWN_WORDS
}
