"""Floods beside good callers: what they cost in time, memory and disk, and how the good callers fare.

`python bench/flood.py [SECONDS]`. First four good callers alone; then beside as many calls without a usable token as 64
connections can send; then beside bodies over the limit, sent by someone who may come in, and by someone who may not.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import uvloop
from machine import all_stopped, cpu_seconds, memory_mb
from peers import Bench, Peer
from traffic import request

GOOD, BAD = 4, 64
HERE = Path(__file__).parent


class Flood:
    """Connections that send the same again and again."""

    def __init__(self, peer: Peer, count: int, headers: dict[str, str], body: bytes, *, announced: int = 0):
        self.peer, self.count = peer, count
        lines = "".join(
            f"{k}: {v}\r\n" for k, v in {**headers, "Content-Length": str(announced or len(body))}.items()
        )
        self.raw = f"POST /v1/chat/completions HTTP/1.1\r\n{lines}\r\n".encode() + body
        self.stop, self.codes, self.times = False, {}, []

    async def one(self) -> None:
        while not self.stop:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.peer.port)
            try:
                while not self.stop:
                    began = time.perf_counter()
                    writer.write(self.raw)
                    head = await reader.readuntil(b"\r\n\r\n")
                    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
                    await reader.readexactly(length)
                    self.times.append(time.perf_counter() - began)
                    status = head[9:12].decode()
                    self.codes[status] = self.codes.get(status, 0) + 1
                    if b"connection: close" in head.lower():
                        break
            except (OSError, asyncio.IncompleteReadError):
                self.codes["cut"] = self.codes.get("cut", 0) + 1
            finally:
                writer.close()

    def tasks(self) -> list[asyncio.Task[None]]:
        return [asyncio.create_task(self.one()) for _ in range(self.count)]


def size(folder: Path) -> int:
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())


async def phase(name: str, seconds: float, floods: list[Flood], state: Path) -> dict[str, Any]:
    """Run the floods together; the first is the good callers."""
    pid, disk = floods[0].peer.child.pid, size(state)
    cpu, memory, began = cpu_seconds(pid), memory_mb(pid)[0], time.monotonic()
    tasks = [task for flood in floods for task in flood.tasks()]
    await asyncio.sleep(seconds)
    took = time.monotonic() - began
    cpu = cpu_seconds(pid) - cpu
    for flood in floods:
        flood.stop = True
    await asyncio.gather(*tasks)
    good = floods[0]
    return {
        "phase": name,
        "good_per_second": round(len(good.times) / took),
        "good_p50_ms": round(statistics.median(good.times) * 1000, 1),
        "good_codes": good.codes,
        "flood_per_second": round(sum(len(f.times) for f in floods[1:]) / took),
        "flood_codes": [f.codes for f in floods[1:]],
        "cpu_share": round(cpu / took, 2),
        "memory_grew_mb": round(memory_mb(pid)[0] - memory, 1),
        "disk_grew_kb_per_good_call": round((size(state) - disk) / 1024 / max(1, len(good.times)), 2),
    }


async def run(seconds: float, peer: Peer, state: Path) -> None:
    """All phases."""
    body = request("support-chat", number=1)
    known, stranger = peer.headers[0], {**peer.headers[0], "Authorization": "Bearer " + "x" * 600}
    large = b'{"model":"support-chat","messages":[{"role":"user","content":"' + b"a" * 2_000_000 + b'"}]}'

    def good() -> Flood:
        return Flood(peer, GOOD, known, body)

    await phase("warm", 3, [good()], state)
    for name, others in (
        ("good callers alone", []),
        ("no usable token", [Flood(peer, BAD, stranger, body)]),
        ("no usable token, 2 MB", [Flood(peer, BAD, stranger, large)]),
        ("known, 2 MB announced", [Flood(peer, BAD, known, large)]),
    ):
        print(json.dumps(await phase(name, seconds, [good(), *others], state)), flush=True)


def main() -> int:
    folder = HERE / "out" / f"flood-{os.getpid()}"
    folder.mkdir(parents=True)
    try:
        with all_stopped([]) as children:
            bench = Bench(folder, children)
            bench.upstreams()
            peer, world, _ = bench.sallyport("flooded", guards=True)
            uvloop.run(run(float(sys.argv[1]) if len(sys.argv) > 1 else 10.0, peer, world.state))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
