"""What reviewers say of findings, and the thresholds of the detectors. Each act is in the log before it happens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, Protocol

from msgspec import Struct

from sallyport.errors import Refusal
from sallyport.gateway import stages
from sallyport.gateway.exchange import Exchange
from sallyport.gateway.own.base import Desk, texts
from sallyport.gateway.own.evidence import Evidence, Where, stated
from sallyport.model import Principal

Judgement = Literal["false_alarm", "true_attack"]
MOST_SECONDS = 90 * 86_400  # of a mark
MOST_REASON = 500  # characters


class Prepared(Struct, frozen=True):
    """An act that may be done: what the log says of it, and what does it."""

    details: Mapping[str, Any]
    commit: Callable[[], Awaitable[Any]]


class Tuning(Protocol):
    """Calibrations and marks. Refusals are those of what was given."""

    async def present(self) -> dict[str, Any]:
        """The calibration that rules."""

    async def calibrate(self, document: Any, replaces: int, by: str) -> Prepared | Refusal:
        """Prepare a calibration; None withdraws the present one."""

    async def marks(self) -> list[dict[str, Any]]:
        """All marks."""

    async def mark(
        self, where: Where, judgement: Judgement, *, reason: str, seconds: int, by: str
    ) -> Prepared | Refusal:
        """Prepare a mark."""

    async def unmark(self, name: str) -> Prepared | Refusal:
        """Prepare the end of a mark."""


class Reviews:
    """Marks and calibrations for those whom the policy lets."""

    def __init__(self, desk: Desk, tuning: Tuning, evidence: Evidence) -> None:
        self._desk, self._tuning, self._evidence = desk, tuning, evidence

    async def calibration(self, x: Exchange) -> Any:
        """{purpose, action} -> begin: the present calibration, and leave to read. write: another, or none."""
        document = await self._desk.document(x)
        if isinstance(document, Refusal):
            return document
        calibration, replaces = document.pop("calibration", None), document.pop("replaces", 0)
        given = texts(document, "action", "purpose")
        if isinstance(given, Refusal):
            return given
        action = given["action"]
        denied = self._desk.may(x, "calibrate", purpose=stated(given["purpose"]))
        if denied is not None:
            return denied
        if action not in ("begin", "write", "withdraw") or (action == "write") != (calibration is not None):
            return Refusal(code="field_invalid", param="action")
        if type(replaces) is not int:
            return Refusal(code="field_invalid", param="replaces")
        if action == "begin":
            await self._desk.note(x, "calibration.begin")
            return await self._tuning.present()
        prepared = await self._tuning.calibrate(calibration, replaces, _principal(x).id)
        return await self._done(x, "calibration.write", prepared)

    async def list(self, x: Exchange) -> Any:
        """All marks, with who made them and why."""
        denied = self._desk.may(x, "mark_finding")
        if denied is not None:
            return denied
        await self._desk.note(x, "finding.list")
        return {"marks": await self._tuning.marks()}

    async def act(self, x: Exchange) -> Any:
        """{judgement, request, reason, seconds} -> a mark; {judgement: "none", request: ID of a mark} ends one."""
        document = await self._desk.document(x)
        if isinstance(document, Refusal):
            return document
        seconds = document.pop("seconds", 0)
        given = texts(document, "judgement", "request", "reason")
        if isinstance(given, Refusal):
            return given
        denied = self._desk.may(x, "mark_finding")
        if denied is not None:
            return denied
        if given["judgement"] == "none":
            return await self._done(x, "finding.unmark", await self._tuning.unmark(given["request"]))
        wrong = _problem(given, seconds)
        return wrong or await self._mark(x, given, seconds)

    async def _mark(self, x: Exchange, given: Mapping[str, str], seconds: int) -> Any:
        where = await self._evidence.where(given["request"])
        who = _principal(x).id
        mine = bool(where.who) and where.who == self._desk.rooms.sealer.pseudonym(who)
        denied = self._desk.may(x, "mark_finding", self_owned=mine)
        if denied is not None:
            return denied
        prepared = await self._tuning.mark(
            where,
            "false_alarm" if given["judgement"] == "false_alarm" else "true_attack",
            reason=given["reason"].strip(),
            seconds=seconds,
            by=who,
        )
        return await self._done(x, "finding.mark", prepared, target=where.who)

    async def _done(self, x: Exchange, action: str, prepared: Prepared | Refusal, **facts: Any) -> Any:
        if isinstance(prepared, Refusal):
            return prepared
        await self._desk.note(x, action, details=dict(prepared.details), **facts)
        return await prepared.commit()


def _problem(given: Mapping[str, str], seconds: Any) -> Refusal | None:
    if given["judgement"] not in ("false_alarm", "true_attack"):
        return Refusal(code="field_invalid", param="judgement")
    reason = stated(given["reason"])
    if not reason or len(reason) > MOST_REASON:
        message = f"`reason` must say something, in at most {MOST_REASON} characters."
        return Refusal(code="field_invalid", param="reason", message=message)
    if type(seconds) is not int or not 0 < seconds <= MOST_SECONDS:
        message = f"`seconds` must be 1 to {MOST_SECONDS} (90 days)."
        return Refusal(code="field_invalid", param="seconds", message=message)
    return None


def _principal(x: Exchange) -> Principal:
    return stages.expect(x.principal, Principal)
