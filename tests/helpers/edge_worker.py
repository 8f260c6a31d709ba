"""A worker with a tiny app: what reached it, streams in lockstep, disconnects, hangs. Run by the supervisor."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import time

import msgspec

from sallyport.errors import Refusal
from sallyport.gateway.edge.asserted import EdgeRule, read_asserted
from sallyport.gateway.edge.leash import leash
from sallyport.serving.worker import run_worker

GO = asyncio.Event()
SEEN = {"disconnects": 0, "lingering": 0}


class App:
    def __init__(self, rule: EdgeRule, options: dict) -> None:
        self.rule, self.options = rule, options

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] == "lifespan":
            await self.lifespan(receive, send)
            return
        handler = getattr(self, "at_" + scope["path"].strip("/").split("/")[0], self.at_echo)
        await handler(scope, receive, send)

    async def lifespan(self, receive, send) -> None:
        await receive()
        if self.options.get("fail_startup"):
            await send({"type": "lifespan.startup.failed", "message": "the disk is on fire"})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def at_echo(self, scope, receive, send) -> None:
        judged = read_asserted(scope["headers"], self.rule)
        refusal = judged.code if isinstance(judged, Refusal) else ""
        seen = {
            "pid": os.getpid(),
            "path": scope["path"],
            "raw": [(n.decode("latin-1"), v.decode("latin-1")) for n, v in scope["headers"]],
            "refusal": refusal,
            "tls": None if refusal else msgspec.to_builtins(judged.tls),
            "peer": "" if refusal else judged.peer,
            "headers": [] if refusal else [(n.decode(), v.decode("latin-1")) for n, v in judged.headers],
        }
        await answer(send, seen)

    async def at_stream(self, scope, receive, send) -> None:
        GO.clear()
        await send(start(b"text/event-stream"))
        await send({"type": "http.response.body", "body": b"data: one\n\n", "more_body": True})
        await GO.wait()
        await send({"type": "http.response.body", "body": b"data: two\n\n"})

    async def at_go(self, scope, receive, send) -> None:
        GO.set()
        await answer(send, {})

    async def at_wait(self, scope, receive, send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        SEEN["disconnects"] += 1

    async def at_linger(self, scope, receive, send) -> None:
        """Answers a while after the worker was asked to end, if it may."""
        SEEN["lingering"] += 1
        await asyncio.sleep(float(scope["query_string"] or b"0.5"))
        await answer(send, {"lingered": True})

    async def at_seen(self, scope, receive, send) -> None:
        await answer(send, SEEN)

    async def at_raise(self, scope, receive, send) -> None:
        raise ValueError("the caller's prompt")

    async def at_hang(self, scope, receive, send) -> None:
        time.sleep(3600)  # noqa: ASYNC251 - that is the fault


def start(kind: bytes) -> dict:
    return {"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]}


async def answer(send, value: object) -> None:
    await send(start(b"application/json"))
    await send({"type": "http.response.body", "body": json.dumps(value).encode()})


def main() -> None:
    parent, payload, beat, listener = map(int, sys.argv[1:])
    leash(parent)
    with open(payload, "rb") as file:  # noqa: PTH123 - a descriptor
        options = json.load(file)
    if options.get("exit_code"):
        sys.stderr.write("I cannot be configured\n")
        sys.exit(options["exit_code"])
    rule = EdgeRule(
        secret=options["secret"].encode(),
        aes256=options.get("aes256", "preferred"),
        client_certificates=options.get("client_certificates", "none"),
    )
    run_worker(
        App(rule, options),
        socket.socket(fileno=listener),
        beat=beat,
        graceful_seconds=options.get("graceful_seconds", 3),
    )


if __name__ == "__main__":
    main()
