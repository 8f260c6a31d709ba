"""A supervisor over Envoy and tiny workers: what `sallyport up` does, without the rooms. Argument: a JSON file."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import msgspec

from sallyport.gateway.edge.config import EdgePlan
from sallyport.gateway.socket import bind_private
from sallyport.serving.child import ChildSpec
from sallyport.serving.restarts import Restarts
from sallyport.serving.specs import edge_child
from sallyport.serving.supervisor import run

WORKER = Path(__file__).with_name("edge_worker.py")


def worker(number: int, path: str, options: dict) -> ChildSpec:
    return ChildSpec(
        name=f"worker-{number}",
        command=(sys.executable, str(WORKER), "{parent}", "{payload}", "{beat}", "{listener}"),
        payload=json.dumps(options["worker"]).encode(),
        listener=bind_private(Path(path)),
        silent_seconds=options.get("silent_seconds", 10.0),
        stop_seconds=options.get("stop_seconds", 6.0),
    )


def main() -> int:
    options = json.loads(Path(sys.argv[1]).read_text())
    specs = []
    plan = msgspec.convert(options["plan"], EdgePlan)
    specs += [worker(n, path, options) for n, path in enumerate(plan.workers)]
    if not options.get("without_edge"):
        specs.append(edge_child(plan))
    restarts = Restarts(limit=3, settled_seconds=options.get("settled_seconds", 0.0))
    ready = f"ready {os.getpid()}\n"
    return run(specs, announce=lambda: (sys.stdout.write(ready), sys.stdout.flush()), restarts=restarts)


if __name__ == "__main__":
    sys.exit(main())
