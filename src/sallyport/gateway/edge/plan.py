"""What the edge is asked to be."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from sallyport.gateway.edge.names import host_port


class EdgePlan(Struct, frozen=True, kw_only=True):
    """Everything that Envoy's configuration depends on. Paths are absolute; sizes in bytes, times in seconds."""

    host: str  # an IP address, "127.0.0.1" or "::"
    port: int
    names: tuple[str, ...]  # the allowed Host names, with or without port
    certificate: str  # PEM file; replaced by rename(2), it is read again without a restart
    key: str  # PEM file, may be the same
    resource: str  # where `certificate_resource` lies, in a folder of ours
    secret: str  # made at each start; proves to the worker that a request came through the edge
    workers: tuple[str, ...]  # Unix sockets
    client_certificates: Literal["none", "optional", "required"] = "none"
    client_ca: str = ""  # PEM file, where client certificates are not "none"
    post_quantum: Literal["preferred", "required"] = "preferred"
    connections: int = 1024
    header_bytes: int = 32_768
    in_flight: int = 256  # calls that one worker takes; the edge lets twice as many through
    handshake_seconds: float = 10.0
    header_seconds: float = 10.0
    body_seconds: float = 15.0  # to receive the whole request; longer than the worker's own limit
    stream_idle_seconds: float = 300.0  # silence on a running answer
    connection_idle_seconds: float = 120.0
    threads: int = 1

    def __repr__(self) -> str:
        return f"EdgePlan({host_port(self.host, self.port)!r}, names={self.names!r})"


def seconds(value: float) -> str:
    """A protobuf duration."""
    return f"{value:.3f}s"
