"""Model servers of the OpenAI kind, reached with pyreqwest. Addresses come from the settings only.

Nothing of the caller's headers goes out, and of the answer's headers only an allow-list is looked at. The key
lives in memory and in one header. Redirects, proxies, cookies, compression and retries are off: each of them
would move bytes that were inspected, or keys, to where nobody looked.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta

import orjson
from msgspec import Struct
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import PyreqwestError, RequestTimeoutError
from pyreqwest.request import StreamRequest
from pyreqwest.response import Response

from sallyport.errors import UpstreamFault
from sallyport.gateway.deadline import Deadline
from sallyport.model import Model

PATHS = {"chat": "/chat/completions", "embeddings": "/embeddings"}
# "context_length_exceeded", "messages[2].content": no digits elsewhere, because keys have them.
_WORD = re.compile(r"[a-z_]{1,40}(?:\[[0-9]{1,4}\])?(?:\.[a-z_]{1,40}(?:\[[0-9]{1,4}\])?){0,4}")
_COMPLAINT_SECONDS = 5.0  # an error is told without its words rather than late
_OK, _BAD, _LIMITED, _SERVER = 200, {400, 404, 409, 413, 415, 422}, 429, 500


class Target(Struct, frozen=True, kw_only=True):
    """One upstream. Times in seconds, sizes in bytes. `key` is the header's whole value."""

    name: str
    base_url: str
    key_header: str = "authorization"
    key: str = ""
    query: str = ""
    ca_pem: bytes = b""
    connect_seconds: float = 5.0
    first_byte_seconds: float = 60.0
    idle_seconds: float = 60.0
    total_seconds: float = 600.0
    answer_bytes: int = 16_777_216

    def __repr__(self) -> str:
        return f"Target({self.name!r})"


class _Link:
    """A target with its connection pool."""

    def __init__(self, target: Target) -> None:
        self.target = target
        headers = {"content-type": "application/json", "accept-encoding": "identity"}
        if target.key:
            headers[target.key_header] = target.key
        builder = (
            ClientBuilder()
            .default_headers(headers)
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
        self.client: Client = builder.build()
        query = f"?{target.query}" if target.query else ""
        self.urls = {surface: target.base_url.rstrip("/") + path + query for surface, path in PATHS.items()}


class HttpUpstreams:
    """All upstreams of the settings, by name."""

    def __init__(self, targets: Mapping[str, Target]) -> None:
        self._links = {name: _Link(target) for name, target in targets.items()}

    async def send(self, model: Model, surface: str, body: bytes, *, stream: bool) -> HttpAnswer:
        """Send a call; the answer has begun on return. Raises UpstreamFault."""
        link = self._links[model.upstream]
        request = link.client.post(link.urls[surface]).body_bytes(body)
        if stream:
            # Without this, pyreqwest gathers a stream for a second before it hands it over.
            request = request.header("accept", "text/event-stream").streamed_read_buffer_limit(0)
        streamed = request.build_streamed()
        try:
            with Deadline(link.target.first_byte_seconds):
                response = await streamed.__aenter__()
        except (TimeoutError, RequestTimeoutError):
            raise UpstreamFault("no answer in time", code="upstream_timeout") from None
        except PyreqwestError as error:
            raise UpstreamFault(type(error).__name__, code="upstream_unavailable") from None
        answer = HttpAnswer(streamed, response, link.target)
        try:
            await answer.judge(stream=stream)
        except BaseException:
            await answer.close()
            raise
        return answer

    async def close(self) -> None:
        """Close all pools."""
        for link in self._links.values():
            await link.client.close()


class HttpAnswer:
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
        names = ("content-type", "content-encoding", "content-length", "retry-after")
        return {name: value for name in names if (value := self._response.get_header(name)) is not None}

    async def judge(self, *, stream: bool) -> None:
        """Refuse what is not the answer that was asked for. Raises UpstreamFault."""
        header = self._response.get_header
        if self.status != _OK:
            raise await self._complaint(self.headers)
        if (header("content-encoding") or "identity") != "identity":
            raise UpstreamFault("the answer is compressed", code="upstream_invalid")
        if stream and (header("content-type") or "").split(";")[0].strip().lower() != "text/event-stream":
            raise UpstreamFault("not an event stream", code="upstream_invalid")
        length = header("content-length") or "0"
        if not length.isdigit() or int(length[:20]) > self._target.answer_bytes:
            raise UpstreamFault("announced too large", code="upstream_too_large")

    async def _complaint(self, headers: Mapping[str, str]) -> UpstreamFault:
        detail = f"status {self.status}"
        if self.status == _LIMITED:
            wait = headers.get("retry-after", "")
            return UpstreamFault(
                detail, code="upstream_rate_limited", retry_after=int(wait[:6]) if wait.isdigit() else 1
            )
        if self.status in _BAD:
            return UpstreamFault(detail + await self._words(), code="upstream_request_invalid")
        return UpstreamFault(
            detail, code="upstream_unavailable" if self.status >= _SERVER else "upstream_refused"
        )

    async def _words(self) -> str:
        """`code` and `param` of the upstream's error, if they are plain words; its sentence may hold anything."""
        try:
            with Deadline(_COMPLAINT_SECONDS):
                error = orjson.loads(await self.body())["error"]
            words = {name: error.get(name) for name in ("code", "param")}
        except (UpstreamFault, TimeoutError, ValueError, KeyError, TypeError, AttributeError):
            return ""
        return "".join(
            f", {name} {word}"
            for name, word in words.items()
            if isinstance(word, str) and _WORD.fullmatch(word) and word not in self._target.key
        )

    async def body(self) -> bytes:
        """All of the answer. Raises UpstreamFault."""
        length = self._response.get_header("content-length")
        try:
            with Deadline(self._target.total_seconds):
                if length is not None and length.isdigit():
                    return bytes(await self._response.bytes())
                parts, size = [], 0
                async for chunk in self.chunks():
                    parts.append(chunk)
                    size += len(chunk)
                return b"".join(parts)
        except TimeoutError:
            raise UpstreamFault("the body did not end in time", code="upstream_timeout") from None
        except PyreqwestError as error:
            raise UpstreamFault(type(error).__name__, code="upstream_invalid") from None

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
