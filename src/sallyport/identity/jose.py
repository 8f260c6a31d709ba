"""The one strict verifier of bearer tokens (compact JWS, RFC 7515, 7519, 8725, 9068). Pure.

The rules, in the order in which they are judged; each is one function and fails with its own reason:
 1. size            at most `token_bytes`, before anything is parsed
 2. parts           exactly three, none empty
 3. encoding        base64url without padding, in its one canonical spelling
 4. header          one strict JSON object (no duplicates, no NaN, no huge numbers, bounded depth)
 5. header_refused  none of jwk, jku, x5u, x5c, crit, b64, zip, enc, cty; no `nonce` (Graph's own tokens)
 6. alg             in the provider's list; never `none`, never symmetric
 7. typ             one that the provider uses for access tokens; never logout+jwt, dpop+jwt, secevent+jwt
 8. kid             names a key of the set; may be absent only if the set holds one key
 9. key             the key is pinned to this `alg`
10. signature_form  exactly the length of this key's signatures; ECDSA r and s within 1 .. n-1 (never DER)
11. signature       verifies
12. claims          one strict JSON object
13. issuer          a single string, exactly one of ours; the key's own issuer agrees
14. audience        ours; a string, or a list of strings that holds ours where the provider may send one
15. times           exp required; exp, nbf, iat finite numbers of a sane range, with bounded skew
16. subject         a string that is not empty
17. use             not an ID, refresh, logout or security event token by its claims

What this file must not know: where keys come from, who the principal is, what a proof of MFA looks like.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from joserfc.jws import JWSRegistry
from msgspec import Struct

from sallyport.errors import Refusal
from sallyport.identity.keyset import KeySet, VerificationKey
from sallyport.identity.refusals import refuse
from sallyport.identity.strict import Malformed, base64url, json_object

_HEADER_REFUSED = frozenset({"jwk", "jku", "x5u", "x5c", "crit", "b64", "zip", "enc", "cty", "nonce"})
_ID_TOKEN = frozenset({"at_hash", "c_hash", "s_hash", "nonce"})
_PARTS = 3
_LAST_DATE = 32_503_680_000  # the year 3000
TOKEN_BYTES = 16_384
SUBJECT_CHARACTERS = 255  # OpenID Connect Core 1.0 section 2


class TokenPolicy(Struct, frozen=True, kw_only=True):
    """What a provider's access token must look like. `types` in lower case, "" for an absent `typ`."""

    issuers: frozenset[str]
    audiences: frozenset[str]
    algorithms: frozenset[str]
    types: frozenset[str] = frozenset({"at+jwt", "jwt", ""})
    audience_list: bool = True
    leeway: int = 30  # seconds of clock skew
    lifetime: int = 2_592_000  # seconds; an `exp` further away than this is refused
    token_bytes: int = TOKEN_BYTES


class Jws(Struct, frozen=True, kw_only=True):
    """A token that was taken apart. Nothing in it is verified."""

    header: Mapping[str, Any]
    payload: bytes
    signature: bytes
    signing_input: bytes

    def __repr__(self) -> str:
        return "Jws(...)"  # it can be replayed


class Claims(Struct, frozen=True, kw_only=True):
    """The verified claims of an access token. `typ` is in lower case, without "application/"."""

    issuer: str
    subject: str
    expires: int
    typ: str
    values: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"Claims(issuer={self.issuer!r}, expires={self.expires})"  # no personal data


def verify(token: str, keys: KeySet, policy: TokenPolicy, now: int) -> Claims | Refusal:
    """All the rules, in order. `now` in seconds since the epoch. Never raises for any `token`."""
    jws = take_apart(token, policy.token_bytes)
    return jws if isinstance(jws, Refusal) else judge(jws, keys, policy, now)


def judge(jws: Jws, keys: KeySet, policy: TokenPolicy, now: int) -> Claims | Refusal:
    """Rules 6 to 17, on a token that `take_apart` took apart."""
    if wrong := _typ(jws, policy):
        return wrong
    key = check_signature(jws, keys, policy.algorithms)
    if isinstance(key, Refusal):
        return key
    claims = read_claims(jws)
    if isinstance(claims, Refusal):
        return claims
    wrong = (
        _issuer(claims, key, policy)
        or _audience(claims, policy)
        or _times(claims, policy, now)
        or _subject(claims)
        or _use(claims, media_type(jws))
    )
    return wrong or Claims(
        issuer=claims["iss"],
        subject=claims["sub"],
        expires=int(claims["exp"]),
        typ=media_type(jws),
        values=claims,
    )


def take_apart(token: str, token_bytes: int = TOKEN_BYTES) -> Jws | Refusal:
    """Rules 1 to 5."""
    if len(token) > token_bytes:
        return refuse("token_malformed", "size")
    if not token.isascii():
        return refuse("token_malformed", "encoding")
    parts = token.encode().split(b".")
    if len(parts) != _PARTS or not all(parts):
        return refuse("token_malformed", "parts")
    try:
        jws = Jws(
            header=json_object(base64url(parts[0])),
            payload=base64url(parts[1]),
            signature=base64url(parts[2]),
            signing_input=b".".join(parts[:2]),
        )
    except Malformed as error:
        return refuse("token_malformed", f"header_{error.reason}")
    return _header(jws) or jws


