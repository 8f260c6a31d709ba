"""The log's signer."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from memory_store import MemoryStore

from sallyport.errors import KeyFault
from sallyport.keys.keyring import KeyRing
from sallyport.keys.root import FileRoot
from sallyport.keys.signing import LogSigner, load_or_create


def test_rfc_8032_test_2() -> None:
    seed = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
    signer = LogSigner("log.example/shard", seed)
    assert signer.public_key_bytes.hex() == "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    assert signer.sign(b"\x72").hex() == (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert signer.key_name == "log.example/shard"


async def test_a_signer_is_made_once_and_found_again(
    ring: Callable[..., Awaitable[KeyRing]], store: MemoryStore, root: FileRoot
) -> None:
    first = await load_or_create(await ring(store, root), "log/a")
    again = await load_or_create(await ring(store, root), "log/a")
    other = await load_or_create(await ring(store, root), "log/b")
    assert first.public_key_bytes == again.public_key_bytes != other.public_key_bytes
    public = Ed25519PublicKey.from_public_bytes(first.public_key_bytes)
    public.verify(again.sign(b"checkpoint"), b"checkpoint")
    with pytest.raises(InvalidSignature):
        public.verify(other.sign(b"checkpoint"), b"checkpoint")


async def test_a_seed_under_another_name_or_root_does_not_open(
    ring: Callable[..., Awaitable[KeyRing]], store: MemoryStore, root: FileRoot
) -> None:
    keyring = await ring(store, root)
    await load_or_create(keyring, "a")
    await load_or_create(keyring, "b")
    store.rows["key", "secret/signer/b"] = store.rows["key", "secret/signer/a"]
    with pytest.raises(KeyFault):
        await load_or_create(keyring, "b")
    elsewhere = await ring(MemoryStore(), FileRoot(os.urandom(32)))
    elsewhere._store = store
    with pytest.raises(KeyFault):
        await load_or_create(elsewhere, "a")


async def test_the_seed_is_not_shown(keyring: KeyRing, store: MemoryStore) -> None:
    signer = await load_or_create(keyring, "a")
    seed = await keyring.secret("signer/a")
    assert seed not in store.stored()
    assert seed.hex() not in repr(signer) + repr(vars(signer))
