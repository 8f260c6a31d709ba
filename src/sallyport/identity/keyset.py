"""A provider's public keys, each pinned to the algorithms that it may verify. Pure.

Rules for a key (RFC 7517, RFC 7518, RFC 8725 section 3.1 and 3.5, NIST SP 800-131A):
- asymmetric and public: a symmetric key, or one with private members, is dropped;
- `use` is absent or "sig"; `key_ops` is absent or contains "verify";
- RSA of 2048 to 8192 bits with an odd exponent of 65537 to 2^32, and no modulus that Infineon's broken generator
  made (ROCA, CVE-2017-15361); P-256, P-384, P-521; Ed25519;
- pinned: `alg` where the key names one (it must fit the key), else what the curve implies; an RSA key without
  `alg` is pinned to the first RSA algorithm of the provider's list, never to all of them;
- two different keys under one `kid` are both dropped.
A key that breaks a rule is dropped; a document that is no key set, or holds more than 64 keys, is refused whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key, OKPKey, RSAKey
from msgspec import Struct

from sallyport.identity.strict import Malformed, base64url, json_object

MAX_KEYS = 64
KID_CHARACTERS = 512
_MODULUS_BITS = range(2048, 8193)
_EXPONENTS = range(65537, 2**32, 2)
RSA_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_CURVES = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
_EDWARDS = frozenset({"EdDSA", "Ed25519"})
_SECRET = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"})
ALGORITHMS = frozenset(RSA_ALGORITHMS) | frozenset(_CURVES.values()) | _EDWARDS


class VerificationKey(Struct, frozen=True, kw_only=True):
    """A public key. `signature_bytes` is the only length that its signatures have (RFC 7518 section 3)."""

    kid: str
    algorithms: frozenset[str]
    key: Key
    signature_bytes: int
    order: int = 0  # of the curve's group; 0 unless ECDSA
    issuer: str = ""  # Entra names the issuer of each key, perhaps with {tenantid}


class KeySet(Struct, frozen=True):
    """Keys by `kid`. `only` is the key to use when a token names none: set if there is exactly one."""

    by_kid: Mapping[str, VerificationKey]
    only: VerificationKey | None


def key_set(document: bytes, algorithms: Sequence[str]) -> KeySet:
    """Read a JWK set. Raises `Malformed` if it is no key set, too large, or holds no usable key."""
    entries = json_object(document).get("keys")
    if type(entries) is not list:
        raise Malformed("jwks_shape")
    if len(entries) > MAX_KEYS:
        raise Malformed("jwks_too_many")
    keys = _without_ambiguous([key for entry in entries if (key := _usable(entry, algorithms))])
    if not keys:
        raise Malformed("jwks_empty")
    return KeySet({key.kid: key for key in keys}, keys[0] if len(keys) == 1 else None)


def _without_ambiguous(keys: list[VerificationKey]) -> list[VerificationKey]:
    first: dict[str, VerificationKey] = {}
    bad: set[str] = set()
    for key in keys:
        known = first.setdefault(key.kid, key)
        if known.key.thumbprint() != key.key.thumbprint() or known.algorithms != key.algorithms:
            bad.add(key.kid)
    return [key for kid, key in first.items() if kid not in bad]


def _usable(entry: object, algorithms: Sequence[str]) -> VerificationKey | None:
    if not isinstance(entry, dict) or not _public_signing_key(entry):
        return None
    try:
        if entry["kty"] == "RSA" and not _sane_rsa(entry):
            return None
        key = JWKRegistry.import_key(entry)
        pinned = _pinned(key, entry.get("alg"), algorithms)
        size, order = _signature(key)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        return None
    if not pinned:
        return None
    issuer = entry.get("issuer", "")
    return VerificationKey(
        kid=entry.get("kid", ""),
        algorithms=pinned,
        key=key,
        signature_bytes=size,
        order=order,
        issuer=issuer if isinstance(issuer, str) else "invalid",
    )


def _public_signing_key(entry: dict[str, Any]) -> bool:
    kid, operations = entry.get("kid", ""), entry.get("key_ops", ["verify"])
    return (
        not _SECRET & entry.keys()
        and entry.get("kty") in ("RSA", "EC", "OKP")
        and entry.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
        and isinstance(kid, str)
        and len(kid) <= KID_CHARACTERS
    )


def _pinned(key: Key, named: object, algorithms: Sequence[str]) -> frozenset[str]:
    possible = _possible(key, algorithms)
    if named is None:
        return possible
    if not isinstance(named, str):
        return frozenset()
    return frozenset({named}) & (_possible(key, [named]) if isinstance(key, RSAKey) else possible)


def _possible(key: Key, algorithms: Sequence[str]) -> frozenset[str]:
    if isinstance(key, RSAKey):
        return frozenset([name for name in algorithms if name in RSA_ALGORITHMS][:1])
    if isinstance(key, ECKey):
        return frozenset({_CURVES[key.curve_name]})
    return _EDWARDS if isinstance(key, OKPKey) and key.curve_name == "Ed25519" else frozenset()


# SEC 2 version 2.0: the orders n of P-256, P-384 and P-521
_ORDERS = {
    "P-256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "P-384": int("F" * 48 + "C7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973", 16),
    "P-521": int("1" + "F" * 65 + "A51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409", 16),
}


def _signature(key: Key) -> tuple[int, int]:
    """Length of a signature in bytes, and the order of the curve (0 unless ECDSA)."""
    if isinstance(key, RSAKey):
        return (key.public_key.key_size + 7) // 8, 0
    if isinstance(key, ECKey):
        return 2 * ((key.curve_key_size + 7) // 8), _ORDERS[key.curve_name]
    return 64, 0


def _sane_rsa(entry: Mapping[str, Any]) -> bool:
    modulus, exponent = (int.from_bytes(base64url(entry[name].encode())) for name in ("n", "e"))
    return modulus.bit_length() in _MODULUS_BITS and exponent in _EXPONENTS and not is_roca(modulus)


def is_roca(modulus: int) -> bool:
    """Whether the modulus is a power of 65537 modulo each small prime (Nemec et al., CCS 2017, section 4)."""
    return all(modulus % prime in powers for prime, powers in _ROCA)


def _powers_of_65537(prime: int) -> frozenset[int]:
    return frozenset(pow(65537, exponent, prime) for exponent in range(prime - 1))


_ROCA = tuple(
    (prime, _powers_of_65537(prime))
    for prime in range(3, 168)
    if all(prime % divisor for divisor in range(2, prime))
)
