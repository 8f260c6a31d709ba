"""Settings to running processes: the edge's plan, the certificates, the workers' sockets."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from pathlib import Path

from msgspec import structs

from sallyport.errors import SettingsError
from sallyport.gateway.edge.config import EdgePlan
from sallyport.keys.authority import ensure_authority
from sallyport.serving.child import ChildSpec
from sallyport.serving.specs import edge_child, worker_child
from sallyport.serving.supervisor import run
from sallyport.serving.worker import WorkerOrders
from sallyport.settings import Settings, loads
from sallyport.settings.schema import Tls
from sallyport.stores.files import own_folder

_LEAST_IDLE = 300.0  # seconds of silence on an answer


def run_door(
    toml: str,
    *,
    workers: int = 1,
    beside: Sequence[ChildSpec] = (),
    announce: Callable[[EdgePlan], None] = lambda _plan: None,
) -> int:
    """Start everything and supervise it until a signal; returns the exit code (see `supervisor.run`).

    `toml` is the configuration's text; each worker reads it again, so that secrets are resolved where they are
    used. `beside` are children that start first. Raises `SettingsError` before anything is started.
    """
    settings, secret = loads(toml), secrets.token_hex(32)
    own_folder(settings.state)  # before anything is made in it, which would make it open to others
    sockets = [settings.state / "run" / f"worker-{number}.sock" for number in range(workers)]
    plan = edge_plan(structs.replace(settings, tls=certified(settings)), secret, sockets)
    edge = edge_child(plan)
    edge.before()  # a taken port is told before the workers start
    children = [
        worker_child(WorkerOrders(toml=toml, edge_secret=secret, number=number), path)
        for number, path in enumerate(sockets)
    ]

    def renew() -> None:
        certified(settings)

    return run([*beside, *children, edge], announce=lambda: announce(plan), hourly=renew)


def certified(settings: Settings) -> Tls:
    """The TLS settings with every file named; what they leave open comes from the local authority."""
    tls = settings.tls
    if tls.certificate and (tls.client_ca or tls.client_certificates == "none"):
        return tls
    authority = ensure_authority(settings.state / "ca")
    if not tls.certificate:
        authority.issue_server(settings.server.names)
        own = str(authority.server_certificate_path), str(authority.server_key_path)
        tls = structs.replace(tls, certificate=own[0], key=own[1])
    return structs.replace(tls, client_ca=tls.client_ca or str(authority.certificate_path))


def edge_plan(settings: Settings, secret: str, sockets: Sequence[Path]) -> EdgePlan:
    """The edge that the settings ask for. Pure. Raises `SettingsError` for an address that is none."""
    host, port = split_listen(settings.server.listen)
    limits, tls = settings.server.limits, settings.tls
    return EdgePlan(
        host=host,
        port=port,
        names=settings.server.names,
        certificate=tls.certificate,
        key=tls.key,
        resource=str(settings.state / "run" / "certificate.json"),
        secret=secret,
        workers=tuple(str(path) for path in sockets),
        client_certificates=tls.client_certificates,
        client_ca=tls.client_ca,
        post_quantum=tls.post_quantum,
        connections=limits.connections,
        header_bytes=limits.header_bytes,
        in_flight=limits.in_flight,
        body_seconds=limits.body_seconds + 5.0,  # the worker's own answer comes first
        stream_idle_seconds=max(_LEAST_IDLE, *(u.total_seconds + 5.0 for u in settings.upstreams), 0.0),
    )


def split_listen(listen: str) -> tuple[str, int]:
    """`127.0.0.1:8443`, `[::1]:8443` or `localhost:8443` as address and port."""
    host, _, port = listen.rpartition(":")
    host = "127.0.0.1" if host == "localhost" else host.removeprefix("[").removesuffix("]")
    try:
        ip_address(host)
    except ValueError:
        raise SettingsError("server.listen", f"{host!r} is no IP address", "write 127.0.0.1:8443") from None
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:  # noqa: PLR2004 - RFC 9293
        raise SettingsError("server.listen", f"{port!r} is no port", "write 127.0.0.1:8443")
    return host, int(port)
