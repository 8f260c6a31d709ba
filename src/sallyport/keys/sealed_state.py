"""A state store whose values are encrypted for the kinds that carry sensitive things.

A value is bound to its kind, its key and its version: a row moved to another key, or an old value put under a newer
version number, does not open. A row that is set back together with its version number does open; that takes write access
to the database, and the log shows what the row had led to. Names of rows are not encrypted: rooms make
them of pseudonyms or digests, never of names.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress

from msgspec.structs import replace

from sallyport.errors import Conflict
from sallyport.keys.envelope import NONCE, encode, seal, unseal, utf8
from sallyport.keys.keyring import Erasing, KeyRing
from sallyport.stores.protocols import Change, Row, StateStore

KINDS = frozenset({"person", "session", "credential", "conversation"})
ATTEMPTS = 8  # for a write without an expected version, against other writers of the same row


class SealedStateStore:
    """A `StateStore` over another one, with the values of some kinds encrypted under the key ring's state key."""

    def __init__(self, inner: StateStore, keyring: KeyRing, kinds: Collection[str] = KINDS) -> None:
        self._inner, self._keyring, self._kinds = inner, keyring, frozenset(kinds)

    async def read(self, kind: str, key: str) -> Row | None:
        """The row, or None. Errors: `KeyFault` if its value does not belong there."""
        row = await self._inner.read(kind, key)
        return row if row is None else self._open(row)

    async def scan(self, kind: str, prefix: str = "") -> list[Row]:
        """As the inner store's; one row that does not open fails the whole scan."""
        return [self._open(row) for row in await self._inner.scan(kind, prefix)]

    async def commit(self, changes: Sequence[Change]) -> None:
        """As the inner store's. A write without an expected version gets the one that is found."""
        guessed = any(c.kind in self._kinds and c.expected is None and c.value is not None for c in changes)
        for _ in range(ATTEMPTS - 1 if guessed else 0):
            with suppress(Conflict):
                return await self._inner.commit(await self._seal_all(changes))
        return await self._inner.commit(await self._seal_all(changes))

    async def erase_traces(self) -> None:
        """Leave no byte of a deleted or replaced value, where the inner store can do that."""
        if isinstance(self._inner, Erasing):
            await self._inner.erase_traces()

    async def _seal_all(self, changes: Sequence[Change]) -> list[Change]:
        """The changes as the inner store gets them, each sealed one under the version that it will make."""
        planned: dict[tuple[str, str], int] = {}
        sealed = []
        for change in changes:
            if change.kind not in self._kinds:
                sealed.append(change)
                continue
            where = (change.kind, change.key)
            before = change.expected
            if before is None:
                before = planned[where] if where in planned else await self._version(*where)
            sealed.append(self._seal(change, before))
            planned[where] = 0 if change.value is None else before + 1
        return sealed

    async def _version(self, kind: str, key: str) -> int:
        row = await self._inner.read(kind, key)
        return row.version if row else 0

    def _seal(self, change: Change, before: int) -> Change:
        if change.value is None:
            return change
        value = seal(
            self._keyring.row_key(change.kind, change.key),
            self._keyring.random(NONCE),
            change.value,
            _context(change.kind, change.key, before + 1),
        )
        return replace(change, value=value, expected=before)

    def _open(self, row: Row) -> Row:
        if row.kind not in self._kinds:
            return row
        key = self._keyring.row_key(row.kind, row.key)
        return Row(
            row.kind, row.key, row.version, unseal(key, row.value, _context(row.kind, row.key, row.version))
        )


def _context(kind: str, key: str, version: int) -> bytes:
    return encode(b"sallyport state v1", utf8(kind), utf8(key), str(version).encode())
