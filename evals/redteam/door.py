"""The door of the demo company with the obedient model behind it: real processes, on loopback, in a folder of its own."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from sallyport.audit.reader import LogReader
from sallyport.audit.shard import shards_of
from sallyport.cli.client import DoorClient
from sallyport.cli.login import demo_login
from sallyport.wiring import company

MODEL, PERSON = "support-chat", "sam"
START_SECONDS, STOP_SECONDS = 60.0, 30.0
# A suite asks faster than a person may; everything else is as a deployment has it from the start.
_BUDGET = re.compile(r"\[\[access\.budgets\]\]\n(?:\w.*\n)+")


class Door:
    """A running door and the key of one of its people."""

    def __init__(self, folder: Path, model_port: int, key: str) -> None:
        self.folder, self.state = folder, folder / "state"
        self.port = _free_port()
        path = company.write_configuration(self.state, f"127.0.0.1:{self.port}", model_port)
        text, changed = _BUDGET.subn("", path.read_text())
        if changed != 1:
            raise RuntimeError("the demo company has no budget to lift")
        own = self.state / "leaky.key"
        own.touch(mode=0o600)
        own.write_text(key)
        path.write_text(text.replace(f"file:{self.state}/demo/model.key", f"file:{own}"))
        self.url, self.ca = f"https://127.0.0.1:{self.port}", str(self.state / "ca" / "authority.pem")

    def start(self) -> None:
        """Start it, and log in. Raises RuntimeError with the log's end."""
        command = [sys.executable, "-m", "sallyport", "up", "--state", str(self.state)]
        with (self.folder / "door.log").open("wb") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ}
            )
        end = time.monotonic() + START_SECONDS
        while not _listens(self.port):
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(
                    f"the door did not start:\n{(self.folder / 'door.log').read_text()[-2000:]}"
                )
            time.sleep(0.1)
        person = next(p for p in company.people(self.state) if p.name == PERSON)
        self.key = demo_login(DoorClient(self.url, ca=self.ca), person).key

    def stop(self) -> None:
        """End it."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def entries(self) -> list[dict[str, Any]]:
        """Everything in the log, in order."""
        places = shards_of(self.state / "audit")
        return [orjson.loads(data) for place in places for _, data in LogReader(place).entries()]


class Seen:
    """What the log says of the calls of one part."""

    def __init__(self, door: Door) -> None:
        self._door, self._before = door, len(door.entries())

    def new(self) -> list[dict[str, Any]]:
        """The entries since then."""
        return self._door.entries()[self._before :]

    def refusals(self) -> Counter[str]:
        """How many calls were refused, by code; of those refused at their end, the code there."""
        return Counter(
            entry["code"]
            for entry in self.new()
            if entry["kind"] == "refusal" or (entry["kind"] == "outcome" and entry["verdict"] != "delivered")
        )


@contextlib.contextmanager
def running(folder: Path, model_port: int, key: str) -> Iterator[Door]:
    """A door that is stopped at the end."""
    door = Door(folder, model_port, key)
    try:
        door.start()
        yield door
    finally:
        door.stop()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
