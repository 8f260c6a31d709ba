"""What a provider says of itself (OpenID Connect Discovery 1.0, RFC 8414), and which of its addresses we follow.

Pure. An address is followed only if it is https (or loopback http where `unsafe_http` says so), carries no
credentials or fragment, and its host is the issuer's own or one of `jwks_hosts`. The issuer that the document
names must be the configured one (RFC 8414 section 3.3), or whoever serves it could name another's keys.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from sallyport.identity.providers import ProviderRules, discovered_issuer
from sallyport.identity.strict import Malformed, json_object

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class FetchResult(Struct, frozen=True):
    """A whole answer, already bounded in size."""

    status: int
    body: bytes

    def __repr__(self) -> str:
        return f"FetchResult({self.status}, {len(self.body)} bytes)"  # it may hold tokens


Fetch = Callable[[str], Awaitable[FetchResult]]


class Discovery(Struct, frozen=True, kw_only=True):
    """The addresses that we use. "" where the provider has no such endpoint."""

    jwks_uri: str
    token_endpoint: str = ""
    device_authorization_endpoint: str = ""


def read_discovery(document: bytes, rules: ProviderRules) -> Discovery:
    """Judge a discovery document. Raises `Malformed`."""
    values = json_object(document)
    if values.get("issuer") != discovered_issuer(rules):
        raise Malformed("discovery_issuer")
    if "jwks_uri" not in values:
        raise Malformed("discovery_jwks_uri")
    return Discovery(
        jwks_uri=_address(values, "jwks_uri", rules),
        token_endpoint=_address(values, "token_endpoint", rules),
        device_authorization_endpoint=_address(values, "device_authorization_endpoint", rules),
    )


def is_safe(url: str, *, unsafe_http: bool) -> bool:
    """https, or http to this machine where allowed; no credentials, no fragment."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    if not parts.hostname or parts.username is not None or parts.password is not None or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and unsafe_http and parts.hostname in _LOOPBACK)


def _address(values: dict[str, Any], name: str, rules: ProviderRules) -> str:
    url = values.get(name, "")
    if url == "":
        return ""
    if not isinstance(url, str) or not is_safe(url, unsafe_http=rules.unsafe_http):
        raise Malformed(f"discovery_{name}")
    if urlsplit(url).netloc not in {urlsplit(rules.issuer).netloc, *rules.jwks_hosts}:
        raise Malformed(f"discovery_{name}")
    return url
