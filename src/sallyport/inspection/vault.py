"""The vault of a conversation: which token stands for which value, and who gets the value back.

Decides nothing about who may see what (`may_have` says it per finding type), and writes nothing down: the
values are handed out once, for sealing. The vault of one principal is never reachable by another: the key is
both, and a token counts only with the vault's own nonce.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from msgspec import Struct

from sallyport.errors import DetectorFault, Fault
from sallyport.inspection import tokens
from sallyport.inspection.hidden import is_word, spans_of
from sallyport.model import Finding, Origin

Digest = Callable[[str], str]  # a keyed digest of a text, at least 128 bits in hex
MayHave = Callable[[str, Origin], bool]  # a finding type and where a value came from: may this reader have it
_SEPARATED = re.compile(r"\+?[0-9A-Za-z](?:[ \-./()\u00a0]*[0-9A-Za-z])*", re.ASCII)
_SEPARATORS = re.compile(r"[ \-./()\u00a0]+")
_MOST_NUMBERS = 1_000_000  # of six digits
_VARIANTS = "bcdefghijklmnopqrstuvwxyz"


class Entry(Struct, frozen=True):
    """A value as it was written, and its types. It is restored only for a reader who may see all of them."""

    token: str
    types: tuple[str, ...]
    value: str
    number: int

    def __repr__(self) -> str:
        """Without the value."""
        return f"Entry({self.token})"


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

    Numbers count from one; or with a keyed `digest` they are made of the values, so that whoever has the key gives a
    value the same number again, whatever came before it.
    """

    def __init__(
        self,
        nonce: str | Callable[[], str],
        *,
        max_entries: int = 4096,
        max_bytes: int = 1_048_576,
        grown: Callable[[Vault, int], None] = lambda _vault, _size: None,
        digest: Digest | None = None,
    ) -> None:
        self._nonce, self._draw = (nonce, str) if isinstance(nonce, str) else ("", nonce)
        self.bytes = 0
        self._max_entries, self._max_bytes, self._grown = max_entries, max_bytes, grown
        self._entries: dict[tuple[int, str], Entry] = {}  # by number and variant
        self._written: dict[tuple[tuple[str, ...], str], Entry] = {}  # by types and written value
        self._numbers: dict[tuple[tuple[str, ...], str], list[int]] = {}  # identity -> number, written forms
        self._labels: tuple[str, ...] = ()
        self._own: set[int] = set()  # numbers of the values that the caller wrote
        self._last = 0  # number of the newest token
        self._digest, self._taken = digest, set[int]()

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

    def mask(self, text: str, findings: Sequence[Finding], *, own: bool = False) -> str:
        """Replace what is to be masked by tokens, and what is to be redacted by placeholders.

        `own`: the caller wrote the text, so that its values came from the caller, wherever else they stand. `unmask` gives the very same text back, but for placeholders. Raises `DetectorFault` if it
        would not, and a fault `conversation_full` where a bound is reached.
        """
        if not findings and self.is_free(text):
            return text
        if len({text[f.start : f.end] for f in findings if f.action == "mask"}) > self._max_entries:
            raise Fault("the text holds more values than a conversation may", code="conversation_full")
        parts: list[str] = []
        back: list[str] = []
        at = 0
        for span in spans_of(text, findings):
            before, value = text[at : span.start], text[span.start : span.end]
            shown = tokens.placeholder(span.types[0]) if span.redact else value
            parts += (
                tokens.escape(before, self.nonce),
                shown if span.redact else self._token(span.types, value, own=own),
            )
            back += (before, shown)
            at = span.end
        masked = "".join((*parts, tokens.escape(text[at:], self.nonce)))
        if masked != text and self.unmask(masked, lambda _kind, _origin: True) != "".join((*back, text[at:])):
            raise DetectorFault("masking would not be reversible")
        return masked

    def unmask(self, text: str, may_have: MayHave, write: Callable[[str], str] | None = None) -> str:
        """Put values in the place of this conversation's tokens, where the reader may see their types.

        `write` spells a value for its surroundings (JSON escapes); None writes it as it is. Tokens of other
        conversations, of numbers that were never given, and of types that may not be seen stay as they are.
        """
        if self.is_free(text):
            return text
        parts: list[str] = []
        at = 0
        for mention in tokens.mentions(text, self.nonce, self._labels):
            piece = self._piece(mention, may_have)
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

    def _piece(self, mention: tokens.Mention, may_have: MayHave) -> tuple[int, int, str] | None:
        if mention.escapes:
            return mention.nonce_at - 1, mention.nonce_at, ""
        entry = self._entries.get((mention.number, mention.variant))
        if entry is None or not mention.label:
            return None
        if mention.label != tokens.label_of(entry.types[0]) and mention.label in self._labels:
            return None
        origin: Origin = "caller" if mention.number in self._own else "context"
        if not all(may_have(kind, origin) for kind in entry.types):
            return None
        return mention.start, mention.end, entry.value

    def _token(self, types: tuple[str, ...], value: str, *, own: bool) -> str:
        entry = self._written.get((types, value)) or self._new(types, value)
        if own:
            self._own.add(entry.number)
        return entry.token

    def _new(self, types: tuple[str, ...], value: str) -> Entry:
        number, variant = self._number(types, value)
        entry = Entry(
            tokens.write(tokens.label_of(types[0]), self.nonce, number, variant), types, value, number
        )
        size = len(value.encode("utf-8", "surrogatepass")) + len(entry.token)
        if len(self._entries) >= self._max_entries or self.bytes + size > self._max_bytes:
            raise Fault("the vault of the conversation is full", code="conversation_full")
        self.bytes += size
        self._grown(self, size)
        self._entries[number, variant] = entry
        self._written[types, value] = entry
        self._labels = tuple(sorted({*self._labels, tokens.label_of(types[0])}, key=lambda x: (-len(x), x)))
        return entry

    def _number(self, types: tuple[str, ...], value: str) -> tuple[int, str]:
        key = (types, words_of(value) if is_word(types) else identity_of(value))
        known = self._numbers.get(key)
        if known is not None and known[1] <= len(_VARIANTS):
            known[1] += 1
            return known[0], _VARIANTS[known[1] - 2]
        number = self._next(key)
        self._numbers[key] = [number, 1]
        return number, ""

    def _next(self, key: tuple[tuple[str, ...], str]) -> int:
        if self._digest is None:
            self._last += 1
            return self._last
        content = "\0".join((*key[0], key[1])).encode("utf-8", "surrogatepass")
        number = int(self._digest(hashlib.sha256(content).hexdigest()), 16) % _MOST_NUMBERS
        while number in self._taken:
            number = (number + 1) % _MOST_NUMBERS
        self._taken.add(number)
        return number


