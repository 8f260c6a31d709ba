"""A worker: uvicorn over a socket that the supervisor bound, for our own user's processes only.

As a program, `python -m sallyport.serving.worker PARENT PAYLOAD BEAT LISTENER SHELF` (a process id and four
descriptors) builds the app from the orders in the payload and serves it.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import logging
import os
import socket
import sys
import traceback
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from msgspec import Struct

from sallyport.errors import SallyportError, SettingsError
from sallyport.gateway.edge.leash import leash
from sallyport.gateway.socket import BACKLOG, PeerCheckedProtocol
from sallyport.serving.child import NOT_USABLE, TICK
from sallyport.stores.shelf import Shelf

GARBAGE = 20_000  # new objects between two looks for cycles
# mallopt(3): one arena, blocks from 128 kB on straight from the system, and what is free at the top given back
_FRUGAL = {-8: 1, -3: 128 * 1024, -1: 256 * 1024}


class WorkerOrders(Struct, frozen=True, kw_only=True):
    """What a worker is told. `toml` is the configuration's text, which holds references to secrets only."""

    toml: str
    edge_secret: str
    number: int = 0
    graceful_seconds: int = 8

    def __repr__(self) -> str:
        return f"WorkerOrders(number={self.number})"


def run_worker(
    app: Any, listener: socket.socket, *, beat: int | None = None, graceful_seconds: int = 8
) -> None:
    """Serve until SIGTERM or SIGINT; running calls get `graceful_seconds` to finish.

    `beat` is the descriptor of the heartbeat. Keep-alive is longer than the edge's idle time, so that the edge
    is always the one that closes.
    """
    _log_discreetly()
    config = server_config(app, graceful_seconds=graceful_seconds)
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(_serve(uvicorn.Server(config), listener, beat))


def use_memory_frugally() -> None:
    """Before the first thread: glibc's arenas and the blocks that it keeps would be 18 MB of 148 under load."""
    with contextlib.suppress(AttributeError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        for parameter, value in _FRUGAL.items():
            mallopt(parameter, value)


def server_config(app: Any, *, graceful_seconds: int = 8) -> uvicorn.Config:
    """How uvicorn serves a worker."""
    return uvicorn.Config(
        app,
        http=PeerCheckedProtocol,
        loop="uvloop",
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=graceful_seconds,
    )


async def settle(server: uvicorn.Server) -> None:
    """Once started: what is there stays, so the collector need not look at it again, nor so often.

    A call makes some thousand objects and hardly a cycle; a threshold of 700 would look through them twice a call.
    """
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE, 20, 50)
    _give_back_memory()


def _give_back_memory() -> None:
    """What start-up needed for a while, above all the compiler of the gate, goes back to the system (glibc only)."""
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


async def _serve(server: uvicorn.Server, listener: socket.socket, beat: int | None) -> None:
    beside = [asyncio.create_task(settle(server))]
    if beat is not None:
        beside.append(asyncio.create_task(_beat(server, beat)))
    try:
        await server.serve(sockets=[listener])
    finally:
        for task in beside:
            task.cancel()


async def _beat(server: uvicorn.Server, beat: int) -> None:
    """A byte every `TICK` seconds, from the loop that serves: it stops when the loop hangs."""
    os.set_blocking(beat, False)
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    while True:
        with contextlib.suppress(BlockingIOError):  # the supervisor is stopped, not gone
            os.write(beat, b".")
        await asyncio.sleep(TICK)


class _Discreet(logging.Formatter):
    """An exception's text may hold what a caller sent, so only its type and place are written.

    Errors of ours are made without payload and keep their text.
    """

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        kind, error, where = ei
        text = str(error) if isinstance(error, SallyportError) else ""
        frames = traceback.extract_tb(where)[-3:]
        places = " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in reversed(frames))
        return f"{kind.__name__} {text} at {places}"


def _says_why(record: logging.LogRecord) -> bool:
    """Uvicorn's closing line would hide the reason before it, which is what the supervisor repeats."""
    return record.getMessage() != "Application startup failed. Exiting."


def _log_discreetly() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_says_why)
    handler.setFormatter(_Discreet("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def _build(orders: WorkerOrders, shelf: Shelf) -> Any:
    from sallyport.settings import loads  # noqa: PLC0415 - only a worker pays for all the rooms
    from sallyport.wiring import build_app  # noqa: PLC0415

    return build_app(loads(orders.toml), edge_secret=orders.edge_secret, worker=orders.number, shelf=shelf)


def main(arguments: list[str]) -> None:
    """Take the orders, build the app, serve it. Exits with 78 where the configuration cannot be used."""
    parent, payload, beat, listener, shelf = (int(argument) for argument in arguments)
    leash(parent)
    use_memory_frugally()
    with open(payload, "rb") as file:  # noqa: PTH123 - a descriptor
        orders = msgspec.json.decode(file.read(), type=WorkerOrders)
    try:
        app = _build(orders, Shelf(shelf))
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(NOT_USABLE)
    try:
        run_worker(app, socket.socket(fileno=listener), beat=beat, graceful_seconds=orders.graceful_seconds)
    except SystemExit:
        if isinstance(
            app.failure, SettingsError
        ):  # uvicorn exits in its own way, and starting again cannot help
            sys.exit(NOT_USABLE)
        raise


if __name__ == "__main__":
    main(sys.argv[1:])
