"""Envelopes: vectors, and what does not open."""

from __future__ import annotations

import ast
import inspect
import json
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from sallyport.errors import KeyFault
from sallyport.keys import envelope
from sallyport.keys.envelope import cipher, encode, seal, seal_once, unseal, unseal_once, unwrap, utf8, wrap

fields = st.lists(st.binary(max_size=9), max_size=4)
KEY = bytes(range(32))


def load(vectors: Path) -> list[dict[str, object]]:
    return json.loads((vectors / "envelope.json").read_text())["vectors"]


def run(vector: dict[str, object]) -> bytes:
    """What a vector's `op` gives for its inputs, all in hex."""
    op = vector["op"]
    h = {k: bytes.fromhex(v) for k, v in vector.items() if k not in {"op", "name", "expect", "fields"}}
    if op == "encode":
        return encode(*(bytes.fromhex(f) for f in vector["fields"]))  # type: ignore[union-attr]
    if op == "seal":
        return seal(cipher(h["key"]), h["nonce"], h["plaintext"], h["context"])
    if op == "seal_once":
        key, sealed = seal_once(lambda _: h["key"], h["plaintext"], h["context"])
        assert key == h["key"]
        return sealed
    if op == "wrap":
        return wrap(cipher(h["key"]), h["nonce"], h["plaintext"], h["context"])
    if op == "unseal":
        return unseal(cipher(h["key"]), h["sealed"], h["context"])
    if op == "unseal_once":
        return unseal_once(h["key"], h["sealed"], h["context"])
    assert op == "unwrap", f"unknown operation {op}"
    return unwrap(cipher(h["key"]), h["sealed"], h["context"])


def test_vectors(vectors: Path) -> None:
    seen = set()
    for vector in load(vectors):
        expect, name = vector["expect"], vector["name"]
        assert isinstance(expect, dict), name
        match expect:
            case {"outcome": "ok", "result": result}:
                assert run(vector).hex() == result, name
            case {"outcome": "refused"}:
                with pytest.raises(KeyFault):
                    run(vector)
            case _:
                pytest.fail(f"{name}: unknown outcome")
        seen.add((vector["op"], expect["outcome"]))
    assert {op for op, outcome in seen if outcome == "ok"} >= {
        "encode",
        "seal",
        "seal_once",
        "wrap",
        "unseal",
    }


def test_the_cipher_is_the_one_of_the_gcm_specification() -> None:
    """Test case 16 of "The Galois/Counter Mode of Operation (GCM)", McGrew and Viega."""
    key = bytes.fromhex("feffe9928665731c6d6a8f9467308308" * 2)
    nonce = bytes.fromhex("cafebabefacedbaddecaf888")
    plaintext = bytes.fromhex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
    )
    context = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    expected = (
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b"
    )
    assert seal(cipher(key), nonce, plaintext, context).hex() == "01" + nonce.hex() + expected


@given(fields, fields)
def test_no_two_lists_of_fields_encode_alike(one: list[bytes], other: list[bytes]) -> None:
    assert (encode(*one) == encode(*other)) == (one == other)
    assert not encode(*one).startswith(encode(*other)) or one == other


@given(st.binary(max_size=200), st.binary(max_size=40))
def test_what_is_sealed_opens(plaintext: bytes, context: bytes) -> None:
    aead = cipher(KEY)
    assert unseal(aead, seal(aead, os.urandom(12), plaintext, context), context) == plaintext
    key, sealed = seal_once(os.urandom, plaintext, context)
    assert unseal_once(key, sealed, context) == plaintext


def test_each_flipped_bit_each_cut_and_each_addition_is_refused() -> None:
    aead = cipher(KEY)
    once_key, once = seal_once(os.urandom, b"text", b"context")
    whole = {
        "seal": (seal(aead, os.urandom(12), b"text", b"context"), lambda b: unseal(aead, b, b"context")),
        "wrap": (wrap(aead, os.urandom(12), KEY, b"context"), lambda b: unwrap(aead, b, b"context")),
        "once": (once, lambda b: unseal_once(once_key, b, b"context")),
    }
    for blob, open_it in whole.values():
        open_it(blob)
        for bit in range(len(blob) * 8):
            changed = bytearray(blob)
            changed[bit // 8] ^= 1 << bit % 8
            with pytest.raises(KeyFault):
                open_it(bytes(changed))
        for other in (*(blob[:n] for n in range(len(blob))), blob + b"\0", b"\1" + blob):
            with pytest.raises(KeyFault):
                open_it(other)


@pytest.mark.parametrize("size", [0, 16, 24, 31, 33, 64])
def test_only_keys_of_256_bits_are_taken(size: int) -> None:
    with pytest.raises(KeyFault):
        cipher(bytes(size))
    with pytest.raises(KeyFault):
        wrap(cipher(KEY), bytes(12), bytes(size), b"")
    with pytest.raises(KeyFault):
        seal_once(lambda _: bytes(size), b"", b"")


@pytest.mark.parametrize("size", [0, 8, 11, 13, 16])
def test_only_nonces_of_96_bits_are_taken(size: int) -> None:
    with pytest.raises(KeyFault):
        seal(cipher(KEY), bytes(size), b"", b"")


def test_a_sealed_value_that_is_no_key_is_not_unwrapped() -> None:
    aead = cipher(KEY)
    with pytest.raises(KeyFault):
        unwrap(aead, seal(aead, bytes(12), b"31 bytes or so, but not a key..", b""), b"")


def test_lone_surrogates_are_refused() -> None:
    with pytest.raises(KeyFault):
        utf8("\ud800")


# One key per encryption, by construction.


def test_the_fixed_nonce_is_used_by_one_function_that_takes_no_key() -> None:
    tree = ast.parse(inspect.getsource(envelope))
    users = {
        function.name
        for function in tree.body
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and node.id == "ZERO"
    }
    assert users == {"seal_once", "unseal_once"}
    assert list(inspect.signature(seal_once).parameters) == ["random", "plaintext", "context"]


def test_no_other_file_of_the_room_encrypts_by_itself() -> None:
    """`AESGCM.encrypt` is called in envelope.py alone, so the rule above holds for the whole room."""
    room = Path(envelope.__file__).parent
    callers = {
        file.name
        for file in room.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in {"encrypt", "encrypt_into"}
    }
    assert callers == {"envelope.py"}


def test_each_call_draws_a_key_and_encrypts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[tuple[bytes, bytes]] = []

    class Seen:
        def __init__(self, key: bytes) -> None:
            self.key = key

        def encrypt(self, nonce: bytes, data: bytes, context: bytes) -> bytes:
            used.append((self.key, nonce))
            return AESGCM(self.key).encrypt(nonce, data, context)

    monkeypatch.setattr(envelope, "AESGCM", Seen)
    keys = [seal_once(os.urandom, b"text", b"context")[0] for _ in range(50)]
    assert used == [(key, bytes(12)) for key in keys]
    assert len(set(keys)) == 50
