"""Makes tokens, good and hostile: any header, any claims, any bytes, signed for real."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

NOW = 1_800_000_000
ISSUER = "https://idp.example.com/oauth2/main"
AUDIENCE = "api://sallyport"
HASHES = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}


def b64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value: int, size: int = 0) -> str:
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


def raw(value: object) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()


class Forge:
    """Private keys by name, and everything that can be done with them."""

    def __init__(self) -> None:
        self.private = {
            "ec": ec.generate_private_key(ec.SECP256R1()),
            "ec2": ec.generate_private_key(ec.SECP256R1()),
            "ec384": ec.generate_private_key(ec.SECP384R1()),
            "rsa": rsa.generate_private_key(65537, 2048),
            "ed": ed25519.Ed25519PrivateKey.generate(),
        }

    def jwk(self, name: str, **members: object) -> dict[str, object]:
        key = self.private[name].public_key()
        if isinstance(key, rsa.RSAPublicKey):
            numbers = key.public_numbers()
            made = {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e), "alg": "RS256"}
        elif isinstance(key, ec.EllipticCurvePublicKey):
            point, size = key.public_numbers(), (key.key_size + 7) // 8
            curve, alg = {256: ("P-256", "ES256"), 384: ("P-384", "ES384")}[key.key_size]
            made = {
                "kty": "EC", "crv": curve, "alg": alg,
                "x": number(point.x, size), "y": number(point.y, size),
            }  # fmt: skip
        else:
            made = {"kty": "OKP", "crv": "Ed25519", "x": b64(key.public_bytes_raw()), "alg": "EdDSA"}
        made |= {"kid": name, "use": "sig", **members}
        return {member: value for member, value in made.items() if value is not None}

    def jwks(self, *entries: dict[str, object]) -> bytes:
        return json.dumps({"keys": list(entries) or [self.jwk(name) for name in self.private]}).encode()

    def signature(self, key: str, alg: str, data: bytes) -> bytes:
        private, digest = self.private[key], HASHES.get(alg[2:], hashes.SHA256)()
        if isinstance(private, ed25519.Ed25519PrivateKey):
            return private.sign(data)
        if isinstance(private, ec.EllipticCurvePrivateKey):
            size = (private.key_size + 7) // 8
            r, s = decode_dss_signature(private.sign(data, ec.ECDSA(digest)))
            return r.to_bytes(size, "big") + s.to_bytes(size, "big")
        if alg.startswith("PS"):
            return private.sign(data, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
        return private.sign(data, padding.PKCS1v15(), digest)

    def claims(self, **over: object) -> dict[str, object]:
        made = {
            "iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "exp": NOW + 600, "iat": NOW - 5,
            "jti": "j1", "client_id": "cli", "scope": "openid", "groups": ["support"],
            "amr": ["pwd", "otp", "mfa"], "sid": "s1", "auth_time": NOW - 60,
        }  # fmt: skip
        return {name: value for name, value in (made | over).items() if value is not None}

    def token(self, claims: object = None, key: str = "ec", **header: object) -> str:
        """Signed by `key`. `claims` may be raw bytes. A header member of None is left out."""
        made = {"alg": {"rsa": "RS256", "ed": "EdDSA", "ec384": "ES384"}.get(key, "ES256"), "kid": key,
                "typ": "at+jwt"} | header  # fmt: skip
        made = {name: value for name, value in made.items() if value is not None}
        return self.signed(
            raw(made), raw(self.claims() if claims is None else claims), key, str(made.get("alg"))
        )

    def signed(self, header: bytes, payload: bytes, key: str = "ec", alg: str = "ES256") -> str:
        data = f"{b64(header)}.{b64(payload)}"
        return f"{data}.{b64(self.signature(key, alg, data.encode()))}"

    def hmac(self, secret: bytes, alg: str = "HS256", **header: object) -> str:
        data = f"{b64(raw({'alg': alg, 'typ': 'at+jwt', **header}))}.{b64(raw(self.claims()))}"
        return f"{data}.{b64(hmac.new(secret, data.encode(), hashlib.sha256).digest())}"

    def unsigned(self, signature: bytes = b"", **header: object) -> str:
        return f"{b64(raw({'typ': 'at+jwt', **header}))}.{b64(raw(self.claims()))}.{b64(signature)}"
