"""Sealed records: the masked text for the caller, each masked value for the person whom it belongs to.

Each part is encrypted under a key of its own, made for it, and that key is wrapped under a person's key. All parts are bound
to the record's context, so that nothing can be moved to another record, and the text is bound to
all the values beside it, so that none can be taken away. docs/keys.md has the layout:

    record = version | owner entry | number of groups | groups | sealed text
    group  = subject entry | length | sealed values of that subject
    entry  = pseudonym (16) | key id (8) | wrapped key (61)
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from typing import Literal, NamedTuple

import msgspec
from msgspec import Struct

from sallyport.errors import KeyFault
from sallyport.keys.envelope import (
    KEY,
    NONCE,
    WRAPPED,
    Random,
    encode,
    seal_once,
    size,
    unseal_once,
    unwrap,
    utf8,
    wrap,
)
from sallyport.keys.keyring import ID, PSEUDONYM, KeyRing, PersonKey

VERSION = b"\x01"
ENTRY = PSEUDONYM + ID + WRAPPED
TEXT, VALUES = b"\x01", b"\x02"  # what a key and its ciphertext are for
GROUPS = 65_535  # persons in one record, at most

_encode = msgspec.msgpack.Encoder().encode


class RecordContext(Struct, frozen=True, kw_only=True):
    """What a record is. It must be given again, the same, to open the record."""

    request: str
    shard: str
    part: Literal["request", "answer"]
    schema: int = 1  # of the text


class SealedValue(Struct, frozen=True):
    """A masked value: the token that stands for it in the text, its type, and whom it belongs to."""

    token: str
    type: str
    subject: str
    value: str

    def __repr__(self) -> str:
        """Never the value."""
        return f"SealedValue({self.token})"


class OpenedValue(Struct, frozen=True, kw_only=True):
    """A value of an opened record. `value` is None where the person's key was destroyed."""

    token: str
    type: str
    pseudonym: str
    value: str | None

    def __repr__(self) -> str:
        """Never the value."""
        return f"OpenedValue({self.token}, erased={self.value is None})"


class OpenedRecord(Struct, frozen=True, kw_only=True):
    """An opened record. `text` is None where the owner's key was destroyed; then erased values are not listed."""

    text: bytes | None
    values: tuple[OpenedValue, ...]

    def __repr__(self) -> str:
        """Never the text."""
        return f"OpenedRecord(erased={self.text is None}, values={len(self.values)})"


class _Content(Struct, frozen=True, array_like=True):
    text: bytes
    listed: tuple[tuple[str, str, int], ...]  # token, type, group of each value


class _Entry(NamedTuple):
    pseudonym: bytes
    key_id: bytes
    wrapped: bytes


class _Part(NamedTuple):
    entry: _Entry
    sealed: bytes


class _Record(NamedTuple):
    text: _Part
    groups: list[_Part]
    beside: bytes  # the groups' bytes, to which the text is bound


_Values = tuple[tuple[str, str, str], ...]  # token, type, value
_read_content = msgspec.msgpack.Decoder(_Content).decode
_read_values = msgspec.msgpack.Decoder(_Values).decode


class Sealer:
    """Seals and opens records with the keys of a key ring."""

    def __init__(self, keyring: KeyRing) -> None:
        self._keyring = keyring

    async def seal_record(
        self, *, owner: str, context: RecordContext, text: bytes, values: Sequence[SealedValue]
    ) -> bytes:
        """Seal `text` for `owner` and each value for its subject.

        Errors: `KeyFault`, or the store's `Fault`, where a person's key cannot be had.
        """
        holder = await self._keyring.person(owner)
        keys = {v.subject: await self._keyring.person(v.subject) for v in values}
        return seal(self._keyring.random, holder, keys, context=context, text=text, values=values)

    def prepare(
        self, *, owner: str, context: RecordContext, text: bytes, values: Sequence[SealedValue]
    ) -> Callable[[], bytes] | None:
        """What seals as `seal_record`, once, in any thread; None where a person's key is not in memory."""
        holder = self._keyring.cached(owner)
        if holder is None:
            return None
        keys: dict[str, PersonKey] = {}
        for value in values:
            if value.subject not in keys:
                key = self._keyring.cached(value.subject)
                if key is None:
                    return None
                keys[value.subject] = key
        return functools.partial(
            seal, self._keyring.random, holder, keys, context=context, text=text, values=values
        )

    async def open_record(self, blob: bytes, context: RecordContext) -> OpenedRecord:
        """What was sealed, less what was erased since.

        Errors: `KeyFault` where a byte or the context is not the one that was sealed, or a key was lost.
        """
        record = _split(blob)
        entries = [part.entry for part in (record.text, *record.groups)]
        keys = [await self._keyring.known(entry.pseudonym, entry.key_id) for entry in entries]
        return _open(record, _base(context), keys[0], keys[1:])


