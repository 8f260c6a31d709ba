"""Follows a text that is being written, and says of its newest part whether anything may be found there.

A `Watch` is a quick answer to "would the engine find something in this part and the characters before it?": no, for
certain, or perhaps; then the engine is asked. It looks at the new part alone. That is sound for what a model writes
(output, channel `assistant`), because (each is held by `tests/inspection/test_watch.py`):

1. The engine finds nothing where, in the text as it is and folded, no gate of identifiers, secrets, views and rules
   on answers matches, no run of a canary stands, and no six words of the system prompt.
2. Those gates match at most `TAIL` bytes, but for a few whose matches all contain something that does (`LOOSER`). So
   what ends in a new part is seen in the new part with `TAIL` bytes before it.
3. Where something was seen, the answer stays "perhaps" until that lies before the text in question.
"""

from __future__ import annotations

from sallyport.inspection import leakage
from sallyport.inspection.canary import Canaries
from sallyport.inspection.fold import fold
from sallyport.inspection.gate import Gate
from sallyport.inspection.leakage import Fingerprints

TAIL = 64
# How gates begin whose matches may be longer, and what each of their matches contains.
LOOSER = (
    (rb"@[", b"@"),
    (rb"[a-z0-9] {0,2}@", b"@"),
    (rb"[a-z0-9] {1,2}@", b"@"),
    (rb"://", b"://"),
    (rb" at [a-z0-9\-. ]{1,80} dot ", b" dot "),
    (rb"\bbearer", rb"\bbearer"),
    (rb"\]\(", rb"\]\("),
    (rb"\bsrc", rb"\bsrc"),
    (rb"[?&/=](?:\{\{?|\$\{|<|\[|%7b)", rb"[?&/=](?:\{|\$\{|<|\[|%7b)"),
)
_BLANKS = b" \t\n\r"


def looser(expression: bytes) -> bytes:
    """The expression itself if its matches are short, or one that matches within each of its matches."""
    return next((part for start, part in LOOSER if expression.startswith(start)), expression)


class Watch:
    """Follows one text. Its parts must be given in order, each once, or `lost` called for what was left out."""

    __slots__ = ("_clear", "_folded", "_raw")

    def __init__(self, sieve: Gate, canaries: Canaries, known: Fingerprints | None) -> None:
        self._raw = _Reading(sieve, canaries, known)
        self._folded: _Reading | None = None  # where it differs
        self._clear = 0  # characters up to here in which nothing was seen

    def quiet(self, text: str, before: int) -> bool:
        """The next part. True if nothing can be found in it together with the `before` characters in front of it."""
        plain = self._folded is None and text.isascii()
        if not (self._raw.passes(text) if plain else self._passes_folded(text)):
            self.lost()
            return False
        self._clear += len(text)
        return self._clear >= before + len(text)

    def lost(self) -> None:
        """What stands up to here was not seen, or not as it stands."""
        self._clear, self._folded = 0, None
        self._raw.forget()

    def _passes_folded(self, text: str) -> bool:
        """Text that is not ASCII is read twice, as it is and as what it looks like."""
        looks = fold(text)[0]
        if self._folded is None and looks == text:
            return self._raw.passes(text)
        folded = self._folded or self._raw.copy()
        if not (self._raw.passes(text) and folded.passes(looks)):
            return False
        self._folded = None if folded.stands_like(self._raw) else folded
        return True


class _Reading:
    """One way to read the text: what is kept of its end."""

    __slots__ = ("_canaries", "_known", "_run", "_sieve", "_tail", "_words")

    def __init__(self, sieve: Gate, canaries: Canaries, known: Fingerprints | None) -> None:
        self._sieve, self._canaries, self._known = sieve, canaries, known
        self.forget()

    def forget(self) -> None:
        self._tail, self._run = b"", b""
        self._words: list[str] = []

    def copy(self) -> _Reading:
        other = _Reading(self._sieve, self._canaries, self._known)
        other._tail, other._run, other._words = self._tail, self._run, self._words
        return other

    def stands_like(self, other: _Reading) -> bool:
        return (self._tail, self._run, self._words) == (other._tail, other._run, other._words)

    def passes(self, text: str) -> bool:
        """Whether nothing is seen that ends in this next part. Parts end with blanks; so no word is cut."""
        data = text.encode(errors="replace")
        window = self._tail + data
        if (self._tail and self._tail[-1] not in _BLANKS) or self._sieve.touches(window):
            return False
        run = self._canaries.pass_over(self._run, data)
        if run is None or (self._known is not None and self._repeats(text, self._known)):
            return False
        self._tail, self._run = window[-TAIL:], run
        return True

    def _repeats(self, text: str, known: Fingerprints) -> bool:
        words = self._words + leakage.WORD.findall(text.lower())
        self._words = words[1 - leakage.WORDS :]
        ends = zip(words, words[leakage.WORDS - 1 :], strict=False)
        return any(
            pair in known.ends and tuple(words[at : at + leakage.WORDS]) in known.grams
            for at, pair in enumerate(ends)
        )
