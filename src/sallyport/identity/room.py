"""The room's door: who calls, from the headers alone. No byte of a body is read before this has answered.

Order: one credential; the revocation feed is fresh; the cache; else the session (opaque keys) or the strict
verifier (JWT) of the provider that the token's *unverified* issuer names in the allow-list; not revoked; the
connection meets the token's binding. Nothing that fails is cached; the epoch is read before verification.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Protocol

from msgspec import Struct

from sallyport.errors import Refusal
from sallyport.identity.binding import is_met
from sallyport.identity.cache import TokenCache
from sallyport.identity.carrier import credential, is_token68
from sallyport.identity.jose import TOKEN_BYTES, TokenPolicy, judge, read_claims, take_apart
from sallyport.identity.jwks import KeySource
from sallyport.identity.presets import principal as principal_of
from sallyport.identity.providers import ProviderRules, check_issuers, check_rules, issuers, token_policy
from sallyport.identity.refusals import refuse
from sallyport.model import Principal, TlsFacts

OPAQUE = b"sp_"


class SessionKeys(Protocol):
    """The built-in directory's sessions."""

    async def lookup(self, key: str) -> Principal | Refusal:
        """Who holds this opaque key."""


class RevocationFeed(Protocol):
    """What has been revoked, and whether that is known."""

    def epoch(self) -> int:
        """Grows with every revocation."""

    def fresh(self) -> bool:
        """Whether the epoch was confirmed within the allowed time."""

    def revoked(self, principal: Principal) -> bool:
        """Whether this principal, or its session, has been revoked or locked."""


class _Provider(Struct, frozen=True):
    rules: ProviderRules
    policy: TokenPolicy
    source: KeySource


class IdentityRoom:
    """Built by the wiring; `clock` is seconds since the epoch, UTC."""

    def __init__(
        self,
        *,
        providers: Sequence[tuple[ProviderRules, KeySource]],
        sessions: SessionKeys | None,
        feed: RevocationFeed,
        clock: Callable[[], float],
        cache_seconds: int = 60,
        cache_entries: int = 10_000,
        token_bytes: int = TOKEN_BYTES,
    ) -> None:
        self._providers: dict[str, _Provider] = {}
        check_issuers([rules for rules, _ in providers])
        for rules, source in providers:
            check_rules(rules)
            provider = _Provider(rules, token_policy(rules), source)
            self._providers |= dict.fromkeys(issuers(rules), provider)
        self._sources = [source for _, source in providers]
        self._sessions, self._feed, self._clock = sessions, feed, clock
        self._cache, self._cache_seconds = TokenCache(cache_entries), cache_seconds
        self._token_bytes = token_bytes

    async def start(self) -> None:
        """Begin to fetch the providers' keys. A provider that is away refuses its own tokens, no others."""
        for source in self._sources:
            await source.start()

    async def stop(self) -> None:
        """End what `start` began."""
        for source in self._sources:
            await source.stop()

    async def identify(self, headers: Sequence[tuple[bytes, bytes]], tls: TlsFacts) -> Principal | Refusal:
        """The verified principal, or why there is none."""
        token = credential(headers, self._token_bytes)
        if isinstance(token, Refusal):
            return token
        if not self._feed.fresh():
            return refuse("revocation_stale", "feed_not_fresh")
        caller = await (self._session(token) if token.startswith(OPAQUE) else self._token(token))
        if isinstance(caller, Principal) and caller.binding and not is_met(caller.binding, tls):
            return refuse("token_binding_failed", "certificate")
        return caller

    def still_valid(self, principal: Principal) -> bool:
        """Whether a running stream may go on. A mere `exp` does not end it; a revocation does."""
        return self._feed.fresh() and not self._feed.revoked(principal)

    async def _session(self, key: bytes) -> Principal | Refusal:
        if not is_token68(key):
            return refuse("token_malformed", "characters")
        if self._sessions is None:
            return refuse("token_invalid", "no_directory")
        return self._admitted(await self._sessions.lookup(key.decode()))

    async def _token(self, token: bytes) -> Principal | Refusal:
        epoch, now, digest = self._feed.epoch(), int(self._clock()), sha256(token).digest()
        cached = self._cache.get(digest, now, epoch)
        if cached is not None:
            return cached
        if not is_token68(token):
            return refuse("token_malformed", "characters")
        verified, until = await self._jwt(token.decode(), now)
        caller = self._admitted(verified)
        if isinstance(caller, Principal):
            self._cache.put(digest, caller, min(until, caller.expires, now + self._cache_seconds), epoch)
        return caller

    def _admitted(self, caller: object) -> Principal | Refusal:
        """What revocation says after the verification, which may have taken a while."""
        if isinstance(caller, Refusal):
            return caller
        if not isinstance(caller, Principal):
            return refuse("token_invalid", "no_principal")
        if not self._feed.fresh():
            return refuse("revocation_stale", "feed_not_fresh")
        if self._feed.revoked(caller):
            return refuse("token_revoked", "revoked")
        return refuse("principal_suspended", "suspended") if caller.suspended else caller

    async def _jwt(self, token: str, now: int) -> tuple[Principal | Refusal, int]:
        jws = take_apart(token, self._token_bytes)
        if isinstance(jws, Refusal):
            return jws, 0
        unverified = read_claims(jws)
        if isinstance(unverified, Refusal):
            return unverified, 0
        issuer, kid = unverified.get("iss"), jws.header.get("kid")
        provider = self._providers.get(issuer) if isinstance(issuer, str) else None
        if provider is None:
            return refuse("token_invalid", "issuer"), 0
        keys = await provider.source.keys(kid if isinstance(kid, str) else None)
        if isinstance(keys, Refusal):
            return keys, 0
        claims = judge(jws, keys, provider.policy, now)
        if isinstance(claims, Refusal):
            return claims, 0
        caller = principal_of(claims, provider.rules, now)
        if isinstance(caller, Refusal) or not caller.auth_time:
            return caller, now + self._cache_seconds
        return caller, caller.auth_time + provider.rules.mfa.max_age
