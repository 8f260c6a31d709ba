"""A provider's keys, fetched and kept: fresh, a while stale, never older than the hard limit.

`plan` decides, `RemoteKeys` acts. The rules:
- at most one fetch per `interval` and provider, whatever tokens arrive and whether or not the last one succeeded;
- older than `fresh`: used as they are while one background task fetches (stale while revalidate);
- older than `stale`, or never fetched: the caller waits for the fetch, or is refused;
- an unknown `kid` may cause a fetch, but not one that was unknown after a fetch less than `unknown` ago;
- everyone who must wait waits for the same fetch (single flight), and none for longer than `seconds`;
- a lying document (other issuer, other host, no usable key) counts as a failed fetch and replaces nothing.

`clock` is monotonic, in seconds. What it must not know: tokens, claims, people.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from enum import Enum
from http import HTTPStatus
from math import inf
from typing import Protocol

from msgspec import Struct

from sallyport.errors import Refusal
from sallyport.identity.discovery import Discovery, Fetch, read_discovery
from sallyport.identity.keyset import KeySet, key_set
from sallyport.identity.providers import ProviderRules, discovery_url
from sallyport.identity.refusals import refuse
from sallyport.identity.strict import Malformed

_log = logging.getLogger("sallyport.identity")


class KeySource(Protocol):
    """Where the verifier's keys come from."""

    async def start(self) -> None:
        """Begin; must not fail because the provider is not there yet."""

    async def stop(self) -> None:
        """End whatever runs."""

    async def keys(self, kid: str | None) -> KeySet | Refusal:
        """The keys to judge a token with that names `kid`, or `identity_unavailable`."""


class KeyLimits(Struct, frozen=True, kw_only=True):
    """All in seconds, but `unknown_kids`, the number of unknown key ids that are remembered."""

    fresh: float = 300.0
    stale: float = 7200.0
    interval: float = 30.0
    seconds: float = 10.0
    unknown: float = 60.0
    unknown_kids: int = 256
    discovery: float = 3600.0


class Plan(Enum):
    """What to do for one token."""

    USE = "use"
    REFRESH = "use what is there, fetch in the background"
    WAIT = "fetch, or join the fetch that runs, and wait"
    REFUSE = "there is nothing to use, and it is too early to fetch"


class KeyState(Struct, kw_only=True):
    """What is held. Times are of the monotonic clock."""

    keys: KeySet | None = None
    fetched: float = -inf
    attempted: float = -inf
    in_flight: bool = False


def plan(state: KeyState, kid: str | None, now: float, limits: KeyLimits, *, unknown: bool) -> Plan:
    """The decision. `unknown`: this `kid` was not there after a recent fetch."""
    may_fetch = state.in_flight or now - state.attempted >= limits.interval
    age = now - state.fetched
    if state.keys is None or age > limits.stale:
        return Plan.WAIT if may_fetch else Plan.REFUSE
    if kid is not None and kid not in state.keys.by_kid and not unknown and may_fetch:
        return Plan.WAIT
    return Plan.REFRESH if age > limits.fresh and may_fetch else Plan.USE


class RemoteKeys:
    """The keys behind a provider's discovery document."""

    def __init__(
        self,
        rules: ProviderRules,
        fetch: Fetch,
        clock: Callable[[], float],
        limits: KeyLimits | None = None,
    ) -> None:
        self._rules, self._fetch, self._clock = rules, fetch, clock
        self._limits = limits or KeyLimits()
        self._state = KeyState()
        self._successes = 0
        self._unknown: OrderedDict[str, float] = OrderedDict()
        self._discovery: tuple[float, Discovery] | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin the first fetch; a provider that is away delays nothing."""
        self._begin()

    async def stop(self) -> None:
        """Cancel the fetch that runs, if one does."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def keys(self, kid: str | None) -> KeySet | Refusal:
        """The keys to use now; waits at most `limits.seconds`."""
        decided = plan(self._state, kid, self._clock(), self._limits, unknown=self._recently_unknown(kid))
        if decided in {Plan.REFRESH, Plan.WAIT}:
            task, before = self._begin(), self._successes
            if decided is Plan.WAIT:
                await asyncio.wait([task], timeout=2 * self._limits.seconds)
                self._remember(kid, learnt=self._successes != before)
        state = self._state
        if state.keys is None or self._clock() - state.fetched > self._limits.stale:
            return self._unavailable()
        return state.keys

    def _begin(self) -> asyncio.Task[None]:
        if self._task is None or self._task.done():
            self._state.attempted, self._state.in_flight = self._clock(), True
            self._task = asyncio.get_running_loop().create_task(self._refresh())
        return self._task

    async def _refresh(self) -> None:
        try:
            async with asyncio.timeout(self._limits.seconds):
                self._state.keys = await self._fetch_keys()
            self._state.fetched = self._clock()
            self._successes += 1
        except Malformed as error:
            self._failed(error.reason)
        except Exception as error:  # noqa: BLE001 whatever the adapter raises, the old keys stay
            self._failed(type(error).__name__)
        finally:
            self._state.in_flight = False

    async def _fetch_keys(self) -> KeySet:
        now = self._clock()
        if self._discovery is None or now - self._discovery[0] > self._limits.discovery:
            document = await self._body(discovery_url(self._rules))
            self._discovery = (now, read_discovery(document, self._rules))
        return key_set(await self._body(self._discovery[1].jwks_uri), self._rules.algorithms)

    async def _body(self, url: str) -> bytes:
        result = await self._fetch(url)
        if result.status != HTTPStatus.OK:
            raise Malformed("fetch_status")
        return result.body

    def _failed(self, reason: str) -> None:
        self._discovery = None
        _log.warning("keys of provider %s could not be fetched: %s", self._rules.name, reason)

    def _recently_unknown(self, kid: str | None) -> bool:
        return kid is not None and self._clock() - self._unknown.get(kid, -inf) < self._limits.unknown

    def _remember(self, kid: str | None, *, learnt: bool) -> None:
        keys = self._state.keys
        if kid is None or keys is None or kid in keys.by_kid or not learnt:
            return
        self._unknown[kid] = self._clock()
        self._unknown.move_to_end(kid)
        while len(self._unknown) > self._limits.unknown_kids:
            self._unknown.popitem(last=False)

    def _unavailable(self) -> Refusal:
        wait = self._limits.interval - (self._clock() - self._state.attempted)
        refusal = refuse("identity_unavailable", "keys_unavailable")
        return Refusal(code=refusal.code, reason=refusal.reason, retry_after=max(1, round(wait)))


class StaticKeys:
    """A key set from a file, read once at start."""

    def __init__(self, keys: KeySet) -> None:
        self._keys = keys

    async def start(self) -> None:
        """There is nothing to begin."""

    async def stop(self) -> None:
        """There is nothing to end."""

    async def keys(self, kid: str | None) -> KeySet | Refusal:  # noqa: ARG002 the protocol's argument
        """The keys of the file."""
        return self._keys
