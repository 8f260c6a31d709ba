"""The key ring: root -> epoch key -> person's key -> (in sealing.py) one key per record.

All keys but the root's lie wrapped in the state store, as rows of kind "key":

    root                     which root key wraps them
    secret/<name>            32 bytes under the root: epoch/1, pseudonym, state, signer/...
    person/<pseudonym>       a person's key under the epoch key
    erased/<pseudonym>/<id>  that a person's key was destroyed; no key

and as rows of kind "pseudonym" the subject of each pseudonym, sealed under that person's key.

Keys in use are kept in memory. A person's key is looked up again after `fresh_seconds`, so that a key that another process
destroyed is used no longer than that for sealing; for opening, the row is read each time.
"""

from __future__ import annotations

import hmac
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol, runtime_checkable

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sallyport.errors import Conflict, KeyFault
from sallyport.keys.envelope import (
    KEY,
    NONCE,
    WRAPPED,
    Random,
    cipher,
    encode,
    seal,
    unseal,
    unwrap,
    utf8,
    wrap,
)
from sallyport.keys.root import RootKey
from sallyport.stores.protocols import Change, StateStore

KIND, INDEX = "key", "pseudonym"
EPOCH = "epoch/1"
ID = 8  # bytes of a person's key id
PSEUDONYM = 16  # bytes
ATTEMPTS = 8  # to load a person's key while others make and destroy it


class PersonKey:
    """A person's key in memory. `id` tells this key from an earlier one of the same person."""

    __slots__ = ("cipher", "id", "pseudonym", "seen", "who")

    def __init__(self, pseudonym: bytes, key_id: bytes, key: AESGCM) -> None:
        self.pseudonym, self.id, self.cipher = pseudonym, key_id, key
        self.who = pseudonym + key_id
        self.seen = float("-inf")  # the clock when the row was last found in the store

    def __repr__(self) -> str:
        """Never the key."""
        return f"PersonKey({self.pseudonym.hex()}/{self.id.hex()})"


@runtime_checkable
class Erasing(Protocol):
    """A store that can remove what deleted rows left behind on disk."""

    async def erase_traces(self) -> None:
        """Leave no byte of a deleted or replaced value."""


async def in_use(store: StateStore) -> bool:
    """Whether the store holds keys, so that a missing root key is a loss and not a first start."""
    return await store.read(KIND, "root") is not None


