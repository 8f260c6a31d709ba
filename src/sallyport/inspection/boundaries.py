r"""Where a stream of text may be cut: places that no finding and no mask token can lie across.

A *quiet* cut is between two words of prose: letters of one script, lower case or with one capital, with a
vowel (the nonce of a token has none), without digits, signs or a colon. Two such words next to each other end
whatever came before. Between two capitalised words there is no cut, for they may be a name.

A *weak* cut is for text that is no prose (code, tables, scripts without blanks): at a blank, with enough text
behind it to see what it would cut through, and never inside something open: digits in groups, an unclosed
token, image or link, key material in PEM or base64.

Every decision depends on the text alone, up to a place that the decision itself names; never on how much
more has arrived. Therefore any chunking of a stream gives the same cuts. Pure, and linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sallyport.inspection.tokens import ALPHABET, GAP_CLASS, NONCE_LENGTH, TOKEN_OPEN

SHORTEST = 12  # characters of a segment between quiet cuts: fewer would cost a scan per word
FEWEST = (
    SHORTEST + 2
)  # characters in which a quiet cut can be known: a word of one letter and a blank behind it
REACH = 128  # two quiet words and the blanks behind them are not longer than this
_LOOK = 400  # characters in front of a place that may hold the beginning of something open
_NUMBER_NEAR = 8  # characters before the pair in which a digit forbids the cut ("12th of March")

# Letters of Greek, Cyrillic, Hebrew, Arabic and Devanagari; no digits, which a detector would read as such.
_LETTERS = ("\u0370-\u03ff", "\u0400-\u052f", "\u05d0-\u05ea", "\u0620-\u064a\u0671-\u06d3", "\u0904-\u0963")
_BLANK = r"[ \t\n\r]"
_OPENING, _ENDING = r"[(\"'\u201c\u2018]{0,2}", r"[.,;!?)\"'\u201d\u2019\u2026]"
_LOWER, _UPPER = r"[a-z\u00df-\u00f6\u00f8-\u024f]", r"[A-Z\u00c0-\u00d6\u00d8-\u00de\u0100-\u024f]"
_VOWEL = r"(?=[b-df-hj-np-tv-xzB-DF-HJ-NP-TV-XZ]{0,7}[aeiouyAEIOUY\u00c0-\u024f])"
_REST = rf"{_LOWER}{{0,23}}(?:['\u2019\-]{_LOWER}{{1,16}})?"
_OTHER = "|".join(rf"[{script}]{{1,24}}" for script in _LETTERS)
# A quiet word and the blanks behind it. Group 1: small, group 2: with a capital, group 3: punctuation.
_QUIET = re.compile(
    rf"(?<![^ \t\n\r]){_OPENING}(?:({_VOWEL}{_LOWER}{_REST}|{_OTHER})|({_VOWEL}{_UPPER}(?:{_LOWER}{_REST})?))"
    rf"({_ENDING}{{0,3}}){_BLANK}{{1,4}}"
)
_MAY_OPEN = re.compile(r"[<&%\\\uff1c\[]")
_DIGIT = re.compile(r"[0-9]")
_LINK_OPEN = re.compile(r"\[[^\]\n]{0,300}\Z|\]\([^)\n]{0,300}\Z")

_IDEOGRAPH = "\u0e01-\u0e4e\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WEAK = re.compile(
    rf"(?<=[ \t\n\r])(?=[^ \t\n\r])|(?<=[{_IDEOGRAPH}\u3001\u3002])(?=[{_IDEOGRAPH}])|(?<=[\"\]}})],)"
)
_NONCE_RUN = re.compile(
    rf"[{ALPHABET}](?:[{GAP_CLASS}]{{0,4}}[{ALPHABET}]){{{NONCE_LENGTH - 1}}}", re.IGNORECASE
)
_BEFORE_NONCE, _AFTER_NONCE = 104, 56  # characters that the rest of an altered token may take
_NUMBER_BEFORE = re.compile(r"[0-9][0-9./\-() \t]{0,8}\Z")
_NUMBER_AFTER = re.compile(r"[./\-()+]{0,3}[0-9]")
_ENCODED_BEFORE = re.compile(r"[A-Za-z0-9+/=_\-]{40}[ \t\n\r]{0,8}\Z")
_ENCODED_AFTER = re.compile(r"[A-Za-z0-9+/=_\-]{4}")


def literal_prefixes(literals: Sequence[str]) -> re.Pattern[str] | None:
    """Matches the end of a text that may be the beginning of one of the literals, for those of several words."""
    sources = []
    for literal in literals:
        words = [re.escape(word) for word in literal.split()]
        source = ""
        for word in reversed(words[:-1]):
            source = rf"{word}\s+(?:{source})?" if source else rf"{word}\s+"
        if source:
            sources.append(source)
    return re.compile(rf"(?<!\w)(?:{'|'.join(sources)})\Z", re.IGNORECASE) if sources else None


def quiet_cut(text: str, start: int, forbidden: re.Pattern[str] | None) -> tuple[int, int]:
    """The first quiet cut that is known when `text` is, or 0; and where to go on looking when there is more.

    Words that begin before `start` are not looked at: they were when the text was shorter.
    """
    word, joint, after = (
        start,
        -1,
        True,
    )  # the last quiet word, its end, and whether any word may follow a cut
    for match in _QUIET.finditer(text, start):
        here = match.start()
        small, _, ending = match.groups()
        if here == joint and here >= SHORTEST and (after or small):
            blank = match.end(3) + 1  # what is known when the cut is: the word after it, and one blank
            if not _amid(text, word, here, blank, forbidden):
                return here, here
        word, joint, after = here, match.end(), bool(small or ending)
    return 0, max(word, len(text) - REACH)


def _amid(text: str, word: int, cut: int, known: int, forbidden: re.Pattern[str] | None) -> bool:
    """Whether the pair of words at `word` and `cut` may be inside something longer, given `text[:known]`."""
    if _DIGIT.search(text, max(word - _NUMBER_NEAR, 0), word):
        return True
    if forbidden is not None and forbidden.search(text[max(cut - _LOOK, 0) : cut]):
        return True
    return _MAY_OPEN.search(text, 0, known) is not None and _unclosed(text, known)


def _unclosed(text: str, end: int) -> bool:
    """Whether `text[:end]` ends inside what may become a token, a link or an image."""
    known = text[max(end - _LOOK, 0) : end]
    return bool(TOKEN_OPEN.search(known) or _LINK_OPEN.search(known))


def weak_cuts(text: str, earliest: int, latest: int, forbidden: re.Pattern[str] | None) -> list[int]:
    """Places after `earliest` and up to `latest` where text that is no prose may be cut, the last first.

    All of `text` is known, and looked at.
    """
    nonces = [
        (match.start() - _BEFORE_NONCE, match.end() + _AFTER_NONCE)
        for match in _NONCE_RUN.finditer(text, max(earliest - _LOOK, 0))
    ]
    places = [match.start() for match in _WEAK.finditer(text, earliest + 1, latest + 1)]
    return [
        place
        for place in reversed(places)
        if place <= latest
        and not any(start < place < end for start, end in nonces)
        and not _open(text, place, forbidden)
    ]


def _open(text: str, place: int, forbidden: re.Pattern[str] | None) -> bool:
    before = text[max(place - _LOOK, 0) : place]
    if _NUMBER_BEFORE.search(before[-16:]) and _NUMBER_AFTER.match(text, place):
        return True
    if _ENCODED_BEFORE.search(before[-48:]) and _ENCODED_AFTER.match(text, place):
        return True
    if text.rfind("-----BEGIN", 0, place) > text.rfind("-----END", 0, place):
        return True
    if forbidden is not None and forbidden.search(before):
        return True
    return _unclosed(text, place)
