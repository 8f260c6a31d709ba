"""The vault of a conversation: which token stands for which value, and who gets the value back.

Decides nothing about who may see what (`may_see` says it per finding type), and writes nothing down: the
values are handed out once, for sealing. The vault of one principal is never reachable by another: the key is
both, and a token counts only with the vault's own nonce.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import re2
from msgspec import Struct

from sallyport.errors import DetectorFault, Fault
from sallyport.inspection import tokens
from sallyport.inspection.spans import byte_to_character
from sallyport.model import Finding

MaySee = Callable[[str], bool]  # finding type -> may this reader have the value
WORDS = frozenset({"person", "street_address", "organisation", "location", "date"})
_SEPARATED = re.compile(r"\+?[0-9A-Za-z](?:[ \-./()\u00a0]*[0-9A-Za-z])*", re.ASCII)
_SEPARATORS = re.compile(r"[ \-./()\u00a0]+")
_REPEATED = 4  # shorter values are masked where they were found, not wherever they occur
_MANY = 8  # values of one text beyond which they are looked for together
_EXPRESSION_BYTES = 67_108_864
_VARIANTS = "bcdefghijklmnopqrstuvwxyz"


class Span(Struct, frozen=True, order=True):
    """A part of a text that is masked, with the types of all findings that are in it, most telling first."""

    start: int
    end: int
    types: tuple[str, ...]


class Entry(Struct, frozen=True):
    """A value as it was written, and its types. It is restored only for a reader who may see all of them."""

    token: str
    types: tuple[str, ...]
    value: str

    def __repr__(self) -> str:
        """Without the value."""
        return f"Entry({self.token})"


def spans_of(text: str, findings: Sequence[Finding]) -> list[Span]:
    """The parts to mask, without overlap, in order.

    Each further occurrence of a found value is a part too. Parts that overlap become one, so that no
    character of either remains; it bears the type of the longest, then the leftmost.
    """
    found = {
        Span(f.start, f.end, (f.type,))
        for f in findings
        if f.action == "mask" and 0 <= f.start < f.end <= len(text)
    }
    values = {text[s.start : s.end]: s.types for s in sorted(found) if s.end - s.start >= _REPEATED}
    if len(values) > _MANY:
        found.update(_occurrences_of_many(text, values))
    else:
        for value, types in values.items():
            if text.count(value) > 1:
                found.update(Span(at, at + len(value), types) for at in _occurrences(text, value, types))
    return _joined(found)


def _occurrences_of_many(text: str, values: Mapping[str, tuple[str, ...]]) -> Iterator[Span]:
    """Where any of many values stands, in one pass. Nothing is looked for within an occurrence."""
    by_bytes = {value.encode(errors="replace"): types for value, types in values.items()}
    options = re2.Options()
    options.longest_match, options.max_mem = True, _EXPRESSION_BYTES
    expression = re2.compile(b"|".join(map(re2.escape, by_bytes)), options=options)
    data = text.encode(errors="replace")
    matches = [match.span() for match in expression.finditer(data)]
    place = byte_to_character(data, [offset for span in matches for offset in span])
    for start, end in matches:
        types = by_bytes[data[start:end]]
        if not _is_word(types) or _stands_alone(text, place[start], place[end]):
            yield Span(place[start], place[end], types)


def _occurrences(text: str, value: str, types: tuple[str, ...]) -> Iterator[int]:
    word = _is_word(types)
    at = text.find(value)
    while at >= 0:
        if not word or _stands_alone(text, at, at + len(value)):
            yield at
        at = text.find(value, at + 1)


def _is_word(types: tuple[str, ...]) -> bool:
    """Whether a value of these types is made of words: "Mark" is then not looked for in "Market"."""
    return types[0] in WORDS


def _stands_alone(text: str, start: int, end: int) -> bool:
    return not (text[start - 1 : start].isalnum() or text[end : end + 1].isalnum())


def _joined(spans: Iterable[Span]) -> list[Span]:
    groups: list[list[Span]] = []
    end = 0
    for span in sorted(spans, key=lambda s: (s.start, -s.end, s.types)):
        if groups and span.start < end:
            groups[-1].append(span)
        else:
            groups.append([span])
        end = max(end, span.end)
    return [_union(group) if len(group) > 1 else group[0] for group in groups]


def _union(group: list[Span]) -> Span:
    by_length = sorted(group, key=lambda s: s.start - s.end)
    types = tuple(dict.fromkeys(kind for s in by_length for kind in s.types))
    return Span(group[0].start, max(s.end for s in group), types)


def identity_of(value: str) -> str:
    """What two written forms of one value have in common: numbers without separators, addresses in lower case."""
    digits = sum(c.isdigit() for c in value)
    if 2 * digits >= len(value) - value.count(" ") and _SEPARATED.fullmatch(value):
        return _SEPARATORS.sub("", value).upper()
    return value.lower() if value.count("@") == 1 else value


def words_of(value: str) -> str:
    """What two written forms of one name have in common: neither case nor spacing counts."""
    return " ".join(value.casefold().split())


class Vault:
    """The tokens of one conversation of one principal. Bounded: a fault `conversation_full` when over.

    A nonce may also be given as what draws it: that is done when it is first used. Until then nobody can have
    typed it, and nothing is looked for it.
    """

    def __init__(
        self,
        nonce: str | Callable[[], str],
        *,
        max_entries: int = 4096,
        max_bytes: int = 1_048_576,
        grown: Callable[[Vault, int], None] = lambda _vault, _size: None,
    ) -> None:
        self._nonce, self._draw = (nonce, str) if isinstance(nonce, str) else ("", nonce)
        self.bytes = 0
        self._max_entries, self._max_bytes, self._grown = max_entries, max_bytes, grown
        self._entries: dict[tuple[int, str], Entry] = {}  # by number and variant
        self._written: dict[tuple[tuple[str, ...], str], str] = {}  # types and written value -> token
        self._numbers: dict[tuple[tuple[str, ...], str], list[int]] = {}  # identity -> number, written forms
        self._labels: tuple[str, ...] = ()
        self._last = 0  # number of the newest token

    def __repr__(self) -> str:
        """Without values."""
        return f"Vault({len(self._entries)} entries)"

    @property
    def nonce(self) -> str:
        """The nonce of the conversation."""
        if not self._nonce:
            self._nonce = self._draw()
        return self._nonce

    @property
    def is_empty(self) -> bool:
        """Whether it holds no value."""
        return not self._entries

    def is_free(self, text: str) -> bool:
        """Whether neither `mask` without findings nor `unmask` would change the text, or any part of it."""
        return tokens.is_free(text, self._nonce)

    def mask(self, text: str, findings: Sequence[Finding]) -> str:
        """Replace each finding whose action is `mask` by a token. `unmask` gives the very same text back.

        Raises `DetectorFault` if it would not, and a fault `conversation_full` where a bound is reached.
        """
        if not findings and self.is_free(text):
            return text
        if len({text[f.start : f.end] for f in findings if f.action == "mask"}) > self._max_entries:
            raise Fault("the text holds more values than a conversation may", code="conversation_full")
        parts: list[str] = []
        at = 0
        for span in spans_of(text, findings):
            parts.append(tokens.escape(text[at : span.start], self.nonce))
            parts.append(self._token(span.types, text[span.start : span.end]))
            at = span.end
        masked = "".join((*parts, tokens.escape(text[at:], self.nonce)))
        if masked != text and self.unmask(masked, lambda _: True) != text:
            raise DetectorFault("masking would not be reversible")
        return masked

    def unmask(self, text: str, may_see: MaySee, write: Callable[[str], str] | None = None) -> str:
        """Put values in the place of this conversation's tokens, where the reader may see their types.

        `write` spells a value for its surroundings (JSON escapes); None writes it as it is. Tokens of other
        conversations, of numbers that were never given, and of types that may not be seen stay as they are.
        """
        if self.is_free(text):
            return text
        parts: list[str] = []
        at = 0
        for mention in tokens.mentions(text, self.nonce, self._labels):
            piece = self._piece(mention, may_see)
            if piece is None:
                continue
            start, end, value = piece
            parts += (text[at:start], write(value) if write and value else value)
            at = end
        if not parts:
            return text
        return "".join((*parts, text[at:]))

    def values(self) -> Mapping[str, tuple[str, str]]:
        """Token -> (types joined by "+", value as written), for sealing."""
        return {e.token: ("+".join(e.types), e.value) for e in self._entries.values()}

    def _piece(self, mention: tokens.Mention, may_see: MaySee) -> tuple[int, int, str] | None:
        if mention.escapes:
            return mention.nonce_at - 1, mention.nonce_at, ""
        entry = self._entries.get((mention.number, mention.variant))
        if entry is None or not mention.label:
            return None
        if mention.label != tokens.label_of(entry.types[0]) and mention.label in self._labels:
            return None
        if not all(map(may_see, entry.types)):
            return None
        return mention.start, mention.end, entry.value

    def _token(self, types: tuple[str, ...], value: str) -> str:
        known = self._written.get((types, value))
        if known is not None:
            return known
        number, variant = self._number(types, value)
        entry = Entry(tokens.write(tokens.label_of(types[0]), self.nonce, number, variant), types, value)
        size = len(value.encode("utf-8", "surrogatepass")) + len(entry.token)
        if len(self._entries) >= self._max_entries or self.bytes + size > self._max_bytes:
            raise Fault("the vault of the conversation is full", code="conversation_full")
        self.bytes += size
        self._grown(self, size)
        self._entries[number, variant] = entry
        self._written[types, value] = entry.token
        self._labels = tuple(sorted({*self._labels, tokens.label_of(types[0])}, key=lambda x: (-len(x), x)))
        return entry.token

    def _number(self, types: tuple[str, ...], value: str) -> tuple[int, str]:
        key = (types, words_of(value) if _is_word(types) else identity_of(value))
        known = self._numbers.get(key)
        if known is not None and known[1] <= len(_VARIANTS):
            known[1] += 1
            return known[0], _VARIANTS[known[1] - 2]
        self._last += 1
        self._numbers[key] = [self._last, 1]
        return self._last, ""


class Vaults:
    """The vaults of a worker, by principal and conversation, for a while.

    `clock` gives seconds, `random_bytes` n random bytes. The least recently used go first when there are too
    many or too many bytes. A conversation without a name has a vault for this one call.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        random_bytes: Callable[[int], bytes],
        *,
        ttl: float = 3600.0,
        max_vaults: int = 10_000,
        max_bytes: int = 67_108_864,
    ) -> None:
        self._clock, self._random_bytes = clock, random_bytes
        self._ttl, self._max_vaults, self._max_bytes = ttl, max_vaults, max_bytes
        self._vaults: OrderedDict[bytes, tuple[Vault, float]] = OrderedDict()
        self.bytes = 0

    def get(self, principal_id: str, conversation: str = "") -> Vault:
        """The principal's vault of that name; another principal's conversation of the same name is another."""
        if not conversation:
            return Vault(self._nonce)
        now = self._clock()
        self._expire(now)
        key = hashlib.sha256(f"{len(principal_id)}:{principal_id}{conversation}".encode()).digest()
        kept = self._vaults.get(key)
        vault = (
            kept[0] if kept else Vault(self._nonce, grown=lambda vault, size: self._grow(key, vault, size))
        )
        self._vaults[key] = (vault, now)
        self._vaults.move_to_end(key)
        self._shrink()
        return vault

    def __len__(self) -> int:
        return len(self._vaults)

    def _nonce(self) -> str:
        return tokens.nonce_of(self._random_bytes(16))

    def _grow(self, key: bytes, vault: Vault, size: int) -> None:
        kept = self._vaults.get(key)
        if kept is not None and kept[0] is vault:
            self.bytes += size
            self._shrink()

    def _expire(self, now: float) -> None:
        while self._vaults and next(iter(self._vaults.values()))[1] <= now - self._ttl:
            self._drop()

    def _shrink(self) -> None:
        while len(self._vaults) > self._max_vaults or (
            self.bytes > self._max_bytes and len(self._vaults) > 1
        ):
            self._drop()

    def _drop(self) -> None:
        _, (vault, _) = self._vaults.popitem(last=False)
        self.bytes -= vault.bytes