def check_signature(jws: Jws, keys: KeySet, algorithms: frozenset[str]) -> VerificationKey | Refusal:
    """Rules 6 and 8 to 11: the key that verified, or why none did."""
    algorithm = jws.header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        return refuse("token_invalid", "alg")
    key = _key(jws, keys)
    if key is None:
        return refuse("token_invalid", "kid")
    if algorithm not in key.algorithms:
        return refuse("token_invalid", "key")
    if not _signature_form(jws.signature, key):
        return refuse("token_invalid", "signature_form")
    if not JWSRegistry.algorithms[algorithm].verify(jws.signing_input, jws.signature, key.key):
        return refuse("token_invalid", "signature")
    return key


def read_claims(jws: Jws) -> dict[str, Any] | Refusal:
    """Rule 12. Also read before the signature is checked, to find the issuer: then they are only a claim."""
    try:
        return json_object(jws.payload)
    except Malformed as error:
        return refuse("token_malformed", f"claims_{error.reason}")


def media_type(jws: Jws) -> str:
    """`typ` in lower case without "application/" (RFC 7515 section 4.1.9); "invalid" if it is no string."""
    typ = jws.header.get("typ", "")
    return typ.lower().removeprefix("application/") if isinstance(typ, str) else "invalid"


def numeric_date(value: object) -> int | None:
    """Seconds of a NumericDate (RFC 7519 section 2), or None if it is not a number of a sane range."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 1 <= value < _LAST_DATE else None


def _header(jws: Jws) -> Refusal | None:
    if _HEADER_REFUSED & jws.header.keys():
        return refuse("token_malformed", "header_refused")
    return None


def _typ(jws: Jws, policy: TokenPolicy) -> Refusal | None:
    return None if media_type(jws) in policy.types else refuse("token_invalid", "typ")


def _key(jws: Jws, keys: KeySet) -> VerificationKey | None:
    if "kid" not in jws.header:
        return keys.only
    kid = jws.header["kid"]
    return keys.by_kid.get(kid) if isinstance(kid, str) and kid else None


def _signature_form(signature: bytes, key: VerificationKey) -> bool:
    if len(signature) != key.signature_bytes:
        return False
    half = len(signature) // 2
    return not key.order or (
        0 < int.from_bytes(signature[:half], "big") < key.order
        and 0 < int.from_bytes(signature[half:], "big") < key.order
    )


def _issuer(claims: Mapping[str, Any], key: VerificationKey, policy: TokenPolicy) -> Refusal | None:
    issuer, tenant = claims.get("iss"), claims.get("tid", "")
    if not isinstance(issuer, str) or issuer not in policy.issuers:
        return refuse("token_invalid", "issuer")
    if key.issuer and key.issuer.replace("{tenantid}", str(tenant)) != issuer:
        return refuse("token_invalid", "key_issuer")
    return None


def _audience(claims: Mapping[str, Any], policy: TokenPolicy) -> Refusal | None:
    audience = claims.get("aud")
    if isinstance(audience, str):
        ours = audience in policy.audiences
    elif isinstance(audience, list) and policy.audience_list:
        ours = all(isinstance(one, str) for one in audience) and not policy.audiences.isdisjoint(audience)
    else:
        return refuse("token_invalid", "audience_shape")
    return None if ours else refuse("token_wrong_audience", "audience")


def _times(claims: Mapping[str, Any], policy: TokenPolicy, now: int) -> Refusal | None:
    expires = numeric_date(claims.get("exp"))
    if expires is None or expires > now + policy.lifetime + policy.leeway:
        return refuse("token_invalid", "exp")
    if now >= expires + policy.leeway:
        return refuse("token_expired", "expired")
    for name in ("nbf", "iat"):
        if name in claims:
            moment = numeric_date(claims[name])
            if moment is None or moment > now + policy.leeway:
                return refuse("token_invalid", name)
    return None


def _subject(claims: Mapping[str, Any]) -> Refusal | None:
    subject = claims.get("sub")
    usable = isinstance(subject, str) and 0 < len(subject) <= SUBJECT_CHARACTERS and subject.isprintable()
    return None if usable else refuse("token_invalid", "subject")


def _use(claims: Mapping[str, Any], typ: str) -> Refusal | None:
    if "events" in claims:
        return refuse("token_invalid", "event_token")
    if "typ" in claims and claims["typ"] != "Bearer":  # Keycloak: Bearer, ID, Refresh, Logout, Offline
        return refuse("token_invalid", "token_use")
    if typ != "at+jwt" and _ID_TOKEN & claims.keys():
        return refuse("token_invalid", "id_token")
    return None
