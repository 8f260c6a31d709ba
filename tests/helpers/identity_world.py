"""The directory half of the identity room around one store, with a clock that tests move."""

from __future__ import annotations

import hashlib
import itertools

import pyotp

from sallyport.errors import Refusal
from sallyport.identity.directory import Directory
from sallyport.identity.directory_records import Enrolled, IssuedKey
from sallyport.identity.directory_rules import LinkRules
from sallyport.identity.passwords import Passwords
from sallyport.identity.revocation import RevocationFeed
from sallyport.identity.session_rules import SessionRules
from sallyport.identity.sessions import SessionKeys
from sallyport.identity.throttle import Throttle

PASSWORD = "violet trumpets over Lisbon"
ADMIN = "local|root"
START = 1_800_000_000


class Clock:
    """Seconds since the epoch and monotonic seconds, moved together by hand."""

    def __init__(self) -> None:
        self.now = float(START)

    def __call__(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now - START + 1000.0

    def forward(self, seconds: float) -> None:
        self.now += seconds


class Counter:
    """Bytes that never repeat and that a test can foretell."""

    def __init__(self, seed: str = "") -> None:
        self.seed, self.number = seed, itertools.count()

    def __call__(self, size: int) -> bytes:
        return hashlib.shake_256(f"{self.seed}{next(self.number)}".encode()).digest(size)


class CountingPasswords(Passwords):
    """Cheap argon2id that remembers which hashes it was asked to verify."""

    def __init__(self, random: Counter, **bounds: int) -> None:
        super().__init__(random, memory_kib=8, passes=1, **bounds)
        self.checked: list[str] = []

    def check(self, encoded: str, password: bytes) -> bool:
        self.checked.append(encoded)
        return super().check(encoded, password)


class World:
    """One process's view of a store. `seed` keeps two processes' random bytes apart."""

    def __init__(
        self,
        store: object,
        clock: Clock | None = None,
        *,
        seed: str = "",
        rules: SessionRules | None = None,
        links: LinkRules | None = None,
        throttle: Throttle | None = None,
    ) -> None:
        self.store, self.clock, self.random = store, clock or Clock(), Counter(seed)
        self.rules = rules or SessionRules()
        self.feed = RevocationFeed(
            store, self.clock.monotonic, clock=self.clock, keep_seconds=self.rules.session_seconds
        )
        self.sessions = SessionKeys(store, self.feed, rules=self.rules, clock=self.clock, random=self.random)
        self.passwords = CountingPasswords(self.random)
        self.directory = Directory(
            store,
            self.clock,
            self.random,
            sessions=self.sessions,
            feed=self.feed,
            monotonic=self.clock.monotonic,
            passwords=self.passwords,
            throttle=throttle or Throttle(),
            links=links or LinkRules(),
        )
        self.totp: dict[str, str] = {}

    async def enrol(self, name: str, *roles: str, password: str = PASSWORD) -> None:
        """Create a person and take the link; the next time step is then free for a login."""
        link = await self.directory.create_person(name, roles, by=ADMIN)
        assert not isinstance(link, Refusal)
        await self.take(link.secret, name, password)

    async def take(self, secret: str, name: str, password: str = PASSWORD) -> Enrolled:
        """Take an enrolment or recovery link whole."""
        provisioning = await self.directory.enrol_begin(secret, password)
        assert not isinstance(provisioning, Refusal), provisioning
        self.totp[name] = provisioning.secret
        done = await self.directory.enrol_finish(secret, self.code(name))
        assert not isinstance(done, Refusal), done
        self.clock.forward(30)
        return done

    def code(self, name: str, steps: int = 0) -> str:
        """What the person's authenticator shows, some steps from now."""
        return str(pyotp.TOTP(self.totp[name]).at(int(self.clock()), counter_offset=steps))

    async def try_login(
        self,
        name: str,
        *,
        password: str = PASSWORD,
        code: str | None = None,
        source: str = "192.0.2.1",
        device: str = "",
    ) -> IssuedKey | Refusal:
        """One attempt."""
        shown = self.code(name) if code is None else code
        return await self.directory.login(name, password, shown, source=source, device=device)

    async def login(self, name: str) -> IssuedKey:
        """A login that must succeed, and that leaves a fresh time step behind."""
        issued = await self.try_login(name)
        assert isinstance(issued, IssuedKey), issued
        self.clock.forward(30)
        await self.feed.poll()
        return issued

    async def ask(self, key: str) -> str:
        """The principal id or the refusal's code that a look-up gives; the feed is polled first, as it would be."""
        await self.feed.poll()
        answer = await self.sessions.lookup(key)
        return answer.code if isinstance(answer, Refusal) else answer.id
