"""The log and the sealed records, read for our own API. The disk is read in threads."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import orjson

from sallyport.audit.find import find
from sallyport.audit.payloads import PayloadStore
from sallyport.audit.prove import prove
from sallyport.errors import Fault, LogFault
from sallyport.gateway.own.evidence import Where
from sallyport.inspection.tokens import placeholder
from sallyport.keys.sealing import OpenedRecord, RecordContext, Sealer

PATIENCE = 20  # tries to find the entry in a checkpoint
PAUSE = 0.2  # seconds between them


class LogEvidence:
    """What one deployment's log folder holds."""

    def __init__(self, directory: Path, sealer: Sealer) -> None:
        self._directory, self._sealer = directory, sealer
        self._payloads = PayloadStore(directory)

    async def where(self, request: str) -> Where:
        """The entries of a call. Raises Fault `record_unknown`."""
        found = await asyncio.to_thread(find, self._directory, request)
        calls = [entry for entry in found if entry.kind in {"intent", "refusal"}]
        if not calls:
            raise Fault("no call has this request id", code="record_unknown")
        first = calls[0]
        # The last one: an outcome that the disk took too late for its caller is followed by that of the refusal.
        outcome = next(
            (e.index for e in reversed(found) if e.kind == "outcome" and e.shard == first.shard), None
        )
        return Where(
            request=request,
            who=str(orjson.loads(first.data).get("who", "")),
            shard=first.shard,
            intent=first.index if first.kind == "intent" else None,
            outcome=outcome,
            refusal=first.index if first.kind == "refusal" else None,
        )

    async def receipt(self, where: Where, *, opening: bytes) -> dict[str, Any]:
        """The document that a stranger can check; waits for the next checkpoint."""
        for _ in range(PATIENCE):
            try:
                return await asyncio.to_thread(prove, self._directory, where.request, opening=opening)
            except LogFault:
                await asyncio.sleep(PAUSE)
        raise LogFault("no checkpoint covers the entries")

    async def opening(self, where: Where) -> bytes:
        """What opens the commitment."""
        record = await self._open(where, where.outcome, "answer")
        if record is None or record.text is None:
            return b""
        return bytes.fromhex(orjson.loads(record.text).get("opening", ""))

    async def content(self, where: Where, *, whole: bool) -> dict[str, Any]:
        """Both sealed records. What was erased shows as null.

        Of the answer only with `whole` all that the model wrote, otherwise what was delivered: see `delivered`.
        """
        request = await self.request(where)
        answer = await self._open(where, where.outcome, "answer")
        said = orjson.loads(answer.text) if answer and answer.text else {}
        values = {value.token: value for record in (request, answer) if record for value in record.values}
        return {
            "request": where.request,
            "sent": request.text.decode() if request and request.text and where.refusal is None else None,
            "refused": request.text.decode()
            if request and request.text and where.refusal is not None
            else None,
            "answer": said.get("answer") if whole else delivered(said),
            "values": [
                {"token": value.token, "type": value.type, "value": value.value} for value in values.values()
            ],
        }

    async def request(self, where: Where) -> OpenedRecord | None:
        """What was sent, or would have been; None where nothing was sealed or it was erased."""
        index = where.intent if where.intent is not None else where.refusal
        return await self._open(where, index, "request")

    async def _open(self, where: Where, index: int | None, part: str) -> OpenedRecord | None:
        if index is None:
            return None
        blob = await asyncio.to_thread(self._payload, where.shard, index)
        if not blob:
            return None
        context = RecordContext(request=where.request, shard=where.shard, part=part)  # type: ignore[arg-type]
        return await self._sealer.open_record(blob, context)

    def _payload(self, shard: str, index: int) -> bytes:
        try:
            return self._payloads.read(shard, index)
        except Fault as fault:
            if fault.code == "record_unknown":
                return b""
            raise


def delivered(said: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The texts of an answer without what was hidden from its caller; None where it was not delivered as a whole."""
    answer, withheld = said.get("answer"), said.get("withheld")
    if answer is None or withheld is None:
        return None
    return [{**text, "text": _without(text, withheld)} for text in answer]


def _without(text: dict[str, Any], withheld: list[list[Any]]) -> str:
    here = sorted(
        (start, -end, kind)
        for choice, field, start, end, kind in withheld
        if (choice, field) == (text["choice"], text["field"])
    )
    parts: list[str] = []
    at = 0
    for start, end, kind in here:
        if start >= at:
            parts += (text["text"][at:start], placeholder(kind))
        at = max(at, -end)
    return "".join((*parts, text["text"][at:]))
