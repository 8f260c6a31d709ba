"""Access for a limited time, over our own API: the same acts and rules as on the command line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from sallyport.errors import Refusal
from sallyport.gateway import stages
from sallyport.gateway.exchange import Exchange
from sallyport.gateway.own.base import Desk
from sallyport.model import Principal


class Noted(Protocol):
    """What the log is told of an act before it counts."""

    action: str
    id: str
    about: str
    reason: str
    details: dict[str, Any]


class Service(Protocol):
    """The access room's acts. `read` makes one of a document; `act` does it."""

    def read(self, document: Mapping[str, Any], /) -> Any:
        """The act, or a Refusal."""

    def action_of(self, ask: Any, /) -> str:
        """The action that policies decide on."""

    def listing(self, who: Principal, *, locks: bool) -> dict[str, Any]:
        """What concerns the caller."""

    async def act(self, ask: Any, who: Principal, write: Callable[[Any], Awaitable[None]]) -> Any:
        """The grant or lock as it is then, or a Refusal."""


class Grants:
    """Requests, approvals, locks."""

    def __init__(self, desk: Desk, service: Service) -> None:
        self._desk, self._service = desk, service

    async def list(self, x: Exchange) -> Any:
        """{"grants", "requestable", "locks"} as far as they concern the caller."""
        denied = self._desk.may(x, "request_access") and self._desk.may(x, "approve_access")
        if denied is not None:
            return denied
        locks = self._desk.may(x, "manage_locks") is None
        return self._service.listing(stages.expect(x.principal, Principal), locks=locks)

    async def act(self, x: Exchange) -> Any:
        """{action, ...} -> the grant or the lock."""
        document = await self._desk.document(x)
        ask = document if isinstance(document, Refusal) else self._service.read(document)
        if isinstance(ask, Refusal):
            return ask
        denied = self._desk.may(x, self._service.action_of(ask))
        if denied is not None:
            return denied

        async def write(noted: Noted) -> None:
            await self._write(x, noted)

        return await self._service.act(ask, stages.expect(x.principal, Principal), write)

    async def _write(self, x: Exchange, noted: Noted) -> None:
        """The entry, durable before the act counts; the reason sealed beside it, as its writer's. Raises Fault."""
        who, rooms = stages.expect(x.principal, Principal), self._desk.rooms
        sealed = None
        if noted.reason:
            text = noted.reason.encode("utf-8", "replace")
            sealed = await rooms.sealer.seal(
                owner=who.id, request=x.request_id, part="request", text=text, values=()
            )
        await self._desk.note_of(
            x,
            noted.action,
            who.id,
            sealed=sealed,
            roles=list(who.roles),
            mfa=who.mfa,
            grant=noted.id,
            target=rooms.sealer.pseudonym(noted.about) if noted.about else "",
            details=noted.details,
        )
