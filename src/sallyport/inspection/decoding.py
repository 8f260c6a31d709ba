"""Encoded pieces of a text, decoded in place if the result is printable.

Base64 (RFC 4648, both alphabets, line breaks allowed), base32, hex, percent (RFC 3986), JSON, C and JavaScript escapes,
HTML character references, code points, bytes as decimal, octal or binary numbers; marks of Markdown and HTML inside of
words, which a reader does not see.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import unquote_to_bytes

import re2

from sallyport.inspection.offsets import OffsetMap

# Sixteen letters, one of which is a capital or a digit: long words and paths in small letters are not worth a try.
_BASE64_HINT = b"(?-i)" + b"|".join(
    rb"[A-Za-z0-9+/_-]{%d}[A-Z0-9][A-Za-z0-9+/_-]{%d}" % (before, 15 - before) for before in range(1, 15)
)
# What is not seen between two letters: emphasis, code, a word's break, elements that hold text in a line, comments.
_SIGNS = rb"\*{1,3}|_{2,3}|`|-\r?\n"
_NAMES = rb"</?(?:b|i|u|em|strong|span|font|wbr|sub|sup|mark|small)"
_MARK = _SIGNS + rb"|" + _NAMES + rb"(?: [^<>\n]{0,60})?/?>|<!--[^<>\n]{0,80}-->"
# Kind of encoding: the hint for the gate, and the pieces of a text that may be in it.
PIECES = {
    "base64": (_BASE64_HINT, re2.compile(r"[A-Za-z0-9+/_\-]{16,}(?:\r?\n[A-Za-z0-9+/_\-]{4,})*={0,2}")),
    "hex": (
        rb"(?:(?:0x)?[0-9a-f]{2}[ :,]{0,2}){8}",
        re2.compile(r"\b(?:(?:0x)?[0-9A-Fa-f]{2}[ :,]{0,2}){7,}(?:0x)?[0-9A-Fa-f]{2}\b"),
    ),
    "percent": (rb"%[0-9a-f]{2}", re2.compile(r"(?:%[0-9A-Fa-f]{2})+")),
    "escape": (
        rb"\\(?:u[0-9a-f]{4}|u\{[0-9a-f]{1,6}\}|x[0-9a-f]{2}|[0-7]{3}|[nrt\"'/\\])",
        re2.compile(r"(?:\\u[0-9A-Fa-f]{4}|\\u\{[0-9A-Fa-f]{1,6}\}|\\x[0-9A-Fa-f]{2}|\\[0-7]{3}|\\[nrt\"'/\\])+"),
    ),
    "entity": (
        rb"&(?:#[0-9]{2,7}|#x[0-9a-f]{2,6}|[a-z]{2,8});",
        re2.compile(r"(?:&(?:#[0-9]{2,7}|#[xX][0-9A-Fa-f]{2,6}|[A-Za-z]{2,8});)+"),
    ),
    "numbers": (
        rb"(?:\b[0-9]{2,3}\b[ ,;]{1,2}){8}|(?:[01]{8}[ ,]?){6}",
        re2.compile(r"\b(?:[01]{8}[ ,]?){5,}[01]{8}\b|\b(?:[0-9]{2,3}[ ,;]{1,2}){8,}[0-9]{2,3}\b"),
    ),
    "points": (
        rb"(?:U\+[0-9a-f]{4,6}[ ,;]{0,2}){4}",
        re2.compile(r"(?:[Uu]\+[0-9A-Fa-f]{4,6}[ ,;]{0,2}){3,}[Uu]\+[0-9A-Fa-f]{4,6}"),
    ),
    "base32": (rb"(?-i)[A-Z2-7]{24}", re2.compile(r"\b[A-Z2-7]{24,}={0,6}")),
    "marks": (
        # Short, for streams: elements and comments by how they begin.
        rb"[a-z](?:" + _SIGNS + rb"){1,4}[a-z]|[a-z](?:" + _SIGNS + rb"){0,3}(?:" + _NAMES + rb"[ />]|<!--)",
        re2.compile(r"[A-Za-z](?:(?:" + _MARK.decode() + r"){1,4}[A-Za-z])+"),
    ),
}  # fmt: skip
_MARKS = re.compile(_MARK.decode())
_POINT = re.compile(r"[Uu]\+([0-9A-Fa-f]{4,6})")
_NUMBER = re.compile(r"[0-9]+")
_IN_BYTES = {kind: re2.compile(PIECES[kind][1].pattern.encode()) for kind in ("base64", "hex")}
_NOT_HEX = re.compile(r"[^0-9A-Fa-f]")
_OF_IDS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
_OF_HEX = b"0123456789ABCDEFabcdef"
_SHORTEST = 16  # letters of a piece of either kind
_ONE_ALPHABET = bytes.maketrans(b"-_", b"+/")
_CONTROLS = bytes(c for c in (*range(32), 127) if c not in b"\r\n\t")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "'": "'", "/": "/", "\\": "\\"}
_ONE_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|u\{([0-9A-Fa-f]{1,6})\}|x([0-9A-Fa-f]{2})|([0-7]{3})|(.))")
_LARGEST = 0x10FFFF
_LETTERS = 0.75  # share of letters and blanks from which a row of numbers is taken for a text


def decode(text: str, kinds: Iterable[str]) -> tuple[str, OffsetMap] | None:
    """The text with its pieces in these encodings decoded, and the map back; None if nothing decodes."""
    found = sorted((*match.span(), kind) for kind in kinds for match in PIECES[kind][1].finditer(text))
    pieces: list[str] = []
    offsets = OffsetMap()
    done = 0
    for start, end, kind in found:
        decoded = _decode_piece(kind, text[start:end]) if start >= done else None
        if decoded is None:
            continue
        pieces += (text[done:start], decoded)
        offsets.add(start - done, start - done)
        offsets.add(len(decoded), end - start)
        done = end
    if not pieces:
        return None
    pieces.append(text[done:])
    offsets.add(len(text) - done, len(text) - done)
    return "".join(pieces), offsets


def decodes(data: bytes, kind: str) -> bool:
    """Whether `decode` finds anything in an ASCII text; for `base64` and `hex`, of which most is neither."""
    if not data.translate(None, _OF_IDS):
        return _id_decodes(data, kind)
    for match in _IN_BYTES[kind].finditer(data):
        if _decode_piece(kind, match.group().decode()) is not None:
            return True
    return False


def _id_decodes(data: bytes, kind: str) -> bool:
    """The same for a text of one word, or of several with `-` between them. To base64, all of it is one piece."""
    if kind == "base64":
        return len(data) >= _SHORTEST and _printable(_from_base64(data)) is not None
    for part in data.split(b"-"):
        piece = part.replace(b"0x", b"")
        hexadecimal = len(piece) >= _SHORTEST and len(piece) % 2 == 0 and not piece.translate(None, _OF_HEX)
        if hexadecimal and _printable(bytes.fromhex(piece.decode())) is not None:
            return True
    return False


def _decode_piece(kind: str, piece: str) -> str | None:
    if kind == "escape":
        return _paired(_ONE_ESCAPE.sub(_unescape, piece))
    if kind == "entity":
        return html.unescape(piece)
    if kind == "percent":
        return unquote_to_bytes(piece).decode(errors="replace")
    if kind == "hex":
        digits = _NOT_HEX.sub("", piece.lower().replace("0x", ""))
        return _printable(bytes.fromhex(digits)) if len(digits) % 2 == 0 else None
    if kind in _OTHERS:
        return _OTHERS[kind](piece)
    return _printable(_from_base64(piece.encode())) or _line_by_line(piece)


def _line_by_line(piece: str) -> str | None:
    """Base64 lines with an ordinary word below them: the lines that decode are decoded."""
    lines = piece.splitlines()
    decoded = [_printable(_from_base64(line.encode())) for line in lines] if len(lines) > 1 else []
    if not any(decoded):
        return None
    return "\n".join(new or old for new, old in zip(decoded, lines, strict=True))


def _unescape(match: re.Match[str]) -> str:
    short, long, byte, octal, sign = match.groups()
    if sign:
        return _ESCAPES[sign]
    code = int(octal, 8) if octal else int(short or long or byte, 16)
    return chr(code) if code <= _LARGEST else "\ufffd"


def _from_numbers(piece: str) -> str | None:
    """Bytes as decimal or binary numbers, where nearly all of them are letters: tables are full of small numbers."""
    found = _NUMBER.findall(piece)
    if not all(set(number) <= {"0", "1"} for number in found):
        codes = [int(number) for number in found]
    else:
        digits = "".join(found)
        codes = [int(digits[at : at + 8], 2) for at in range(0, len(digits) - 7, 8)]
    text = "".join([chr(code) if code < 128 else "\0" for code in codes])  # noqa: PLR2004 - ASCII
    letters = sum(c.isalpha() or c == " " for c in text)
    return text if letters >= _LETTERS * len(text) and text.isprintable() else None


def _from_points(piece: str) -> str:
    codes = [int(code, 16) for code in _POINT.findall(piece)]
    return "".join([chr(code) if code <= _LARGEST else "\ufffd" for code in codes])


def _from_base32(piece: str) -> str | None:
    letters = piece.rstrip("=")
    try:
        return _printable(base64.b32decode(letters + "=" * (-len(letters) % 8)))
    except binascii.Error:
        return None


def _without_marks(piece: str) -> str:
    return _MARKS.sub("", piece)


_OTHERS: Mapping[str, Callable[[str], str | None]] = {
    "numbers": _from_numbers,
    "points": _from_points,
    "base32": _from_base32,
    "marks": _without_marks,
}


def _paired(text: str) -> str:
    """Two halves of a character as that character (RFC 8259, 7), one alone as the sign for what cannot be read."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _from_base64(piece: bytes) -> bytes:
    letters = piece.translate(_ONE_ALPHABET, b"\r\n=")
    usable = letters[: len(letters) - (len(letters) % 4 == 1)]
    try:
        return binascii.a2b_base64(usable + b"=" * (-len(usable) % 4))
    except binascii.Error:
        return b""


def _printable(data: bytes) -> str | None:
    """Text if the bytes read as such: UTF-8 (or UTF-16 as Windows writes it), nearly no control characters."""
    if data.isascii():
        if data and _is_text(data):
            return data.decode()
    else:
        text = _in_utf8(data)
        if text is not None:
            return text
    narrow = data[::2]
    if len(data) % 2 == 0 and narrow.isascii() and not data[1::2].strip(b"\0") and _is_text(narrow) and data:
        return narrow.decode()
    return None


def _is_text(data: bytes) -> bool:
    return len(data.translate(None, _CONTROLS)) >= 0.95 * len(data)


def _in_utf8(data: bytes) -> str | None:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    return text if all(c.isprintable() or c in "\r\n\t" for c in text) else None
