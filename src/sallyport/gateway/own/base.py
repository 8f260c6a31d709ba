"""How a request to our own API is run: identified, parsed, bounded in time, answered in JSON."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson

from sallyport.errors import Fault, Refusal
from sallyport.gateway import body, records, respond, stages, strict_json
from sallyport.gateway.body import ClientGoneError
from sallyport.gateway.counts import RefusalCounts
from sallyport.gateway.deadline import Deadline
from sallyport.gateway.dialects.base import Wire
from sallyport.gateway.exchange import Exchange
from sallyport.gateway.limits import Limits
from sallyport.gateway.ports import Rooms, Sealed
from sallyport.model import Principal

Work = Callable[[Exchange], Awaitable[Any]]
BODY_BYTES = 65_536
SECONDS = 15.0  # a password takes its time, and so does a checkpoint
logger = logging.getLogger("sallyport.own")


class Desk:
    """What all requests to our own API share."""

    def __init__(self, rooms: Rooms, limits: Limits, counts: RefusalCounts) -> None:
        self.rooms, self.limits, self.counts = rooms, limits, counts

    async def serve(self, x: Exchange, work: Work, *, identified: bool) -> None:
        """Run the work and answer: what it returns as JSON, or its refusal."""
        try:
            async with asyncio.timeout(SECONDS):
                result = await self._enter(x, identified=identified)
                if result is None:
                    x.stage = "own_api"
                    result = await work(x)
        except ClientGoneError:
            raise
        except TimeoutError:
            result = Refusal(code="deadline_exceeded")
        except Fault as fault:
            logger.warning("%s failed: %s (%s)", x.stage, fault.code, fault.detail)
            result = respond.from_fault(fault, x.stage)
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing is given out
            logger.error("%s raised %s request=%s", x.stage, type(error).__name__, x.request_id)  # noqa: TRY400
            result = Refusal(code="stage_failed")
        if isinstance(result, Refusal):
            result = await self._recorded(x, stages.at(result, x.stage))
        await _answer(x, result)

    async def _enter(self, x: Exchange, *, identified: bool) -> Refusal | None:
        if not identified:
            asserted = self.rooms.edge(x.headers)
            if isinstance(asserted, Refusal):
                return asserted
            x.tls, x.peer, x.headers = asserted
            return None
        for stage in (stages.identify, stages.posture):
            x.stage = stage.__name__
            refusal = await stage(x, self.rooms, self.limits)
            if refusal is not None:
                return refusal
        return None

    async def _recorded(self, x: Exchange, refusal: Refusal) -> Refusal:
        """The refusal, once it is in the log: counted before identification, an entry after it."""
        if x.principal is None:
            self.counts.refused(refusal.code)
            return refusal
        try:
            entry = records.refusal(x, refusal, pseudonym=self.rooms.sealer.pseudonym)
            await self.rooms.log.append(entry)
        except Exception as error:  # noqa: BLE001 - the log did not take it
            self.counts.unrecorded(refusal.code)
            logger.error("refusal not recorded: %s", type(error).__name__)  # noqa: TRY400
            return Refusal(code="log_unavailable")
        return refusal

    async def document(self, x: Exchange) -> dict[str, Any] | Refusal:
        """The JSON object that was sent."""
        problem = body.check_headers(x.headers, BODY_BYTES)
        if problem is not None:
            return problem
        try:
            with Deadline(self.limits.body_seconds):
                raw = await body.read(x.receive, limit=BODY_BYTES)
        except TimeoutError:
            return Refusal(code="body_timeout")
        if isinstance(raw, Refusal):
            return raw
        document = strict_json.parse(raw, depth=4)
        if isinstance(document, Refusal):
            return document
        return document if isinstance(document, dict) else Refusal(code="field_invalid", param="body")

    def may(self, x: Exchange, action: str, **more: Any) -> Refusal | None:
        """None if the policy allows the action."""
        asked = stages.question(x, action, **more)
        x.decision = self.rooms.access.decide(asked)
        if x.decision.allowed is True and not x.decision.errors:
            return None
        return self.rooms.access.refusal(x.decision, asked)

    async def note(self, x: Exchange, action: str, **facts: Any) -> None:
        """The entry of an administrator's act, durable before it happens. Raises LogFault."""
        principal = stages.expect(x.principal, Principal)
        await self.note_of(x, action, principal.id, roles=list(principal.roles), **facts)

    async def note_of(
        self, x: Exchange, action: str, who: str, *, sealed: Sealed | None = None, **facts: Any
    ) -> None:
        """The entry of what somebody did who is known only now, as by a login. Raises LogFault."""
        await self.rooms.log.append(
            {
                "kind": "admin",
                "action": action,
                "request": x.request_id,
                "who": self.rooms.sealer.pseudonym(who),
                "policies": list(x.decision.policies) if x.decision else [],
                **facts,
            },
            sealed,
        )


def texts(document: Mapping[str, Any], *names: str) -> dict[str, str] | Refusal:
    """String members that must be there; no others are allowed."""
    for name in document:
        if name not in names:
            return Refusal(code="field_unknown", param=name[:64])
    for name in names:
        if not isinstance(document.get(name), str):
            return Refusal(code="field_invalid", message=f"`{name}` must be a string.", param=name)
    return {name: document[name] for name in names}


def wire_of(x: Exchange) -> Wire:
    """The wire of the caller: Anthropic's clients name its version in every request."""
    return "anthropic" if any(name == b"anthropic-version" for name, _ in x.headers) else "openai"


async def _answer(x: Exchange, result: Any) -> None:
    if isinstance(result, Refusal):
        status, data = result.spec.status, respond.error_body(result, x.request_id, wire_of(x))
        headers = respond.error_headers(result)
    else:
        status, data, headers = 200, orjson.dumps(result), list(respond.SECURITY_HEADERS)
    await x.out.head(
        status,
        [
            ("content-type", "application/json"),
            *respond.ids(x.request_id, wire_of(x)),
            ("content-length", str(len(data))),
            *headers,
        ],
    )
    await x.out.write(data, last=True)
