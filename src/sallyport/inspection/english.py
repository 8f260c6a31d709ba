"""Signs of English in a text that hides it: common words as they look rotated or reversed."""

from __future__ import annotations

import codecs

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
