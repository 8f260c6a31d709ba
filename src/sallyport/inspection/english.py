"""Signs of English in a text that hides it: common words as they look rotated or reversed."""

from __future__ import annotations

import codecs
from collections.abc import Iterator

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
ROT13 = tuple(codecs.encode(word, "rot13") for word in _SIGNS)
REVERSED = tuple(word[::-1] for word in _SIGNS if word[::-1] != word)
_COMMON = frozenset(_SIGNS) | frozenset(
    ("a", "to", "of", "in", "is", "it", "for", "on", "as", "are", "be", "or", "an", "from", "not", "can", "will", "if", "at", "by", "my", "me", "do", "what", "have", "has")
)  # fmt: skip


def share(text: str) -> float:
    """Share of common English words among the words of a text, 0 to 1."""
    words = text.lower().split()
    if not words:
        return 0.0
    return sum(word.strip(".,;:!?\"'()") in _COMMON for word in words) / len(words)


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
