"""Where the time of a whole call goes: CPU time of the worker's main thread by stage, one call after another.

`python bench/stages.py`. The product's app with a real log, driven in process over ASGI, before an upstream that answers at once; so
neither the server nor the client for the upstream is in it. Medians over calls whose user turns all differ.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvloop
from traffic import answer, request
from world import World

from sallyport.gateway import answer_whole, outcome, pipeline
from sallyport.settings import loads
from sallyport.wiring import build

HERE = Path(__file__).parent
CALLS, WARM = 3000, 300
spent: dict[str, list[float]] = defaultdict(list)


class Upstream:
    """An upstream and its answer, in memory."""

    status, idle_seconds, total_seconds = 200, 60.0, 600.0

    def __init__(self, *_: Any) -> None:
        pass

    async def send(self, *_: Any, **__: Any) -> Upstream:
        return self

    async def body(self) -> bytes:
        return answer().replace(b"@@", os.urandom(14).hex().encode())

    async def close(self) -> None:
        pass


def timed(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
    """The same, with its time noted."""

    async def awaited(*arguments: Any, **more: Any) -> Any:
        began = time.thread_time()
        try:
            return await work(*arguments, **more)
        finally:
            spent[name].append(time.thread_time() - began)

    def plain(*arguments: Any, **more: Any) -> Any:
        began = time.thread_time()
        try:
            return work(*arguments, **more)
        finally:
            spent[name].append(time.thread_time() - began)

    return awaited if asyncio.iscoroutinefunction(work) else plain


def instrument() -> None:
    """Put a clock around each part of the corridor."""
    build.HttpUpstreams = Upstream
    stages = tuple((name, timed(name, stage)) for name, stage in pipeline.BEFORE_SENDING)
    pipeline.Pipeline.__init__.__defaults__ = (stages,)
    answer_whole.strict_json = type(
        "",
        (),
        {
            **vars(answer_whole.strict_json),
            "parse": staticmethod(timed("answer: parse", answer_whole.strict_json.parse)),
        },
    )
    answer_whole._guard = timed("answer: inspect, unmask", answer_whole._guard)
    outcome.record = timed("record_outcome", outcome.record)


async def drive(guards: bool, folder: Path) -> float:
    """All calls of one deployment; the median of a call."""
    world = World(folder / str(guards), whole=1, streams=2, guards=guards)
    app = build.build_app(loads(world.toml), edge_secret=world.secret)
    orders: asyncio.Queue[Any] = asyncio.Queue()
    up = asyncio.Event()

    async def told(message: Any) -> None:
        if message["type"] != "lifespan.startup.complete":
            raise RuntimeError(message)
        up.set()

    life = asyncio.create_task(app({"type": "lifespan"}, orders.get, told))
    orders.put_nowait({"type": "lifespan.startup"})
    await up.wait()
    for number in range(WARM + CALLS):
        if number == WARM:
            spent.clear()
        body = request("support-chat", number=number)
        headers = {
            **world.headers(world.tokens[number % len(world.tokens)]),
            "content-length": str(len(body)),
        }
        scope = {
            "type": "http", "method": "POST", "path": "/v1/chat/completions", "raw_path": b"/v1/chat/completions",
            "headers": [(k.lower().encode(), v.encode()) for k, v in headers.items()],
        }  # fmt: skip
        messages = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive(messages: list[Any] = messages) -> Any:
            return messages.pop() if messages else await asyncio.Event().wait()

        async def send(_message: Any) -> None:
            pass

        began = time.thread_time()
        await app(scope, receive, send)
        spent["the whole call"].append(time.thread_time() - began)
    life.cancel()
    return 0.0


def main() -> None:
    instrument()
    folder = HERE / "out" / f"stages-{os.getpid()}"
    folder.mkdir(parents=True)
    columns = []
    try:
        for guards in (False, True):
            spent.clear()
            uvloop.run(drive(guards, folder))
            columns.append({name: statistics.median(times) * 1e6 for name, times in spent.items()})
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for name in columns[1]:
        print(f"| {name} | {columns[0].get(name, 0):.1f} | {columns[1][name]:.1f} |")


if __name__ == "__main__":
    sys.exit(main())
