"""Each room in the shape that the corridor's ports ask for. No decisions here."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from sallyport.access.grant_book import GrantBook
from sallyport.access.ledger import BudgetLedger, Reservation
from sallyport.access.locks import POLICY
from sallyport.access.request import AccessRequest
from sallyport.access.room import AccessRoom
from sallyport.audit.writer import LogWriter
from sallyport.errors import LogFault, Refusal
from sallyport.gateway.edge.asserted import EdgeRule, read_asserted
from sallyport.gateway.ports import Headers, Question, Sealed
from sallyport.identity.revocation import RevocationFeed
from sallyport.identity.room import IdentityRoom
from sallyport.keys.keyring import KeyRing
from sallyport.keys.sealing import RecordContext, SealedValue, Sealer
from sallyport.model import Decision, Device, Model, Principal, TlsFacts

logger = logging.getLogger("sallyport.wiring")
REMEMBERED = 100_000


class EdgeDoor:
    """What the edge asserts, and what is left of the headers."""

    def __init__(self, rule: EdgeRule) -> None:
        self._rule = rule

    def __call__(self, headers: Headers) -> tuple[TlsFacts, str, Headers] | Refusal:
        """TLS facts, the client's address, and the headers without the asserted ones."""
        asserted = read_asserted(headers, self._rule)
        return asserted if isinstance(asserted, Refusal) else (asserted.tls, asserted.peer, asserted.headers)


class CertificateDevices:
    """Devices as far as a client certificate shows them; nothing else is enrolled yet, so nothing is trusted."""

    async def device(self, _principal: Principal, _headers: Headers, tls: TlsFacts) -> Device:
        """The device of the certificate, without attestation or posture."""
        return _device(tls.client_certificate_sha256)


@functools.lru_cache(maxsize=1024)
def _device(certificate: str) -> Device:
    return Device(id=certificate)


class Callers:
    """The identity room's principals, with what their grants give them."""

    def __init__(self, room: IdentityRoom, book: GrantBook) -> None:
        self._identify, self._elevated = room.identify, book.elevated
        self.still_valid = room.still_valid

    async def identify(self, headers: Headers, tls: TlsFacts) -> Principal | Refusal:
        """The principal behind the headers."""
        caller = await self._identify(headers, tls)
        return caller if isinstance(caller, Refusal) else self._elevated(caller)


class Policies:
    """The access room at the epoch of the revocation feed, and the locks."""

    def __init__(
        self, room: AccessRoom, feed: RevocationFeed, book: GrantBook, clock: Callable[[], float]
    ) -> None:
        self._room, self._feed, self._book, self._clock = room, feed, book, clock
        self.epoch = feed.epoch

    def _request(self, asked: Question) -> AccessRequest:
        return AccessRequest(
            principal=asked.principal,
            action=asked.action,
            model=asked.model,
            tool=asked.tool,
            data=asked.data,
            device=asked.device,
            tls=asked.tls,
            surface=asked.surface,
            stream=asked.stream,
            purpose=asked.purpose,
            self_owned=asked.self_owned,
            tainted=asked.tainted,
            uninspected=asked.uninspected,
            now=asked.at or int(self._clock()),
        )

    def decide(self, question: Question) -> Decision:
        """The decision."""
        lock = self._book.lock(question.principal, question.action, question.model)
        if lock is not None:
            return Decision(allowed=False, policies=(POLICY + lock.id,), version=self._room.version)
        return self._room.authorise(self._request(question), epoch=self._feed.epoch())

    def refusal(self, decision: Decision, question: Question) -> Refusal:
        """What the caller is told."""
        if decision.policies and decision.policies[0].startswith(POLICY):
            return Refusal(code="locked", policy=decision.policies[0])
        return self._room.refusal(decision, self._request(question))

    def stop(self, question: Question) -> Refusal | None:
        """Judge again, with the grants and locks of now."""
        renewed = self._book.renewed(question.principal)
        asked = msgspec.structs.replace(question, principal=renewed)
        decision = self.decide(asked)
        if decision.allowed is True and not decision.errors:
            return None
        told = self.refusal(decision, asked)
        if told.code == "access_denied" and renewed.granted != question.principal.granted:
            return Refusal(code="grant_ended", next_step=told.next_step, command=told.command)
        return told

    def visible_models(self, principal: Principal, device: Device, tls: TlsFacts) -> Sequence[Model]:
        """The models that the principal may use."""
        seen = self._room.visible_models(principal, device, tls, int(self._clock()), epoch=self._feed.epoch())
        return tuple(m for m in seen if self._book.lock(principal, "list_model", m) is None)

    def explain(self, question: Question) -> Mapping[str, Any]:
        """The whole decision, as JSON values."""
        explained = self._room.explain(self._request(question), epoch=self._feed.epoch())
        values: Mapping[str, Any] = msgspec.to_builtins(explained)
        return values


