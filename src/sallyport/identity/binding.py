"""Tokens that are bound to a key of the caller: what they demand, and whether the connection meets it. Pure.

RFC 7800 (`cnf`), RFC 8705 (`x5t#S256`, the certificate of mutual TLS), RFC 9449 (`jkt`, DPoP). A bound token is
never accepted as a mere bearer: what is not understood is refused.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hmac import compare_digest
from typing import Any

from sallyport.errors import Refusal
from sallyport.identity.refusals import refuse
from sallyport.model import TlsFacts

_THUMBPRINT_CHARACTERS = 43  # of 32 bytes in base64url


def binding_of(values: Mapping[str, Any]) -> str | Refusal:
    """The thumbprint that `cnf` demands, "" for a bearer. Only a certificate's can be met here."""
    if "cnf" not in values:
        return ""
    demand = values["cnf"]
    if not isinstance(demand, dict) or demand.keys() != {"x5t#S256"}:
        return refuse("token_binding_failed", "cnf")
    thumbprint = demand["x5t#S256"]
    if not isinstance(thumbprint, str) or len(thumbprint) != _THUMBPRINT_CHARACTERS:
        return refuse("token_binding_failed", "cnf")
    return thumbprint


def is_met(binding: str, tls: TlsFacts) -> bool:
    """Whether the client certificate of this connection is the one that the token is bound to."""
    try:
        digest = bytes.fromhex(tls.client_certificate_sha256)
    except ValueError:
        return False
    return compare_digest(urlsafe_b64encode(digest).rstrip(b"="), binding.encode())
