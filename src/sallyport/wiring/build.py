"""Builds the door of one worker: opens what it needs at start, closes it at the end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

from sallyport.access.grant_book import GrantBook
from sallyport.access.ledger import BudgetLedger
from sallyport.access.room import AccessRoom
from sallyport.access.service import AccessService
from sallyport.gateway.app import Door, every
from sallyport.gateway.counts import RefusalCounts
from sallyport.gateway.dialects.openai_chat import OpenAIChat
from sallyport.gateway.edge.asserted import EdgeRule
from sallyport.gateway.own.access import Grants
from sallyport.gateway.own.base import Desk
from sallyport.gateway.own.evidence import Receipts
from sallyport.gateway.own.models import ModelList
from sallyport.gateway.own.people import Administration, Sessions
from sallyport.gateway.own.tuning import Reviews
from sallyport.gateway.pipeline import Pipeline
from sallyport.gateway.ports import Rooms
from sallyport.gateway.upstream import HttpUpstreams
from sallyport.identity import revocation
from sallyport.identity.directory import Directory
from sallyport.identity.revocation import RevocationFeed
from sallyport.identity.room import IdentityRoom
from sallyport.identity.sessions import SessionKeys
from sallyport.keys.keyring import KeyRing, in_use
from sallyport.keys.root import open_root
from sallyport.keys.sealed_state import SealedStateStore
from sallyport.keys.sealing import Sealer
from sallyport.settings import Settings
from sallyport.stores.shelf import Shelf
from sallyport.stores.sqlite import SqliteStateStore
from sallyport.wiring import adapters, history, inspecting, providers, translate
from sallyport.wiring.chance import Chance
from sallyport.wiring.compiled import CompiledGates
from sallyport.wiring.evidence import LogEvidence
from sallyport.wiring.guards import Guards, NoInspection
from sallyport.wiring.health import Health
from sallyport.wiring.logbook import open_log
from sallyport.wiring.places import Places
from sallyport.wiring.routes import routes
from sallyport.wiring.tuned import TunedStore
from sallyport.wiring.tuning import SECONDS as TUNING_SECONDS
from sallyport.wiring.tuning import Tuning

COUNTS_SECONDS = 5.0


class SystemClock:
    """Time and chance of this machine."""

    now = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)

    def __init__(self, random: Callable[[int], bytes]) -> None:
        self.random = random


class Deployment:
    """Everything of one worker that must be opened and closed."""

    pipeline: Pipeline
    rooms: Rooms
    desk: Desk
    models: ModelList
    signing_in: Sessions
    administration: Administration
    grants: Grants
    receipts: Receipts
    reviews: Reviews
    health: Health
    directory: Directory
    sessions: SessionKeys
    access: AccessRoom
    keyring: KeyRing

    def __init__(
        self, settings: Settings, *, edge_secret: str, worker: int, shelf: Shelf | None = None
    ) -> None:
        self.settings, self._worker, self._shelf = settings, worker, shelf
        self._edge = adapters.EdgeDoor(
            EdgeRule(
                secret=edge_secret.encode(),
                aes256=settings.tls.aes256,
                client_certificates=settings.tls.client_certificates,
            )
        )
        self.places = Places.of(settings)
        self.counts = RefusalCounts()
        self._open = AsyncExitStack()
        self.chance = Chance()

    async def start(self) -> None:
        """Open everything, in the order of dependence; on an error, close what was opened."""
        try:
            await self._start()
        except BaseException:
            await self._open.aclose()
            raise

    async def stop(self) -> None:
        """Close everything, in the opposite order."""
        await self._open.aclose()

    async def _start(self) -> None:
        store = await SqliteStateStore.open(self.places.database, apart=True)
        self._open.push_async_callback(store.close)
        await history.refuse_lost_keys(store, self.places)
        self.keyring = KeyRing(
            store, open_root(self.places.root_key, in_use=await in_use(store)), time.monotonic, self.chance
        )
        await self.keyring.start()
        state = SealedStateStore(store, self.keyring)
        self._book = GrantBook(
            state, translate.requestable(self.settings), bump=revocation.bump(), clock=time.time
        )
        self._feed = feed = await self._identity(state)
        budgets = await self._budgets(state)
        log = await self._log(store)
        upstreams = HttpUpstreams(translate.targets(self.settings))
        self._open.push_async_callback(upstreams.close)
        sealer = Sealer(self.keyring)
        self.rooms = Rooms(
            edge=self._edge,
            identity=adapters.Callers(self._identity_room, self._book),
            posture=adapters.CertificateDevices(),
            access=adapters.Policies(self.access, feed, self._book, time.time),
            budgets=budgets,
            inspection=await self._inspection(state),
            log=log,
            sealer=adapters.Records(
                self.keyring,
                Sealer(self.keyring),
                log.writer.shard,
                payloads=self.settings.audit.seal_payloads,
            ),
            upstreams=upstreams,
            models=translate.models(self.settings),
            clock=SystemClock(self.chance),
        )
        limits = translate.limits(self.settings)
        self.pipeline = Pipeline(self.rooms, limits, self.counts)
        desk = Desk(self.rooms, limits, self.counts)
        self._own_api(desk, log, sealer)
        await self._tuning(desk, state, LogEvidence(self.places.audit, sealer))
        self._background(every(COUNTS_SECONDS, self._write_counts))
        self._open.push_async_callback(self._write_counts)

    def _own_api(self, desk: Desk, log: adapters.AuditLog, sealer: Sealer) -> None:
        self.desk = desk
        self.models = ModelList(desk)
        self.signing_in = Sessions(
            desk, self.directory, self.sessions.refresh, translate.offered(self.settings)
        )
        self.administration = Administration(desk, self.directory)
        self.grants = Grants(desk, self._access_service())
        self.receipts = Receipts(desk, LogEvidence(self.places.audit, sealer))
        self.health = Health(log, self._feed)

    async def _tuning(self, desk: Desk, state: SealedStateStore, evidence: LogEvidence) -> None:
        """What was calibrated and marked, from the first call on."""
        tuning = Tuning(
            self.settings,
            TunedStore(state),
            self.keyring,
            self._inspection_room,
            evidence,
            self.rooms.log.append,
            self.chance,
        )
        await tuning.follow()
        self._background(every(TUNING_SECONDS, tuning.follow))
        self.reviews = Reviews(desk, tuning, evidence)

    def _access_service(self) -> AccessService:
        return AccessService(
            self._book,
            terms=translate.terms(self.settings),
            random=self.chance,
            names={
                "role": self.access.roles,
                "model": self.rooms.models.keys(),
                "segment": [segment.name for segment in self.settings.segments],
                "everything": [""],
            },
        )

    def _background(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._open.callback(task.cancel)

    async def _identity(self, state: SealedStateStore) -> RevocationFeed:
        given = self.settings.identity
        feed = RevocationFeed(
            state, stale=given.feed_seconds, keep_seconds=max(86_400, given.directory.session_seconds)
        )
        feed.follow(self._book.load)
        self._book.learn = feed.poll
        await self._run(feed)
        self.sessions = SessionKeys(state, feed, rules=translate.session_rules(self.settings))
        await self._run(self.sessions)
        self.directory = Directory(state, sessions=self.sessions, feed=feed)
        self._open.callback(self.directory.close)
        self._identity_room = IdentityRoom(
            providers=[providers.source(p, given.token_bytes, self._open) for p in given.providers],
            sessions=self.sessions if given.directory.enabled else None,
            feed=feed,
            clock=time.time,
            cache_seconds=given.cache_seconds,
            token_bytes=given.token_bytes,
        )
        await self._run(self._identity_room)
        return feed

    async def _budgets(self, state: SealedStateStore) -> adapters.Budgets:
        limits = translate.budgets(self.settings)
        ledger = BudgetLedger(state, time.time, limits)
        await ledger.start()
        self._open.push_async_callback(ledger.close)
        self.access = AccessRoom.build(
            translate.policies_folder(self.settings),
            tuple(translate.models(self.settings).values()),
            {segment.name: segment.environment for segment in self.settings.segments},
            limits,
            extend_default=self.settings.access.extend_default,
            ledger=ledger,
            requestable=self._book.rules,
        )
        return adapters.Budgets(ledger)

    async def _log(self, store: SqliteStateStore) -> adapters.AuditLog:
        log = adapters.AuditLog(await open_log(self.settings, store, self.keyring, worker=str(self._worker)))
        self._open.push_async_callback(log.close)
        return log

    async def _inspection(self, state: SealedStateStore) -> Guards | NoInspection:
        compiled = CompiledGates(state, self._shelf)
        known = {} if self.settings.inspection.unsafe_off else await compiled.known()
        guards, room = inspecting.guards(
            self.settings, time.monotonic, self.chance, known, self.keyring.pseudonym
        )
        self._inspection_room = room
        if room is not None:
            await self._run(room)
            compiled.hand_on(room.gates())
            self._background(compiled.keep(room.gates()))
        return guards

    async def _run(self, part: Any) -> None:
        await part.start()
        self._open.push_async_callback(part.stop)

    async def _write_counts(self) -> None:
        entry = self.counts.take()
        if entry is None:
            return
        try:
            await self.rooms.log.append(entry)
        except Exception:
            self.counts.put_back(entry)
            raise


def build_app(settings: Settings, *, edge_secret: str, worker: int = 0, shelf: Shelf | None = None) -> Door:
    """The ASGI application of one worker. Nothing is opened before its lifespan starts.

    On the `shelf` lies what an earlier life of the worker compiled.
    """
    deployment = Deployment(settings, edge_secret=edge_secret, worker=worker, shelf=shelf)
    exact, prefixes = routes(deployment)
    return Door(
        routes=exact,
        prefixes=prefixes,
        default=OpenAIChat(),
        in_flight=settings.server.limits.in_flight,
        request_id=lambda: f"req_{deployment.chance(12).hex()}",
        start=deployment.start,
        stop=deployment.stop,
    )
