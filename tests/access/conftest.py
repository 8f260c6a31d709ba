"""A small company with the default policy: one model per segment, and people with one role each."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sallyport.access.grants import Requestable
from sallyport.access.request import AccessRequest
from sallyport.access.room import AccessRoom
from sallyport.model import Device, Model, Principal, TlsFacts

SEGMENTS = {"support": "prod", "analysis": "prod", "tuning": "dev"}
NOW = 1_800_000_000
ROLES = frozenset({"support-agent", "analyst", "data-scientist", "security-admin"})

_spec = importlib.util.spec_from_file_location(
    "helpers_memory_store", Path(__file__).parents[1] / "helpers" / "memory_store.py"
)
assert _spec
assert _spec.loader
memory_store = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(memory_store)


class Clock:
    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store() -> Any:
    return memory_store.FaultyStore()


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
    return AccessRoom.build(None, models, segments, requestable=requestable())


def requestable() -> dict[tuple[str, str], Requestable]:
    """Whoever has a role may ask for the roles that use models; a model for itself is in nobody's reach but one's."""
    rows = [
        Requestable(kind="role", name=name, eligible=ROLES, approvers={"security-admin": 1})
        for name in ("analyst", "data-scientist")
    ]
    rows.append(
        Requestable(
            kind="model",
            name="tuning-model",
            eligible=frozenset({"trainee"}),
            approvers={"security-admin": 1},
            most_seconds=1800,
        )
    )
    return {(row.kind, row.name): row for row in rows}


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
