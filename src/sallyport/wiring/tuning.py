"""Calibrations and marks in a worker: followed while it runs, and changed through its own API."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from sallyport.audit.find import find
from sallyport.errors import Conflict, Fault, Refusal
from sallyport.gateway.own.evidence import Where
from sallyport.gateway.own.tuning import Prepared
from sallyport.inspection.marks import MOST_TEXTS, Excuses, Judgement, Mark, Text, kinds
from sallyport.inspection.room import InspectionRoom
from sallyport.inspection.thresholds import INSTRUCTED, Calibration, problem
from sallyport.keys.keyring import KeyRing
from sallyport.model import Leaf
from sallyport.settings import Settings
from sallyport.wiring.evidence import LogEvidence
from sallyport.wiring.said import leaves_of
from sallyport.wiring.tuned import MOST_MARKS, Tuned, TunedStore, digests, ended, numbered

SECONDS = 0.5  # between two looks at what another worker changed
logger = logging.getLogger("sallyport.wiring")


class Tuning:
    """See `gateway.own.tuning.Tuning`. `room` is None where nothing is inspected."""

    def __init__(
        self,
        settings: Settings,
        store: TunedStore,
        keyring: KeyRing,
        room: InspectionRoom | None,
        evidence: LogEvidence,
        note: Callable[[Mapping[str, Any]], Awaitable[Any]],
        random: Callable[[int], bytes],
    ) -> None:
        self._settings, self._store, self._room, self._evidence = settings, store, room, evidence
        self._digest, self._note, self._random = digests(keyring), note, random
        self._epoch, self._known, self._told = -1, Tuned(), ""

    async def follow(self) -> None:
        """Load what changed. Raises Fault where the store does not answer: then the door refuses calls anyway."""
        epoch = await self._store.epoch()
        if epoch == self._epoch:
            return
        known = await self._store.load()
        refused = list(known.damaged)
        if self._room is not None:
            if not self._room.calibrate(known.calibration):
                refused.append("other detectors")
            self._room.excuses = Excuses(known.marks, self._digest, time.time)
        self._epoch, self._known = epoch, known
        await self._tell(", ".join(refused))

    async def _tell(self, refused: str) -> None:
        """Say once what is not used: the package's thresholds rule, or no mark counts."""
        if refused and refused != self._told:
            logger.error("not used for inspection: %s", refused)
            await self._note({"kind": "admin", "action": "calibration.refused", "details": {"what": refused}})
        self._told = refused

    async def present(self) -> dict[str, Any]:
        """What rules, and for which detectors a calibration must be."""
        await self.follow()
        known, room = self._known, self._room
        return {
            "ruling": room.calibration if room else "",
            "detectors": room.detectors if room else "",
            "calibration": msgspec.to_builtins(known.calibration),
            "number": known.number,
            "damaged": list(known.damaged),
        }

    async def calibrate(self, document: Any, replaces: int, by: str) -> Prepared | Refusal:
        """Prepare a calibration in place of number `replaces`; `document` None withdraws the present one."""
        await self.follow()
        known = self._known
        if replaces != known.number:
            return _wrong("replaces", "another calibration was stored meanwhile: start over")
        calibration: Calibration | None = None
        if document is not None:
            given = self._judged(document)
            if isinstance(given, Refusal):
                return given
            calibration = numbered(given, known, by=by, at=int(time.time()))

        async def commit() -> dict[str, Any]:
            try:
                await self._store.rule(calibration, known)
            except Conflict:
                raise Fault("another calibration was stored meanwhile") from None
            return await self.present()

        return Prepared(details=_told_of(calibration, known), commit=commit)

    def _judged(self, document: Any) -> Calibration | Refusal:
        try:
            calibration = msgspec.convert(document, Calibration)
        except msgspec.ValidationError as error:
            return _wrong("calibration", f"it is none ({error})")
        if self._room is None or calibration.detectors != self._room.detectors:
            return _wrong("calibration", "it was fitted to another version of the detectors: start over")
        wrong = problem(calibration)
        return _wrong("calibration", wrong) if wrong else calibration

    async def marks(self) -> list[dict[str, Any]]:
        """All marks, without what they know of texts."""
        await self.follow()
        now = time.time()
        rows = []
        for mark in sorted(self._known.marks, key=lambda mark: mark.at):
            row = {name: getattr(mark, name) for name in ("id", "request", "judgement", "reason", "by", "at")}
            row |= {"expires": mark.expires, "counts": mark.counts(now), "texts": len(mark.texts)}
            rows.append(row)
        return rows

    async def mark(
        self, where: Where, judgement: Judgement, *, reason: str, seconds: int, by: str
    ) -> Prepared | Refusal:
        """Prepare a mark of a call."""
        await self.follow()
        texts = await self._texts(where, judgement)
        if isinstance(texts, Refusal):
            return texts
        roles = await asyncio.to_thread(self._roles, where.request)
        now = int(time.time())
        gone = ended(self._known.marks, now)
        if len(self._known.marks) - len(gone) >= MOST_MARKS:
            return _wrong("request", f"there are {MOST_MARKS} marks: drop some")
        mark = Mark(
            id=self._random(6).hex(), request=where.request, judgement=judgement, reason=reason, by=by,
            at=now, expires=now + seconds, roles=roles, texts=texts,
        )  # fmt: skip

        async def commit() -> dict[str, Any]:
            await self._store.mark(mark, gone)
            return next(row for row in await self.marks() if row["id"] == mark.id)

        details = {"mark": mark.id, "record": mark.request, "judgement": judgement, "expires": mark.expires}
        return Prepared(details=details, commit=commit)

    async def unmark(self, name: str) -> Prepared | Refusal:
        """Prepare the end of a mark."""
        await self.follow()
        mark = next((mark for mark in self._known.marks if mark.id == name), None)
        if mark is None:
            return Refusal(code="record_unknown", message="There is no such mark.")

        async def commit() -> dict[str, Any]:
            await self._store.unmark(name)
            await self.follow()
            return {"id": name, "ended": True}

        return Prepared(details={"mark": name, "record": mark.request}, commit=commit)

    async def _texts(self, where: Where, judgement: Judgement) -> tuple[Text, ...] | Refusal:
        """What the mark is about: the texts in which instructions were found."""
        record = await self._evidence.request(where)
        if record is None or record.text is None or self._room is None:
            return _wrong("request", "nothing was kept of this call, or it was erased")
        surface = await asyncio.to_thread(self._surface, where.request)
        leaves = leaves_of(surface, record.text, self._settings)
        read = [leaf for leaf in leaves or () if leaf.channel in INSTRUCTED and leaf.text.strip()]
        texts = []
        for leaf in read:
            found = kinds(await self._room.inspect((Leaf(leaf.path, leaf.text, leaf.channel),), "input", ()))
            if found:
                texts.append(Text(leaf.channel, self._digest(leaf.channel, leaf.text), found))
        if not texts and judgement == "true_attack" and read:
            last = read[-1]
            texts = [Text(last.channel, self._digest(last.channel, last.text), ())]
        if not texts:
            return _wrong("request", "no instructions were found in any text of this call by itself")
        return tuple(texts[-MOST_TEXTS:])

    def _first(self, request: str) -> Mapping[str, Any]:
        for entry in find(self._settings.audit_directory, request):
            if entry.kind in {"intent", "refusal"}:
                found: Mapping[str, Any] = msgspec.json.decode(entry.data)
                return found
        return {}

    def _roles(self, request: str) -> tuple[str, ...]:
        return tuple(sorted(self._first(request).get("roles", ())))

    def _surface(self, request: str) -> str:
        return str(self._first(request).get("surface", ""))


def _told_of(calibration: Calibration | None, known: Tuned) -> dict[str, Any]:
    """What the log says of it: everything but who, whom the entry names."""
    if calibration is None:
        return {"withdrawn": known.number}
    facts = msgspec.to_builtins(calibration)
    del facts["by"]
    return {**facts, "name": calibration.name, "replaces": known.number}


def _wrong(param: str, message: str) -> Refusal:
    return Refusal(code="field_invalid", param=param, message=message[:1].upper() + message[1:] + ".")
