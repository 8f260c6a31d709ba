"""A state store whose rows are encrypted for the kinds that carry sensitive things: the names of rows too.

The inner store sees a keyed digest in place of the row's key. The value is bound to kind, digest and version: a row moved
to another place, or an old value put under a newer version number, does not open. A row that is set back
together with its version number does open; that takes write access to the database, and the log shows what the
row had led to.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Sequence
from contextlib import suppress

from msgspec.structs import replace

from sallyport.errors import Conflict, KeyFault
from sallyport.keys.envelope import NONCE, encode, seal, unseal, utf8
from sallyport.keys.keyring import Erasing, KeyRing
from sallyport.stores.protocols import Change, Row, StateStore

KINDS = frozenset(
    {
        "person",
        "session",
        "credential",
        "link",
        "revocation",
        "budget",
        "conversation",
        "compiled",
        "calibration",
        "mark",
        "grant",
        "grant-claim",
        "lock",
    }
)
ATTEMPTS = 8  # for a write without an expected version, against other writers of the same row
REMEMBERED = 10_000  # versions
SIZE = 4  # bytes of the length of a row's key, before the key and the value


class SealedStateStore:
    """A `StateStore` over another one, with the rows of some kinds encrypted under the key ring's state key."""

    def __init__(self, inner: StateStore, keyring: KeyRing, kinds: Collection[str] = KINDS) -> None:
        self._inner, self._keyring, self._kinds = inner, keyring, frozenset(kinds)
        self._found: dict[
            tuple[str, str], int
        ] = {}  # versions as we left them; the store refuses a wrong one

    async def read(self, kind: str, key: str) -> Row | None:
        """The row, or None. Errors: `KeyFault` if what lies there does not belong there."""
        if kind not in self._kinds:
            return await self._inner.read(kind, key)
        row = await self._inner.read(kind, self._keyring.row_name(kind, key))
        return row if row is None else self._open(row)

    async def scan(self, kind: str, prefix: str = "") -> list[Row]:
        """As the inner store's. Opens all rows of the kind; one that does not open fails the whole scan."""
        if kind not in self._kinds:
            return await self._inner.scan(kind, prefix)
        rows = [self._open(row) for row in await self._inner.scan(kind)]
        return sorted((row for row in rows if row.key.startswith(prefix)), key=lambda row: row.key)

    async def commit(self, changes: Sequence[Change]) -> None:
        """As the inner store's. A write without an expected version gets the one that is found."""
        guessed = any(c.kind in self._kinds and c.expected is None and c.value is not None for c in changes)
        for _ in range(ATTEMPTS - 1 if guessed else 0):
            with suppress(Conflict):
                return await self._commit(changes)
        return await self._commit(changes)

    async def _commit(self, changes: Sequence[Change]) -> None:
        sealed, planned = await self._seal_all(changes)
        for where in planned:
            self._found.pop(where, None)  # until it is known to have been written
        await self._inner.commit(sealed)
        if len(self._found) + len(planned) > REMEMBERED:
            self._found.clear()
        self._found |= planned

    async def erase_traces(self) -> None:
        """Leave no byte of a deleted or replaced value, where the inner store can do that."""
        if isinstance(self._inner, Erasing):
            await self._inner.erase_traces()

    async def _seal_all(self, changes: Sequence[Change]) -> tuple[list[Change], dict[tuple[str, str], int]]:
        """The changes as the inner store gets them, each sealed one under the version that it will make."""
        planned: dict[tuple[str, str], int] = {}
        sealed = []
        for change in changes:
            if change.kind not in self._kinds:
                sealed.append(change)
                continue
            name = self._keyring.row_name(change.kind, change.key)
            where = (change.kind, name)
            if change.value is None:
                sealed.append(replace(change, key=name))
                planned[where] = 0
                continue
            before = change.expected
            if before is None:
                before = planned[where] if where in planned else await self._version(*where)
            value = self._seal(change.kind, name, before + 1, _pack(change.key, change.value))
            sealed.append(Change(kind=change.kind, key=name, value=value, expected=before))
            planned[where] = before + 1
        return sealed, planned

    async def _version(self, kind: str, name: str) -> int:
        found = self._found.get((kind, name))
        if found is not None:
            return found
        row = await self._inner.read(kind, name)
        return row.version if row else 0

    def _seal(self, kind: str, name: str, version: int, content: bytes) -> bytes:
        key = self._keyring.row_key(kind, name)
        return seal(key, self._keyring.random(NONCE), content, _context(kind, name, version))

    def _open(self, row: Row) -> Row:
        cipher = self._keyring.row_key(row.kind, row.key)
        content = unseal(cipher, row.value, _context(row.kind, row.key, row.version))
        key, value = _unpack(content)
        if not hmac.compare_digest(self._keyring.row_name(row.kind, key), row.key):
            raise KeyFault("a row of sealed state lies under another name")
        return Row(row.kind, key, row.version, value)


def _pack(key: str, value: bytes) -> bytes:
    name = utf8(key)
    return len(name).to_bytes(SIZE, "big") + name + value


def _unpack(content: bytes) -> tuple[str, bytes]:
    end = SIZE + int.from_bytes(content[:SIZE], "big")
    return content[SIZE:end].decode(), content[end:]


def _context(kind: str, name: str, version: int) -> bytes:
    return encode(b"sallyport state v1", utf8(kind), utf8(name), str(version).encode())
