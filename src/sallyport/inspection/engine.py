"""The built-in detectors over the texts of one call, in linear time.

One pass of the gate over all texts says which patterns and which decoded views are worth their time; the
result is the same as that of running everything on everything (`exhaustive`, which the tests compare with).
Not thread safe: one engine per thread.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from sallyport.inspection import contents, leakage, views
from sallyport.inspection.canary import Canaries
from sallyport.inspection.contents import Contents
from sallyport.inspection.detector import IDENTIFIERS, LEAKS, SECRETS
from sallyport.inspection.gate import Gate, GateBuilder
from sallyport.inspection.identifiers import Identifiers
from sallyport.inspection.leakage import Fingerprints
from sallyport.inspection.learned.linear import Linear
from sallyport.inspection.learned.suspicion import Suspicion
from sallyport.inspection.rules import Match, Rule, RuleSet
from sallyport.inspection.rules_catalogue import LEXICON, RULES, VERSION
from sallyport.inspection.secrets import Secrets
from sallyport.inspection.sightings import LAYERS, combined, located
from sallyport.inspection.spans import Span, byte_to_character, disjoint
from sallyport.inspection.tagging.look import Looker, LookOptions
from sallyport.inspection.topics import Topic
from sallyport.inspection.views import View, ViewGate
from sallyport.inspection.watch import Watch, looser
from sallyport.model import Channel, Direction, Finding

_SEPARATOR = views.BETWEEN.decode()
_NOTHING = ("", 0)
_FEW = 8  # texts up to which a look at all of them together would cost more than it saves
_ID = 128  # bytes up to which a text may be an id: its patterns are tried before its views, and seldom there
_RANK = {name: rank for rank, name in enumerate((*LEAKS, *reversed(SECRETS), *IDENTIFIERS))}
_PATTERNS = frozenset((*IDENTIFIERS, *SECRETS))
_OWN_RANK = len(_RANK)  # of a tenant's own types: before names, behind what a check digit proves
_PATTERN_VIEWS = frozenset({"raw", "folded", "decoded"})


class EngineOptions(Struct, frozen=True, kw_only=True):
    """What the built-in detectors must know of the settings."""

    canaries: tuple[str, ...] = ()
    topics: tuple[Topic, ...] = ()
    egress_hosts: tuple[str, ...] = ()
    look: LookOptions = LookOptions()


class _Pass(Struct, frozen=True):
    """What is the same for all texts of one scan."""

    output: bool
    known: Fingerprints | None
    gate: Gate  # may see more than there is, where that only costs time
    bits: Callable[[str], int]


class Engine:
    """The built-in detectors, compiled, as far as they are not among the compiled `gates` of another engine."""

    def __init__(
        self,
        options: EngineOptions = EngineOptions(),  # noqa: B008 - frozen
        gates: Mapping[bytes, bytes] | None = None,
    ) -> None:
        gate = GateBuilder(gates)
        self._identifiers = Identifiers(gate)
        self._secrets = Secrets(gate)
        self._contents = Contents(options.topics, options.egress_hosts, gate)
        self._rules = RuleSet(contents.excused(RULES, self._contents.hosts), LEXICON, gate)
        self._views = ViewGate(gate)
        self._canaries = Canaries(options.canaries)
        self._looker = Looker(options.look)
        self._rank = {**dict.fromkeys(self._looker.own, _OWN_RANK), **_RANK}
        self._has_canaries = bool(options.canaries)
        self._pattern_bits = self._identifiers.mask | self._secrets.mask
        self._always = self._pattern_bits | self._views.mask
        self._gate = gate.build()
        self._builder = gate
        self._sieve: Gate | None = None
        self._last = _NOTHING  # a text and its bits
        canaries = hashlib.sha256("\0".join(options.canaries).encode()).hexdigest()[:8]
        self.version = "-".join(
            filter(None, (VERSION, canaries, self._contents.version, self._looker.version))
        )

    def prepare_streams(self) -> None:
        """Compile what lets ordinary answers go at little cost: for an engine that sees many of them."""
        self._sieve = self._builder.part(
            self._always | self._rules.output_mask | self._contents.output_mask, looser
        )

    def watch(self, known: Fingerprints | None = None) -> Watch | None:
        """What follows one text that a model writes. None before `prepare_streams`, and where a tenant's own values count."""
        if self._sieve is None or self._looker.looks(output=True):
            return None
        return Watch(self._sieve, self._canaries, known)

    def gates(self) -> dict[bytes, bytes]:
        """The compiled gates, for another engine of this version on this machine."""
        return {gate.digest: gate.dump() for gate in (self._gate, self._sieve) if gate}

    def suspicion(self, linear: Linear) -> Suspicion:
        """The linear model over this engine's readings of a text."""
        return Suspicion(linear, self._views, self._bits)

    def scan(
        self,
        texts: Sequence[tuple[str, Channel]],
        direction: Direction,
        *,
        system_fingerprints: Fingerprints | None = None,
        look: bool = True,
    ) -> tuple[Finding, ...]:
        """Findings in all texts, ordered by leaf, place and type; `leaf` is the index into `texts`.

        Without `look` only what is always looked for: no names, and nothing of the tenant's own.

        Spans count characters of the text itself, also where the finding was made on a decoded view.
        """
        output = direction == "output"
        gate = self._sieve if output and self._sieve is not None else self._gate
        this = _Pass(output, system_fingerprints, gate, self._bits)
        looks = look and self._looker.looks(output=output)
        if len(texts) > _FEW and not looks:
            joined = _SEPARATOR.join([text for text, _ in texts])
            if not joined:
                return ()
            channels = frozenset([channel for _, channel in texts])
            if self._hits(joined, channels, this, joined=True) is None:
                return ()
        findings: list[Finding] = []
        for leaf, (text, channel) in enumerate(texts):
            if text:
                hits = self._hits(text, (channel,), this)
                spans = self._text(text, channel, hits, this) if hits is not None else []
                if looks:
                    spans = self._looked(text, spans, output=output)
                if spans:
                    findings += self._findings(leaf, spans)
        return tuple(findings)

    def _hits(
        self, text: str, channels: Iterable[Channel], this: _Pass, *, joined: bool = False
    ) -> int | None:
        """The gate's bits for a text; None if nothing can be found in it, nor in any of the texts it is `joined` of."""
        data = text.encode(errors="replace")
        if not text.isascii():
            return self._gate.scan(data)
        hits, found = this.gate.found(data)
        if this.gate is self._gate:
            self._last = text, hits
        if self._is_clean(data, hits, found, channels, this, joined=joined):
            return None
        return hits if this.gate is self._gate else self._gate.scan(data)

    def _is_clean(
        self,
        data: bytes,
        hits: int,
        found: list[int],
        channels: Iterable[Channel],
        this: _Pass,
        *,
        joined: bool,
    ) -> bool:
        if hits & self._pattern_bits and (joined or len(data) > _ID or self._patterns(data, hits)):
            return False
        if hits & self._views.mask:
            few = self._views.few(data, hits, this.gate.scan)
            return few is not None and self._is_free(*few, None, channels, this)
        return self._is_free(data, hits, found, channels, this)

    def _is_free(
        self, data: bytes, hits: int, found: list[int] | None, channels: Iterable[Channel], this: _Pass
    ) -> bool:
        """Whether no instruction, canary or part of a system prompt can be in an ASCII text or in a part of it.

        So the reservations of a rule (`unless`) do not count: what excuses one part does not excuse another.
        """
        if self._canaries.touch(data):
            return False
        if this.known is not None and leakage.may_repeat(data.decode(), this.known):
            return False
        if not hits:
            return True
        for channel in channels:
            if self._contents.touch(data, hits, found, channel, output=this.output):
                return False
            for compiled in self._rules.applying(channel, output=this.output).candidates(hits, found):
                if compiled.expression.search(data):
                    return False
        return True

    def exhaustive(
        self,
        texts: Sequence[tuple[str, Channel]],
        direction: Direction,
        *,
        system_fingerprints: Fingerprints | None = None,
    ) -> tuple[Finding, ...]:
        """The same as `scan`, with every pattern tried on every view: the definition that `scan` must meet.

        The hints that call for a view are part of the definition.
        """

        def bits(text: str) -> int:
            return self._bits(text) | (self._gate.everything & ~self._views.mask)

        this = _Pass(direction == "output", system_fingerprints, self._gate, bits)
        return tuple(
            finding
            for leaf, (text, channel) in enumerate(texts)
            if text
            for finding in self._findings(
                leaf, self._looked(text, self._text(text, channel, bits(text), this), output=this.output)
            )
        )

    def _layer(self, span: Span) -> str:
        if span.type in self._looker.own and span.type not in LAYERS:
            return span.detector
        return LAYERS.get(span.type) or contents.layer(span.type)

    def _looked(self, text: str, spans: list[Span], *, output: bool) -> list[Span]:
        """The spans, and what is looked for because the settings ask for it; where they overlap they are one."""
        looked = self._looker.scan(text, output=output)
        if not looked:
            return spans
        looked += [span for span in spans if span.type in _PATTERNS]
        return [*(span for span in spans if span.type not in _PATTERNS), *disjoint(looked, self._rank)]

    def _bits(self, text: str) -> int:
        """The gate's bits of a text; those of the last one are asked for again, by the learned layer."""
        (last, bits), self._last = self._last, _NOTHING
        return bits if last == text else self._gate.scan(text.encode(errors="replace"))

    def _text(self, text: str, channel: Channel, hits: int, this: _Pass) -> list[Span]:
        """All that is seen in one text, in characters of it."""
        patterns: list[Span] = []
        instructions: list[tuple[Rule, int, int]] = []
        canaries: list[Span] = []
        leaks: list[Span] = []
        about: list[Span] = []
        for view, seen in self._readings(text, hits, this):
            data = view.text.encode(errors="replace")
            if self._has_canaries:
                canaries += located(view, data, self._canaries.scan(data))
            if this.known is not None:
                leaks += [
                    Span(s.type, *view.locate(s.start, s.end), s.score, s.detector)
                    for s in leakage.scan(view.text, this.known)
                ]
            if view.kind in _PATTERN_VIEWS:
                patterns += located(view, data, self._patterns(data, seen))
            about += located(
                view, data, self._contents.scan(data, view.kind, channel, seen, output=this.output)
            )
            matches = self._instructions(data, view.kind, channel, seen, output=this.output)
            if matches:
                table = byte_to_character(data, [o for m in matches for o in (m.start, m.end)])
                instructions += [(m.rule, *view.locate(table[m.start], table[m.end])) for m in matches]
        return [
            *disjoint(patterns, _RANK),
            *combined(instructions),
            *disjoint(canaries, _RANK),
            *disjoint(leaks, _RANK),
            *contents.joined(about),
        ]

    def _readings(self, text: str, hits: int, this: _Pass) -> Iterator[tuple[View, int]]:
        yield View(text, "raw", None, None), hits
        if not text.isascii() or hits & self._views.mask:
            yield from self._views.views(text, this.bits, hits)

    def _patterns(self, data: bytes, hits: int) -> list[Span]:
        """Identifiers and secrets in the bytes of one view."""
        found: list[Span] = []
        if hits & self._identifiers.mask:
            found += self._identifiers.scan(data, hits)
        if hits & self._secrets.mask:
            found += self._secrets.scan(data, hits)
        return found

    def _instructions(
        self, data: bytes, kind: str, channel: Channel, hits: int, *, output: bool
    ) -> list[Match]:
        """Matches of the rules that apply to this channel and direction, in the bytes of one view."""
        loose = kind == "despaced"  # words that run together have no boundaries for the gate to see
        rules = self._rules.applying(channel, output=output)
        found = [
            compiled.search(data, loose=loose)
            for compiled in rules.candidates(self._gate.everything if loose else hits)
        ]
        return [match for match in found if match is not None]

    def _findings(self, leaf: int, spans: list[Span]) -> list[Finding]:
        return [
            Finding(
                type=span.type,
                start=span.start,
                end=span.end,
                score=span.score,
                layer=self._layer(span),
                detector=span.detector,
                version=self.version,
                leaf=leaf,
            )
            for span in sorted(spans, key=lambda s: (s.start, s.end, s.type))
        ]
