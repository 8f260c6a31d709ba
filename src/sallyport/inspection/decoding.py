"""Encoded pieces of a text, decoded in place if the result is printable.

Base64 (RFC 4648, both alphabets, line breaks allowed), hex, percent (RFC 3986), JSON and C escapes, HTML
character references.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

import re2

from sallyport.inspection.offsets import OffsetMap

# Sixteen letters, one of which is a capital or a digit: long words and paths in small letters are not worth a try.
_BASE64_HINT = b"(?-i)" + b"|".join(
    rb"[A-Za-z0-9+/_-]{%d}[A-Z0-9][A-Za-z0-9+/_-]{%d}" % (before, 15 - before) for before in range(1, 15)
)
# Kind of encoding: the hint for the gate, and the pieces of a text that may be in it.
PIECES = {
    "base64": (_BASE64_HINT, re2.compile(r"[A-Za-z0-9+/_\-]{16,}(?:\r?\n[A-Za-z0-9+/_\-]{4,})*={0,2}")),
    "hex": (rb"(?:[0-9a-f]{2}[ :,]?){8}", re2.compile(r"\b(?:0x)?(?:[0-9A-Fa-f]{2}[ :,]?){7,}[0-9A-Fa-f]{2}\b")),
    "percent": (rb"%[0-9a-f]{2}", re2.compile(r"(?:%[0-9A-Fa-f]{2})+")),
    "escape": (
        rb"\\(?:u[0-9a-f]{4}|x[0-9a-f]{2}|[nrt\"'/\\])",
        re2.compile(r"(?:\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}|\\[nrt\"'/\\])+"),
    ),
    "entity": (
        rb"&(?:#[0-9]{2,7}|#x[0-9a-f]{2,6}|[a-z]{2,8});",
        re2.compile(r"(?:&(?:#[0-9]{2,7}|#[xX][0-9A-Fa-f]{2,6}|[A-Za-z]{2,8});)+"),
    ),
}  # fmt: skip
_NOT_HEX = re.compile(r"[^0-9A-Fa-f]")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "'": "'", "/": "/", "\\": "\\"}
_ONE_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|(.))")


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


def _decode_piece(kind: str, piece: str) -> str | None:
    if kind == "escape":
        return _ONE_ESCAPE.sub(_unescape, piece)
    if kind == "entity":
        return html.unescape(piece)
    if kind == "percent":
        return unquote_to_bytes(piece).decode(errors="replace")
    if kind == "hex":
        return _printable(bytes.fromhex(_NOT_HEX.sub("", piece.removeprefix("0x"))))
    return _printable(_from_base64(piece)) or _line_by_line(piece)


def _line_by_line(piece: str) -> str | None:
    """Base64 lines with an ordinary word below them: the lines that decode are decoded."""
    lines = piece.splitlines()
    decoded = [_printable(_from_base64(line)) for line in lines] if len(lines) > 1 else []
    if not any(decoded):
        return None
    return "\n".join(new or old for new, old in zip(decoded, lines, strict=True))


def _unescape(match: re.Match[str]) -> str:
    code = match.group(1) or match.group(2)
    return chr(int(code, 16)) if code else _ESCAPES[match.group(3)]


def _from_base64(piece: str) -> bytes:
    letters = "".join(piece.split()).rstrip("=").replace("-", "+").replace("_", "/")
    usable = letters[: len(letters) - (len(letters) % 4 == 1)]
    try:
        return base64.b64decode(usable + "=" * (-len(usable) % 4))
    except binascii.Error:
        return b""


def _printable(data: bytes) -> str | None:
    """Text if the bytes read as such: UTF-8 (or UTF-16 as Windows writes it), nearly no control characters."""
    for encoding in ("utf-8", "utf-16-le"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if (
            text
            and text.isascii()
            and sum(c.isprintable() or c in "\r\n\t" for c in text) >= 0.95 * len(text)
        ):
            return text
        if encoding == "utf-8" and text and all(c.isprintable() or c in "\r\n\t" for c in text):
            return text
    return None
