"""The learned layers over the texts of one call: the linear model at once, the encoder in its process for what is unclear.

Only what may steer the model is looked at (`actions` says which channels), and only on the way in. What was said
of a text is remembered under the SHA-256 of channel and text, never the text; a process is one version and one
set of settings. Raises `DetectorFault` whenever the encoder fails, is late or lies: no text passes unread.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from functools import partial

from msgspec import Struct

from sallyport.errors import DetectorFault
from sallyport.inspection import wire
from sallyport.inspection.detector import INSTRUCTIONS, validated
from sallyport.inspection.learned.fusion import Parameters
from sallyport.inspection.learned.odds import log_odds
from sallyport.inspection.learned.sentences import says_enough
from sallyport.inspection.learned.suspicion import Suspicion
from sallyport.inspection.pool import Pool
from sallyport.inspection.thresholds import BLOCK_SCORE, INSTRUCTED
from sallyport.model import Channel, Finding

LAYER = "learned"
ENCODER = "sallyport.inspection.learned.detector:build"
MEMORY_MB = 1024  # of address space; 170 are resident
INLINE_CHARACTERS = (
    4096  # of one text; a longer one is looked at in pieces, and read by the encoder in any case
)
OVERLAP = 512  # characters from one piece to the next
TURN_CHARACTERS = 4096  # of texts that are looked at in one turn of the event loop
_TEXT_CHARACTERS = 64  # what a text costs besides its length, in characters
LONG_ASKED = 64  # long texts of one call that the encoder reads: the most suspicious
ASKED = 16  # unclear ones among the others; the same
TELL_SCORE = 0.35  # below, nothing is said
KEPT = 8192  # texts that are remembered


class Read(Struct, frozen=True):
    """What the layers said of one text. Log-odds; the span is the encoder's worst window."""

    linear: float
    encoder: float | None = None
    start: int = 0
    end: int = 0


class LearnedLayer:
    """Built with the linear model's look at the readings of an engine, and the processes of the encoder."""

    def __init__(self, suspicion: Suspicion, pool: Pool, parameters: Parameters) -> None:
        self._suspicion, self._pool, self._parameters = suspicion, pool, parameters
        self._known: dict[bytes, Read] = {}
        self.version = f"{LAYER}-{parameters.version}"

    async def findings(
        self, texts: Sequence[tuple[str, Channel]], known: Sequence[Finding]
    ) -> tuple[Finding, ...]:
        """At most one finding a text, where there is more to say than the rules said.

        `known` are the findings of the other layers, with `leaf` an index into `texts`.
        """
        rules = _evidence(len(texts), known)
        keys = {
            leaf: _key(text, channel)
            for leaf, (text, channel) in enumerate(texts)
            if channel in INSTRUCTED and rules[leaf] < BLOCK_SCORE and says_enough(text, channel)
        }
        reads = await self._first_look(texts, keys)
        await self._second_look(texts, reads)
        for leaf, read in reads.items():
            self._remember(keys[leaf], read)
        told = [self._told(leaf, texts[leaf], read, rules[leaf]) for leaf, read in reads.items()]
        return tuple([finding for finding in told if finding is not None])

    async def _first_look(
        self, texts: Sequence[tuple[str, Channel]], keys: dict[int, bytes]
    ) -> dict[int, Read]:
        turn = TURN_CHARACTERS
        reads: dict[int, Read] = {}
        for leaf, key in keys.items():
            read = self._known.get(key)
            if read is None:
                looks = []
                for piece in _pieces(texts[leaf][0]):
                    if turn <= 0:  # others get their turn between two pieces
                        turn = TURN_CHARACTERS
                        await asyncio.sleep(0)
                    turn -= len(piece) + _TEXT_CHARACTERS
                    looks.append(self._suspicion.most(piece)[0])
                read = Read(max(looks))
            reads[leaf] = read
        return reads

    async def _second_look(self, texts: Sequence[tuple[str, Channel]], reads: dict[int, Read]) -> None:
        asked = self._asked(texts, reads)
        if not asked:
            return
        task = wire.Task(texts=tuple([texts[leaf] for leaf in asked]), direction="input")
        found = (await self._pool.run(task)).findings
        if [finding.leaf for finding in found] != list(range(len(asked))):
            raise DetectorFault("the encoder did not answer for each text")
        for leaf, finding in zip(asked, found, strict=True):
            validated((finding,), texts[leaf][0], LAYER)
            reads[leaf] = Read(reads[leaf].linear, log_odds(finding.score), finding.start, finding.end)

    def _asked(self, texts: Sequence[tuple[str, Channel]], reads: dict[int, Read]) -> list[int]:
        """What the encoder should read: bounded, so that a call with many texts is answered in time too."""
        long, unclear = [], []
        for leaf in sorted(reads, key=lambda leaf: (-reads[leaf].linear, leaf)):
            text, channel = texts[leaf]
            if reads[leaf].encoder is not None:
                continue
            if len(text) > INLINE_CHARACTERS:
                long.append(leaf)
            elif self._parameters.unclear(reads[leaf].linear, channel):
                unclear.append(leaf)
        return long[:LONG_ASKED] + unclear[:ASKED]

    def _told(self, leaf: int, text: tuple[str, Channel], read: Read, rules: float) -> Finding | None:
        score = self._parameters.score(rules, read.linear, read.encoder)
        if score < TELL_SCORE or score <= rules:
            return None  # nothing, or nothing that the rules have not said
        return Finding(
            type="prompt_injection" if text[1] == "user" else "indirect_injection",
            start=read.start,
            end=read.end or len(text[0]),
            score=score,
            layer=LAYER,
            detector="linear" if read.encoder is None else "encoder",
            version=self.version,
            leaf=leaf,
        )

    def _remember(self, key: bytes, read: Read) -> None:
        self._known.pop(key, None)
        self._known[key] = read
        while len(self._known) > KEPT:
            self._known.pop(next(iter(self._known)))


def encoder_pool(path: tuple[str, ...], *, seconds: float, rest_seconds: float) -> Pool:
    """The encoder's process. `seconds` are for all texts of one call."""
    setup = partial(wire.Setup, path=path, memory_mb=MEMORY_MB, factory=ENCODER)
    return Pool(setup, workers=1, seconds=seconds, rest_seconds=rest_seconds)


def _pieces(text: str) -> list[str]:
    if len(text) <= INLINE_CHARACTERS:
        return [text]
    step = INLINE_CHARACTERS - OVERLAP
    return [text[at : at + INLINE_CHARACTERS] for at in range(0, len(text) - OVERLAP, step)]


def _evidence(count: int, known: Sequence[Finding]) -> list[float]:
    """What the rules have against each text, 0 to 1."""
    strongest = [0.0] * count
    for finding in known:
        if finding.type in INSTRUCTIONS:
            strongest[finding.leaf] = max(strongest[finding.leaf], finding.score)
    return strongest


def _key(text: str, channel: Channel) -> bytes:
    return hashlib.sha256(f"{channel}\0{text}".encode(errors="surrogatepass")).digest()
