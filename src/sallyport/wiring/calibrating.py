"""Gathers what thresholds are fitted to: the sealed requests of a span of time, opened, taken apart and scored.

Only counts, scores and keyed digests leave here, never a text. Whoever holds the state folder and its root key can open
the records; that somebody does, and who, is an entry of the log before (`gateway.own.tuning`).
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from sallyport.audit.payloads import PayloadStore
from sallyport.audit.reader import LogReader
from sallyport.audit.shard import shards_of
from sallyport.errors import Fault, LogFault
from sallyport.inspection.calibrate import Scored, heaviest
from sallyport.inspection.marks import Mark
from sallyport.inspection.room import InspectionRoom
from sallyport.inspection.score import attack_score
from sallyport.inspection.thresholds import INSTRUCTED
from sallyport.keys.sealing import RecordContext, Sealer
from sallyport.model import Channel, Leaf
from sallyport.settings import Settings
from sallyport.wiring import translate
from sallyport.wiring.offline import open_keyring
from sallyport.wiring.said import leaves_of
from sallyport.wiring.tuned import TunedStore, digests

Digest = Callable[[Channel, str], str]


class Entry(Struct, frozen=True):
    """A call as the log has it, and where."""

    kind: str = ""
    request: str = ""
    who: str = ""
    roles: tuple[str, ...] = ()
    surface: str = ""
    segment: str = ""
    time: int = 0  # milliseconds
    payload_sha256: str = ""
    shard: str = ""
    index: int = 0


class Gathered(Struct, kw_only=True):
    """The scored calls of a span, and what became of the others."""

    found: int = 0  # calls of the span that left a record
    calls: list[Scored] = []
    attacks: int = 0  # left out: marked as attacks, or holding a text that was
    blocked: int = 0  # left out: refused, and nobody said that this was wrong
    erased: int = 0
    unreadable: int = 0  # damaged, of other settings, or not inspected in time
    left: int = 0  # not scored: more than were asked for, or more of one caller than count


class Marked(Struct, frozen=True):
    """What marks say, by request and by text."""

    false_alarms: frozenset[str]  # requests
    harmless: frozenset[str]  # digests of texts
    attacks: frozenset[str]  # requests, and digests of texts


def marked(marks: Sequence[Mark], now: float) -> Marked:
    """The marks that count. Pure."""
    counting = [mark for mark in marks if mark.counts(now)]
    alarms = [mark for mark in counting if mark.judgement == "false_alarm"]
    attacks = [mark for mark in counting if mark.judgement == "true_attack"]
    return Marked(
        frozenset(mark.request for mark in alarms),
        frozenset(text.digest for mark in alarms for text in mark.texts),
        frozenset({mark.request for mark in attacks} | {t.digest for mark in attacks for t in mark.texts}),
    )


_entry = msgspec.json.Decoder(Entry).decode


def entries(directory: Path, since: float, until: float) -> Iterator[Entry]:
    """The calls of a span that left a record, of all shards. Seconds since the epoch."""
    for place in shards_of(directory):
        for index, data in LogReader(place).entries():
            entry = _entry(data)
            if (
                entry.kind in ("intent", "refusal")
                and entry.payload_sha256
                and since * 1000 <= entry.time < until * 1000
            ):
                yield msgspec.structs.replace(entry, shard=place.name, index=index)


def chosen(found: Sequence[Entry], most: int, keep: Collection[str]) -> list[Entry]:
    """At most `most` of them, as if drawn by lot: of one caller no more than count, but each that was marked (`keep`).

    Request ids are the door's own, so nobody can choose theirs to be drawn.
    """
    cap = max(1.0, heaviest(list(Counter(entry.who for entry in found).values())))
    taken: Counter[str] = Counter()
    drawn: list[Entry] = []
    for entry in sorted(found, key=lambda entry: hashlib.sha256(entry.request.encode()).digest()):
        if entry.request in keep:
            drawn.append(entry)
        elif len(drawn) < most and taken[entry.who] < cap:
            taken[entry.who] += 1
            drawn.append(entry)
    return drawn


class Gatherer:
    """Opens, takes apart and scores."""

    def __init__(
        self, settings: Settings, sealer: Sealer, room: InspectionRoom, digest: Digest, said: Marked
    ) -> None:
        self._settings, self._sealer, self._room = settings, sealer, room
        self._digest, self._said = digest, said
        self._payloads = PayloadStore(settings.audit_directory)

    async def add(self, entry: Entry, to: Gathered) -> None:
        """Score one call, or say why not."""
        if entry.request in self._said.attacks:
            to.attacks += 1
            return
        try:
            leaves = await self._leaves(entry)
            if leaves is None:
                to.erased += 1
                return
            known = {self._digest(leaf.channel, leaf.text) for leaf in leaves}
            if known & self._said.attacks:
                to.attacks += 1
            elif entry.kind == "refusal" and entry.request not in self._said.false_alarms:
                to.blocked += 1
            else:
                to.calls.append(await self._scored(entry, leaves))
        except Fault:
            to.unreadable += 1
            await self._room.recovered()

    async def _leaves(self, entry: Entry) -> tuple[Leaf, ...] | None:
        """The strings; None where they were erased. Raises Fault where they cannot be read."""
        try:
            blob = await asyncio.to_thread(self._payloads.read, entry.shard, entry.index)
        except LogFault:
            raise
        except Fault as fault:
            if fault.code == "record_unknown":
                return None
            raise
        context = RecordContext(request=entry.request, shard=entry.shard, part="request")
        text = (await self._sealer.open_record(blob, context)).text
        if text is None:
            return None
        leaves = leaves_of(entry.surface, text, self._settings)
        if leaves is None:
            raise Fault("a request cannot be read with these settings")
        return leaves

    async def _scored(self, entry: Entry, leaves: tuple[Leaf, ...]) -> Scored:
        findings = await self._room.inspect(leaves, "input", entry.roles, segment=entry.segment)
        scores: dict[Channel, float] = {}
        reviewed: set[Channel] = set()
        for place, leaf in enumerate(leaves):
            if leaf.channel not in INSTRUCTED or not leaf.text.strip():
                continue
            score = attack_score([finding for finding in findings if finding.leaf == place])
            if score >= scores.get(leaf.channel, -1.0):
                reviewed.discard(leaf.channel)
                if self._digest(leaf.channel, leaf.text) in self._said.harmless:
                    reviewed.add(leaf.channel)
                scores[leaf.channel] = score
        return Scored(who=entry.who, roles=entry.roles, scores=scores, reviewed=frozenset(reviewed))


async def gathered(
    settings: Settings,
    *,
    since: float,
    until: float,
    most: int,
    advance: Callable[[int, int], None],
) -> Gathered:
    """The scored calls of a span. `advance(done, all)` is called after each."""
    room = InspectionRoom(translate.inspection(settings))
    result = Gathered(calls=[])
    async with open_keyring(settings) as (keyring, state, _):
        said = marked((await TunedStore(state).load()).marks, time.time())
        found = await asyncio.to_thread(lambda: list(entries(settings.audit_directory, since, until)))
        drawn = chosen(found, most, said.false_alarms | said.attacks)
        result.found, result.left = len(found), len(found) - len(drawn)
        await room.start()
        try:
            gatherer = Gatherer(settings, Sealer(keyring), room, digests(keyring), said)
            for done, entry in enumerate(drawn, 1):
                await gatherer.add(entry, result)
                advance(done, len(drawn))
        finally:
            await room.stop()
    return result


async def attacks(
    settings: Settings, rows: Sequence[tuple[str, Channel]]
) -> Mapping[Channel, Sequence[float]]:
    """The scores of texts that are attacks, each alone, by channel."""
    room = InspectionRoom(translate.inspection(settings))
    await room.start()
    try:
        scores: dict[Channel, list[float]] = {}
        for text, channel in rows:
            found = await room.inspect((Leaf(("text",), text, channel),), "input", ())
            scores.setdefault(channel, []).append(attack_score(found))
        return scores
    finally:
        await room.stop()


def give_way() -> None:
    """Give way to a door on the same machine: for as long as this process lives."""
    os.nice(10)