class KeyRing:
    """The keys of one deployment. `start` before anything else.

    Args:
        store: Where the wrapped keys lie.
        root: What wraps them.
        clock: Seconds, never going back (`time.monotonic`).
        random: Bytes fit for keys (`os.urandom`).
        people: How many persons' keys are kept in memory.
        fresh_seconds: How long one of them is used for sealing before it is looked up again.
    """

    def __init__(
        self,
        store: StateStore,
        root: RootKey,
        clock: Callable[[], float],
        random: Random,
        *,
        people: int = 10_000,
        fresh_seconds: float = 10.0,
    ) -> None:
        self.random = random
        self._store, self._root, self._clock = store, root, clock
        self._people, self._fresh = people, fresh_seconds
        self._cache: OrderedDict[str, PersonKey] = OrderedDict()
        self._epoch: AESGCM | None = None
        self._naming = self._state = b""
        self._shreds = 0

    async def start(self) -> None:
        """Load the ring's own keys, or make them all at once in an empty store.

        Errors: `KeyFault` if the store belongs to another root key, or holds a part of the keys only.
        """
        if await self._store.read(KIND, "root") is None:
            await self._create()
        found = await self._store.read(KIND, "root")
        if found is None:
            raise KeyFault("the key store holds keys, but not which root key wraps them")
        if found.value != self._root.id.encode():
            raise KeyFault(f"the key store belongs to another root key than {self._root.id}")
        self._naming = await self._load("pseudonym")
        self._state = await self._load("state")
        self._epoch = cipher(await self._load(EPOCH))

    async def _create(self) -> None:
        changes = [Change(kind=KIND, key="root", value=self._root.id.encode(), expected=0)]
        changes += [self._new_secret(name) for name in (EPOCH, "pseudonym", "state")]
        with suppress(
            Conflict
        ):  # another process was first; or keys without a root row, which `start` refuses
            await self._store.commit(changes)

    # Secrets: 32 bytes under the root key.

    async def secret(self, name: str) -> bytes:
        """32 bytes known by name, made at first use; processes that ask at the same time get the same."""
        self._epoch_key()
        if await self._store.read(KIND, f"secret/{name}") is None:
            with suppress(Conflict):  # another process made it: load that one
                await self._store.commit([self._new_secret(name)])
        return await self._load(name)

    def _new_secret(self, name: str) -> Change:
        wrapped = self._root.wrap(self.random(KEY), _context("secret", name.encode()))
        return Change(kind=KIND, key=f"secret/{name}", value=wrapped, expected=0)

    async def _load(self, name: str) -> bytes:
        row = await self._store.read(KIND, f"secret/{name}")
        if row is None:
            raise KeyFault(f"the key store has lost the key {name}")
        return self._root.unwrap(row.value, _context("secret", name.encode()))

    def row_name(self, kind: str, key: str) -> str:
        """What a row of sealed state is called in the store: 128 bits of HMAC-SHA-256 under the state key, in hex."""
        return self._row(b"row name", kind, key)[:PSEUDONYM].hex()

    def row_key(self, kind: str, name: str) -> AESGCM:
        """The key of one row of sealed state, derived from the state key (HMAC-SHA-256 as the PRF of NIST SP 800-108)."""
        return cipher(self._row(b"row key", kind, name))

    def _row(self, label: bytes, kind: str, name: str) -> bytes:
        self._epoch_key()
        return hmac.digest(self._state, encode(label, utf8(kind), utf8(name)), "sha256")

    # People.

    def pseudonym(self, subject: str) -> str:
        """What the log calls a person: 128 bits of HMAC-SHA-256 under the pseudonym key, in hex."""
        self._epoch_key()
        return hmac.digest(self._naming, utf8(subject), "sha256")[:PSEUDONYM].hex()

    def cached(self, subject: str) -> PersonKey | None:
        """The person's key, if it is in memory and was seen in the store lately."""
        found = self._cache.get(subject)
        if found is None or self._clock() - found.seen > self._fresh:
            return None
        self._cache.move_to_end(subject)
        return found

    async def person(self, subject: str) -> PersonKey:
        """The person's key, made at first use; processes that ask at the same time get the same."""
        found = self.cached(subject)
        if found is not None:
            return found
        name = self.pseudonym(subject)
        for _ in range(ATTEMPTS):
            shreds = self._shreds
            held = await self._current(name, self._cache.get(subject))
            if held is None:
                await self._create_person(subject, name)
            elif shreds == self._shreds:
                self._keep(subject, held)
                return held
        raise KeyFault("a person's key is destroyed as often as it is made")

    async def known(self, pseudonym: bytes, key_id: bytes) -> PersonKey | None:
        """The person's key of that id, None if it was erased. Errors: `KeyFault` if there never was one."""
        held = await self._current(pseudonym.hex(), None)
        if held is not None and held.id == key_id:
            return held
        if await self._store.read(KIND, _erased(pseudonym.hex(), key_id)) is None:
            raise KeyFault("a record names a key that does not exist")
        return None

    async def _current(self, name: str, held: PersonKey | None) -> PersonKey | None:
        """The key in the store; `held` itself where that is still the one."""
        now = self._clock()
        row = await self._store.read(KIND, f"person/{name}")
        if row is None:
            return None
        key_id, wrapped = _split(row.value)
        if held is None or held.id != key_id:
            key = unwrap(self._epoch_key(), wrapped, _context("person", bytes.fromhex(name), key_id))
            held = PersonKey(bytes.fromhex(name), key_id, cipher(key))
        held.seen = now
        return held

    async def _create_person(self, subject: str, name: str) -> None:
        key_id, key, who = self.random(ID), self.random(KEY), bytes.fromhex(name)
        wrapped = wrap(self._epoch_key(), self.random(NONCE), key, _context("person", who, key_id))
        index = seal(cipher(key), self.random(NONCE), utf8(subject), _context("index", who, key_id))
        with suppress(Conflict):  # another process made it: that one counts
            await self._store.commit(
                [
                    Change(kind=KIND, key=f"person/{name}", value=key_id + wrapped, expected=0),
                    Change(kind=INDEX, key=name, value=index),
                ]
            )

    def _keep(self, subject: str, key: PersonKey) -> None:
        self._cache[subject] = key
        self._cache.move_to_end(subject)
        while len(self._cache) > self._people:
            self._cache.popitem(last=False)

    async def remember(self, subject: str) -> None:
        """Make the person's pseudonym resolvable. It is once the person has a key."""
        await self.person(subject)

    async def resolve(self, pseudonym: str) -> str | None:
        """The subject of a pseudonym, None if it is unknown or erased."""
        row = await self._store.read(INDEX, pseudonym)
        held = None if row is None else await self._current(pseudonym, None)
        if row is None or held is None:
            return None
        return unseal(held.cipher, row.value, _context("index", held.pseudonym, held.id)).decode()

    async def shred(self, subject: str) -> bool:
        """Destroy the person's key, in memory and on disk; what it sealed is never read again.

        Returns whether there was one. Raises whatever the store raises: then shred again.
        """
        name = self.pseudonym(subject)
        found = await self._delete_person(name)
        self._shreds += 1  # who read the row before it was deleted reads it again
        self._cache.pop(subject, None)
        if isinstance(self._store, Erasing):
            await self._store.erase_traces()
        return found

    async def _delete_person(self, name: str) -> bool:
        row = await self._store.read(KIND, f"person/{name}")
        if row is None:
            return False
        key_id, _ = _split(row.value)
        await self._store.commit(
            [
                Change(kind=KIND, key=f"person/{name}", value=None, expected=row.version),
                Change(kind=KIND, key=_erased(name, key_id), value=b""),
                Change(kind=INDEX, key=name, value=None),
            ]
        )
        return True

    def _epoch_key(self) -> AESGCM:
        if self._epoch is None:
            raise KeyFault("the key ring was not started")
        return self._epoch


def _context(label: str, *fields: bytes) -> bytes:
    return encode(b"sallyport key ring v1", label.encode(), *fields)


def _erased(name: str, key_id: bytes) -> str:
    return f"erased/{name}/{key_id.hex()}"


def _split(value: bytes) -> tuple[bytes, bytes]:
    if len(value) != ID + WRAPPED:
        raise KeyFault("a person's key has an unknown form")
    return value[:ID], value[ID:]
