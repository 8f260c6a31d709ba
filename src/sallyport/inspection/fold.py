"""Unicode to the ASCII that a reader, or a model, takes it for.

NFKD without marks, default-ignorable characters dropped, tag characters decoded, digits of all scripts as
ASCII, confusable letters mapped (Unicode TR39, UTS 46). ASCII text is returned as it is.
"""

# ruff: noqa: RUF001 - the look-alikes are the subject of this file
from __future__ import annotations

import re
import unicodedata

from sallyport.inspection.offsets import OffsetMap

# Cyrillic, Greek, Armenian, Cherokee, Latin look-alikes and small capitals, by the letter they pass for.
_LOOKALIKES = {
    "a": "аαաɑᴀæ", "b": "вβьƅʙ", "c": "сςᴄϲ", "d": "ԁδɖᴅđð", "e": "еєεґᴇёɛ", "f": "φꜰƒ", "g": "ցɡɢԍ", "h": "һհʜħн",
    "i": "іїιɩıɪ", "j": "јϳᴊ", "k": "кκᴋ", "l": "ӏւʟƖǀł", "m": "мμᴍ", "n": "пηոռɴ", "o": "оοօσᴏøœɵө",
    "p": "рρքᴘþ", "q": "ԛզԳꞯ", "r": "гяʀ", "s": "ѕꜱßſ", "t": "тτᴛŧ", "u": "սυиᴜʋц", "v": "νѵᴠ", "w": "ԝωᴡшщ",
    "x": "хχ", "y": "уүγʏў", "z": "ᴢʐ", "3": "зЗɜ",
    "A": "АΑᎪ", "B": "ВΒᏴ", "C": "СᏟϹ", "D": "ᎠĐÐ", "E": "ЕΕᎬЁ", "G": "ԌᏀ", "H": "НΗᎻҺ", "I": "ІΙЇӀ", "J": "ЈᎫ",
    "K": "КΚᏦ", "L": "ԼᏞŁ", "M": "МΜᎷ", "N": "Ν", "O": "ОΟՕØ", "P": "РΡᏢ", "Q": "Ԛ", "R": "ᎡƦ", "S": "ЅՏᏚ",
    "T": "ТΤᎢ", "U": "Ս", "V": "ᏙѴ", "W": "ԜᎳ", "X": "ХΧ", "Y": "УΥҮ", "Z": "ΖᏃ",
    "-": "‐‑‒–—―−﹣", "'": "‘’‚‛‹›′`", '"': "“”„«»″", "/": "⁄∕", ".": "•․。", ",": "،", ";": "؛", "?": "؟", "|": "∣",
}  # fmt: skip
_CONFUSABLE = {look: letter for letter, looks in _LOOKALIKES.items() for look in looks if not look.isascii()}
_NON_ASCII = re.compile(r"[^\x00-\x7f]+")
_IGNORABLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_TAG_BASE = 0xE0000
_SELECTOR_BASE = 0xE0100 - 16  # bytes from 16 on, hidden behind a character as variation selectors
_LETTER_BLOCKS = (0x1F150, 0x1F170, 0x1F1E6)  # circled, squared, regional indicators
_CACHE_SIZE = 65_536  # characters remembered, whatever is sent
_cache: dict[str, str] = {}


def fold(text: str) -> tuple[str, OffsetMap | None]:
    """The folded text, and its map; None when offsets are the same (also when nothing changed)."""
    if text.isascii():
        return text, None
    pieces: list[str] = []
    offsets = OffsetMap()
    done = 0
    for match in _NON_ASCII.finditer(text):
        start, end = match.span()
        pieces.append(text[done:start])
        offsets.add(start - done, start - done)
        run = match.group()
        folded = [_cache.get(character) or _fold_cached(character) for character in run]
        pieces += folded
        if max(map(len, folded)) == 1 and min(map(len, folded)) == 1:
            offsets.add(len(run), len(run))
        else:
            for piece in folded:
                offsets.add(len(piece), 1)
        done = end
    pieces.append(text[done:])
    offsets.add(len(text) - done, len(text) - done)
    return "".join(pieces), None if offsets.identity else offsets


def _fold_cached(character: str) -> str:
    folded = _cache.get(character)
    if folded is None:
        folded = _fold_character(character)
        if len(_cache) < _CACHE_SIZE:
            _cache[character] = folded
    return folded


def _fold_character(character: str) -> str:
    if character in _CONFUSABLE:
        return _CONFUSABLE[character]
    special = _fold_by_range(ord(character))
    if special is not None:
        return special
    if _IGNORABLE.match(character):
        return ""
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    if unicodedata.category(character) == "Zs":
        return " "
    decomposed = unicodedata.normalize("NFKD", character)
    return "".join(_CONFUSABLE.get(c, c) for c in decomposed if unicodedata.category(c) != "Mn")


def _fold_by_range(code: int) -> str | None:
    """Letters in shapes that NFKD leaves alone; tag characters and variation selectors (invisible ASCII)."""
    if _TAG_BASE + 0x20 <= code <= _TAG_BASE + 0x7E:
        return chr(code - _TAG_BASE)
    if _SELECTOR_BASE + 0x20 <= code <= _SELECTOR_BASE + 0x7E:
        return chr(code - _SELECTOR_BASE)
    for first in _LETTER_BLOCKS:
        if first <= code < first + 26:
            return chr(code - first + 0x61)
    return None
