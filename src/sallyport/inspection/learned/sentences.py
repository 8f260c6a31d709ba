"""Whether a text says enough for models of language to judge it: a name, a label or a single word is no sentence.

The models were trained on sentences. On names of parameters ("prompt", "output_mode") and the few words that explain
one they only guess, and such words are in every definition of a tool. The rules read them all the same. Pure.
"""

from __future__ import annotations

import re

from sallyport.model import Channel

FEWEST = 3  # words
FEWEST_OF_DEFINITIONS = (
    12  # where names and labels are usual, and orders to a model take more words than that
)
_LONG = 16  # characters a word on average, from which a text may hide words
_DEFINING: frozenset[Channel] = frozenset({"tool_definition", "other"})
_WORD = re.compile(r"[^\W\d_]+")


def says_enough(text: str, channel: Channel) -> bool:
    """Whether a text may be more than a name or a label. Scripts without blanks, and long runs, always may."""
    fewest = FEWEST_OF_DEFINITIONS if channel in _DEFINING else FEWEST
    return not text.isascii() or len(text) > fewest * _LONG or len(_WORD.findall(text)) >= fewest
