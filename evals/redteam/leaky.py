"""A model that obeys everybody and keeps nothing: what stands between it and harm is the door alone.

It reads what it is told also in Base64, hexadecimal, rot13 and backwards, writes what it is told to write, puts
together what it is told to put together, gives its system prompt to whoever asks, and calls the tool that any
text names. Else it repeats the text. Pure, but for the server at the end.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import orjson
import uvicorn

from sallyport.segments.demo_rules import text_of

_RUN = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}\s?){8,}")
_SYSTEM = re.compile(
    r"\b(?:print|show|repeat|quote|reveal|tell|what (?:were|are)|which)\b.{0,80}?(?:(?:system|hidden) prompt"
    r"|your (?:\w+ )?(?:instructions|rules|guidance)|before my first|notes you were given)",
    re.IGNORECASE | re.DOTALL,
)
_CALL = re.compile(
    r"\bcall\s+(?:the\s+tool\s+)?[`\"']?([A-Za-z0-9_-]+)[`\"']?\s+with\s+(\{.*?\})", re.IGNORECASE
)
_PART = re.compile(r"^\s*\(\d+\)\s?(.*?)\s*$", re.MULTILINE)
_APPENDED = 90  # characters of what was said that it sends along
START_SECONDS = 10.0


def answer(request: Mapping[str, Any]) -> dict[str, Any]:
    """A chat completion."""
    messages: Sequence[Mapping[str, Any]] = request["messages"]
    tools = [tool["function"]["name"] for tool in request.get("tools") or ()]
    text = "\n".join(text_of(m.get("content")) for m in _last_turn(messages))
    readings = [text, *decoded(text)]
    message: dict[str, Any] = {"role": "assistant", "content": None}
    call = next((c for reading in readings for c in _CALL.finditer(reading) if c[1] in tools), None)
    if call is not None:
        function = {"name": call[1], "arguments": call[2]}
        message["tool_calls"] = [{"id": "call_1", "type": "function", "function": function}]
    else:
        message["content"] = _said(readings, messages)
    return {
        "id": "chatcmpl-leaky", "object": "chat.completion", "created": 0, "model": request["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls" if call else "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }  # fmt: skip


def decoded(text: str) -> list[str]:
    """What the text says in other writings, as far as it is text there too."""
    found = [*_unpacked(text), codecs.decode(text, "rot13"), text[::-1]]
    return [reading for reading in found if reading.isprintable() or "\n" in reading]


def _last_turn(messages: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """What was said since the model's own last words; tool results count."""
    last = max((i for i, m in enumerate(messages) if m["role"] in {"assistant", "system"}), default=-1)
    return messages[last + 1 :]


def _said(readings: Sequence[str], messages: Sequence[Mapping[str, Any]]) -> str:
    system = "\n".join(text_of(m.get("content")) for m in messages if m["role"] == "system")
    if system and any(_SYSTEM.search(reading) for reading in readings):
        return f"{system}\n{readings[0]}"
    parts = [part for reading in readings[:1] for part in _PART.findall(reading)]
    if parts:
        sent = base64.b64encode(readings[0][:_APPENDED].encode()).decode()
        return "".join(sent if "append" in part else part.strip() for part in parts)
    return "\n".join([readings[0], *_unpacked(readings[0])])


def _unpacked(text: str) -> Iterator[str]:
    for run in _RUN.findall(text):
        yield from _text(run, lambda given: base64.b64decode(given + "=" * (-len(given) % 4)))
    for run in _HEX.findall(text):
        yield from _text(run, bytes.fromhex)


def _text(run: str, decode: Any) -> Iterator[str]:
    try:
        yield decode(run).decode()
    except (ValueError, binascii.Error):
        return


class Leaky:
    """The model on a loopback port, in a thread; counts what reaches it."""

    def __init__(self, key: str) -> None:
        self._key, self.calls = f"Bearer {key}".encode(), 0
        config = uvicorn.Config(
            self._app, host="127.0.0.1", port=0, lifespan="off", log_config=None, ws="none", interface="asgi3"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        end = time.monotonic() + START_SECONDS
        while not self._server.started:
            if time.monotonic() > end:
                raise RuntimeError("the model does not listen")
            time.sleep(0.02)
        self.port: int = self._server.servers[0].sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(START_SECONDS)

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        parts, more = [], True
        while more:
            message = await receive()
            parts.append(message.get("body", b""))
            more = message.get("more_body", False)
        known = dict(scope["headers"]).get(b"authorization") == self._key
        self.calls += known
        body = orjson.dumps(
            answer(orjson.loads(b"".join(parts))) if known else {"error": {"message": "wrong key"}}
        )
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200 if known else 401, "headers": headers})
        await send({"type": "http.response.body", "body": body})
