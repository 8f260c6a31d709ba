r"""The grammar of mask tokens: what stands for a value in front of a model, and how it is recognised again.

A token is `<CARD_kxqmzrtpbd_1>`: the label of a finding type, the nonce of one conversation, a number, and
from the second written form of the same value on a letter (`_1b`). The nonce has ten letters of nineteen
(42 bits: nobody guesses another conversation's) without vowels and digits, so that it is no word, holds
nothing that a detector takes for an identifier, and survives a change of case.

Models alter what they copy: case, spaces, line breaks, zero-width characters, Markdown (`\_`) and HTML
(`&lt;`) escapes, a lost bracket. An altered token counts only if its nonce is the conversation's own, letter by
letter; the number alone says which value is meant, so the label may be another word, as a translation makes it.
Without its opening bracket the label must be one of the conversation, in one piece.

Text of the *input* that contains the nonce, or that is written like a token, gets a `~` before its nonce,
and one `~` is taken away on the way out. So what somebody typed is never mistaken for a token.

Pure: no clock, no randomness, no I/O. Linear in the length of the text.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

from msgspec import Struct

ALPHABET = "bcdfghjkmnpqrstvwxz"
NONCE_LENGTH = 10
LABEL_LENGTH = 16
ESCAPE = "~"

_ZERO_WIDTH = "\u00ad\u034f\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff"
GAP_CLASS = rf"\s{_ZERO_WIDTH}\\`*"
_GAP = rf"[{GAP_CLASS}]{{0,4}}"
_SEPARATOR = rf"[{GAP_CLASS}_\-\u2010-\u2015]{{1,8}}"
_APART = rf"[{GAP_CLASS}_\-\u2010-\u2015\uff3f:.]{{0,8}}"  # between brackets, where nothing else is meant
OPENING = r"(?:<|&lt;|&#0{0,3}60;|&#x0{0,3}3c;|\\+u003c|\\+x3c|%3c|\uff1c)"
_CLOSING = r"(?:>|&gt;|&#0{0,3}62;|&#x0{0,3}3e;|\\+u003e|\\+x3e|%3e|\uff1e)"

# Written like a token, of whatever conversation. Groups: label, escapes, nonce, number, variant.
TOKEN_LIKE = re.compile(
    rf"<([a-z]{{1,{LABEL_LENGTH}}})_(~*)([{ALPHABET}]{{{NONCE_LENGTH}}})_([0-9]{{1,6}})([b-z]?)>",
    re.IGNORECASE | re.ASCII,
)
# The same, altered, with the label in one piece.
_ALTERED_LIKE = re.compile(
    rf"(?:{OPENING}{_GAP}|(?<![a-z0-9]))[a-z]{{1,{LABEL_LENGTH}}}{_SEPARATOR}"
    rf"[{ALPHABET}](?:{_GAP}[{ALPHABET}]){{{NONCE_LENGTH - 1}}}{_SEPARATOR}"
    rf"(?:[0-9](?:{_GAP}[0-9]){{0,5}}{_GAP}[b-z]?{_GAP}{_CLOSING}|[0-9]{{1,6}}[b-z]?(?![a-z0-9]))",
    re.IGNORECASE,
)
# The start of a token whose nonce has not come yet, at the end of a text.
TOKEN_OPEN = re.compile(rf"{OPENING}(?:{_GAP}[a-z]){{0,{LABEL_LENGTH}}}{_GAP}\Z", re.IGNORECASE)

_GAPS = re.compile(rf"[{GAP_CLASS}]+")
_ASCII_GAPS = b" \t\n\r\v\f\x1c\x1d\x1e\x1f\\`*"
_LOWER = bytes(range(256)).lower()
_NOT_A_LETTER = re.compile(r"[^A-Z]")


class Mention(Struct, frozen=True):
    """A place in a text that names a token of this conversation, or an escaped one (`escapes` > 0)."""

    start: int
    end: int
    label: str = ""  # upper case; "" with number 0 where only the nonce stands there
    number: int = 0
    variant: str = ""
    escapes: int = 0
    nonce_at: int = 0  # where the nonce starts; the escapes stand before it


def label_of(finding_type: str) -> str:
    """The label of a finding type: its letters, upper case, at most sixteen."""
    return _NOT_A_LETTER.sub("", finding_type.upper())[:LABEL_LENGTH] or "DATA"


def nonce_of(random_bytes: bytes) -> str:
    """A nonce from at least 16 random bytes (the bias is below 2**-80)."""
    if len(random_bytes) < 16:  # noqa: PLR2004
        raise ValueError("a nonce needs 16 random bytes")
    number, letters = int.from_bytes(random_bytes, "big"), []
    for _ in range(NONCE_LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[digit])
    return "".join(letters)


def write(label: str, nonce: str, number: int, variant: str = "") -> str:
    """The token's text."""
    return f"<{label}_{nonce}_{number}{variant}>"


