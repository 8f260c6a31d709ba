"""The language in which the rules on instructions are written, and their evaluation.

A rule is a row of data: tokens separated by blanks.

    <name>      one of the phrases of the lexicon under that name
    (a|b_c)     one of these phrases; `_` is a blank in a phrase
    word        that word;  `stem*` any word that begins so
    ~n          up to n words in between

Between tokens there may be anything but letters, digits, `?` and `!`. A raw rule gives an RE2 expression
and its hints itself. From the tokens follow the hints for the gate: a rule is tried only on texts in which its
one or two most telling tokens occur. Everything is linear in the text (RE2). Scores of one text and type combine as 1 - prod(1 - weight).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property

import re2
from msgspec import Struct

from sallyport.inspection.english import frequency
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
    """One row. `pattern` in the language above, or `raw` (RE2) with its `hints`."""

    id: str
    type: str
    weight: float
    pattern: str = ""
    raw: str = ""
    hints: tuple[str, ...] = ()  # of a raw rule: Hyperscan expressions one of which every match contains
    channels: tuple[Channel, ...] = ALL_CHANNELS
    output: bool = False  # also applied to what the model answers
    input: bool = True  # applied to what a caller sends
    ascii: bool = (
        False  # no sign of it is beyond ASCII: then its expression, read byte by byte, is a tenth of the size
    )
    unless: str = ""  # RE2: a match that holds this does not count ("my previous order")


class Match(Struct, frozen=True):
    """A rule that matched at [start, end) bytes of the scanned bytes."""

    rule: Rule
    start: int
    end: int


_SEPARATOR = r"[^\w?!]+"
_INNER = r"[^\w?!]{1,4}"  # within a phrase
_LOOSE_WEIGHT = 0.8  # the rules that are also applied to texts without blanks
_ROOM = 33_554_432  # bytes that the states of a large expression may take
_GATES = 2  # tokens of a rule that are looked for by the gate
_EVERYDAY = 8  # a word this frequent does not stand for its phrase
_TOO_EVERYDAY = 100
_TOKEN = re.compile(r"<[^>]+>|\S+")
_NOT_WORD = re.compile(r"[^\w]+")
_Groups = tuple[tuple[tuple[str, ...], int], ...]  # phrases, and how many words may stand before them


class Compiled:
    """A rule: its gates (bits of which one each must occur) and its expressions.

    An expression is compiled when a text first calls for its rule (half a millisecond): most never are, and all
    together they take 15 MB.
    """

    def __init__(self, rule: Rule, lexicon: Mapping[str, tuple[str, ...]], gate: GateBuilder) -> None:
        self.rule = rule
        self._groups = () if rule.raw else _groups(rule.pattern, lexicon)
        self.gates = [gate.any_of(rule.hints)] if rule.raw else _gates(self._groups, gate)

    def search(self, data: bytes, *, loose: bool) -> Match | None:
        """The first match in `data`. `loose` is for texts that have lost their blanks."""
        expression = self.loose if loose else self.expression
        if expression is None:
            return None
        if not self.rule.unless:
            found = expression.search(data)
        else:
            matches, unless = expression.finditer(data), self.unless
            found = next((m for m in matches if not unless.search(m.group())), None)
        return Match(self.rule, *found.span()) if found else None

    def matches(self, data: bytes) -> list[Match]:
        """All matches in `data`, in order, without overlap."""
        return [
            Match(self.rule, *found.span())
            for found in self.expression.finditer(data)
            if not (self.rule.unless and self.unless.search(found.group()))
        ]

    @cached_property
    def expression(self) -> re2._Regexp:
        """What is looked for. Raises `re2.error` for a rule that is none."""
        options = re2.Options()
        if self.rule.ascii:
            options.encoding, options.max_mem = re2.Options.Encoding.LATIN1, _ROOM
        source = self.rule.raw or "(?i)" + _source(self._groups, loose=False)
        return re2.compile(source.encode(), options=options)

    @cached_property
    def loose(self) -> re2._Regexp | None:
        """The same for texts without blanks; None where the rule is too weak for that."""
        if self.rule.raw or self.rule.weight < _LOOSE_WEIGHT or not self.rule.id.startswith("en-"):
            return None
        return re2.compile(b"(?i)" + _source(self._groups, loose=True).encode())

    @cached_property
    def unless(self) -> re2._Regexp:
        """A match that holds this does not count."""
        return re2.compile(self.rule.unless.encode())


def _groups(pattern: str, lexicon: Mapping[str, tuple[str, ...]]) -> _Groups:
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
    return tuple(groups)


def _gates(groups: _Groups, gate: GateBuilder) -> list[int]:
    """The gate's bits of the one or two tokens that say most: those with the rarest words."""
    ranked = sorted(groups, key=lambda group: sum(_telling(phrase)[1] for phrase in group[0]))
    everyday = [sum(_telling(phrase)[1] for phrase in phrases) > _TOO_EVERYDAY for phrases, _ in ranked]
    kept = [group for group, often in zip(ranked[:_GATES], everyday, strict=False) if not often] or ranked[:1]
    gates = []
    for phrases, _ in kept:
        bits = 0
        for phrase in phrases:
            bits |= _telling(phrase)[0](gate)
        gates.append(bits)
    return gates


