"""The promise in the header x-sallyport-receipt: where an entry is, signed before it is in a checkpoint. Pure.

    v1;shard=<id>;i=<index>;h=<leaf hash>;p=<first>.<count>.<audit path>;s=<signature>

Hashes, path and signature are base64url without padding. Entries `first` to `first + count - 1` of the shard
were made durable together; the path leads from the leaf hash to the root of the Merkle tree (RFC 9162) over
that batch. The Ed25519 signature, made once per batch, covers the lines

    sallyport-promise-v1 LF shard LF first LF count LF base64url(root) LF

so that it binds every (shard, index, leaf hash) of the batch.
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Sequence

from msgspec import Struct

from sallyport.audit.encoding import exact_base64url
from sallyport.audit.merkle import HASH_BYTES, inclusion_root, path_in, paths_of
from sallyport.audit.note import Signer, verify_signature

CONTEXT = "sallyport-promise-v1"
MAX_BATCH = 1024  # ten hashes of path; the header stays under one kilobyte
MAX_CHARACTERS = 1024
NAMES = ("shard", "i", "h", "p", "s")
URLSAFE = bytes.maketrans(b"+/", b"-_")


class Promise(Struct, frozen=True, kw_only=True):
    """A promise as it was read."""

    shard: str
    index: int
    leaf_hash: bytes
    first: int
    count: int
    path: tuple[bytes, ...]
    signature: bytes


class Batch:
    """The promises of one batch: one signature, many values."""

    def __init__(self, shard: str, first: int, leaves: Sequence[bytes], signer: Signer) -> None:
        self._levels = paths_of(leaves)
        self._first = first
        signature = signer.sign(signed_bytes(shard, first, len(leaves), self._levels[-1][0]))
        self._head = f"v1;shard={shard};i="
        self._middle = f";p={first}.{len(leaves)}."
        self._tail = ";s=" + _encode(signature)

    def value(self, position: int) -> str:
        """The header's value for the entry at this position of the batch."""
        leaf = _encode(self._levels[0][position])
        path = _encode(b"".join(path_in(self._levels, position)))
        return f"{self._head}{self._first + position};h={leaf}{self._middle}{path}{self._tail}"


def signed_bytes(shard: str, first: int, count: int, root: bytes) -> bytes:
    """What the signature of a batch covers."""
    return f"{CONTEXT}\n{shard}\n{first}\n{count}\n{_encode(root)}\n".encode()


def parse_promise(value: str) -> Promise:
    """The parts of a header's value. Raises ValueError; nothing is verified yet."""
    if len(value) > MAX_CHARACTERS or not value.isascii():
        raise ValueError("not a promise")
    version, *parts = value.split(";")
    pairs = [part.partition("=") for part in parts]
    if version != "v1" or tuple(name for name, _, _ in pairs) != NAMES:
        raise ValueError("not a promise of version 1")
    shard, index, leaf, proof, signature = (text for _, _, text in pairs)
    first, count, path = proof.split(".")
    raw = _decode(path)
    if len(raw) % HASH_BYTES:
        raise ValueError("the path of the promise is not a list of hashes")
    return Promise(
        shard=shard,
        index=int(index),
        leaf_hash=_decode(leaf),
        first=int(first),
        count=int(count),
        path=tuple(raw[i : i + HASH_BYTES] for i in range(0, len(raw), HASH_BYTES)),
        signature=_decode(signature),
    )


def verify_promise(value: str, public_key: bytes) -> Promise:
    """The promise, if the key has made it. Raises ValueError that says what is wrong with it."""
    promise = parse_promise(value)
    root = _batch_root(promise)
    data = signed_bytes(promise.shard, promise.first, promise.count, root)
    if not verify_signature(public_key, promise.signature, data):
        raise ValueError("the promise is not signed by this key")
    return promise


def _batch_root(promise: Promise) -> bytes:
    """The root that the path leads to; a path of the wrong shape leads nowhere."""
    position = promise.index - promise.first
    if not 0 <= position < promise.count <= MAX_BATCH or len(promise.leaf_hash) != HASH_BYTES:
        raise ValueError("the promise's index is outside of its batch")
    root = inclusion_root(promise.leaf_hash, position, promise.count, promise.path)
    if root is None:
        raise ValueError("the promise's path does not fit its batch")
    return root


def _encode(data: bytes) -> str:
    return b2a_base64(data, newline=False).translate(URLSAFE, b"=").decode()


def _decode(text: str) -> bytes:
    try:
        return exact_base64url(text)
    except ValueError:
        raise ValueError("not base64url") from None
