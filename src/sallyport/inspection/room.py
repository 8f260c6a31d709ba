"""Inspection as the pipeline uses it: leaves in, findings with their actions out.

Short texts are inspected at once, long ones and those for plug-in detectors in worker processes. Whatever
fails, is late or lies raises `DetectorFault`; there is no partial answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import sys
from collections.abc import Mapping, Sequence
from functools import cached_property, partial

import msgspec
from msgspec import Struct

from sallyport.errors import DetectorFault
from sallyport.inspection import turns, wire
from sallyport.inspection.actions import ActionRow, Actions
from sallyport.inspection.canary import Canaries
from sallyport.inspection.density import DENSE_CHARACTERS, too_dense
from sallyport.inspection.detector import MAX_FINDINGS, validated
from sallyport.inspection.engine import Engine, EngineOptions
from sallyport.inspection.holdback import OPAQUE
from sallyport.inspection.leakage import Fingerprints, fingerprints
from sallyport.inspection.learned import shipped
from sallyport.inspection.learned_layer import LearnedLayer, encoder_pool
from sallyport.inspection.marks import Excuses
from sallyport.inspection.pool import Pool
from sallyport.inspection.rules_catalogue import VERSION as RULES_VERSION
from sallyport.inspection.tagging.consistent import again
from sallyport.inspection.tagging.look import LookOptions
from sallyport.inspection.thresholds import Calibration, Cuts
from sallyport.inspection.topics import Topic
from sallyport.inspection.verdicts import Verdicts
from sallyport.inspection.watch import Watch
from sallyport.model import STOPPING, Channel, Direction, Finding, Leaf

_WORKER_MEMORY_MB = 1024
_RECOVERY_SECONDS = 30.0
_REST_SECONDS = 300.0  # without a long text, after which their process ends
_PLUG_IN_WORKERS = 2  # so that a hung one holds up nobody while it is killed
_FINGERPRINTS_KEPT = 256


class PlugInOptions(Struct, frozen=True, kw_only=True):
    """A detector of others: `factory` is `module:function`; limits in seconds and MiB."""

    name: str
    factory: str
    seconds: float = 1.0
    memory_mb: int = 512


class RoomOptions(Struct, frozen=True, kw_only=True):
    """What the room must know of the settings."""

    actions: tuple[ActionRow, ...] = ()
    canaries: tuple[str, ...] = ()
    topics: tuple[Topic, ...] = ()
    notices: dict[str, str] = {}  # finding type -> what a caller is told who is refused for it
    egress_hosts: tuple[str, ...] = ()
    look: LookOptions = LookOptions()
    plug_ins: tuple[PlugInOptions, ...] = ()
    seconds: float = 1.0  # for one pass of the built-in detectors in a worker
    inline_characters: int = 16_384  # all leaves together; more goes to a worker
    workers: int = 1
    learned: bool = True  # the linear model and the encoder
    learned_seconds: float = 4.0  # for all texts of a call that the encoder reads


class InspectionRoom:
    """Built once per gateway worker; `start` before use, `stop` at the end.

    `gates` are compiled ones of an earlier room, which save this one a second.
    """

    def __init__(self, options: RoomOptions, gates: Mapping[bytes, bytes] | None = None) -> None:
        self._options = options
        self._engine_options = EngineOptions(
            canaries=options.canaries,
            topics=options.topics,
            egress_hosts=options.egress_hosts,
            look=options.look,
        )
        self._actions = Actions(options.actions, options.notices)
        self.excuses: Excuses | None = None
        self._fingerprints: dict[bytes, Fingerprints | None] = {}
        path = tuple(entry for entry in sys.path if entry)
        self._path, self._known_gates = path, gates
        self._pool = Pool(
            self._setup, workers=options.workers, seconds=options.seconds, rest_seconds=_REST_SECONDS
        )
        self._encoder = encoder_pool(path, seconds=options.learned_seconds, rest_seconds=_REST_SECONDS)
        self._plug_ins = [
            (
                p.name,
                Pool(
                    partial(wire.Setup, path=path, memory_mb=p.memory_mb, factory=p.factory),
                    workers=_PLUG_IN_WORKERS,
                    seconds=p.seconds,
                ),
            )
            for p in options.plug_ins
        ]

    @cached_property
    def _engine(self) -> Engine:
        engine = Engine(self._engine_options, self._known_gates)
        engine.prepare_streams()
        return engine

    @cached_property
    def _canaries(self) -> Canaries:
        return Canaries(self._options.canaries)

    @cached_property
    def _verdicts(self) -> Verdicts:
        return Verdicts(self._engine)

    @cached_property
    def _learned(self) -> LearnedLayer | None:
        if not self._options.learned:
            return None
        suspicion = self._engine.suspicion(shipped.linear())
        return LearnedLayer(suspicion, self._encoder, shipped.parameters())

    def _setup(self) -> wire.Setup:
        return wire.Setup(
            path=self._path, memory_mb=_WORKER_MEMORY_MB, options=self._engine_options, gates=self.gates()
        )

    def gates(self) -> dict[bytes, bytes]:
        """The compiled gates, for a later room."""
        return self._engine.gates()

    @property
    def version(self) -> str:
        """Changes whenever a verdict may change."""
        learned = [self._learned.version] if self._learned else []
        plug_ins = [f"{name}-{pool.version}" for name, pool in self._plug_ins]
        return "+".join([self._engine.version, *learned, *plug_ins])

    @property
    def detectors(self) -> str:
        """Of what looks for instructions alone: changes whenever the score of a text may change."""
        learned = [self._learned.version] if self._learned else []
        plug_ins = [f"{name}-{pool.version}" for name, pool in self._plug_ins]
        return "+".join([RULES_VERSION, *learned, *plug_ins])

    @property
    def calibration(self) -> str:
        """The name of the calibration that rules; "" for the package's thresholds."""
        return self._actions.cuts.name

    def calibrate(self, calibration: Calibration | None) -> bool:
        """Let these thresholds rule from now on. One that was fitted to other detectors is refused: the package's rule."""
        fits = calibration is None or calibration.detectors == self.detectors
        self._actions.cuts = Cuts(calibration if fits else None)
        return fits

    @property
    def inline_characters(self) -> int:
        """The longest text that `scan_inline` takes."""
        return self._options.inline_characters

    async def start(self) -> None:
        """Start the plug-ins' processes, and compile our own rules while they do. Raises `DetectorFault`."""
        starting = asyncio.gather(*(pool.start() for pool in self._pools()), return_exceptions=True)
        try:
            await asyncio.to_thread(lambda: (self._verdicts, self._learned))
            failures = [failure for failure in await starting if failure is not None]
        except BaseException:
            starting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await starting
            await self.stop()
            raise
        if failures:
            await self.stop()
            raise failures[0]

    async def stop(self) -> None:
        """End the worker processes."""
        for pool in self._pools():
            await pool.stop()

    async def recovered(self) -> None:
        """Wait for the worker processes that are being replaced after a fault: for who has time, not for the door."""
        for pool in self._pools():
            await pool.settled(_RECOVERY_SECONDS)

    def _pools(self) -> list[Pool]:
        return [self._pool, self._encoder, *(pool for _, pool in self._plug_ins)]

    async def inspect(
        self,
        leaves: Sequence[Leaf],
        direction: Direction,
        roles: Sequence[str],
        *,
        system: Sequence[str] = (),
        segment: str = "",
    ) -> tuple[Finding, ...]:
        """Findings of all detectors in all leaves, with leaf index and action.

        `system` are the system prompts of the call, whose leakage is looked for (on output).
        Raises `DetectorFault` when a detector fails, is late or lies.
        """
        texts = tuple([(leaf.text, leaf.channel) for leaf in leaves])
        findings = self._at_once(texts, direction, system)
        if findings is None:
            task = wire.Task(texts=texts, direction=direction, system=tuple(system))
            findings = (await self._pool.run(task)).findings
        if direction == "input":
            findings += await self._over_turns(leaves, findings)
            if self._learned is not None:
                findings += await self._learned.findings(texts, findings)
            if "person" in self._options.look.types:
                findings += tuple(again([text for text, _ in texts], findings))
        if self._plug_ins:
            findings = (*findings, *await self._others(texts, direction))
        if not findings:
            return ()
        decided = self._actions.decide(findings, direction, [leaf.channel for leaf in leaves], roles, segment)
        if self.excuses and direction == "input":
            return self.excuses.apply(
                decided, leaves, roles, lambda f, c: self._actions.ruled(f, "input", c, roles, segment)
            )
        return decided

    def scan_inline(
        self,
        text: str,
        channel: Channel,
        direction: Direction,
        roles: Sequence[str] = (),
        *,
        known: Fingerprints | None = None,
        segment: str = "",
    ) -> tuple[Finding, ...]:
        """The built-in detectors on one short text, now: for windows of a stream. Raises `DetectorFault`.

        `known` are the `fingerprints` of the call's system prompts.
        """
        if len(text) > self._options.inline_characters:
            raise DetectorFault("the text is too long to be inspected inline")
        findings = self._engine.scan(((text, channel),), direction, system_fingerprints=known)
        return self._actions.decide(findings, direction, (channel,), roles, segment) if findings else ()

    def sealed(self, texts: Sequence[str], roles: Sequence[str], segment: str = "") -> Finding | None:
        """The first canary that stops, in an answer's texts that only its provider can read: nobody wrote them.

        Nothing else is looked for there. Offsets count in the text that holds it.
        """
        seen = [span for text in texts for span in self._canaries.scan(text.encode(errors="replace"))]
        found = [
            Finding(type=s.type, start=s.start, end=s.end, layer=s.type, version=self.version) for s in seen
        ]
        decided = self._actions.decide(found, "output", ("assistant",), roles, segment)
        return next((finding for finding in decided if finding.action in STOPPING), None)

    def opaque(self, roles: Sequence[str], segment: str = "") -> Finding:
        """What a run of a stream is that offers no place to cut it, for these roles."""
        return self._actions.decide((OPAQUE,), "output", ("assistant",), roles, segment)[0]

    def watch(self, known: Fingerprints | None = None) -> Watch | None:
        """A quick answer to whether `scan_inline` has to be asked, for one text of an assistant's answer."""
        return self._engine.watch(known)

    def fingerprints(self, system: Sequence[str]) -> Fingerprints | None:
        """Fingerprints of system prompts, remembered under the SHA-256 of the texts. In any thread."""
        digest = hashlib.sha256()
        for text in system:
            data = text.encode(errors="surrogatepass")
            digest.update(len(data).to_bytes(8, "big") + data)
        key = digest.digest()
        if key not in self._fingerprints:
            if len(self._fingerprints) >= _FINGERPRINTS_KEPT:
                # A copy, and a default: another thread may be at it, too.
                self._fingerprints.pop(next(iter(tuple(self._fingerprints))), None)
            self._fingerprints[key] = fingerprints(system)
        return self._fingerprints[key]

    def _at_once(
        self, texts: tuple[tuple[str, Channel], ...], direction: Direction, system: Sequence[str]
    ) -> tuple[Finding, ...] | None:
        """The findings of the built-in detectors; None where that might take long."""
        size = sum([len(text) for text, _ in texts]) + sum(map(len, system))
        slow = direction == "input" and bool(self._options.look.types)
        if size > DENSE_CHARACTERS and (slow or size > self._options.inline_characters or too_dense(texts)):
            return None
        known = self.fingerprints(system) if system else None
        if known is None:
            return self._verdicts.scan(texts, direction)
        return self._engine.scan(texts, direction, system_fingerprints=known)

    async def _over_turns(self, leaves: Sequence[Leaf], known: Sequence[Finding]) -> tuple[Finding, ...]:
        read = turns.readings(leaves)
        if not read:
            return ()
        texts = tuple([(reading.text, reading.channel) for reading in read])
        if sum([len(text) for text, _ in texts]) > self._options.inline_characters or too_dense(texts):
            found = (await self._pool.run(wire.Task(texts=texts, direction="input"))).findings
        elif self._options.look.types:  # names were looked for in each turn
            found = self._engine.scan(texts, "input", look=False)
        else:
            found = self._verdicts.scan(texts, "input")
        return turns.over(read, found, known)

    async def _others(self, texts: tuple[tuple[str, Channel], ...], direction: Direction) -> list[Finding]:
        task = wire.Task(texts=texts, direction=direction)
        replies = await asyncio.gather(
            *(pool.run(task) for _, pool in self._plug_ins), return_exceptions=True
        )
        findings: list[Finding] = []
        for (name, pool), reply in zip(self._plug_ins, replies, strict=True):
            if isinstance(reply, BaseException):
                raise reply
            findings += _believed(reply.findings, texts, name, pool.version)
        return findings


def _believed(
    findings: tuple[Finding, ...], texts: tuple[tuple[str, Channel], ...], name: str, version: str
) -> list[Finding]:
    """A plug-in's findings after they were checked, marked as its own."""
    if len(findings) > MAX_FINDINGS:
        raise DetectorFault(f"detector {name} returned {len(findings)} findings")
    for finding in findings:
        if not 0 <= finding.leaf < len(texts):
            raise DetectorFault(f"detector {name} named a text that is not there")
        validated((finding,), texts[finding.leaf][0], name)
    return [
        msgspec.structs.replace(f, layer=name, version=version, action="flag")
        for f in sorted(findings, key=lambda f: (f.leaf, f.start, f.end, f.type))
    ]