def seal(
    random: Random,
    owner: PersonKey,
    keys: dict[str, PersonKey],
    *,
    context: RecordContext,
    text: bytes,
    values: Sequence[SealedValue],
) -> bytes:
    """The sealed record, given the keys of all subjects. Pure but for `random`."""
    base = _base(context)
    if not values:
        entry, sealed = _seal_for(random, owner, _encode((text, ())), base + TEXT, b"")
        return b"".join((VERSION, entry, b"\0\0", sealed))
    # One draw for all keys and nonces, each read off once; past its end there would be too few bytes, which is refused.
    random = BytesIO(random((KEY + NONCE) * (len(keys) + 1))).read
    order = {subject: place for place, subject in enumerate(keys)}
    if len(order) > GROUPS:
        raise KeyFault("a record holds values of too many persons")
    grouped: list[list[tuple[str, str, str]]] = [[] for _ in order]
    listed = []
    for value in values:
        place = order[value.subject]
        grouped[place].append((value.token, value.type, value.value))
        listed.append((value.token, value.type, place))
    pairs = zip(keys.values(), grouped, strict=True)
    beside = b"".join([_seal_group(random, holder, group, base + VALUES) for holder, group in pairs])
    entry, sealed = _seal_for(random, owner, _pack((text, listed)), base + TEXT, beside)
    return b"".join((VERSION, entry, len(order).to_bytes(2, "big"), beside, sealed))


def _pack(content: object) -> bytes:
    try:
        return _encode(content)
    except UnicodeEncodeError as error:
        raise KeyFault("a value is not Unicode text") from error


def _seal_group(random: Random, holder: PersonKey, group: list[tuple[str, str, str]], base: bytes) -> bytes:
    entry, sealed = _seal_for(random, holder, _pack(group), base, b"")
    return entry + len(sealed).to_bytes(4, "big") + sealed


def _seal_for(
    random: Random, holder: PersonKey, plaintext: bytes, base: bytes, beside: bytes
) -> tuple[bytes, bytes]:
    """The entry of the person who may read it, and the sealed bytes.

    `base` delimits itself, the ids have fixed lengths and `beside` is all the rest: no two contexts are alike.
    """
    whose = base + holder.who
    key, sealed = seal_once(random, plaintext, whose + beside)
    return holder.who + wrap(holder.cipher, random(NONCE), key, whose), sealed


def _open_for(holder: PersonKey, part: _Part, base: bytes, beside: bytes) -> bytes:
    who = part.entry.pseudonym + part.entry.key_id
    key = unwrap(holder.cipher, part.entry.wrapped, base + who)
    return unseal_once(key, part.sealed, base + who + beside)


def _open(
    record: _Record, base: bytes, owner: PersonKey | None, people: list[PersonKey | None]
) -> OpenedRecord:
    try:
        held = [
            None if key is None else _read_values(_open_for(key, group, base + VALUES, b""))
            for key, group in zip(people, record.groups, strict=True)
        ]
        if owner is None:
            return OpenedRecord(text=None, values=tuple(_alone(record.groups, held)))
        opened = _open_for(owner, record.text, base + TEXT, record.beside)
        content = _read_content(opened)
        return OpenedRecord(text=content.text, values=tuple(_in_order(content.listed, record.groups, held)))
    except (msgspec.DecodeError, IndexError, RuntimeError) as error:
        raise KeyFault("a sealed record has an unknown form") from error


def _in_order(
    listed: tuple[tuple[str, str, int], ...], groups: list[_Part], held: list[_Values | None]
) -> Iterator[OpenedValue]:
    """The values in the order in which they were sealed; each group holds its own in that order."""
    rest = [None if values is None else iter(values) for values in held]
    for token, kind, place in listed:
        values = rest[place]
        value = None if values is None else next(values)[2]
        yield OpenedValue(token=token, type=kind, pseudonym=groups[place].entry.pseudonym.hex(), value=value)


def _alone(groups: list[_Part], held: list[_Values | None]) -> Iterator[OpenedValue]:
    """The values that are left where the text, and with it their order, is erased."""
    for group, values in zip(groups, held, strict=True):
        for token, kind, value in values or ():
            yield OpenedValue(token=token, type=kind, pseudonym=group.entry.pseudonym.hex(), value=value)


def _base(context: RecordContext) -> bytes:
    before, after = _around(context.shard, context.part, context.schema)
    request = context.request
    named = request.encode() if request.isascii() else utf8(request)
    return b"".join((before, size(len(named)), named, after))


@functools.lru_cache(maxsize=64)  # few differ; the key is everything that counts
def _around(shard: str, part: str, schema: int) -> tuple[bytes, bytes]:
    """What `encode` writes before and after the length and the name of the request."""
    whole = encode(b"sallyport record v1", b"", utf8(shard), utf8(part), str(schema).encode())
    at = len(encode(b"sallyport record v1"))
    return whole[:at], whole[at + len(size(0)) :]


def _split(blob: bytes) -> _Record:
    """The parts of a record. Errors: `KeyFault` for another form; nothing is trusted before it is opened."""
    reader = _Reader(blob)
    if reader.take(1) != VERSION:
        raise KeyFault("a sealed record has an unknown version")
    owner = reader.entry()
    number = int.from_bytes(reader.take(2), "big")
    start = reader.at
    groups = [
        _Part(reader.entry(), reader.take(int.from_bytes(reader.take(4), "big"))) for _ in range(number)
    ]
    return _Record(_Part(owner, blob[reader.at :]), groups, blob[start : reader.at])


class _Reader:
    """Takes a blob apart from the front."""

    def __init__(self, blob: bytes) -> None:
        self.blob, self.at = blob, 0

    def take(self, size: int) -> bytes:
        end = self.at + size
        if end > len(self.blob):
            raise KeyFault("a sealed record ends early")
        found, self.at = self.blob[self.at : end], end
        return found

    def entry(self) -> _Entry:
        return _Entry(self.take(PSEUDONYM), self.take(ID), self.take(WRAPPED))
