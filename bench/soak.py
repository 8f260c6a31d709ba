"""A long run with callers who hang up: memory, descriptors and tasks of the worker must stay where they are.

`scripts/soak [MINUTES]`. Half of the callers take whole answers, half streams; one of three hangs up at a random moment. Prints a
line every ten seconds; at the end the slope of the second half of the run, and what is left after everybody has gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import shutil
import signal
import statistics
import sys
import time
from pathlib import Path

import uvloop
from machine import Child, all_stopped, descriptors, memory_mb
from peers import Bench, Peer
from traffic import request

HERE = Path(__file__).parent
CALLERS, PAUSE, EVERY = 24, 0.2, 10.0
IDLE = 45.0  # longer than a connection to the upstream is kept unused
MOST_SLOPE = 0.5  # MB a minute, over the second half
MOST_LEFT = 2  # tasks more than before the first call; descriptors more at the end than at the beginning


class Callers:
    """People who call again and again until they are told to stop."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.done = self.left = self.failed = self.number = 0
        self.stop = False

    async def one(self, *, stream: bool) -> None:
        """One caller."""
        while not self.stop:
            await asyncio.sleep(random.uniform(0, PAUSE))
            hurry = random.random() < 1 / 3
            try:
                async with asyncio.timeout(random.uniform(0.001, 1.2) if hurry else 60):
                    self.failed += not await self._call(stream=stream)
                    self.done += 1
            except TimeoutError:
                self.left += 1
            except OSError:
                self.failed += 1

    async def _call(self, *, stream: bool) -> bool:
        self.number += 1
        headers = self.peer.headers[self.number % len(self.peer.headers)]
        body = request("support-stream" if stream else "support-chat", stream=stream, number=self.number)
        head = {**headers, "Content-Length": str(len(body)), "Connection": "close"}
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        reader, writer = await asyncio.open_connection("127.0.0.1", self.peer.port)
        try:
            writer.write(f"POST /v1/chat/completions HTTP/1.1\r\n{lines}\r\n".encode() + body)
            got = await reader.read(-1)
            return got.startswith(b"HTTP/1.1 200") and (not stream or b"data: [DONE]" in got)
        finally:
            writer.close()


def state(child: Child) -> dict[str, float]:
    """What the worker holds: megabytes, descriptors, tasks and objects."""
    report = child.log.with_suffix(".state")
    report.unlink(missing_ok=True)
    os.kill(child.pid, signal.SIGUSR1)
    for _ in range(100):
        with contextlib.suppress(OSError, ValueError):
            inside = json.loads(report.read_text())
            break
        time.sleep(0.05)
    else:
        raise RuntimeError("the worker does not say how it is")
    pss, rss = memory_mb(child.pid)
    return {"pss": round(pss, 1), "rss": round(rss, 1), "descriptors": descriptors(child.pid), **inside}


def slope(samples: list[tuple[float, float]]) -> float:
    """Least squares, per minute."""
    mean_x = sum(x for x, _ in samples) / len(samples)
    mean_y = sum(y for _, y in samples) / len(samples)
    spread = sum((x - mean_x) ** 2 for x, _ in samples) or 1.0
    return 60 * sum((x - mean_x) * (y - mean_y) for x, y in samples) / spread


async def run(minutes: float, peer: Peer) -> bool:
    """The run. Whether everything stayed where it was."""
    loop, child = asyncio.get_running_loop(), peer.child
    callers = Callers(peer)
    for stream in (False, True):  # so that what is made once is there
        await callers._call(stream=stream)
    before = await loop.run_in_executor(None, state, child)
    tasks = [asyncio.create_task(callers.one(stream=n % 2 == 0)) for n in range(CALLERS)]
    began, samples, held = time.monotonic(), [], []
    while time.monotonic() - began < minutes * 60:
        await asyncio.sleep(EVERY)
        now = await loop.run_in_executor(None, state, child)
        samples.append((time.monotonic() - began, now["rss"]))
        held.append(now["descriptors"])
        print(
            json.dumps(
                {
                    "s": round(samples[-1][0]),
                    "done": callers.done,
                    "left": callers.left,
                    "failed": callers.failed,
                }
                | now
            ),
            flush=True,
        )
    callers.stop = True
    await asyncio.gather(*tasks)
    await asyncio.sleep(IDLE)
    after = await loop.run_in_executor(None, state, child)
    grows = slope(samples[len(samples) // 2 :])
    quarter = max(
        1, len(held) // 4
    )  # unused connections to the upstream are kept, so descriptors are compared under load
    left = {
        "tasks": after["tasks"] - before["tasks"],
        "descriptors": statistics.median(held[-quarter:]) - statistics.median(held[:quarter]),
    }
    good = grows <= MOST_SLOPE and max(left.values()) <= MOST_LEFT and not callers.failed
    print(
        json.dumps(
            {
                "before": before,
                "after": after,
                "mb_per_minute": round(grows, 3),
                "more": left,
                "failed": callers.failed,
                "flat": good,
            }
        )
    )
    return good


def main() -> int:
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    folder = HERE / "out" / f"soak-{os.getpid()}"
    folder.mkdir(parents=True)
    try:
        with all_stopped([]) as children:
            bench = Bench(folder, children)
            bench.upstreams()
            peer = bench.sallyport("soaked", guards=True)[0]
            return 0 if uvloop.run(run(minutes, peer)) else 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