def _keyed(digest: Digest, prefix: str, text: str) -> str:
    return digest(prefix + text)


class Vaults:
    """The vaults of a worker, by principal and conversation, for a while.

    `clock` gives seconds, `random_bytes` n random bytes. The least recently used go first when there are too
    many or too many bytes. A conversation without a name has a vault for this one call.

    With a keyed `digest` nonce and numbers of a named conversation are made of principal, name and value: they are the
    same in every worker and after a restart. Values are only here: what a caller does not send again is not restored.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        random_bytes: Callable[[int], bytes],
        *,
        ttl: float = 3600.0,
        max_vaults: int = 10_000,
        max_bytes: int = 67_108_864,
        digest: Digest | None = None,
    ) -> None:
        self._clock, self._random_bytes, self._digest = clock, random_bytes, digest
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
        vault = kept[0] if kept else self._new(key)
        self._vaults[key] = (vault, now)
        self._vaults.move_to_end(key)
        self._shrink()
        return vault

    def __len__(self) -> int:
        return len(self._vaults)

    def _new(self, key: bytes) -> Vault:
        digest, nonce, numbers = self._digest, "", None
        if digest is not None:
            name = key.hex()
            nonce = tokens.nonce_of(bytes.fromhex(digest(f"masking nonce|{name}")))
            numbers = partial(_keyed, digest, f"masking number|{name}|")
        return Vault(
            nonce or self._nonce, grown=lambda vault, size: self._grow(key, vault, size), digest=numbers
        )

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
