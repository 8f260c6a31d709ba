"""The demo model as a server, on loopback, for one caller: whoever holds its key. It speaks both wires."""

from __future__ import annotations

import asyncio
import base64
import hmac
from collections.abc import AsyncIterator, Iterable
from typing import Any

import orjson

from sallyport.segments import demo_anthropic, demo_completions, demo_responses
from sallyport.segments import demo_rules as rules

WIRES = {"/responses": demo_responses, "/completions": demo_completions}


class DemoModel:
    """An ASGI application: chat, responses, completions and messages (whole and streamed), embeddings, counts of tokens."""

    def __init__(self, key: str, *, piece_seconds: float = 0.005) -> None:
        self._key = key.encode()
        self._piece_seconds = piece_seconds
        self.calls = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI 3."""
        if scope["type"] == "lifespan":
            for answer in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{answer}.complete"})
            return
        headers = dict(scope["headers"])
        given = headers.get(b"x-api-key") or headers.get(b"authorization", b"").removeprefix(b"Bearer ")
        if not hmac.compare_digest(given, self._key):
            await _json(send, 401, {"error": {"message": "wrong key", "type": "invalid_request_error"}})
            return
        self.calls += 1
        request = orjson.loads(await _body(receive))
        wire = WIRES.get(scope["path"].rpartition("/v1")[2])
        if wire is not None:
            await self._speak(wire, request, send)
        elif scope["path"].endswith("/embeddings"):
            await _json(send, 200, _embeddings(request))
        elif scope["path"].endswith("/count_tokens"):
            await _json(send, 200, {"input_tokens": demo_anthropic.count(request)})
        elif scope["path"].endswith("/messages"):
            await self._message(request, send)
        elif request.get("stream"):
            await self._stream(request, send)
        else:
            await _json(send, 200, _completion(request))

    async def _speak(self, wire: Any, request: Any, send: Any) -> None:
        """Answer on a wire that has a module of its own."""
        if not request.get("stream"):
            await _json(send, 200, wire.answer(request))
            return
        await self._send_events(wire.events(request), send)

    async def _message(self, request: Any, send: Any) -> None:
        answer = demo_anthropic.answer(request, self._key)
        if isinstance(answer, tuple):
            await _json(send, *answer)
        elif request.get("stream"):
            await self._send_events(demo_anthropic.events(answer), send)
        else:
            await _json(send, 200, answer)

    async def _send_events(self, events: Iterable[bytes], send: Any) -> None:
        await _begin_events(send)
        for event in events:
            await asyncio.sleep(self._piece_seconds)
            await send({"type": "http.response.body", "body": event, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _stream(self, request: Any, send: Any) -> None:
        await _begin_events(send)
        async for event in self._events(request):
            await send({"type": "http.response.body", "body": b"data: " + event + b"\n\n", "more_body": True})
        await send({"type": "http.response.body", "body": b"data: [DONE]\n\n", "more_body": False})

    async def _events(self, request: Any) -> AsyncIterator[bytes]:
        answer = _reply(request)
        for choice in range(request.get("n") or 1):
            yield _chunk(request, choice, {"role": "assistant", "content": ""})
            for piece in rules.pieces(answer.text):
                await asyncio.sleep(self._piece_seconds)
                yield _chunk(request, choice, {"content": piece})
            if answer.tool:
                for delta in _tool_deltas(*answer.tool):
                    yield _chunk(request, choice, {"tool_calls": [delta]})
            yield _chunk(request, choice, {}, "tool_calls" if answer.tool else "stop")
        if (request.get("stream_options") or {}).get("include_usage"):
            document = orjson.loads(_chunk(request, 0, {}))
            yield orjson.dumps({**document, "choices": [], "usage": _usage(request, answer)})


async def _body(receive: Any) -> bytes:
    parts, more = [], True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


async def _begin_events(send: Any) -> None:
    headers = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})


async def _json(send: Any, status: int, document: Any) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": orjson.dumps(document)})


def _reply(request: Any) -> rules.Reply:
    tools = [tool["function"]["name"] for tool in request.get("tools") or () if "function" in tool]
    return rules.reply(request.get("messages") or (), tools)


def _usage(request: Any, answer: rules.Reply) -> dict[str, int]:
    given = sum(rules.tokens(rules.text_of(message.get("content"))) for message in request["messages"])
    made = rules.tokens(answer.text) + (rules.tokens(answer.tool[1]) if answer.tool else 0)
    return {"prompt_tokens": given, "completion_tokens": made, "total_tokens": given + made}


def _completion(request: Any) -> dict[str, Any]:
    answer = _reply(request)
    message: dict[str, Any] = {"role": "assistant", "content": answer.text or None}
    if answer.tool:
        function = {"name": answer.tool[0], "arguments": answer.tool[1]}
        message["tool_calls"] = [{"id": "call_demo_1", "type": "function", "function": function}]
    finish = "tool_calls" if answer.tool else "stop"
    return {
        "id": "chatcmpl-demo",
        "object": "chat.completion",
        "created": 0,
        "model": request["model"],
        "choices": [
            {"index": choice, "message": message, "finish_reason": finish}
            for choice in range(request.get("n") or 1)
        ],
        "usage": _usage(request, answer),
    }


def _chunk(request: Any, choice: int, delta: dict[str, Any], finish: str | None = None) -> bytes:
    return orjson.dumps(
        {
            "id": "chatcmpl-demo",
            "object": "chat.completion.chunk",
            "created": 0,
            "model": request["model"],
            "choices": [{"index": choice, "delta": delta, "finish_reason": finish}],
        }
    )


def _tool_deltas(name: str, arguments: str) -> list[dict[str, Any]]:
    first = {"index": 0, "id": "call_demo_1", "type": "function", "function": {"name": name, "arguments": ""}}
    return [first, *({"index": 0, "function": {"arguments": piece}} for piece in rules.pieces(arguments))]


def _embeddings(request: Any) -> dict[str, Any]:
    given = request["input"]
    texts = [given] if isinstance(given, str) else given
    vectors = [rules.embed(text) for text in texts]
    as_text = request.get("encoding_format") == "base64"
    total = sum(rules.tokens(text) for text in texts)
    return {
        "object": "list",
        "model": request["model"],
        "data": [
            {
                "object": "embedding",
                "index": index,
                "embedding": base64.b64encode(rules.packed(vector)).decode() if as_text else vector,
            }
            for index, vector in enumerate(vectors)
        ],
        "usage": {"prompt_tokens": total, "total_tokens": total},
    }
