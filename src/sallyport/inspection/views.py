"""The ways in which a text may be read: the views that rules and patterns are applied to.

A view knows where each of its pieces comes from, so that a finding has a span in the leaf's own text. Plain
ASCII without a hint of an encoding has no views. Bounds: two steps deep, `MAX_VIEWS` per text, and no view
is longer than its source (NFKD expansion apart).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator

from sallyport.inspection import decoding, english
from sallyport.inspection.fold import fold
from sallyport.inspection.gate import GateBuilder
from sallyport.inspection.likeness import likeness
from sallyport.inspection.offsets import OffsetMap

MAX_VIEWS = 12
MAX_DEPTH = 2
BETWEEN = b"\n\x00\n"  # no pattern matches across
_LEET = str.maketrans("013457@$!|", "oieastasil")
_LEET_BYTES = bytes.maketrans(b"013457@$!|", b"oieastasil")
_WORD = re.compile(r"[^\W\d_]+")
_PART = re.compile(r"[^.:;!?\n]{16,}")
_ENGLISH, _BETTER = 5.4, 0.3  # of `likeness`: from here on a reading is worth its time
_SPACED = re.compile(r"(?<![^\W_])[^\W_](?:[ ._\-*|~]{1,3}[^\W_]){4,}(?![^\W_])")
_WIDE_GAP = re.compile(r"[^\w]{2,3}|_{2,3}")
_LETTER_OR_GAP = re.compile(r"[^\W_]|[\W_]{1,3}")


_MISSPELT = re.compile(
    rf"\b(?:{'|'.join(sorted(english.MISSPELT, key=lambda w: (-len(w), w)))})\b", re.IGNORECASE
)
_MISSPELT_HINTS = [rf"\b{wrong}\b".encode() for wrong in english.MISSPELT]


class View:
    """One reading of a text. `kind` says which; `locate` translates spans to the original text."""

    __slots__ = ("_offsets", "_parent", "_reverse", "depth", "kind", "text")

    def __init__(
        self, text: str, kind: str, parent: View | None, offsets: OffsetMap | None, *, reverse: bool = False
    ) -> None:
        self.text, self.kind = text, kind
        self._parent, self._offsets, self._reverse = parent, offsets, reverse
        self.depth: int = parent.depth + 1 if parent else 0

    def locate(self, start: int, end: int) -> tuple[int, int]:
        """The span of the original text that this view's [start, end) stands for."""
        if self._reverse:
            start, end = len(self.text) - end, len(self.text) - start
        if self._offsets is not None:
            start, end = self._offsets.start(start), self._offsets.end(end)
        return self._parent.locate(start, end) if self._parent else (start, end)


class ViewGate:
    """The bits of the gate that hint at an encoding, and the views they call for."""

    def __init__(self, gate: GateBuilder) -> None:
        words = _hidden(gate, english.ROT13, english.ROT13_INSIDE)
        reversed_words = _hidden(gate, english.REVERSED, english.REVERSED_INSIDE)
        self._encodings = {kind: gate.any_of([hint.decode()]) for kind, (hint, _) in decoding.PIECES.items()}
        decoded = 0
        for bit in self._encodings.values():
            decoded |= bit
        self._leet = _bits(gate, [rb"[a-z][013457@$!|][a-z]", rb"\b[013457@$!|][a-z]{3}"])
        self._makers: tuple[tuple[int, Callable[[View, int], View | None]], ...] = (
            (decoded, self._decoded),
            (words, _rot13),
            (reversed_words, _reversed),
            (reversed_words, _words_reversed),
            (self._leet, _leet),
            (_bits(gate, [rb"(?:\b[a-z0-9][ ._\-*|~]{1,3}){5}"]), _despaced),
            (_bits(gate, _MISSPELT_HINTS), _respelt),
        )
        self.mask = 0
        for bits, _ in self._makers:
            self.mask |= bits
        self._base64, self._hex = self._encodings["base64"], self._encodings["hex"]
        self._heavy = self.mask & ~(self._leet | self._base64 | self._hex)

    def few(self, data: bytes, hits: int, scan: Callable[[bytes], int]) -> tuple[bytes, int] | None:
        """An ASCII text and its views, one after the other, where digits for letters are all there is to undo.

        None where it may be more. That is less work than `views` for ids, digests and names: they look encoded, and
        hardly ever are. `scan` is the gate on bytes, `hits` its bits for the text, or more than those; the bits of
        all that is returned come with it.
        """
        if hits & self._heavy or self._decodes(data, hits):
            return None
        plain = data.translate(_LEET_BYTES) if hits & self._leet else data
        if plain == data:
            return data, hits
        seen = scan(plain)
        if seen & self._heavy or self._decodes(plain, seen):
            return None
        return data + BETWEEN + plain, hits | seen

    def _decodes(self, data: bytes, hits: int) -> bool:
        return (hits & self._base64 != 0 and decoding.decodes(data, "base64")) or (
            hits & self._hex != 0 and decoding.decodes(data, "hex")
        )

    def views(self, text: str, scan: Callable[[str], int], hits: int) -> Iterator[tuple[View, int]]:
        """All views of a text but the text itself, each with the gate's bits for it.

        `scan` is the gate on a string, `hits` its bits for `text`.
        """
        queue = [(View(text, "raw", None, None), hits)]
        seen = {text}
        while queue and len(seen) <= MAX_VIEWS:
            parent, bits = queue.pop(0)
            for view in self._next(parent, bits):
                if view.text in seen or not view.text:
                    continue
                seen.add(view.text)
                found = scan(view.text)
                yield view, found
                if view.depth < MAX_DEPTH:
                    queue.append((view, found))

    def _next(self, parent: View, bits: int) -> Iterator[View]:
        if not parent.text.isascii():
            folded, offsets = fold(parent.text)
            yield View(folded, "folded", parent, offsets)
        for mask, make in self._makers:
            if bits & mask:
                view = make(parent, bits)
                if view is not None:
                    yield view

    def _decoded(self, parent: View, bits: int) -> View | None:
        kinds = [kind for kind, bit in self._encodings.items() if bits & bit]
        decoded = decoding.decode(parent.text, kinds)
        return View(decoded[0], "decoded", parent, decoded[1]) if decoded else None


