"""The whole door prepared for violence: its configuration edited before the start, its processes, its upstream."""

from __future__ import annotations

import contextlib
import json
import os
import re
import threading
import time
from pathlib import Path

import httpx
import uvicorn
from running import RunningDoor, free_port

from sallyport.audit.reader import LogReader
from sallyport.audit.shard import shards_of
from sallyport.segments.demo_server import DemoModel
from sallyport.wiring import company

NO_BUDGET = ("requests_per_minute = 120\ntokens_per_day = 500000\nmoney_per_day = 5.0\n", "")
OWN_UPSTREAM = """
[[upstreams]]
name = "own"
base_url = "http://127.0.0.1:{port}/v1"
api_key = "file:{state}/own.key"
"""
DEMO_CLAUDE = re.compile(r'(?<=kind = "anthropic"\n)base_url = .*\napi_key = .*\n')
OWN_CLAUDE = """\
base_url = "http://127.0.0.1:{port}/v1"
api_key = "file:{state}/claude.key"
"""


class Upstream:
    """The demo model in this process: counts what reaches it, keeps it, and streams as slowly as asked."""

    def __init__(self, key: str = "sk-own-upstream-c4n4ry", piece_seconds: float = 0.005):
        self.key, self.bodies, self.headers = key, [], []
        self.instead = None  # (status, content type, body) to answer with
        self.model = DemoModel(key, piece_seconds=piece_seconds)
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._app,
                host="127.0.0.1",
                port=0,
                lifespan="off",
                log_config=None,
                ws="none",
                interface="asgi3",
            )
        )
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        wait_for(lambda: self._server.started, "the upstream")
        self.port = self._server.servers[0].sockets[0].getsockname()[1]

    async def _app(self, scope, receive, send):
        self.headers.append(dict(scope["headers"]))
        if self.instead is not None:
            await self._answer(send, *self.instead)
            return

        async def heard():
            message = await receive()
            if message.get("body"):
                self.bodies.append(message["body"])
            return message

        await self.model(scope, heard, send)

    async def _answer(self, send, status, kind, data):
        headers = [(b"content-type", kind.encode()), (b"x-key", self.key.encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": data})

    @property
    def calls(self) -> int:
        return len(self.headers)

    def stop(self):
        self._server.should_exit = True
        self._thread.join(30)


def prepared(
    folder: Path,
    *,
    upstream: Upstream | None = None,
    claude: Upstream | None = None,
    more: str = "",
    edits=(),
    **options,
):
    """A door whose state folder holds an edited configuration of the demo company. Not started."""
    folder.mkdir(exist_ok=True)
    door = RunningDoor(folder, **options)
    path = company.write_configuration(door.state, f"127.0.0.1:{door.port}", free_port())
    text = path.read_text()
    for old, new in (NO_BUDGET, *edits):
        assert old in text, old
        text = text.replace(old, new)
    if upstream is not None:
        _write_key(door.state / "own.key", upstream.key)
        text = text.replace('segment = "support"\nupstream = "demo"', 'segment = "support"\nupstream = "own"')
        text += OWN_UPSTREAM.format(port=upstream.port, state=door.state)
    if claude is not None:
        _write_key(door.state / "claude.key", claude.key)
        text = DEMO_CLAUDE.sub(OWN_CLAUDE.format(port=claude.port, state=door.state), text)
    path.write_text(text + more)
    return door


def _write_key(path: Path, key: str) -> None:
    path.write_text(key)
    path.chmod(0o600)


class Caller:
    """Somebody with a key, over plain HTTP: the bytes as they come, without an SDK's opinion."""

    def __init__(self, door, key: str = "", **options):
        headers = {"authorization": f"Bearer {key}"} if key else {}
        self.http = httpx.Client(
            base_url=door.url, verify=door.trust(), headers=headers, timeout=30, **options
        )

    def chat(self, text="hello", *, stream=False, **more):
        return self.http.post("/v1/chat/completions", json=body(text, stream=stream, **more))

    def health(self) -> str:
        """ "ok", or the code of the part that is down, or what went wrong on the way."""
        try:
            answer = self.http.get("/sallyport/v1/health").json()
        except (httpx.HTTPError, ValueError) as error:
            return type(error).__name__
        return answer.get("status") or answer["error"]["code"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.http.close()


def body(text="hello", *, stream=False, **more) -> dict:
    messages = more.pop("messages", None) or [{"role": "user", "content": text}]
    return {"model": "support-chat", "messages": messages, "stream": stream, **more}


def code(answer) -> str:
    """The code of an error, of a refused call or at the end of a stream; "" where there is none."""
    if answer.headers["content-type"] == "text/event-stream":
        last = answer.text.rstrip().rpartition("data: ")[2]
        return "" if last == "[DONE]" else json.loads(last)["error"]["code"]
    return answer.json().get("error", {}).get("code", "")


def entries(door) -> list[dict]:
    """Everything that the log of a door holds, in order."""
    directory = door.state / "audit"
    return [json.loads(data) for place in shards_of(directory) for _, data in LogReader(place).entries()]


def wait_for(condition, what: str = "the condition", seconds: float = 60):
    """The first true value of the condition."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(0.02)
    return value


def processes() -> dict[int, tuple[int, str]]:
    """pid -> (parent, command line) of all processes that run."""
    found = {}
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            with contextlib.suppress(OSError):
                state, parent, *_ = (place / "stat").read_text().rpartition(")")[2].split()
                if state != "Z":
                    line = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    found[int(place.name)] = (int(parent), line)
    return found


def family(pid: int) -> dict[int, str]:
    """pid -> command line of a process and all its descendants."""
    everybody = processes()
    found = {pid: everybody[pid][1]} if pid in everybody else {}
    while more := {p: line for p, (parent, line) in everybody.items() if parent in found and p not in found}:
        found |= more
    return found


def pid_of(door, what: str) -> int | None:
    """The process id of "worker", "edge", "demo" or "supervisor"; None while there is none."""
    if what == "supervisor":
        return door.process.pid
    words = {"worker": "sallyport.serving.worker", "edge": "envoy", "demo": "sallyport.serving.demo"}[what]
    return next((pid for pid, line in family(door.process.pid).items() if words in line), None)


def resident(pid: int) -> int:
    """Resident memory of a process in bytes (proc(5), statm)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def modes(folder: Path) -> dict[str, str]:
    """The mode of every file and folder, by path."""
    return {str(p.relative_to(folder)): oct(p.lstat().st_mode) for p in [folder, *sorted(folder.rglob("*"))]}
