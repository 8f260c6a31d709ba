"""How much a text reads like English by its pairs of letters. Pure.

For texts that hide their words: rotated or reversed, the letters follow each other as in no language. A text of a
language near English is told from its own reversal as well.
"""

from __future__ import annotations

from itertools import pairwise

LONGEST = 2048  # characters that are looked at
# How likely a letter is after another, or after the edge of a word (the first row and column): a digit each, from 0 to 9
# on a logarithmic scale, counted in the harmless training texts.
_TABLE = """
    575655655633565663567446141 715651451504757050767453252 663318002640720720643710060 670517107606501700637500030
    961157231710323610551532030 863565342402557343775244440 860006600700500800625602040 861017046601525620643500040
    771028000700333700424400040 654655550104658652577250204 682217121513312831252812121 862128233723436520464422030
    772267320702731740155532060 775218200600252770150501050 861676471613324620167430040 734553642414567550756755120
    770137105600730750756600040 642221111511411111212911111 872458341704454630466531050 851507206604332651167503040
    861307008700321710554504040 654556250503767250777010220 570329010800120600032200020 770017007802305700652000010
    861606304620220481017422540 943225010400443750264202002 683118134613311611124522144
"""
_ROWS = _TABLE.split()
_SIGNS = " abcdefghijklmnopqrstuvwxyz"
_PAIRS = {
    (ord(first), ord(second)): int(_ROWS[row][column])
    for row, first in enumerate(_SIGNS)
    for column, second in enumerate(_SIGNS)
}
_LETTERS = bytes(c if chr(c).isalpha() and c < 128 else 32 for c in bytes(range(256)).lower())  # noqa: PLR2004 - ASCII


def likeness(text: str) -> float:
    """0 to 9: English has about 6.5, random letters 4. Anything but letters of ASCII parts words."""
    letters = b" ".join(text[:LONGEST].encode(errors="replace").translate(_LETTERS).split())
    if not letters:
        return 0.0
    return sum(map(_PAIRS.__getitem__, pairwise(b" %b " % letters))) / (len(letters) + 1)