def _bits(gate: GateBuilder, expressions: list[bytes]) -> int:
    bits = 0
    for expression in expressions:
        bits |= gate.expression(expression)
    return bits


def _hidden(gate: GateBuilder, words: tuple[str, ...], inside: tuple[str, ...]) -> int:
    bits = gate.literals(inside)
    for word in words:
        bits |= gate.word(word)
    return bits


def _rot13(parent: View, _bits: int) -> View | None:
    text = codecs.encode(parent.text, "rot13")
    return View(text, "rot13", parent, None) if _reads_better(_parts(text), _parts(parent.text)) else None


def _reversed(parent: View, _bits: int) -> View | None:
    text = parent.text[::-1]
    whole, *parts = _parts(text)
    better = _reads_better([whole, *reversed(parts)], _parts(parent.text))
    return View(text, "reversed", parent, None, reverse=True) if better else None


def _words_reversed(parent: View, _bits: int) -> View | None:
    """Each word by itself, in its place; edges of words stay, so that offsets do."""
    text = _WORD.sub(lambda match: match.group()[::-1], parent.text)
    better = _reads_better(_parts(text), _parts(parent.text))
    return View(text, "words reversed", parent, None) if better else None


def _parts(text: str) -> list[str]:
    """A text, and the lines and sentences that it may be only a hidden one of."""
    return [text, *_PART.findall(text)]


def _reads_better(parts: list[str], than: list[str]) -> bool:
    """Whether any part reads like English, and much more so than it did."""
    for part, other in zip(parts, than, strict=True):
        now = likeness(part)
        if now > _ENGLISH and now > likeness(other) + _BETTER:
            return True
    return False


def _respelt(parent: View, _bits: int) -> View | None:
    """The words that instructions are made of, spelt as they should be."""
    pieces: list[str] = []
    offsets = OffsetMap()
    done = 0
    for match in _MISSPELT.finditer(parent.text):
        start, end = match.span()
        right = english.MISSPELT[match.group().lower()]
        pieces += (parent.text[done:start], right)
        offsets.add(start - done, start - done)
        offsets.add(len(right), end - start)
        done = end
    if not done:
        return None
    pieces.append(parent.text[done:])
    offsets.add(len(parent.text) - done, len(parent.text) - done)
    return View("".join(pieces), "respelt", parent, offsets)


def _leet(parent: View, _bits: int) -> View | None:
    return View(parent.text.translate(_LEET), "leet", parent, None)


def _despaced(parent: View, _bits: int) -> View | None:
    """Letters set apart are moved together; wider gaps between them, if there are any, part the words."""
    pieces: list[str] = []
    offsets = OffsetMap()
    done = 0
    parted = True
    for match in _SPACED.finditer(parent.text):
        start, end = match.span()
        pieces.append(parent.text[done:start])
        offsets.add(start - done, start - done)
        gaps = _WIDE_GAP.search(match.group()) is not None
        parted = parted and gaps
        for piece in _LETTER_OR_GAP.finditer(match.group()):
            kept = (
                piece.group() if piece.group().isalnum() else " " if gaps and len(piece.group()) > 1 else ""
            )
            pieces.append(kept)
            offsets.add(len(kept), piece.end() - piece.start())
        done = end
    if not done:
        return None
    pieces.append(parent.text[done:])
    offsets.add(len(parent.text) - done, len(parent.text) - done)
    return View("".join(pieces), "respaced" if parted else "despaced", parent, offsets)
