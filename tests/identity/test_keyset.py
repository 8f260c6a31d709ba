"""Keys are pinned to one algorithm, or dropped."""

from __future__ import annotations

import json
import math

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st
from identity_forge import b64

from sallyport.errors import Refusal
from sallyport.identity.jose import check_signature, take_apart
from sallyport.identity.keyset import is_roca, key_set
from sallyport.identity.strict import Malformed

ALGORITHMS = ("RS256", "ES256", "PS256", "EdDSA")


def pinned(forge, *entries):
    return {kid: key.algorithms for kid, key in key_set(forge.jwks(*entries), ALGORITHMS).by_kid.items()}


def test_what_a_key_is_pinned_to(forge) -> None:
    assert pinned(
        forge,
        forge.jwk("ec", alg=None),
        forge.jwk("rsa", alg=None),
        forge.jwk("rsa", alg="PS256", kid="ps"),
        forge.jwk("ed", alg=None),
        forge.jwk("ec384", use=None, key_ops=["verify"]),
    ) == {
        "ec": {"ES256"},
        "rsa": {"RS256"},
        "ps": {"PS256"},
        "ed": {"EdDSA", "Ed25519"},
        "ec384": {"ES384"},
    }


def test_an_rsa_key_without_alg_takes_the_first_of_the_list(forge) -> None:
    keys = key_set(forge.jwks(forge.jwk("rsa", alg=None)), ("ES256", "PS512", "RS256"))
    assert keys.by_kid["rsa"].algorithms == {"PS512"}


DROPPED = [
    ("use=enc", {"use": "enc"}),
    ("key_ops without verify", {"key_ops": ["encrypt"]}),
    ("key_ops for signing", {"key_ops": ["sign"], "use": None}),
    ("key_ops no list", {"key_ops": "verify"}),
    ("alg of another curve", {"alg": "ES384"}),
    ("alg of another type", {"alg": "RS256"}),
    ("alg symmetric", {"alg": "HS256"}),
    ("alg list", {"alg": ["ES256"]}),
    ("alg for encryption", {"alg": "ECDH-ES"}),
    ("private", {"d": "AQAB"}),
    ("kid number", {"kid": 1}),
    ("kid of 513 characters", {"kid": "k" * 513}),
    ("symmetric", {"kty": "oct", "k": "c2VjcmV0"}),
    ("kty list", {"kty": ["EC"]}),
    ("kty unknown", {"kty": "AKP"}),
    ("curve unknown", {"crv": "P-192"}),
    ("curve of bitcoin", {"crv": "secp256k1"}),
    ("point not on the curve", {"x": "AQAB"}),
    ("x no base64", {"x": "*"}),
    ("x no text", {"x": 1}),
    ("no y", {"y": None}),
]


@pytest.mark.parametrize("members", [row[1] for row in DROPPED], ids=[row[0] for row in DROPPED])
def test_a_key_that_breaks_a_rule_is_dropped(forge, members) -> None:
    assert pinned(forge, forge.jwk("rsa"), forge.jwk("ec", **members)).keys() == {"rsa"}


@pytest.mark.parametrize(
    "members",
    [{"e": "Aw"}, {"e": "AQAA"}, {"e": "AQAAAAE"}, {"n": "AQAB"}, {"alg": "ES256"}],
    ids=["e=3", "even e", "huge e", "tiny n", "ES256"],
)
def test_a_weak_rsa_key_is_dropped(forge, members) -> None:
    assert pinned(forge, forge.jwk("ec"), forge.jwk("rsa", **members)).keys() == {"ec"}


def test_a_private_key_is_dropped_even_if_it_is_whole(forge) -> None:
    secret = forge.private["ec"].private_numbers().private_value
    whole = forge.jwk("ec", d=b64(secret.to_bytes(32)))
    assert pinned(forge, forge.jwk("rsa"), whole).keys() == {"rsa"}


def test_an_rsa_key_of_1024_bits_is_dropped(forge) -> None:
    small = rsa.generate_private_key(65537, 1024).public_key().public_numbers().n
    entry = forge.jwk("rsa", n=b64(small.to_bytes(128)))
    assert pinned(forge, forge.jwk("ec"), entry).keys() == {"ec"}


def test_a_modulus_of_the_broken_generator_is_dropped(forge) -> None:
    primes = [n for n in range(2, 168) if all(n % d for d in range(2, n))]
    modulus = pow(65537, 7, math.prod(primes)) + math.prod(primes) * 2**1900
    assert is_roca(modulus)
    assert not is_roca(modulus + 2)
    assert not is_roca(forge.private["rsa"].public_key().public_numbers().n)


def test_two_keys_under_one_kid_are_both_dropped_and_copies_are_one(forge) -> None:
    same = forge.jwk("ec", kid="x")
    assert pinned(forge, same, same, forge.jwk("rsa")).keys() == {"x", "rsa"}
    assert pinned(forge, same, forge.jwk("ec2", kid="x"), forge.jwk("rsa")).keys() == {"rsa"}
    assert pinned(forge, forge.jwk("rsa", alg="PS256"), forge.jwk("rsa"), same).keys() == {"x"}


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b"", "json"),
        (b"[]", "json_not_object"),
        (b"{}", "jwks_shape"),
        (b'{"keys":{}}', "jwks_shape"),
        (b'{"keys":[]}', "jwks_empty"),
        (b'{"keys":[1,null,[],"x"]}', "jwks_empty"),
        (b'{"keys":[],"keys":[]}', "json_duplicate"),
        (json.dumps({"keys": [{}] * 65}).encode(), "jwks_too_many"),
    ],
)
def test_what_is_no_key_set(document, reason) -> None:
    with pytest.raises(Malformed, match=f"^{reason}$"):
        key_set(document, ALGORITHMS)


def test_an_okp_key_for_agreement_verifies_nothing(forge) -> None:
    assert "ed" not in pinned(forge, forge.jwk("ec"), forge.jwk("ed", crv="X25519"))


def test_a_jwk_with_ps512_does_not_verify_rs256(forge) -> None:
    keys = key_set(forge.jwks(forge.jwk("rsa", alg="PS512")), (*ALGORITHMS, "PS512"))
    refusal = check_signature(take_apart(forge.token(key="rsa")), keys, frozenset(ALGORITHMS))
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "key"


@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["keys", "kty", "crv", "x", "y", "n", "e", "kid", "alg", "use", "key_ops"]),
                inner,
            )
        ),
        max_leaves=12,
    )
)
def test_nonsense_is_malformed_or_empty(value) -> None:
    with pytest.raises(Malformed):
        key_set(json.dumps({"keys": value}).encode(), ALGORITHMS)
