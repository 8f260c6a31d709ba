"""The state machine between a model that writes and a reader: what may go out now, what must wait.

1. Nothing is released that was not scanned together with what stands before it.
2. A finding whose action is `block` ends the text: nothing of its segment, and nothing after, is released.
3. A finding whose action is `mask` or `redact` is replaced by its label in brackets, for ever: it is not the caller's value.
   (The caller's own values stand in the text as tokens, which no finding lies in.)
4. Then the caller's own tokens become values again.
5. A text that may not be changed (`verbatim`: its author signed it) keeps its tokens, and what would have to be hidden in it ends it too.
6. Text waits only until a cut (see `boundaries`) that no finding can lie across. Text that offers no cut waits
   up to `bound` characters; inside something open up to `open_token` characters, and then it is a run that nobody can
   look through (`opaque_run`). What becomes of that is an action of its own: it ends the text, or is replaced by its
   label up to its end, or goes on, looked through as far as its pieces of `open_token` characters allow.

The text is worked on segment by segment, from cut to cut. Cuts and segments depend on the text alone; so the
released text, the findings and the verdict are the same for any chunking, and for a text that is not streamed (`whole`).

Pure: the scan and the unmasking come as functions. Whatever they raise leaves nothing released.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec.structs import replace

from sallyport.errors import DetectorFault
from sallyport.inspection import boundaries, tokens
from sallyport.inspection.released import (
    NOTHING,
    Released,
    Unmask,
    blanked,
    joined,
    outside_own_tokens,
    restored,
)
from sallyport.model import HIDING, REFUSING, STOPPING, Finding

Scan = Callable[[str], Sequence[Finding]]


class Watch(Protocol):
    """A quick answer to whether the scan would find something at the end of a text. See `watch`."""

    def quiet(self, text: str, before: int) -> bool:
        """The next part. True if the scan of it and of the `before` characters in front of it finds nothing."""

    def lost(self) -> None:
        """A part was not given, or does not stand in the context as it was given."""


OPAQUE = Finding(type="opaque_run", start=0, end=1, layer="holdback", detector="open-token", action="block")
CONTEXT = 512  # characters before a segment that are scanned again with it
STEP = 64  # characters that are known behind a weak cut, of at least `bound`
# What may belong to an opaque run behind a place where it was cut by force: the rest of a word, and lines of base64.
_REST = re.compile(r"(?:[A-Za-z0-9+/=_\-]{40,}\s*)*")
_REST_OF_WORD = re.compile(r"\S*\s*" + _REST.pattern)
BLOCK = 512  # characters of a large piece that are scanned at once; if clean, not again segment by segment


class HoldBack:
    """One text that is being written. Feed it; then finish it."""

    def __init__(
        self,
        scan: Scan,
        unmask: Unmask,
        *,
        bound: int = 128,
        open_token: int = 4096,
        literals: Sequence[str] = (),
        watch: Watch | None = None,
        verbatim: bool = False,
        opaque: Finding = OPAQUE,
    ) -> None:
        self._scan, self._unmask, self._watch = scan, unmask, watch
        self._opaque = opaque
        self._run, self._run_began = (
            False,
            -1,
        )  # whether an opaque run goes on here, and where the last one began
        self._stopping = STOPPING if verbatim else REFUSING
        self._verbatim = verbatim
        self._bound, self._open_token = bound, open_token
        self._literals = boundaries.literal_prefixes(literals)
        self._text, self._at = "", 0  # what waits is _text[_at:]
        self._base = 0  # offset of it in the whole text
        self._searched = 0  # where in it to look for quiet cuts
        self._force = bound  # length of it at which a weak cut is looked for
        self._context = ""  # what stands before it; findings that are done with are blanked
        self._segments: deque[int] = deque()  # lengths of the segments in the context
        self._large = False  # whether much text came at once
        self._tried = 0  # offset up to which it was then scanned as a block
        self._blocked: Finding | None = None

    @property
    def held(self) -> int:
        """Characters that wait."""
        return len(self._text) - self._at

    def feed(self, text: str) -> Released:
        """Take more text; give what can go out."""
        if self._blocked is not None:
            return Released(blocked=self._blocked)
        self._text += text
        self._large = len(text) > 2 * STEP
        if len(self._text) < self._force and (
            len(self._text) < boundaries.FEWEST
            or not (" " in text or "\n" in text or "\t" in text or "\r" in text)
        ):
            return NOTHING
        return self._advance()

    def finish(self) -> Released:
        """The text has ended: what is left."""
        if self._blocked is not None:
            return Released(blocked=self._blocked)
        out = self._advance()
        if out.blocked is not None or not self._text:
            return out
        return joined([out, self._next(self.held)])

    def clean(self, text: str) -> Released | None:
        """All of `text` at once, as the first and last piece, if one scan of it finds nothing at all."""
        if self._scan(self._neutral(text)):
            return None
        return self._released(text, (len(text),), []) if text else NOTHING

    def _advance(self) -> Released:
        """Release segment by segment as far as cuts are known."""
        out: list[Released] = []
        while self._blocked is None:
            if (
                self._large
                and not self._run
                and self.held >= STEP
                and self._base >= self._tried
                and self._force == self._bound
            ):
                out.append(self._bulk())
            window = self._text[self._at : self._at + self._force]
            if len(window) < min(boundaries.FEWEST, self._force):
                break
            cut, self._searched = boundaries.quiet_cut(window, self._searched, self._literals)
            if cut:
                out.append(self._next(cut))
            elif len(window) >= self._force:
                out.append(self._forced(window))
            else:
                break
        self._text, self._at = self._text[self._at :], 0
        return joined(out)

    def _next(self, size: int) -> Released:
        """Release the next `size` characters as what is found in them allows."""
        if self._watch is not None and not self._run:
            segment = self._text[self._at : self._at + size]
            if self._watch.quiet(self._neutral(segment), len(self._context)):
                return self._released(segment, (size,), [])
        return self._take(size, self._found(size))

    def _bulk(self) -> Released:
        """Many segments at once, as far as the scan of a large piece finds nothing in them."""
        block = self._text[self._at : self._at + BLOCK]
        seen, before = self._context + self._neutral(block), len(self._context)
        found = [f for f in self._scan(seen) if f.end > before]
        self._tried = self._base + len(block)
        if found:
            first = min(found, key=lambda f: f.start)
            self._tried = self._base + first.end - before
            block = block[: max(first.start - before, 0)]
        sizes, end = [], 0
        while cut := boundaries.quiet_cut(block[end : end + self._bound], 0, self._literals)[0]:
            sizes.append(cut)
            end += cut
        if not sizes or (found and self._scan(seen[: before + end])):
            return NOTHING
        self._lose_sight()
        return self._released(block[:end], sizes, [])

    def _forced(self, window: str) -> Released:
        """No quiet cut in `_force` characters: take a weak one, or wait for more, or give up."""
        latest = self._force - STEP
        cuts = boundaries.weak_cuts(window, latest - STEP, latest, self._literals)
        if cuts:
            found = self._found(self._force)
            for cut in cuts:
                if not any(f.start < self._base + cut < f.end for f in found):
                    self._lose_sight()
                    return self._take(cut, found)
        if self._force < self._open_token:
            self._force = min(self._force + STEP, self._open_token)
            return NOTHING
        return self._unending(window)

    def _unending(self, window: str) -> Released:
        """No place to cut in `_open_token` characters."""
        if self._opaque.action in self._stopping:
            self._blocked = replace(self._opaque, start=self._base, end=self._base + len(window))
            return Released(findings=(self._blocked,), blocked=self._blocked)
        if not self._run:
            self._run, self._run_began = True, self._base
        found, size = self._found(len(window)), max(len(window) - STEP, 1)
        across = [f.start - self._base for f in found if f.start < self._base + size < f.end]
        if across:
            size = min(across) if min(across) > 0 else len(window)
        self._lose_sight()
        return self._take(size, found, opaque=size)

    def _of_run(self, segment: str, opaque: int) -> list[Finding]:
        """The opaque run as far as it is in the segment: its first `opaque` characters, or what may belong to it."""
        start = self._base
        match = (_REST if self._context[-1:].isspace() else _REST_OF_WORD).match(segment)
        size = opaque or (match.end() if match else 0)
        if size < len(segment):
            self._run = False
        said = self._opaque.action in HIDING or (self._opaque.action == "flag" and start == self._run_began)
        return [replace(self._opaque, start=start, end=start + size)] if said and size else []

    def _found(self, size: int) -> list[Finding]:
        """Findings that reach into the next `size` characters, with offsets in the whole text."""
        text = self._context + self._neutral(self._text[self._at : self._at + size])
        shift = self._base - len(self._context)
        findings = []
        for finding in self._scan(text):
            if not 0 <= finding.start < finding.end <= len(text):
                raise DetectorFault("a finding lies outside the text")
            if finding.end > len(self._context) and finding.action != "allow":
                findings.append(replace(finding, start=finding.start + shift, end=finding.end + shift))
        return findings

    def _take(self, size: int, found: list[Finding], *, opaque: int = 0) -> Released:
        """Release the next `size` characters as the findings allow, and make them context."""
        segment, base = self._text[self._at : self._at + size], self._base
        if self._run:
            found = [*found, *self._of_run(segment, opaque)]
        if not found:
            return self._released(segment, (size,), found)
        found = [f for f in found if f.start < base + size]
        found = outside_own_tokens(segment, found, self._unmask, base)
        blocked = min((f for f in found if f.action in self._stopping), key=lambda f: f.start, default=None)
        if blocked is not None:
            self._blocked = blocked
            self._text, self._at = "", 0
            return Released("", tuple(found), blocked, max(base - blocked.start, 0))
        return self._released(segment, (size,), found)

    def _released(self, segment: str, sizes: Sequence[int], findings: list[Finding]) -> Released:
        if self._verbatim:
            text = segment
        else:
            text = self._written(segment, findings) if findings else self._unmask(segment)
        if "<" in segment:
            findings += self._strange_tokens(segment)
        self._remember(segment, sizes, findings)
        self._at += len(segment)
        self._base += len(segment)
        self._searched, self._force = 0, self._bound
        return Released(text, tuple(findings))

    def _written(self, segment: str, findings: list[Finding]) -> str:
        """The segment with masked findings replaced and the caller's tokens restored."""
        redactions = sorted((f for f in findings if f.action in HIDING), key=lambda f: (f.start, -f.end))
        parts: list[str] = []
        at = 0
        for finding in redactions:
            start, end = max(finding.start - self._base, 0), min(finding.end - self._base, len(segment))
            if start >= at:
                parts += (self._unmask(segment[at:start]), self._label(finding))
            at = max(at, end)
        return "".join((*parts, self._unmask(segment[at:])))

    def _label(self, finding: Finding) -> str:
        """What stands for a finding: for the later pieces of an opaque run nothing."""
        again = finding.type == self._opaque.type and finding.start > self._run_began
        return "" if again else tokens.placeholder(finding.type)

    def _strange_tokens(self, segment: str) -> list[Finding]:
        """Tokens that are not the caller's, or not to be seen: they stay as text, and are flagged."""
        return [
            Finding(
                type="foreign_token",
                start=mention.start + self._base,
                end=mention.end + self._base,
                layer="masking",
                detector="token",
                action="flag",
            )
            for mention, _ in tokens.token_likes(segment)
            if not mention.escapes and not restored(self._unmask, segment[mention.start : mention.end])
        ]

    def _neutral(self, text: str) -> str:
        """The text without the caller's tokens, which stand for values that nobody has to look for."""
        if "<" not in text:
            return text
        for mention, _ in tokens.token_likes(text):
            if not mention.escapes and restored(self._unmask, text[mention.start : mention.end]):
                text = blanked(text, mention.start, mention.end)
        return text

    def _lose_sight(self) -> None:
        if self._watch is not None:
            self._watch.lost()

    def _remember(self, segment: str, sizes: Sequence[int], findings: list[Finding]) -> None:
        """Append to the context, without what was found: it is reported once and hides nothing that follows."""
        self._context += self._neutral(segment)
        self._segments.extend(sizes)
        if findings:
            self._lose_sight()
        shift = self._base + len(segment) - len(self._context)
        for finding in (f for f in findings if f.type != self._opaque.type):
            self._context = blanked(self._context, finding.start - shift, finding.end - shift)
        excess = len(self._context) - CONTEXT
        drop = 0
        while drop + self._segments[0] <= excess:
            drop += self._segments.popleft()
        if drop:
            self._context = self._context[drop:]


def whole(
    text: str,
    scan: Scan,
    unmask: Unmask,
    *,
    bound: int = 128,
    open_token: int = 4096,
    literals: Sequence[str] = (),
    opaque: Finding = OPAQUE,
) -> Released:
    """The same for a text that is there already. If it is blocked, its text must not be used."""
    hold = HoldBack(scan, unmask, bound=bound, open_token=open_token, literals=literals, opaque=opaque)
    if len(text) < open_token and (clean := hold.clean(text)):
        return clean
    fed = hold.feed(text)
    return fed if fed.blocked is not None else joined([fed, hold.finish()])
