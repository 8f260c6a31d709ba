"""The worker's side: did this request come through the edge, and what does the edge say of the connection?

Pure. The worker believes nothing about a connection but what stands beside the right secret, once.
"""

from __future__ import annotations

import functools
import hmac
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from sallyport.errors import Refusal
from sallyport.gateway.edge import names
from sallyport.model import TlsFacts

Headers = Sequence[tuple[bytes, bytes]]

# TLS 1.3's one AES-256 suite (RFC 8446 B.4) and BoringSSL's own word for it. ChaCha20 is 256 bit, not AES.
AES256 = frozenset({"TLS_AES_256_GCM_SHA384", "AEAD-AES256-GCM-SHA384"})

_SECRET, _PEER = names.SECRET.encode(), names.PEER.encode()
_CONNECTION = tuple(
    name.encode()
    for name in (
        names.VERSION,
        names.CIPHER,
        names.GROUP,
        names.CERTIFICATE,
        names.SAN_URI,
        names.SAN_DNS,
    )
)
_ONCE = frozenset(name.encode() for name in (names.SECRET, *names.ASSERTED))
_GONE = frozenset(name.encode() for name in (names.XFCC, *names.NOT_BELIEVED))
_HIDDEN = _ONCE | _GONE
_REFUSED = Refusal(code="edge_required")


class Asserted(Struct, frozen=True, kw_only=True):
    """A request that came through the edge."""

    tls: TlsFacts
    peer: str  # the client's IP address
    headers: list[tuple[bytes, bytes]]  # without everything that the edge asserts


class EdgeRule(Struct, frozen=True, kw_only=True):
    """What a connection must have. `secret` is the edge's, made at each start."""

    secret: bytes
    aes256: Literal["preferred", "required"] = "preferred"
    client_certificates: Literal["none", "optional", "required"] = "none"

    def __repr__(self) -> str:
        return f"EdgeRule(aes256={self.aes256!r}, client_certificates={self.client_certificates!r})"


def read_asserted(headers: Headers, rule: EdgeRule) -> Asserted | Refusal:
    """Judge the raw ASGI headers (names in lower case, as uvicorn gives them).

    Refusals: `edge_required` where the secret is missing, wrong, empty or anything asserted stands twice,
    `tls_cipher_refused` where AES-256 is required and something else was negotiated,
    `client_certificate_required` where one is required and the edge saw none.
    """
    asserted = [header for header in headers if header[0] in _ONCE]
    facts = dict(asserted)
    if len(facts) != len(asserted):
        return _REFUSED
    rest = [header for header in headers if header[0] not in _HIDDEN]
    if not rule.secret or not hmac.compare_digest(facts.get(_SECRET, b""), rule.secret):
        return _REFUSED
    tls = _tls(tuple([facts.get(name, b"") for name in _CONNECTION]))
    return _judge(tls, rule) or Asserted(tls=tls, peer=_text(facts.get(_PEER, b"")), headers=rest)


def _judge(tls: TlsFacts, rule: EdgeRule) -> Refusal | None:
    if tls.version != "TLSv1.3":
        return _REFUSED
    if rule.aes256 == "required" and tls.cipher not in AES256:
        return Refusal(code="tls_cipher_refused")
    if rule.client_certificates == "required" and not tls.client_certificate_sha256:
        return Refusal(code="client_certificate_required")
    return None


@functools.lru_cache(maxsize=1024)  # the key is everything that counts; few connections differ
def _tls(values: tuple[bytes, ...]) -> TlsFacts:
    version, cipher, group, certificate, uri, dns = values
    san = _text(uri) or _text(dns)
    return TlsFacts(
        version=_text(version),
        cipher=_text(cipher),
        group=_text(group),
        client_certificate_sha256=_text(certificate),
        client_san=san.partition(",")[0],
    )


def _text(value: bytes) -> str:
    return "" if value == b"-" else value.decode("latin-1")