def _telling(phrase: str) -> tuple[Callable[[GateBuilder], int], int]:
    """What the gate should look for to see a phrase, and how often that is in everyday text."""
    words = _NOT_WORD.split(phrase.rstrip("*"))
    open_end = phrase.endswith("*")
    word = min(words, key=lambda w: (frequency(w), -len(w)))
    often = frequency(word)
    if often > _EVERYDAY and len(words) > 1:
        source = _INNER.join(words) + ("" if open_end else r"\b")
        return lambda gate: gate.any_of([rf"\b{source}"]), _EVERYDAY
    return lambda gate: gate.word(word, open_end=open_end and word == words[-1]), often


def _source(groups: _Groups, *, loose: bool) -> str:
    pieces: list[str] = []
    for number, (phrases, gap) in enumerate(groups):
        if number and loose:
            pieces.append(rf"[0-9A-Za-z ,.]{{0,{9 * gap + 2}}}")
        elif number:
            pieces.append(rf"(?:{_SEPARATOR}\w+){{0,{gap}}}{_SEPARATOR}" if gap else _SEPARATOR)
        pieces.append(_alternatives(phrases, loose=loose))
    return "".join(pieces)


def _alternatives(phrases: Iterable[str], *, loose: bool) -> str:
    blank = r"[ ,.]*" if loose else _INNER
    sources = [
        blank.join(map(re.escape, _NOT_WORD.split(phrase.rstrip("*"))))
        + (r"\w*" if phrase.endswith("*") and not loose else "")
        for phrase in phrases
    ]
    joined = "|".join(sources)
    return f"(?:{joined})" if loose else rf"\b(?:{joined})\b"


_NONE: frozenset[int] = frozenset()


class Selection:
    """Some of the rules, and which of them a gate's bits call for."""

    def __init__(self, rules: Iterable[Compiled]) -> None:
        self._rules = list(rules)
        self.mask = 0  # the bits of each rule's rarer gate
        self._all = 0
        rarer: dict[int, set[int]] = {}  # place of a bit: numbers of the rules whose rarer gate has it
        other: dict[int, set[int]] = {}
        for number, compiled in enumerate(self._rules):
            anchor = min(compiled.gates, key=int.bit_count)
            rest = next((bits for bits in compiled.gates if bits is not anchor), anchor)
            self.mask |= anchor
            self._all |= anchor | rest
            for bits, table in ((anchor, rarer), (rest, other)):
                for place in _places(bits):
                    table.setdefault(place, set()).add(number)
        self._rarer = {place: frozenset(numbers) for place, numbers in rarer.items()}
        self._other = {place: frozenset(numbers) for place, numbers in other.items()}

    def candidates(self, hits: int, found: Iterable[int] | None = None) -> list[Compiled]:
        """The rules that may match a text with these bits, in order. `found` are the places of the same bits."""
        if not hits & self.mask:
            return []
        places = list(_places(hits & self._all)) if found is None else found
        rarer = _NONE.union(*[self._rarer[place] for place in places if place in self._rarer])
        numbers = rarer.intersection(
            _NONE.union(*[self._other[place] for place in places if place in self._other])
        )
        return [self._rules[number] for number in sorted(numbers)]


class RuleSet:
    """All rules, and those that apply to a channel and direction."""

    def __init__(
        self, rules: Iterable[Rule], lexicon: Mapping[str, tuple[str, ...]], gate: GateBuilder
    ) -> None:
        self._rules = [Compiled(rule, lexicon, gate) for rule in rules]
        self._applying = {
            (channel, output): Selection(
                compiled
                for compiled in self._rules
                if channel in compiled.rule.channels
                and (compiled.rule.output if output else compiled.rule.input)
            )
            for channel in ALL_CHANNELS
            for output in (False, True)
        }
        self.candidates = Selection(self._rules).candidates
        self.output_mask = 0  # the gates' bits of the rules on answers
        for compiled in self._rules:
            for bits in compiled.gates if compiled.rule.output else ():
                self.output_mask |= bits

    def applying(self, channel: Channel, *, output: bool) -> Selection:
        """The rules for this channel, in what a caller sent or in what a model answered."""
        return self._applying[channel, output]


def _places(bits: int) -> Iterator[int]:
    """The places of the single bits in a set of bits."""
    while bits:
        bit = bits & -bits
        yield bit.bit_length() - 1
        bits ^= bit
