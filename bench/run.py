"""The bench: one interleaved run of everything, and a table. See docs/performance.md.

`scripts/bench [--quick] [--record] [--without-litellm] [--only NAME,...]`. Each row: CPU time (user and system)
that the kernel charged the process tree, divided by what it served; medians over the rounds.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from held import held
from machine import LOAD, all_stopped, cpu_seconds, facts, memory_mb
from peers import Bench, Peer
from report import markdown, table, targets

HERE = Path(__file__).parent
OFF, ON = "sallyport, guards off", "sallyport, all guards"
CONNECTIONS = 32
MOST_REFUSED = 0.001


class Plan:
    """How long and how often."""

    def __init__(self, *, quick: bool) -> None:
        self.rounds = 1 if quick else 3
        self.seconds = 3 if quick else 8
        self.warm_seconds = 1 if quick else 3
        self.stream_times = 2 if quick else 5


def warm(peer: Peer, seconds: int) -> None:
    """The first calls, which fill the caches; a worker listens before it has started. Raises RuntimeError."""
    for _ in range(30):
        with contextlib.suppress(RuntimeError):
            load(peer, seconds)
            return
    load(peer, seconds)


def load(peer: Peer, seconds: int) -> dict[str, Any]:
    """wrk with 32 connections. Raises RuntimeError where an answer was an error."""
    scheme = "https" if peer.tls else "http"
    command = [
        "taskset",
        "-c",
        str(LOAD),
        "wrk",
        "-t1",
        f"-c{CONNECTIONS}",
        f"-d{seconds}s",
        "--timeout",
        "30s",
    ]
    command += ["-s", str(peer.lua), f"{scheme}://127.0.0.1:{peer.port}"]
    out = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        got: dict[str, Any] = json.loads(out.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError):
        raise RuntimeError(f"{peer.name}: wrk said\n{out.stdout}{out.stderr}") from None
    # A random id now and then looks like something that is masked, and the answer is refused: the log has the rate.
    if got["status"] > got["requests"] * MOST_REFUSED or not got["requests"]:
        raise RuntimeError(f"{peer.name}: {got}\n{peer.child.log.read_text()[-2000:]}")
    return got


def whole(peer: Peer, seconds: int) -> dict[str, float]:
    """One measurement of whole answers."""
    before = cpu_seconds(peer.child.pid)
    got = load(peer, seconds)
    used = cpu_seconds(peer.child.pid) - before
    return {
        "us": used / got["requests"] * 1e6,
        "per_second": got["requests"] / got["us"] * 1e6,
        "p50_ms": got["p50"],
        "p99_ms": got["p99"],
    }


def streams(peer: Peer, count: int, times: int) -> dict[str, float]:
    """One measurement of streams: CPU per chunk that the upstream sent. Raises RuntimeError for broken ones."""
    command = ["taskset", "-c", str(LOAD), sys.executable, str(HERE / "stream_load.py")]
    command += [str(peer.port), str(count), str(times), str(peer.stream_requests)]
    before = cpu_seconds(peer.child.pid)
    out = subprocess.run(command, capture_output=True, text=True, check=False)
    used = cpu_seconds(peer.child.pid) - before
    if out.returncode:
        raise RuntimeError(
            f"{peer.name}: {out.stdout}{out.stderr[-2000:]}\n{peer.child.log.read_text()[-2000:]}"
        )
    got = json.loads(out.stdout)
    if got["incomplete"]:
        raise RuntimeError(f"{peer.name}: {got}\n{peer.child.log.read_text()[-2000:]}")
    return {"us": used / got["chunks"] * 1e6, **{k: got[k] for k in ("first_p50", "text_p50", "took_p50")}}


def median(rounds: list[dict[str, float]]) -> dict[str, float]:
    """Each figure's median, and how far CPU time spread: (max - min) / median."""
    out = {name: statistics.median(r[name] for r in rounds) for name in rounds[0]}
    out["spread"] = (max(r["us"] for r in rounds) - min(r["us"] for r in rounds)) / out["us"]
    return out


def measure(plan: Plan, peers: list[Peer], edges: list[Peer]) -> dict[str, Any]:
    """All rounds, interleaved."""
    rows: dict[str, list[dict[str, float]]] = {}
    flows: dict[str, list[dict[str, float]]] = {}
    for peer in [*peers, *edges]:
        warm(peer, plan.warm_seconds)
    for number in range(plan.rounds):
        print(f"round {number + 1} of {plan.rounds}, load average {os.getloadavg()[0]:.1f}", file=sys.stderr)
        for peer in [*peers, *edges]:
            rows.setdefault(peer.name, []).append(whole(peer, plan.seconds))
        for peer in peers:
            slow = peer.name == "LiteLLM"
            got = streams(peer, 8 if slow else CONNECTIONS, 1 if slow else plan.stream_times)
            flows.setdefault(peer.name, []).append(got)
    return {
        "whole": {name: median(got) for name, got in rows.items()},
        "streams": {name: median(got) for name, got in flows.items()},
        "memory_mb": {
            p.name: dict(zip(("pss", "rss"), memory_mb(p.child.pid), strict=True)) for p in [*peers, *edges]
        },
    }


def start(bench: Bench, options: argparse.Namespace) -> tuple[list[Peer], list[Peer]]:
    """Upstreams, peers and edges."""
    wanted = options.only.split(",") if options.only else ["nginx", "off", "on", "litellm", "edge"]
    bench.upstreams()
    peers, edges = [], []
    on, world, path = bench.sallyport(ON, guards=True)
    if "nginx" in wanted:
        peers.append(bench.nginx(on.headers))
    if "off" in wanted:
        peers.append(bench.sallyport(OFF, guards=False)[0])
    if "on" in wanted:
        peers.append(on)
    if "litellm" in wanted and options.litellm:
        peers.append(bench.litellm(Path(options.litellm)))
    if "edge" in wanted:
        edges = [
            bench.edge("edge, TLS 1.3", world, path, tls=True),
            bench.edge("edge, no TLS", world, path, tls=False),
        ]
    for peer in [*peers, *edges]:
        peer.write(bench.folder)
    return peers, edges


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--record", action="store_true", help="write bench/RESULTS.json and bench/RESULTS.md")
    parser.add_argument(
        "--litellm", default="", help="the Python of LiteLLM's environment; without it, no such row"
    )
    parser.add_argument("--only", default="", help="of nginx,off,on,litellm,edge")
    options = parser.parse_args()
    folder = HERE / "out" / f"run-{os.getpid()}"
    folder.mkdir(parents=True)
    try:
        with all_stopped([]) as children:
            peers, edges = start(Bench(folder, children), options)
            result = measure(Plan(quick=options.quick), peers, edges)
        if "on" in (options.only or "on"):
            result["held"] = held()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    result |= {"machine": facts(), "python": sys.version.split()[0], "quick": options.quick}
    result["date"] = time.strftime("%Y-%m-%d")
    result["targets"] = targets(result)
    text = json.dumps(result, indent=1)
    (HERE / "out" / "latest.json").write_text(text)
    if options.record:
        (HERE / "RESULTS.json").write_text(text + "\n")
        (HERE / "RESULTS.md").write_text(markdown(result))
    print(table(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
