"""HTTP to identity providers, with pyreqwest: https only, no redirects, no proxy, bounded in size and time.

Plain http is possible only to this machine and only where `unsafe_http` says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import PyreqwestError
from pyreqwest.request import RequestBuilder

from sallyport.errors import Fault
from sallyport.identity.discovery import FetchResult, is_safe

BODY_BYTES = 262_144


class ProviderHttp:
    """A client for one provider. `ca_pem` adds a certificate authority to the system's."""

    def __init__(self, *, ca_pem: bytes = b"", unsafe_http: bool = False, seconds: float = 5.0) -> None:
        self._unsafe_http = unsafe_http
        self._client = _client(ca_pem, seconds, https_only=not unsafe_http)

    async def get(self, url: str) -> FetchResult:
        """GET a JSON document. Raises Fault(identity_unavailable)."""
        self._check(url)
        return await self._send(self._client.get(url))

    async def post(self, url: str, form: Mapping[str, str]) -> FetchResult:
        """POST a form (RFC 6749 appendix B). Raises Fault(identity_unavailable)."""
        self._check(url)
        return await self._send(self._client.post(url).form(dict(form)))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _check(self, url: str) -> None:
        if not is_safe(url, unsafe_http=self._unsafe_http):
            raise Fault("address refused", code="identity_unavailable")

    async def _send(self, request: RequestBuilder) -> FetchResult:
        try:
            sending = (
                request.header("accept", "application/json").streamed_read_buffer_limit(0).build_streamed()
            )
            async with sending as response:
                body = bytearray()
                while (chunk := await response.body_reader.read_chunk()) is not None:
                    body += chunk
                    if len(body) > BODY_BYTES:
                        raise Fault("answer too large", code="identity_unavailable")
                return FetchResult(response.status, bytes(body))
        except PyreqwestError as error:
            raise Fault(type(error).__name__, code="identity_unavailable") from None


def _client(ca_pem: bytes, seconds: float, *, https_only: bool) -> Client:
    builder = (
        ClientBuilder()
        .follow_redirects(enable=False)
        .no_proxy()
        .https_only(https_only)
        .gzip(enable=False)
        .brotli(enable=False)
        .zstd(enable=False)
        .deflate(enable=False)
        .timeout(timedelta(seconds=seconds))
        .connect_timeout(timedelta(seconds=seconds))
    )
    return (builder.add_root_certificate_pem(ca_pem) if ca_pem else builder).build()
