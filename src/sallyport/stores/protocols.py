"""The two storage plug-in points. Small on purpose: a room builds its own words on top of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct


class Row(Struct, frozen=True):
    """A stored value. `version` grows by one with each change; 0 means absent."""

    kind: str
    key: str
    version: int
    value: bytes


class Change(Struct, frozen=True, kw_only=True):
    """One write of a transaction. `value=None` deletes. `expected=None` means whatever version is there."""

    kind: str
    key: str
    value: bytes | None
    expected: int | None = None


class StateStore(Protocol):
    """Rows by kind and key, with atomic multi-row compare-and-set."""

    async def read(self, kind: str, key: str) -> Row | None:
        """The row, or None."""

    async def scan(self, kind: str, prefix: str = "") -> list[Row]:
        """All rows of a kind whose key starts with `prefix`, in key order."""

    async def commit(self, changes: Sequence[Change]) -> None:
        """Apply all or nothing, durably. Raises `Conflict` if an expected version is not the one found."""


class ObjectStore(Protocol):
    """Blobs by name (a path with `/`)."""

    async def put(self, name: str, data: bytes) -> None:
        """Store durably; an existing name is replaced atomically."""

    async def get(self, name: str) -> bytes | None:
        """The blob, or None."""

    async def names(self, prefix: str) -> list[str]:
        """Names that start with `prefix`, sorted."""
