"""A real door: `sallyport up` in processes of its own, on free ports, in a state folder of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

import anthropic
import openai

START_SECONDS = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class RunningDoor:
    def __init__(self, folder: Path, command=("up",), *, port: int | None = None, environment=None):
        self.state, self.port = folder / "state", port or free_port()
        self.home = folder / "home"
        self.home.mkdir(exist_ok=True)
        self.environment = {**os.environ, "XDG_CONFIG_HOME": str(self.home), **(environment or {})}
        self.command = command
        self.process = None

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def authority(self) -> Path:
        return self.state / "ca" / "authority.pem"

    def start(self, *more: str) -> RunningDoor:
        arguments = [*self.command, *more]
        if self.command == ("up",):
            arguments += ["--state", str(self.state), "--listen", f"127.0.0.1:{self.port}"]
        self.log = self.state.parent / "door.log"
        with self.log.open("ab") as log:
            self.process = self._popen(arguments, log)
        self._wait()
        return self

    def _popen(self, arguments, log):
        return subprocess.Popen(
            [sys.executable, "-m", "sallyport", *arguments],
            env=self.environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(
                    f"the door ended with {self.process.returncode}: {self.log.read_text()[-2000:]}"
                )
            with socket.socket() as probe:
                probe.settimeout(0.2)
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        self.stop()
        raise RuntimeError(f"the door did not start: {self.log.read_text()[-2000:]}")

    def stop(self) -> int:
        if self.process is None or self.process.poll() is not None:
            return self.process.returncode if self.process else 0
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
        done = subprocess.run(
            [sys.executable, "-m", "sallyport", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def login(self, name: str) -> str:
        """A key for a person of the demo company."""
        self.run("login", "--demo", name, "--state", str(self.state))
        return json.loads((self.home / "sallyport" / "credentials.json").read_text())["key"]

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.authority))

    def client(self, key: str, **more) -> openai.OpenAI:
        http = openai.DefaultHttpxClient(verify=self.trust())
        return openai.OpenAI(base_url=f"{self.url}/v1", api_key=key, http_client=http, max_retries=0, **more)

    def anthropic(self, key: str, **more) -> anthropic.Anthropic:
        http = anthropic.DefaultHttpxClient(verify=self.trust())
        return anthropic.Anthropic(base_url=self.url, api_key=key, http_client=http, max_retries=0, **more)
