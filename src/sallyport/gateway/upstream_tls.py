"""Model servers over TLS, with pyreqwest: it offers X25519MLKEM768, which Python's own `ssl` may lack.

Redirects, proxies, cookies, compression and retries are off: each of them would move bytes that were inspected,
or keys, to where nobody looked.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import PyreqwestError, RequestTimeoutError
from pyreqwest.request import StreamRequest
from pyreqwest.response import Response

from sallyport.errors import UpstreamFault
from sallyport.gateway.deadline import Deadline
from sallyport.gateway.upstream_judge import LOOKED_AT, refusal, with_words
from sallyport.gateway.upstream_target import Target


class TlsClient:
    """A target with its connection pool."""

    def __init__(self, target: Target) -> None:
        self._target = target
        builder = (
            ClientBuilder()
            .default_headers(target.headers())
            .user_agent("sallyport")
            .follow_redirects(enable=False)
            .referer(enable=False)
            .no_proxy()
            .gzip(enable=False)
            .brotli(enable=False)
            .zstd(enable=False)
            .deflate(enable=False)
            .connect_timeout(timedelta(seconds=target.connect_seconds))
            .pool_idle_timeout(timedelta(seconds=30))
            .pool_max_idle_per_host(256)
            .tcp_nodelay(enabled=True)
        )
        if target.ca_pem:
            builder = builder.add_root_certificate_pem(target.ca_pem)
        self._client: Client = builder.build()
        self._urls = target.urls()

    async def send(self, surface: str, body: bytes, *, stream: bool) -> TlsAnswer:
        """Send a call; the answer has begun on return. Raises UpstreamFault."""
        request = self._client.post(self._urls[surface]).body_bytes(body)
        if stream:
            # Without this, pyreqwest gathers a stream for a second before it hands it over.
            request = request.header("accept", "text/event-stream").streamed_read_buffer_limit(0)
        streamed = request.build_streamed()
        try:
            with Deadline(self._target.first_byte_seconds):
                response = await streamed.__aenter__()
        except (TimeoutError, RequestTimeoutError):
            raise UpstreamFault("no answer in time", code="upstream_timeout") from None
        except PyreqwestError as error:
            raise UpstreamFault(type(error).__name__, code="upstream_unavailable") from None
        answer = TlsAnswer(streamed, response, self._target)
        try:
            fault = refusal(answer.status, answer.headers, self._target, stream=stream)
            if fault is None:
                return answer
            fault = await with_words(fault, answer, self._target)
        except BaseException:
            await answer.close()
            raise
        await answer.close()
        raise fault

    async def close(self) -> None:
        """Close the pool."""
        await self._client.close()


class TlsAnswer:
    """An answer that has begun. Bounded in bytes and in time between two reads."""

    def __init__(self, request: StreamRequest, response: Response, target: Target) -> None:
        self._request = request
        self._response = response
        self._target = target
        self._closed = False
        self.status = response.status
        self.idle_seconds = target.idle_seconds
        self.total_seconds = target.total_seconds

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers that we look at."""
        get = self._response.get_header
        return {name: value for name in LOOKED_AT if (value := get(name)) is not None}

    async def body(self) -> bytes:
        """All of the answer. Raises UpstreamFault."""
        length = self._response.get_header("content-length")
        try:
            with Deadline(self._target.total_seconds):
                if length is not None and length.isdigit() and int(length[:20]) <= self._target.answer_bytes:
                    return bytes(await self._response.bytes())
                return b"".join([chunk async for chunk in self.chunks()])
        except TimeoutError:
            raise UpstreamFault("the body did not end in time", code="upstream_timeout") from None
        except PyreqwestError as error:
            raise UpstreamFault(type(error).__name__, code="upstream_invalid") from None

    def offer(self, take: Callable[[bytes], bool]) -> None:
        """Nothing is offered: its chunks come from another thread, and whoever waits is woken in any case."""

    async def chunks(self) -> AsyncIterator[bytes]:
        """The answer as it comes. Raises UpstreamFault; idle and total time are the caller's to watch."""
        read, size = self._response.body_reader.read_chunk, 0
        try:
            while (chunk := await read()) is not None:
                size += len(chunk)
                if size > self._target.answer_bytes:
                    raise UpstreamFault("the answer grew too large", code="upstream_too_large")
                yield bytes(chunk)
        except PyreqwestError as error:
            raise UpstreamFault(type(error).__name__, code="upstream_invalid") from None

    async def close(self) -> None:
        """Let go; an unfinished answer is cancelled at the upstream."""
        if not self._closed:
            self._closed = True
            await self._request.__aexit__(None, None, None)
