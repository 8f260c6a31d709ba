"""The header names that the edge asserts, and Host names. Shared by both sides of the Unix socket."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

SECRET = "x-sallyport-edge"  # noqa: S105 - the header's name
VERSION = "x-sallyport-tls-version"
CIPHER = "x-sallyport-tls-cipher"
GROUP = "x-sallyport-tls-group"
PEER = "x-sallyport-peer"
CERTIFICATE = "x-sallyport-client-sha256"
SAN_URI = "x-sallyport-client-uri"
SAN_DNS = "x-sallyport-client-dns"
XFCC = "x-forwarded-client-cert"

# What Envoy is asked to write under each name (its "command operators").
ASSERTED: dict[str, str] = {
    VERSION: "%DOWNSTREAM_TLS_VERSION%",
    CIPHER: "%DOWNSTREAM_TLS_CIPHER%",
    GROUP: "%DOWNSTREAM_TLS_GROUP%",
    PEER: "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    CERTIFICATE: "%DOWNSTREAM_PEER_FINGERPRINT_256%",
    SAN_URI: "%DOWNSTREAM_PEER_URI_SAN%",
    SAN_DNS: "%DOWNSTREAM_PEER_DNS_SAN%",
}

# Others write these to claim who they are or where they come from; the worker never sees them.
NOT_BELIEVED = (
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "x-envoy-external-address",
    "x-envoy-internal",
)


def host_port(host: str, port: int) -> str:
    """`host:port`, with an IPv6 address in brackets (RFC 3986 section 3.2.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def host_names(names: Sequence[str], port: int) -> list[str]:
    """The Host values that are accepted: each name alone and with the port, once, in order."""
    accepted: dict[str, None] = {}
    for name in names:
        if _is_ipv6(name):
            accepted |= {f"[{name}]": None, host_port(name, port): None}
        elif ":" in name:
            accepted[name.lower()] = None
        else:
            accepted |= {name.lower(): None, host_port(name.lower(), port): None}
    return list(accepted)


def _is_ipv6(name: str) -> bool:
    try:
        return ip_address(name).version == 6  # noqa: PLR2004
    except ValueError:
        return False
