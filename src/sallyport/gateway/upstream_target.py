"""An upstream of the settings: where it is, what goes into each call's head, and its bounds."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from msgspec import Struct

PLAIN_PORT = 80
PATHS = {
    "openai": {
        "chat": "/chat/completions",
        "completions": "/completions",
        "responses": "/responses",
        "embeddings": "/embeddings",
    },
    "anthropic": {"messages": "/messages", "count_tokens": "/messages/count_tokens"},
}
ANTHROPIC_VERSION = "2023-06-01"  # of the API; the wire that our dialect knows
ACCEPTED = {False: "*/*", True: "text/event-stream"}
_HOST = re.compile(r"[a-z0-9._-]+|\[[0-9a-f:.]+\]")
_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[!-~]+( [!-~]+)*")
_OURS = {
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "content-type",
    "accept-encoding",
    "accept",
    "anthropic-version",
}
_SAFE = "/%:@!$&'()*+,;=-._~?"  # of RFC 3986; what is escaped in the settings stays so


class Target(Struct, frozen=True, kw_only=True):
    """One upstream. Times in seconds, sizes in bytes. `key` is the header's whole value."""

    name: str
    base_url: str
    kind: str = "openai"  # or "anthropic": the wire that it speaks
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

    def headers(self) -> dict[str, str]:
        """What every call carries, the key among it. Nothing of the caller's headers goes out."""
        headers = {"content-type": "application/json", "accept-encoding": "identity"}
        if self.kind == "anthropic":
            headers["anthropic-version"] = ANTHROPIC_VERSION
        if self.key:
            headers[self.key_header] = self.key
        return headers

    def urls(self) -> dict[str, str]:
        """The address of each endpoint that an upstream of this kind has."""
        query = f"?{self.query}" if self.query else ""
        return {
            endpoint: self.base_url.rstrip("/") + path + query for endpoint, path in PATHS[self.kind].items()
        }


def place(target: Target) -> tuple[str, int]:
    """Host and port of a plain target. Raises ValueError."""
    url = urlsplit(target.base_url)
    return url.hostname or "", url.port or PLAIN_PORT


def heads(target: Target) -> dict[tuple[str, bool], bytes]:
    """All of a request but its length and body, by endpoint and whether it is a stream.

    Raises ValueError, without the key, for what would not be one request with these headers and no others.
    """
    host, port = place(target)
    host = f"[{host}]" if ":" in host else host if host.isascii() else host.encode("idna").decode("ascii")
    if not _HOST.fullmatch(host):
        raise ValueError("base_url has no host")
    if target.key and (
        target.key_header in _OURS
        or not _NAME.fullmatch(target.key_header)
        or not _VALUE.fullmatch(target.key)
    ):
        raise ValueError("key and key_header make no header")
    fixed = {
        "host": host if port == PLAIN_PORT else f"{host}:{port}",
        "user-agent": "sallyport",
        **target.headers(),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in fixed.items())
    return {
        (endpoint, stream): (
            f"POST {_origin_form(url)} HTTP/1.1\r\n{lines}accept: {ACCEPTED[stream]}\r\ncontent-length: "
        ).encode("ascii")
        for endpoint, url in target.urls().items()
        for stream in (False, True)
    }


def _origin_form(address: str) -> str:
    url = urlsplit(address)
    return quote(f"{url.path}?{url.query}" if url.query else url.path, safe=_SAFE)
