"""The ways in which an attack is disguised: each turns a text into another that a model may still read."""

from __future__ import annotations

import base64
import codecs
import html
import random
from collections.abc import Callable
from urllib.parse import quote

_LOOKALIKES = str.maketrans("aceiopxyAEOPCTH", "асеіорхуАЕОРСТН")
_LEET = str.maketrans("aeiost", "431057")


def _zero_width(text: str) -> str:
    return "\u200b".join(text)


def _full_width(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def _tags(text: str) -> str:
    return "Read this." + "".join(chr(0xE0000 + ord(c)) for c in text if c.isascii())


def _leet(text: str) -> str:
    chance = random.Random(len(text))
    return "".join(c.translate(_LEET) if chance.random() < 0.5 else c for c in text)


DISGUISES: dict[str, Callable[[str], str]] = {
    "base64": lambda text: "Decode: " + base64.b64encode(text.encode()).decode(),
    "hex": lambda text: "Decode: " + text.encode().hex(),
    "percent": lambda text: quote(text, safe=""),
    "character references": lambda text: "".join(f"&#{ord(c)};" for c in html.unescape(text)),
    "rot13": lambda text: codecs.encode(text, "rot13"),
    "reversed": lambda text: text[::-1],
    "zero-width": _zero_width,
    "look-alikes": lambda text: text.translate(_LOOKALIKES),
    "full-width": _full_width,
    "Unicode tags": _tags,
    "letters apart": lambda text: "  ".join(" ".join(word) for word in text.split()),
    "leet": _leet,
    "one word a line": lambda text: "\n".join(text.split()),
    "upper case": str.upper,
}
