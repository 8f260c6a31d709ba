"""Receipts for callers, and sealed records for those who may read them."""

from __future__ import annotations

from typing import Any, Protocol

from msgspec import Struct

from sallyport.errors import Refusal
from sallyport.gateway import stages
from sallyport.gateway.exchange import Exchange
from sallyport.gateway.own.base import Desk, texts
from sallyport.model import Principal


class Where(Struct, frozen=True, kw_only=True):
    """A recorded call."""

    request: str
    who: str  # keyed digest of the principal
    shard: str
    intent: int | None
    outcome: int | None
    refusal: int | None = None  # of a call that was never sent


class Evidence(Protocol):
    """The log and the sealed records, read."""

    async def where(self, request: str) -> Where:
        """Raises Fault `record_unknown`."""

    async def receipt(self, where: Where, *, opening: bytes) -> dict[str, Any]:
        """The document that a stranger can check."""

    async def opening(self, where: Where) -> bytes:
        """What opens the commitment; empty where it was erased or never sealed."""

    async def content(self, where: Where, *, whole: bool) -> dict[str, Any]:
        """The sealed texts and values."""


def stated(purpose: str) -> str:
    """The purpose, "" where nothing is said: spaces, dots and invisible characters are no purpose."""
    return purpose.strip() if any(character.isalnum() for character in purpose) else ""


class Receipts:
    """Proof of a call, for its caller; and what was said, for those whom the policy lets read it."""

    def __init__(self, desk: Desk, evidence: Evidence) -> None:
        self._desk, self._evidence = desk, evidence

    async def receipt(self, x: Exchange) -> Any:
        """Entries, inclusion proofs, checkpoint; with the opening for the caller of that call."""
        where = await self._evidence.where(x.target)
        if self._is_mine(x, where):
            return await self._evidence.receipt(where, opening=await self._evidence.opening(where))
        denied = self._desk.may(x, "read_log")
        if denied is not None:
            # Not even whether it exists.
            return Refusal(code="record_unknown")
        await self._desk.note(x, "log.read", target=where.who, details={"record": where.request})
        return await self._evidence.receipt(where, opening=b"")

    async def content(self, x: Exchange) -> Any:
        """{purpose} -> the texts and values of a call. Each read is an entry first.

        Who reads it only because it is their own gets no more of the answer than they got then.
        """
        document = await self._desk.document(x)
        given = document if isinstance(document, Refusal) else texts(document, "purpose")
        if isinstance(given, Refusal):
            return given
        purpose = stated(given["purpose"])
        where = await self._evidence.where(x.target)
        mine = self._is_mine(x, where)
        denied = self._desk.may(x, "read_content", purpose=purpose)
        whole = denied is None
        if denied is not None and mine:
            denied = self._desk.may(x, "read_content", purpose=purpose, self_owned=True)
        if denied is not None:
            # Whoever may not read the log is not told that there is such a record.
            return denied if mine or self._desk.may(x, "read_log") is None else Refusal(code="record_unknown")
        # The purpose is somebody's words, so the log says only that one was given.
        details = {"record": where.request, "own": mine, "purpose_given": bool(purpose)}
        await self._desk.note(x, "content.read", target=where.who, details=details)
        return await self._evidence.content(where, whole=whole)

    def _is_mine(self, x: Exchange, where: Where) -> bool:
        principal = stages.expect(x.principal, Principal)
        return bool(where.who) and where.who == self._desk.rooms.sealer.pseudonym(principal.id)