def placeholder(finding_type: str) -> str:
    """What stands for a value that nobody gets back."""
    return f"[{label_of(finding_type)}]"


def fold(text: str) -> str:
    """The text without everything that may be slipped between the letters of a token, in lower case."""
    if text.isascii():
        return text.encode().translate(_LOWER, _ASCII_GAPS).decode()
    return _GAPS.sub("", text).lower()


@lru_cache(maxsize=256)
def _altered(nonce: str, labels: tuple[str, ...]) -> re.Pattern[str]:
    """Tokens of one conversation in any altered form, and its bare nonce. Compiled only when one is seen."""
    spread = "|".join(_GAP.join(label) for label in labels) or r"(?!)"
    joined = "|".join(labels) or r"(?!)"
    head = (
        rf"(?:{OPENING}{_GAP}(?:(?P<label>{spread}){_APART}|(?P<other>[^\W\d_]{{1,{LABEL_LENGTH}}}){_SEPARATOR})"
        rf"|(?<![A-Za-z0-9])(?P<word>{joined}){_SEPARATOR})"
    )
    closed = rf"(?P<spread>\d(?:{_GAP}\d){{0,5}}){_GAP}(?P<letter>[b-z]?){_GAP}{_CLOSING}"
    bare = r"(?P<digits>[0-9]{1,6})(?P<variant>[b-z]?)(?![A-Za-z0-9])"
    return re.compile(
        rf"(?:{head})?(?P<escapes>~*)(?P<nonce>{_GAP.join(nonce)})(?:{_APART}{closed}|{_SEPARATOR}{bare})?",
        re.IGNORECASE,
    )


def _like(match: re.Match[str]) -> Mention:
    label, escapes, _, number, variant = match.groups()
    return Mention(
        match.start(), match.end(), label.upper(), int(number), variant.lower(), len(escapes), match.start(3)
    )


def _mention(match: re.Match[str], at: int) -> Mention:
    digits = _GAPS.sub("", match["spread"] or match["digits"] or "")
    label = _GAPS.sub("", match["label"] or match["other"] or match["word"] or "").upper()
    whole = bool(digits and label)
    return Mention(
        match.start() + at,
        match.end() + at,
        label if whole else "",
        int(digits) if whole else 0,
        (match["letter"] or match["variant"] or "").lower(),
        len(match["escapes"]),
        match.start("nonce") + at,
    )


def token_likes(text: str) -> list[tuple[Mention, str]]:
    """Everything written like a token, with its nonce in lower case, in order."""
    if "<" not in text:
        return []
    return [(_like(match), match[3].lower()) for match in TOKEN_LIKE.finditer(text)]


def is_free(text: str, nonce: str) -> bool:
    """Whether nothing in the text is written like a token, nor is `nonce` in it; none at all where it is empty."""
    if "<" in text and TOKEN_LIKE.search(text):
        return False
    return not nonce or nonce not in fold(text)


def altered_likes(text: str) -> list[tuple[int, int]]:
    """Places of everything written more or less like a token, of whatever conversation. For short texts."""
    return [match.span() for match in _ALTERED_LIKE.finditer(text)]


def mentions(text: str, nonce: str, labels: tuple[str, ...]) -> list[Mention]:
    """Every place where this conversation's nonce stands, and escaped look-alikes of others, in order.

    A mention with a label, a number and no escapes is a token, exact or altered. Others are text.
    """
    likes = token_likes(text)
    own = sum(1 for _, its in likes if its == nonce)
    found = [mention for mention, its in likes if its == nonce or mention.escapes]
    if fold(text).count(nonce) <= own:
        return found
    pattern, at = _altered(nonce, labels), 0
    altered: list[Mention] = []
    for mention in [*found, Mention(len(text), len(text))]:
        altered += (_mention(match, at) for match in pattern.finditer(text[at : mention.start]))
        at = mention.end
    return sorted([*found, *altered], key=lambda mention: mention.start)


def escape(text: str, nonce: str) -> str:
    """Put one `~` before each nonce of this conversation, and into everything written like a token."""
    places = {mention.nonce_at for mention, _ in token_likes(text)}
    if nonce in fold(text):
        places |= {mention.nonce_at for mention in mentions(text, nonce, ())}
    cuts = [0, *sorted(places), len(text)]
    return ESCAPE.join(text[start:end] for start, end in pairwise(cuts))
