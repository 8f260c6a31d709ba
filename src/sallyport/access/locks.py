"""Locks: what nobody may use for now, whatever policies and grants say. Pure. A lock only ever takes away."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from sallyport.access.request import USE_MODEL
from sallyport.model import Model, Principal

Scope = Literal["user", "role", "model", "segment", "grant", "everything"]
# What all locks stop. Administration goes on, or nobody could find out why and lift them; only a locked person may do nothing.
STOPPED = frozenset({*USE_MODEL, "use_tool", "read_content", "export_log"})
POLICY = "lock/"


class Lock(Struct, frozen=True, kw_only=True):
    """`until`: seconds since the epoch, 0: until it is lifted."""

    id: str
    scope: Scope
    name: str = ""
    reason: str
    by: str
    at: int
    until: int = 0


def holding(lock: Lock, now: int) -> bool:
    """Whether it has not ended."""
    return not lock.until or now < lock.until


def lock_on(
    locks: Iterable[Lock], principal: Principal, action: str, model: Model | None, now: int
) -> Lock | None:
    """The first lock that stops this."""
    return next((k for k in locks if holding(k, now) and _stops(k, principal, action, model)), None)


def _stops(lock: Lock, principal: Principal, action: str, model: Model | None) -> bool:
    if lock.scope == "user":
        return lock.name == principal.id
    if action not in STOPPED:
        return False
    if lock.scope == "everything":
        return True
    if lock.scope == "role":
        return lock.name in principal.roles
    if model is None:
        return False
    return (lock.scope == "model" and lock.name == model.name) or (
        lock.scope == "segment" and lock.name == model.segment
    )
