"""The strict verifier: a table of hostile tokens, each refused for its own reason; mutations; garbage."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sallyport.errors import Refusal
from sallyport.identity.jose import Claims, TokenPolicy, numeric_date, take_apart, verify
from sallyport.identity.keyset import key_set

NOW = 1_800_000_000
ISSUER = "https://idp.example.com/oauth2/main"
AUDIENCE = "api://sallyport"
ALGORITHMS = ("RS256", "ES256", "PS256", "EdDSA")
POLICY = TokenPolicy(
    issuers=frozenset({ISSUER}), audiences=frozenset({AUDIENCE}), algorithms=frozenset(ALGORITHMS)
)
N256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def b64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def resigned(f, **claims):
    return f.token(f.claims(**claims))


def raw_claims(f, text: str):
    """Claims with members added by hand at the end: duplicates, numbers that no encoder writes."""
    return f.token(json.dumps(f.claims()).encode()[:-1] + text.encode() + b"}")


def raw_header(f, text: str):
    return f.signed(text.encode(), json.dumps(f.claims()).encode())


def parts(f, **header):
    return f.token(**header).split(".")


def replaced(f, index: int, text: str):
    made = parts(f)
    made[index] = text
    return ".".join(made)


def sig(f, signature: bytes):
    return replaced(f, 2, b64(signature))


def rsa_short(f):
    head, body, signature = parts(f, key="rsa")
    return f"{head}.{body}.{b64(urlsafe_b64decode(signature + '==')[1:])}"


def der(f):
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    head, body, _ = parts(f)
    return sig(f, f.private["ec"].sign(f"{head}.{body}".encode(), ec.ECDSA(hashes.SHA256())))


def pem(f):
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return f.private["rsa"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


HOSTILE = [
    # no signature, or one that anybody can make
    ("none", "parts", lambda f: f.unsigned(alg="none")),
    ("none with a signature", "alg", lambda f: f.unsigned(b"x", alg="none", kid="ec")),
    ("None", "alg", lambda f: f.unsigned(b"x", alg="None", kid="ec")),
    ("NONE", "alg", lambda f: f.unsigned(b"x", alg="NONE", kid="ec")),
    ("nOnE", "alg", lambda f: f.unsigned(b"x", alg="nOnE", kid="ec")),
    ("no alg", "alg", lambda f: f.unsigned(b"x", kid="ec")),
    ("alg null", "alg", lambda f: f.unsigned(b"x", alg=None, kid="ec")),
    ("alg list", "alg", lambda f: f.unsigned(b"x", alg=["ES256"], kid="ec")),
    ("alg of another case", "alg", lambda f: f.token(alg="es256")),
    ("HS256 with the public key", "alg", lambda f: f.hmac(pem(f), kid="rsa")),
    ("HS256 with an empty secret", "alg", lambda f: f.hmac(b"", kid="ec")),
    ("HS512", "alg", lambda f: f.hmac(b"k", "HS512", kid="ec")),
    ("null signature", "parts", lambda f: replaced(f, 2, "")),
    ("psychic signature (CVE-2022-21449)", "signature_form", lambda f: sig(f, bytes(64))),
    ("r is zero", "signature_form", lambda f: sig(f, bytes(32) + b"\1" * 32)),
    ("s is zero", "signature_form", lambda f: sig(f, b"\1" * 32 + bytes(32))),
    ("r is the order", "signature_form", lambda f: sig(f, N256.to_bytes(32, "big") + b"\1" * 32)),
    ("s is the order", "signature_form", lambda f: sig(f, b"\1" * 32 + N256.to_bytes(32, "big"))),
    ("r is all ones", "signature_form", lambda f: sig(f, b"\xff" * 64)),
    ("DER signature", "signature_form", der),
    ("signature with a byte more", "signature_form", lambda f: sig(f, b"\1" * 65)),
    ("signature with a byte less", "signature_form", lambda f: sig(f, b"\1" * 63)),
    ("RSA signature without its first byte", "signature_form", rsa_short),
    ("signature of another key", "signature", lambda f: f.token(key="ec2", kid="ec")),
    ("signature of another token", "signature", lambda f: replaced(f, 1, b64(json.dumps(f.claims(sub="bob")).encode()))),
    # another algorithm than the key's
    ("ES256 header, RSA key", "signature_form", lambda f: f.token(key="rsa", kid="ec", alg="ES256")),
    ("RS256 header, EC key", "key", lambda f: f.token(key="rsa", kid="ec", alg="RS256")),
    ("PS256 with a key pinned to RS256", "key", lambda f: f.token(key="rsa", alg="PS256")),
    ("EdDSA header, EC key", "key", lambda f: f.token(key="ed", kid="ec")),
    ("ES384 is not in the list", "alg", lambda f: f.token(key="ec384")),
    ("ES256 header, P-384 key", "key", lambda f: f.token(key="ec384", alg="ES256")),
    # keys that the token brings along or points to
    ("jwk", "header_refused", lambda f: f.token(jwk=f.jwk("ec2"), key="ec2", kid="ec")),
    ("jku", "header_refused", lambda f: f.token(jku="https://evil.example/jwks")),
    ("x5u", "header_refused", lambda f: f.token(x5u="https://evil.example/c.pem")),
    ("x5c", "header_refused", lambda f: f.token(x5c=[b64encode(b"certificate").decode()])),
    ("crit", "header_refused", lambda f: f.token(crit=["exp"])),
    ("crit empty", "header_refused", lambda f: f.token(crit=[])),
    ("b64 false", "header_refused", lambda f: f.token(b64=False, crit=["b64"])),
    ("zip", "header_refused", lambda f: f.token(zip="DEF")),
    ("enc", "header_refused", lambda f: f.token(enc="A256GCM")),
    ("nested token", "header_refused", lambda f: f.token(cty="JWT")),
    ("nonce of Graph", "header_refused", lambda f: f.token(nonce="abc")),
    ("kid missing", "kid", lambda f: f.token(kid=None)),
    ("kid unknown", "kid", lambda f: f.token(kid="other")),
    ("kid as a path", "kid", lambda f: f.token(kid="../../../../dev/null")),
    ("kid as SQL", "kid", lambda f: f.token(kid="x' UNION SELECT 'k")),
    ("kid number", "kid", lambda f: f.token(kid=1)),
    ("kid list", "kid", lambda f: f.token(kid=["ec"])),
    ("kid empty", "kid", lambda f: f.token(kid="")),
    # tokens of another kind
    ("logout token", "typ", lambda f: f.token(typ="logout+jwt")),
    ("DPoP proof", "typ", lambda f: f.token(typ="dpop+jwt")),
    ("security event token", "typ", lambda f: f.token(typ="secevent+jwt")),
    ("client assertion", "typ", lambda f: f.token(typ="client-authentication+jwt")),
    ("request object", "typ", lambda f: f.token(typ="oauth-authz-req+jwt")),
    ("introspection answer", "typ", lambda f: f.token(typ="token-introspection+jwt")),
    ("Okta's own access token", "typ", lambda f: f.token(typ="application/okta-internal-at+jwt")),
    ("typ null", "typ", lambda f: f.signed(b'{"alg":"ES256","kid":"ec","typ":null}', json.dumps(f.claims()).encode())),
    ("typ list", "typ", lambda f: f.token(typ=["at+jwt"])),
    ("typ with spaces", "typ", lambda f: f.token(typ=" at+jwt")),
    ("ID token by at_hash", "id_token", lambda f: f.token(f.claims(at_hash="x"), typ="JWT")),
    ("ID token by nonce", "id_token", lambda f: f.token(f.claims(nonce="x"), typ="JWT")),
    ("ID token without typ", "id_token", lambda f: f.token(f.claims(c_hash="x"), typ=None)),
    ("Keycloak ID token", "token_use", lambda f: f.token(f.claims(typ="ID"), typ="JWT")),
    ("Keycloak refresh token", "token_use", lambda f: f.token(f.claims(typ="Refresh"), typ="JWT")),
    ("events, typ JWT", "event_token", lambda f: f.token(f.claims(events={"http://schemas.openid.net/event/backchannel-logout": {}}), typ="JWT")),
    # shape
    ("empty", "parts", lambda _: ""),
    ("dots", "parts", lambda _: ".."),
    ("two parts", "parts", lambda f: ".".join(parts(f)[:2])),
    ("four parts", "parts", lambda f: f.token() + ".x"),
    ("five parts (JWE)", "parts", lambda f: f.token() + ".x.x"),
    ("trailing dot", "parts", lambda f: f.token() + "."),
    ("JSON serialization", "parts", lambda f: json.dumps(dict(zip(("protected", "payload", "signature"), parts(f), strict=True)))),
    ("16 kB and a byte", "size", lambda _: "a" * 16_385),
    ("1 MB", "size", lambda f: f.token(pad="x" * 1_000_000)),
    ("not ASCII", "encoding", lambda f: f.token() + "\u00e9"),
    ("fullwidth dots", "encoding", lambda f: f.token().replace(".", "\uff0e")),
    ("lone surrogate", "encoding", lambda f: f.token() + "\ud800"),
    ("padding", "header_base64url", lambda f: f.token() + "=="),
    ("padding of the header", "header_base64url", lambda f: replaced(f, 0, parts(f)[0] + "=")),
    ("newline", "header_base64url", lambda f: f.token() + "\n"),
    ("space inside", "header_base64url", lambda f: replaced(f, 1, " " + parts(f)[1])),
    ("standard alphabet", "header_base64url", lambda f: sig(f, b"\xff" * 64).replace("_", "/")),
    ("another spelling of the last character", "header_base64url", lambda f: f.token()[:-1] + chr(ord(f.token()[-1]) + 1)),
    ("header no JSON", "header_json", lambda f: raw_header(f, "alg")),
    ("header a list", "header_json_not_object", lambda f: raw_header(f, '["alg","ES256"]')),
    ("header a string", "header_json_not_object", lambda f: raw_header(f, '"ES256"')),
    ("header with a second document", "header_json", lambda f: raw_header(f, '{"alg":"ES256","kid":"ec"}{}')),
    ("header not UTF-8", "header_json", lambda f: f.signed(b'{"alg":"ES256","kid":"ec","x":"\xff"}', b"{}")),
    ("header in UTF-16", "header_json", lambda f: f.signed('{"alg":"ES256"}'.encode("utf-16"), b"{}")),
    ("duplicate alg", "header_json_duplicate", lambda f: raw_header(f, '{"alg":"none","alg":"ES256","kid":"ec"}')),
    ("duplicate kid", "header_json_duplicate", lambda f: raw_header(f, '{"alg":"ES256","kid":"ec","kid":"ec"}')),
    ("escaped duplicate", "header_json_duplicate", lambda f: raw_header(f, '{"alg":"ES256","kid":"ec","al\\u0067":"none"}')),
    ("nested duplicate", "header_json_duplicate", lambda f: raw_header(f, '{"alg":"ES256","kid":"ec","x":{"a":1,"a":2}}')),
    ("NaN", "header_json", lambda f: raw_header(f, '{"alg":"ES256","kid":"ec","x":NaN}')),
    ("Infinity", "claims_json", lambda f: raw_claims(f, ',"x":Infinity')),
    ("deep header", "header_json_depth", lambda f: raw_header(f, '{"alg":"ES256","kid":"ec","x":' + "[" * 20 + "]" * 20 + "}")),
    ("900 deep", "claims_json_depth", lambda f: raw_claims(f, ',"x":' + "[" * 900 + "]" * 900)),
    ("5000 deep", "claims_json", lambda f: raw_claims(f, ',"x":' + "[" * 5000 + "]" * 5000)),
    ("claims no JSON", "claims_json", lambda f: f.token(b"alice")),
    ("claims a list", "claims_json_not_object", lambda f: f.token(b"[]")),
    ("lone surrogate in a claim", "claims_json", lambda f: raw_claims(f, ',"x":"\\ud800"')),
    ("duplicate sub", "claims_json_duplicate", lambda f: raw_claims(f, ',"sub":"root"')),
    ("duplicate exp", "claims_json_duplicate", lambda f: raw_claims(f, ',"exp":1900000000')),
    ("huge integer", "claims_json_number", lambda f: raw_claims(f, ',"x":' + "9" * 30)),
    ("huger integer", "claims_json", lambda f: raw_claims(f, ',"x":' + "9" * 400)),
    ("infinite exponent", "claims_json", lambda f: raw_claims(f, ',"x":1e999')),
    ("huge exponent", "claims_json_number", lambda f: raw_claims(f, ',"x":1e300')),
    # claims
    ("no iss", "issuer", lambda f: resigned(f, iss=None)),
    ("iss of another", "issuer", lambda f: resigned(f, iss="https://evil.example")),
    ("iss list", "issuer", lambda f: resigned(f, iss=[ISSUER])),
    ("iss object", "issuer", lambda f: resigned(f, iss={"a": ISSUER})),
    ("iss with a slash", "issuer", lambda f: resigned(f, iss=ISSUER + "/")),
    ("iss as a prefix", "issuer", lambda f: resigned(f, iss=ISSUER + ".evil.example")),
    ("iss shorter", "issuer", lambda f: resigned(f, iss=ISSUER[:-1])),
    ("iss in capitals", "issuer", lambda f: resigned(f, iss=ISSUER.upper())),
    ("iss http", "issuer", lambda f: resigned(f, iss=ISSUER.replace("https", "http"))),
    ("no aud", "audience_shape", lambda f: resigned(f, aud=None)),
    ("aud of another", "audience", lambda f: resigned(f, aud="api://other")),
    ("aud of others", "audience", lambda f: resigned(f, aud=["api://other", "api://third"])),
    ("aud empty list", "audience", lambda f: resigned(f, aud=[])),
    ("aud with ours and a number", "audience", lambda f: resigned(f, aud=[AUDIENCE, 1])),
    ("aud nested", "audience", lambda f: resigned(f, aud=[[AUDIENCE]])),
    ("aud object", "audience_shape", lambda f: resigned(f, aud={AUDIENCE: True})),
    ("aud as a prefix", "audience", lambda f: resigned(f, aud=AUDIENCE + "/x")),
    ("no exp", "exp", lambda f: resigned(f, exp=None)),
    ("exp null", "exp", lambda f: f.token({**f.claims(exp=None), "exp": None})),
    ("expired", "expired", lambda f: resigned(f, exp=NOW - 30)),
    ("exp in milliseconds", "exp", lambda f: resigned(f, exp=(NOW + 600) * 1000)),
    ("exp 1e300", "claims_json_number", lambda f: resigned(f, exp=1e300)),
    ("exp text", "exp", lambda f: resigned(f, exp=str(NOW + 600))),
    ("exp true", "exp", lambda f: resigned(f, exp=True)),
    ("exp list", "exp", lambda f: resigned(f, exp=[NOW + 600])),
    ("exp negative", "exp", lambda f: resigned(f, exp=-1)),
    ("exp zero", "exp", lambda f: resigned(f, exp=0)),
    ("exp in a year", "exp", lambda f: resigned(f, exp=NOW + 31_536_000)),
    ("nbf in the future", "nbf", lambda f: resigned(f, nbf=NOW + 31)),
    ("nbf text", "nbf", lambda f: resigned(f, nbf=str(NOW))),
    ("iat in the future", "iat", lambda f: resigned(f, iat=NOW + 31)),
    ("iat false", "iat", lambda f: resigned(f, iat=False)),
    ("no sub", "subject", lambda f: resigned(f, sub=None)),
    ("sub empty", "subject", lambda f: resigned(f, sub="")),
    ("sub number", "subject", lambda f: resigned(f, sub=7)),
    ("sub list", "subject", lambda f: resigned(f, sub=["alice"])),
    ("sub with a line break", "subject", lambda f: resigned(f, sub="alice\nadmin")),
    ("sub with a zero byte", "subject", lambda f: resigned(f, sub="alice\0")),
    ("sub of 256 characters", "subject", lambda f: resigned(f, sub="a" * 256)),
]  # fmt: skip


@pytest.fixture(scope="module")
def keys(forge):
    return key_set(forge.jwks(), ALGORITHMS)


def test_the_table_is_long_enough_and_names_each_case_once() -> None:
    assert len(HOSTILE) >= 60
    assert len({name for name, _, _ in HOSTILE}) == len(HOSTILE)


@pytest.mark.parametrize(("reason", "make"), [row[1:] for row in HOSTILE], ids=[row[0] for row in HOSTILE])
def test_a_hostile_token_is_refused_for_its_own_reason(forge, keys, reason, make) -> None:
    refusal = verify(make(forge), keys, POLICY, NOW)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == reason
    assert refusal.spec.status == 401
    name, value = refusal.headers[0]
    assert name == "www-authenticate"
    assert value.startswith('Bearer realm="sallyport", error="inval')


GOOD = [
    ("EC", lambda f: f.token()),
    ("RSA", lambda f: f.token(key="rsa")),
    ("Ed25519", lambda f: f.token(key="ed")),
    ("application/at+jwt", lambda f: f.token(typ="application/AT+JWT")),
    ("JWT", lambda f: f.token(typ="JWT")),
    ("no typ", lambda f: f.token(typ=None)),
    ("aud list with ours", lambda f: resigned(f, aud=["api://other", AUDIENCE])),
    ("expired within the skew", lambda f: resigned(f, exp=NOW - 29)),
    ("nbf within the skew", lambda f: resigned(f, nbf=NOW + 30)),
    ("exp with a fraction", lambda f: resigned(f, exp=NOW + 600.5)),
    ("at+jwt may carry a nonce claim", lambda f: resigned(f, nonce="x")),
    ("Keycloak access token", lambda f: f.token(f.claims(typ="Bearer"), typ="JWT")),
    ("16 levels", lambda f: raw_claims(f, ',"x":' + "[" * 15 + "]" * 15)),
]


@pytest.mark.parametrize("make", [row[1] for row in GOOD], ids=[row[0] for row in GOOD])
def test_a_good_token_is_accepted(forge, keys, make) -> None:
    claims = verify(make(forge), keys, POLICY, NOW)
    assert isinstance(claims, Claims)
    assert (claims.issuer, claims.subject) == (ISSUER, "alice")


def test_one_key_needs_no_kid(forge) -> None:
    alone = key_set(forge.jwks(forge.jwk("ec")), ALGORITHMS)
    assert isinstance(verify(forge.token(kid=None), alone, POLICY, NOW), Claims)
    assert verify(forge.token(kid="other"), alone, POLICY, NOW).reason == "kid"


def test_a_key_of_one_entra_tenant_signs_for_no_other(forge) -> None:
    entra = "https://login.example/{tenantid}/v2.0"
    keys = key_set(
        forge.jwks(forge.jwk("ec", issuer=entra), forge.jwk("rsa", issuer="https://other")), ALGORITHMS
    )
    policy = TokenPolicy(
        issuers=frozenset({"https://login.example/t1/v2.0"}),
        audiences=frozenset({AUDIENCE}),
        algorithms=frozenset(ALGORITHMS),
    )
    mine = forge.claims(iss="https://login.example/t1/v2.0", tid="t1")
    assert isinstance(verify(forge.token(mine), keys, policy, NOW), Claims)
    assert verify(forge.token({**mine, "tid": "t2"}), keys, policy, NOW).reason == "key_issuer"
    assert verify(forge.token(mine, key="rsa"), keys, policy, NOW).reason == "key_issuer"


def test_the_entra_audience_is_a_single_string(forge, keys) -> None:
    policy = TokenPolicy(
        issuers=POLICY.issuers, audiences=POLICY.audiences, algorithms=POLICY.algorithms, audience_list=False
    )
    assert verify(resigned(forge, aud=[AUDIENCE]), keys, policy, NOW).reason == "audience_shape"


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_one_changed_byte_is_refused(forge, keys, data) -> None:
    token = forge.token(key=data.draw(st.sampled_from(["ec", "rsa", "ed"])))
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters(min_codepoint=33, max_codepoint=126).filter(lambda c: c != token[place]))
    assert isinstance(verify(token[:place] + other + token[place + 1 :], keys, POLICY, NOW), Refusal)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(), st.lists(st.binary(max_size=60), min_size=3, max_size=3)))
def test_garbage_is_refused_and_never_raises(keys, garbage) -> None:
    token = garbage if isinstance(garbage, str) else ".".join(b64(part) for part in garbage)
    assert isinstance(verify(token, keys, POLICY, NOW), Refusal)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(
    ["iss", "aud", "exp", "nbf", "iat", "sub", "tid", "typ", "events", "nonce", "at_hash"]
)


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(NAMES, JSON, min_size=1, max_size=4),
    st.dictionaries(st.sampled_from(["alg", "kid", "typ"]), JSON),
)
def test_properly_signed_nonsense_never_raises(forge, keys, claims, header) -> None:
    payload = json.dumps({**forge.claims(), **claims}).encode()
    made = json.dumps({"alg": "ES256", "kid": "ec", "typ": "at+jwt", **header}).encode()
    verify(forge.signed(made, payload), keys, POLICY, NOW)


def test_the_refusal_carries_nothing_of_the_token(forge, keys) -> None:
    token = resigned(forge, sub="secret-subject\n", jti="secret-token-id")
    refusal = verify(token, keys, POLICY, NOW)
    assert "secret" not in repr(refusal)
    assert token not in repr(refusal)
    good = forge.token(forge.claims(sub="secret-subject"))
    shown = repr(verify(good, keys, POLICY, NOW)) + repr(take_apart(good))
    assert "secret" not in shown
    assert good.split(".")[2] not in shown


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (1, 1),
        (1.0, 1),
        (True, None),
        (0, None),
        (1.5, 1),
        (0.5, None),
        (float("nan"), None),
        ("1", None),
        (None, None),
        (4 * 10**10, None),
    ],
)
def test_numeric_dates(value, seconds) -> None:
    assert numeric_date(value) == seconds


def test_taking_apart_refuses_before_it_parses() -> None:
    assert take_apart("!" * 20_000).reason == "size"
    assert take_apart("a.b.c", token_bytes=4).reason == "size"
