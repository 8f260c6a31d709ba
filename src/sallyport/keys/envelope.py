"""AES-256-GCM envelopes (NIST SP 800-38D) and the canonical encoding of what they are bound to. Pure.

Two shapes, told apart by their first byte; docs/keys.md has the table and vectors/keys the examples:

    0x01 | nonce (12) | ciphertext | tag (16)    `seal`: many encryptions under one key, each with a random nonce
    0x02 | ciphertext | tag (16)                 `seal_once`: the key was made for this one encryption

A random 96-bit nonce serves 2**32 encryptions of one key (SP 800-38D, 8.3). No key of ours comes near: a person's key wraps
one key per record, an epoch key wraps one key per person, and each row of sealed state has a key of its own.

A zero nonce is safe exactly when its key encrypts nothing else. `seal_once` is the only code that uses one, and it takes no
key: it draws one, encrypts with it once and hands it out for wrapping.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sallyport.errors import KeyFault

KEY, NONCE, TAG = 32, 12, 16  # bytes
SEALED, ONCE = b"\x01", b"\x02"
WRAPPED = 1 + NONCE + KEY + TAG  # bytes of a wrapped key
ZERO = bytes(NONCE)

Random = Callable[[int], bytes]
size = Struct("<Q").pack  # of a number, as `encode` writes it


def encode(*fields: bytes) -> bytes:
    """The fields as one string that no other list of fields gives (PASETO's pre-authentication encoding).

    The number of fields, then each field's length before it; numbers are 64 bits, little endian.
    """
    parts = [size(len(fields))]
    for field in fields:
        parts += (size(len(field)), field)
    return b"".join(parts)


def utf8(text: str) -> bytes:
    """The text as a field. Errors: `KeyFault` for lone surrogates, which have no UTF-8."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise KeyFault("a name is not Unicode text") from error


def cipher(key: bytes) -> AESGCM:
    """AES-256-GCM under a key of 32 bytes, and no other length."""
    if len(key) != KEY:
        raise KeyFault("a key does not have 32 bytes")
    return AESGCM(key)


def seal(key: AESGCM, nonce: bytes, plaintext: bytes, context: bytes) -> bytes:
    """Encrypt under a key that serves many times. `nonce`: 12 bytes, drawn anew for each call."""
    if len(nonce) != NONCE:
        raise KeyFault("a nonce does not have 12 bytes")
    return SEALED + nonce + key.encrypt(nonce, plaintext, context)


def unseal(key: AESGCM, blob: bytes, context: bytes) -> bytes:
    """What `seal` encrypted. Errors: `KeyFault` for another key, another context or a changed byte."""
    if len(blob) < 1 + NONCE + TAG or blob[:1] != SEALED:
        raise KeyFault("a sealed value has an unknown form")
    return _decrypt(key, blob[1 : 1 + NONCE], blob[1 + NONCE :], context)


def seal_once(random: Random, plaintext: bytes, context: bytes) -> tuple[bytes, bytes]:
    """Encrypt under a key made for this; returns the key, to be wrapped, and the sealed bytes."""
    key = random(KEY)
    if len(key) != KEY:
        raise KeyFault("a key does not have 32 bytes")
    return key, ONCE + AESGCM(key).encrypt(ZERO, plaintext, context)


def unseal_once(key: bytes, blob: bytes, context: bytes) -> bytes:
    """What `seal_once` encrypted. Errors: `KeyFault` as for `unseal`."""
    if len(blob) < 1 + TAG or blob[:1] != ONCE:
        raise KeyFault("a sealed value has an unknown form")
    return _decrypt(cipher(key), ZERO, blob[1:], context)


def wrap(key: AESGCM, nonce: bytes, inner: bytes, context: bytes) -> bytes:
    """Encrypt a key of 32 bytes: `WRAPPED` bytes in the form of `seal`."""
    if len(inner) != KEY or len(nonce) != NONCE:
        raise KeyFault("a key does not have 32 bytes, or a nonce 12")
    return SEALED + nonce + key.encrypt(nonce, inner, context)


def unwrap(key: AESGCM, blob: bytes, context: bytes) -> bytes:
    """The key that `wrap` encrypted. Errors: `KeyFault`."""
    if len(blob) != WRAPPED:
        raise KeyFault("a wrapped key has another length")
    return unseal(key, blob, context)


def _decrypt(key: AESGCM, nonce: bytes, ciphertext: bytes, context: bytes) -> bytes:
    try:
        return key.decrypt(nonce, ciphertext, context)
    except InvalidTag as error:
        raise KeyFault("a sealed value does not open") from error
