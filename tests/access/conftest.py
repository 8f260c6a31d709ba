"""A small company with the default policy: one model per segment, and people with one role each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from sallyport.access.request import AccessRequest
from sallyport.access.room import AccessRoom
from sallyport.errors import Conflict
from sallyport.model import Device, Model, Principal, TlsFacts
from sallyport.stores.protocols import Change, Row

SEGMENTS = {"support": "prod", "analysis": "prod", "tuning": "dev"}
NOW = 1_800_000_000


class MemoryStore:
    """The protocol in memory; `fail` makes the next commits raise, `commits` counts those that worked."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], Row] = {}
        self.fail: Exception | None = None
        self.commits = 0

    async def read(self, kind: str, key: str) -> Row | None:
        return self.rows.get((kind, key))

    async def scan(self, kind: str, prefix: str = "") -> list[Row]:
        return [r for (k, name), r in sorted(self.rows.items()) if k == kind and name.startswith(prefix)]

    async def commit(self, changes: Sequence[Change]) -> None:
        if self.fail is not None:
            raise self.fail
        for c in changes:
            old = self.rows.get((c.kind, c.key))
            version = old.version if old else 0
            if c.expected is not None and c.expected != version:
                raise Conflict(c.key)
            if c.value is None:
                self.rows.pop((c.kind, c.key), None)
            else:
                self.rows[c.kind, c.key] = Row(c.kind, c.key, version + 1, c.value)
        self.commits += 1


class Clock:
    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def models() -> tuple[Model, ...]:
    return tuple(
        Model(
            name=f"{segment}-model",
            segment=segment,
            environment=environment,
            upstream="demo",
            upstream_model="demo",
            surfaces=("chat", "embeddings"),
            input_price=2.0,
            output_price=8.0,
        )
        for segment, environment in SEGMENTS.items()
    )


@pytest.fixture(scope="session")
def segments() -> dict[str, str]:
    return dict(SEGMENTS)


@pytest.fixture(scope="session")
def model(models: tuple[Model, ...]) -> Callable[[str], Model]:
    """The model of a segment."""
    return {m.segment: m for m in models}.__getitem__


@pytest.fixture(scope="session")
def room(models: tuple[Model, ...], segments: dict[str, str]) -> AccessRoom:
    return AccessRoom.build(None, models, segments)


@pytest.fixture(scope="session")
def person() -> Callable[..., Principal]:
    """A principal with these roles, who proved two factors ten minutes ago, unless told otherwise."""

    def make(*roles: str, **changes: Any) -> Principal:
        facts: dict[str, Any] = {
            "id": "local|sam",
            "roles": tuple(sorted(roles)),
            "mfa": True,
            "amr": ("otp", "pwd"),
            "auth_time": NOW - 600,
            "session": "s1",
            "expires": NOW + 3600,
        }
        return Principal(**(facts | changes))

    return make


@pytest.fixture(scope="session")
def ask(person: Callable[..., Principal]) -> Callable[..., AccessRequest]:
    """A request of a principal over good TLS from a known device, unless told otherwise."""

    def make(
        who: Principal | str, action: str, resource: Model | None = None, **changes: Any
    ) -> AccessRequest:
        facts: dict[str, Any] = {
            "principal": person(who) if isinstance(who, str) else who,
            "action": action,
            "model": resource,
            "device": Device(id="laptop", attested=True, compliant=True, posture_age=30),
            "tls": TlsFacts(version="TLSv1.3", cipher="TLS_AES_256_GCM_SHA384", group="X25519MLKEM768"),
            "surface": "chat",
            "now": NOW,
        }
        return AccessRequest(**(facts | changes))

    return make