class Budgets:
    """The ledger."""

    def __init__(self, ledger: BudgetLedger) -> None:
        self._ledger = ledger
        self.settle: Callable[[Reservation, Any], None] = ledger.settle
        self.headers = ledger.headers

    def reserve(
        self, principal: Principal, model: Model, *, input_tokens: int, output_tokens: int, choices: int
    ) -> Reservation | Refusal:
        """A reservation, or why there is none."""
        return self._ledger.reserve(
            principal, model, input_tokens=input_tokens, output_tokens=output_tokens, choices=choices
        )


class AuditLog:
    """The log writer, reopened in the background after a fault."""

    def __init__(self, writer: LogWriter, again_seconds: float = 2.0) -> None:
        self.writer = writer
        self._again_seconds = again_seconds
        self._again: asyncio.Task[None] | None = None
        writer.when_refused = self._refused
        self.append = writer.append

    def _refused(self) -> None:
        if self.writer.fault and (self._again is None or self._again.done()):
            self._again = asyncio.create_task(self._reopen())

    async def _reopen(self) -> None:
        while self.writer.fault:
            await asyncio.sleep(self._again_seconds)
            try:
                await self.writer.reopen()
            except LogFault as fault:
                logger.error("the audit log stays closed: %s", fault.detail)  # noqa: TRY400 - no trace needed

    async def close(self) -> None:
        """Publish the last checkpoint and let go."""
        if self._again is not None:
            self._again.cancel()
        await asyncio.to_thread(self.writer.close)


class Records:
    """Seals what was said, and names people by keyed digest."""

    def __init__(self, keyring: KeyRing, sealer: Sealer, shard: str, *, payloads: bool) -> None:
        self._keyring, self._sealer, self._shard, self._payloads = keyring, sealer, shard, payloads
        self._known: set[str] = set()
        self._names: dict[str, str] = {}

    def pseudonym(self, subject: str) -> str:
        """The keyed digest by which the log names someone; remembered, since each call asks for several."""
        name = self._names.get(subject)
        if name is None:
            if len(self._names) >= REMEMBERED:
                self._names.clear()
            name = self._names[subject] = self._keyring.pseudonym(subject)
        return name

    async def seal(
        self, *, owner: str, request: str, part: str, text: bytes, values: Sequence[tuple[str, str, str]]
    ) -> Sealed | None:
        """The sealed record; None where the settings keep no payloads. A value belongs to who wrote it."""
        if not self._payloads:
            await self._remember(owner)
            return None
        context = RecordContext(request=request, shard=self._shard, part=part)  # type: ignore[arg-type]
        sealed = [SealedValue(token, kind, owner, value) for token, kind, value in values] if values else ()
        ready = self._sealer.prepare(owner=owner, context=context, text=text, values=sealed)
        if ready is not None:
            return ready
        return await self._sealer.seal_record(owner=owner, context=context, text=text, values=sealed)

    async def _remember(self, owner: str) -> None:
        """Keep the pseudonym resolvable; sealing does so by itself."""
        if owner not in self._known:
            await self._keyring.remember(owner)
            if len(self._known) < REMEMBERED:
                self._known.add(owner)
