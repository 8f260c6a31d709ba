"""The product's worker over loopback TCP (and its Unix socket for the edge): only where it listens differs.

`python bench/worker.py SETTINGS PORT SOCKET SECRET`; SOCKET may be "-".
"""

from __future__ import annotations

import asyncio
import gc
import json
import signal
import socket
import sys
from pathlib import Path

import uvicorn

from sallyport.gateway.cycle import JoinedProtocol
from sallyport.gateway.socket import BACKLOG, bind_private
from sallyport.serving.worker import server_config, settle, use_memory_frugally
from sallyport.settings import loads
from sallyport.wiring import build_app


def main(settings: str, port: str, path: str, secret: str) -> None:
    use_memory_frugally()
    app = build_app(loads(Path(settings).read_text()), edge_secret=secret)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(port)))
    listener.listen(BACKLOG)
    sockets = [listener] if path == "-" else [listener, bind_private(Path(path))]
    config = server_config(app)
    config.http = config.http_protocol_class = JoinedProtocol  # a TCP peer has no user to ask for
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(serve(uvicorn.Server(config), sockets, Path(settings).parent.with_suffix(".state")))


async def serve(server: uvicorn.Server, sockets: list[socket.socket], report: Path) -> None:
    settled = asyncio.create_task(settle(server))
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, say, report)
    await server.serve(sockets=sockets)
    settled.cancel()


def say(report: Path) -> None:
    """How many tasks and objects there are, into a file."""
    gc.collect()
    text = json.dumps({"tasks": len(asyncio.all_tasks()), "objects": len(gc.get_objects())})
    new = report.with_suffix(".new")
    new.write_text(text)
    new.replace(report)


if __name__ == "__main__":
    main(*sys.argv[1:])
