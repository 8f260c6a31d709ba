"""The language in which the rules on instructions are written, and their evaluation.

A rule is a row of data: tokens separated by blanks.

    <name>      one of the phrases of the lexicon under that name
    (a|b_c)     one of these phrases; `_` is a blank in a phrase
    word        that word;  `stem*` any word that begins so
    ~n          up to n words in between

Between tokens there may be anything but letters, digits, `?` and `!`. A raw rule gives an RE2 expression
and its gating literals itself. From the tokens follow the literals: a rule is tried only on texts in
which each of its tokens occurs. Everything is linear in the text (RE2). Scores of one text and type combine as 1 - prod(1 - weight).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import re2
from msgspec import Struct

from sallyport.inspection.gate import GateBuilder
from sallyport.model import Channel

ALL_CHANNELS: tuple[Channel, ...] = (
    "system",
    "user",
    "assistant",
    "tool_definition",
    "tool_arguments",
    "tool_result",
    "document",
    "other",
)
DATA_CHANNELS: tuple[Channel, ...] = ("tool_definition", "tool_result", "document", "other")


class Rule(Struct, frozen=True, kw_only=True):
    """One row. `pattern` in the language above, or `raw` with `literals` (any of which must occur)."""

    id: str
    type: str
    weight: float
    pattern: str = ""
    raw: str = ""
    literals: tuple[str, ...] = ()
    channels: tuple[Channel, ...] = ALL_CHANNELS
    output: bool = False  # also applied to what the model answers


class Match(Struct, frozen=True):
    """A rule that matched at [start, end) bytes of the scanned bytes."""

    rule: Rule
    start: int
    end: int


_SEPARATOR = r"[^\w?!]+"
_TOKEN = re.compile(r"<[^>]+>|\S+")
_NOT_WORD = re.compile(r"[^\w]+")


class Compiled:
    """A rule ready to run: its gates (bits of which one each must occur) and its expressions."""

    __slots__ = ("_loose", "expression", "gates", "loose_source", "rule")

    def __init__(self, rule: Rule, lexicon: Mapping[str, tuple[str, ...]], gate: GateBuilder) -> None:
        self.rule = rule
        self._loose: re2._Regexp | None = None
        if rule.raw:
            self.gates = [gate.literals(rule.literals)]
            self.loose_source = ""
            self.expression = re2.compile(rule.raw.encode())
            return
        groups = _groups(rule.pattern, lexicon)
        self.gates = [_bits(phrases, gate) for phrases, _ in groups]
        self.loose_source = _source(groups, loose=True)
        self.expression = re2.compile(b"(?i)" + _source(groups, loose=False).encode())

    def search(self, data: bytes, *, loose: bool) -> Match | None:
        """The first match in `data`. `loose` is for texts that have lost their blanks."""
        if not loose:
            expression = self.expression
        elif not self.loose_source:
            return None
        else:
            if self._loose is None:
                self._loose = re2.compile(b"(?i)" + self.loose_source.encode())
            expression = self._loose
        found = expression.search(data)
        return Match(self.rule, *found.span()) if found else None


def _groups(pattern: str, lexicon: Mapping[str, tuple[str, ...]]) -> list[tuple[tuple[str, ...], int]]:
    """The tokens of a pattern: their phrases, and how many words may stand before each."""
    groups: list[tuple[tuple[str, ...], int]] = []
    gap = 0
    for token in _TOKEN.findall(pattern):
        if token.startswith("~"):
            gap = int(token[1:])
            continue
        if token.startswith("<"):
            phrases = lexicon[token.strip("<>").replace("_", " ")]
        else:
            phrases = tuple(token.strip("()").replace("_", " ").split("|"))
        groups.append((phrases, gap))
        gap = 0
    return groups


def _bits(phrases: Iterable[str], gate: GateBuilder) -> int:
    """The gate's bits for the longest word of each phrase."""
    bits = 0
    for phrase in phrases:
        word = max(_NOT_WORD.split(phrase.rstrip("*")), key=len)
        ending = "" if phrase.endswith("*") else r"\b"
        bits |= gate.expression(rf"\b{word}{ending}".encode())
    return bits


def _source(groups: list[tuple[tuple[str, ...], int]], *, loose: bool) -> str:
    pieces: list[str] = []
    for number, (phrases, gap) in enumerate(groups):
        if number and loose:
            pieces.append(rf"[^?!]{{0,{9 * gap + 2}}}")
        elif number:
            pieces.append(rf"(?:{_SEPARATOR}\w+){{0,{gap}}}{_SEPARATOR}" if gap else _SEPARATOR)
        pieces.append(_alternatives(phrases, loose=loose))
    return "".join(pieces)


def _alternatives(phrases: Iterable[str], *, loose: bool) -> str:
    blank = r"[^\w?!]*" if loose else _SEPARATOR
    sources = [
        blank.join(map(re.escape, _NOT_WORD.split(phrase.rstrip("*"))))
        + (r"\w*" if phrase.endswith("*") and not loose else "")
        for phrase in phrases
    ]
    joined = "|".join(sources)
    return f"(?:{joined})" if loose else rf"\b(?:{joined})\b"


class RuleSet:
    """All rules, and which of them a gate's bits call for."""

    def __init__(
        self, rules: Iterable[Rule], lexicon: Mapping[str, tuple[str, ...]], gate: GateBuilder
    ) -> None:
        self._rules = [Compiled(rule, lexicon, gate) for rule in rules]
        self._by_anchor: list[tuple[int, list[Compiled]]] = []
        anchors: dict[int, list[Compiled]] = {}
        for compiled in self._rules:
            anchors.setdefault(min(compiled.gates, key=int.bit_count), []).append(compiled)
        self._by_anchor = list(anchors.items())
        self.mask = 0
        for anchor in anchors:
            self.mask |= anchor

    def candidates(self, hits: int) -> list[Compiled]:
        """The rules all of whose tokens may occur, given the gate's bits."""
        if not hits & self.mask:
            return []
        return [
            compiled
            for anchor, group in self._by_anchor
            if hits & anchor
            for compiled in group
            if all(hits & bits for bits in compiled.gates)
        ]
