"""The ASGI application: finds the route, makes the exchange, counts what is under way. No framework.

Routes are looked up by the exact path of the scope, never by a reconstructed address; anything else is 404.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any

from sallyport.errors import Refusal
from sallyport.gateway import respond
from sallyport.gateway.body import ClientGoneError
from sallyport.gateway.cycle import PUSH
from sallyport.gateway.dialects.base import Dialect
from sallyport.gateway.exchange import Exchange
from sallyport.gateway.pipeline import error_event

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Handler = Callable[[Exchange], Awaitable[None]]
NOTHING: Mapping[str, Any] = {}
TARGET = re.compile(r"[A-Za-z0-9_.:-]{1,256}")
logger = logging.getLogger("sallyport.app")


class Route:
    """A path with one method, what answers it, and the wire that its errors are written in."""

    __slots__ = ("dialect", "handler", "method")

    def __init__(self, method: str, dialect: Dialect, handler: Handler) -> None:
        self.method, self.dialect, self.handler = method, dialect, handler


class AsgiOut:
    """Where an answer goes: the server's `send`, with the head sent once."""

    __slots__ = ("_send", "_server", "finished", "started")

    def __init__(self, send: Send, server: Any = None) -> None:
        """`server`: where the server has it, what adds to a running body without awaiting (see `cycle`)."""
        self._send, self._server = send, server
        self.started = False
        self.finished = False

    async def head(self, status: int, headers: Sequence[tuple[str, str]]) -> None:
        """Status and headers, once."""
        if not self.started:
            self.started = True
            await self._send(
                {"type": "http.response.start", "status": status, "headers": respond.encode_headers(headers)}
            )

    def write(self, data: bytes, *, last: bool = False) -> Awaitable[None]:
        """Body bytes. Written when it is awaited."""
        self.finished = self.finished or last
        return self._send({"type": "http.response.body", "body": data, "more_body": not last})

    def flows(self) -> bool:
        """Whether `push` may be called now."""
        return self._server is not None and self.started and bool(self._server.flows())

    def push(self, data: bytes) -> None:
        """More bytes of a running body, at once."""
        self._server.push(data)


class Door:
    """The application. `start` and `stop` belong to the lifespan; `routes` maps exact paths, `prefixes` the rest."""

    def __init__(
        self,
        *,
        routes: Mapping[str, Sequence[Route]],
        prefixes: Mapping[str, Route],
        default: Dialect,
        in_flight: int,
        request_id: Callable[[], str],
        start: Callable[[], Awaitable[None]],
        stop: Callable[[], Awaitable[None]],
    ) -> None:
        self._routes, self._prefixes, self._default = routes, prefixes, default
        self._free = in_flight
        self._request_id = request_id
        self._start, self._stop = start, stop
        self.failure: Exception | None = None  # why the lifespan did not start

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI 3."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        out = AsgiOut(send, scope.pop("extensions", NOTHING).get(PUSH, NOTHING).get("cycle"))
        route, target, refusal = self._find(scope)
        exchange = Exchange(
            request_id=self._request_id(),
            headers=scope["headers"],
            dialect=route.dialect if route else self._default,
            receive=receive,
            out=out,
        )
        exchange.target = target
        if self._free <= 0:
            refusal = Refusal(code="overloaded", retry_after=1)
        if refusal is not None or route is None:
            await _refuse(exchange, refusal or Refusal(code="not_found"))
            return
        self._free -= 1
        try:
            await route.handler(exchange)
        except ClientGoneError:
            pass
        except Exception as error:  # noqa: BLE001 - the last net: never an error without a code
            logger.error("unhandled %s request=%s", type(error).__name__, exchange.request_id)  # noqa: TRY400
            if not out.started:
                await _refuse(exchange, Refusal(code="stage_failed"))
            elif not out.finished:
                failed = Refusal(code="stage_failed")
                await out.write(error_event(exchange, failed), last=True)
        finally:
            self._free += 1

    def _find(self, scope: Scope) -> tuple[Route | None, str, Refusal | None]:
        """The route, the last part of the path where the route has one, or why there is none."""
        path: str = scope["path"]
        raw: bytes = scope.get("raw_path") or b""
        if raw and raw != path.encode():
            return None, "", Refusal(code="not_found")
        routes, target = self._routes.get(path), ""
        if routes is None:
            start, _, target = path.rpartition("/")
            prefix = self._prefixes.get(start) if TARGET.fullmatch(target) else None
            routes = (prefix,) if prefix else ()
        for route in routes:
            if route.method == scope["method"]:
                return route, target, None
        if routes:
            allowed = ", ".join(route.method for route in routes)
            return None, "", Refusal(code="method_not_allowed", headers=(("allow", allowed),))
        return None, "", Refusal(code="not_found")

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self._start()
        except Exception as error:  # noqa: BLE001 - whatever it is, the worker does not start
            self.failure = error
            await send({"type": "lifespan.startup.failed", "message": f"{type(error).__name__}: {error}"})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._stop()
        await send({"type": "lifespan.shutdown.complete"})


async def _refuse(x: Exchange, refusal: Refusal) -> None:
    body = respond.error_body(refusal, x.request_id, x.dialect.wire)
    headers = [
        ("content-type", "application/json"),
        *respond.ids(x.request_id, x.dialect.wire),
        *respond.error_headers(refusal),
        ("content-length", str(len(body))),
    ]
    await x.out.head(refusal.spec.status, headers)
    await x.out.write(body, last=True)


async def every(seconds: float, do: Callable[[], Awaitable[None]]) -> None:
    """Run something again and again; an error is logged and does not end it."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await do()
        except Exception as error:  # noqa: BLE001 - the next turn tries again
            logger.error("%s failed: %s", getattr(do, "__name__", "task"), type(error).__name__)  # noqa: TRY400
