"""Model servers of the OpenAI kind, by name. Addresses come from the settings only.

Nothing of the caller's headers goes out, and of the answer's headers only an allow-list is looked at. The key
lives in memory and in one header. Plain HTTP (this machine, or `unsafe_http`) has a client of its own: see
docs/adr/0011.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

from sallyport.gateway.ports import UpstreamAnswer
from sallyport.gateway.upstream_plain import PlainClient
from sallyport.gateway.upstream_target import Target
from sallyport.model import Model


class _Client(Protocol):
    """What reaches one target."""

    def send(self, surface: str, body: bytes, *, stream: bool) -> Coroutine[Any, Any, UpstreamAnswer]:
        """Send a call; the answer has begun when it is awaited. Raises UpstreamFault."""

    async def close(self) -> None:
        """Close all connections."""


def _over_tls(target: Target) -> _Client:
    from sallyport.gateway.upstream_tls import TlsClient  # noqa: PLC0415 - 8 MB, which plain upstreams do not need

    return TlsClient(target)


CLIENTS: dict[str, Callable[[Target], _Client]] = {"http": PlainClient, "https": _over_tls}


class HttpUpstreams:
    """All upstreams of the settings. Raises ValueError, without the key, for a target that makes no request."""

    def __init__(self, targets: Mapping[str, Target]) -> None:
        self._clients = {
            name: CLIENTS[urlsplit(target.base_url).scheme](target) for name, target in targets.items()
        }

    def send(
        self, model: Model, surface: str, body: bytes, *, stream: bool
    ) -> Coroutine[Any, Any, UpstreamAnswer]:
        """Send a call; the answer has begun on return. Raises UpstreamFault."""
        return self._clients[model.upstream].send(surface, body, stream=stream)

    async def close(self) -> None:
        """Close all pools."""
        for client in self._clients.values():
            await client.close()
