"""A running door for tests: supervisor, Envoy and tiny workers as real processes, and raw clients."""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

from OpenSSL import SSL

from sallyport.keys.authority import Authority, ensure_authority

SUPERVISOR = Path(__file__).with_name("edge_supervisor.py")
NAMES = ("localhost", "127.0.0.1", "door.example")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Door:
    def __init__(self, folder: Path, *, worker: dict | None = None, workers: int = 1, options=None, **plan):
        folder.chmod(0o700)
        self.folder, self.port, self.secret = folder, free_port(), secrets.token_hex(16)
        self.authority: Authority = ensure_authority(folder / "ca")
        self.authority.issue_server(NAMES)
        self.sockets = [folder / "run" / f"w{n}.sock" for n in range(workers)]
        self.options = {
            "plan": {
                "host": "127.0.0.1",
                "port": self.port,
                "names": NAMES,
                "certificate": str(self.authority.server_certificate_path),
                "key": str(self.authority.server_key_path),
                "resource": str(folder / "run" / "certificate.json"),
                "secret": self.secret,
                "workers": [str(path) for path in self.sockets],
                "client_ca": str(self.authority.certificate_path),
                **plan,
            },
            "worker": {"secret": self.secret, **(worker or {})},
            **(options or {}),
        }
        self.lines: list[str] = []
        self.process: subprocess.Popen | None = None

    def start(self) -> Door:
        orders = self.folder / "door.json"
        orders.write_text(json.dumps(self.options))
        self.process = subprocess.Popen(
            [sys.executable, str(SUPERVISOR), str(orders)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.reader = threading.Thread(target=self._read)
        self.reader.start()
        self.is_ready = self.process.stdout.readline().startswith("ready")
        return self

    def _read(self) -> None:
        for line in self.process.stderr:
            self.lines.append(line.rstrip("\n"))

    def wait(self) -> int:
        code = self.process.wait(30)
        self.reader.join(10)
        self.process.stdout.close()
        self.process.stderr.close()
        return code

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait()

    def until(self, text: str) -> None:
        """Wait until the supervisor said something."""
        wait_for(lambda: any(text in line for line in self.lines), text)

    def children(self) -> dict[str, int]:
        """Process ids by program name ("envoy", "python")."""
        found = {}
        for pid in (int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit()):
            with contextlib.suppress(OSError):
                stat = Path(f"/proc/{pid}/stat").read_text()
                if int(stat.rpartition(")")[2].split()[1]) == self.process.pid:
                    program = Path(f"/proc/{pid}/exe").readlink().name
                    found[program.rstrip("0123456789.")] = pid
        return found

    def context(self, *, certificate: Path | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.authority.certificate_path)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        if certificate is not None:
            context.load_cert_chain(certificate)
        return context

    def connect(self, context: ssl.SSLContext | None = None) -> ssl.SSLSocket:
        raw = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        try:
            return (context or self.context()).wrap_socket(raw, server_hostname="localhost")
        except BaseException:
            raw.close()
            raise

    def exchange(
        self, *lines: str, context: ssl.SSLContext | None = None, request: str = "GET /echo"
    ) -> Answer:
        """One request with exactly these header lines (Host is added unless given), and its answer."""
        with self.connect(context) as connection:
            return exchange(connection, *lines, request=request)

    @contextlib.contextmanager
    def openssl(self, *, ciphers: bytes = b"", certificate: Path | None = None):
        """A client that knows X25519MLKEM768, whatever this Python's own ssl knows."""
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.load_verify_locations(str(self.authority.certificate_path))
        context.set_verify(SSL.VERIFY_PEER)
        if ciphers:
            context.set_tls13_ciphersuites(ciphers)
        if certificate:
            context.use_certificate_file(certificate)
            context.use_privatekey_file(certificate)
        with socket.create_connection(("127.0.0.1", self.port)) as raw:
            connection = SSL.Connection(context, raw)
            connection.set_tlsext_host_name(b"localhost")
            connection.set_connect_state()
            connection.do_handshake()
            yield connection

    def client_certificate(self, name: str, authority: Authority | None = None) -> Path:
        """A PEM file with a client certificate and its key."""
        certificate, key = (authority or self.authority).issue_client(name, f"spiffe://test/{name}")
        path = self.folder / f"{name}.pem"
        path.write_bytes(certificate + key)
        return path


class Answer:
    def __init__(self, raw: bytes) -> None:
        head, _, self.body = raw.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        self.status = int(first.split()[1]) if first else 0
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        if self.headers.get("transfer-encoding") == "chunked":
            self.body = unchunk(self.body)

    @property
    def json(self):
        return json.loads(self.body)


def unchunk(body: bytes) -> bytes:
    out = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        out, body = out + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return out


def exchange(connection, *lines: str, request: str = "GET /echo") -> Answer:
    names = {line.partition(":")[0].lower() for line in lines}
    host = () if "host" in names else ("Host: localhost",)
    head = "\r\n".join((f"{request} HTTP/1.1", *host, "Connection: close", *lines, "", ""))
    connection.sendall(head.encode("latin-1"))
    return Answer(read_all(connection))


def read_all(connection) -> bytes:
    data = b""
    with contextlib.suppress(SSL.ZeroReturnError, SSL.SysCallError, ConnectionResetError, ssl.SSLEOFError):
        while not is_whole(data) and (chunk := connection.recv(65536)):
            data += chunk
    return data


def is_whole(data: bytes) -> bool:
    """Whether an answer is complete, so that nobody waits for the connection's end."""
    head, end, body = data.partition(b"\r\n\r\n")
    if not end:
        return False
    length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    return len(body) >= int(length[1]) if length else body.endswith(b"0\r\n\r\n")


def wait_for(condition, what: str = "the condition", seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether a process runs. A zombie does not, unless threads of it still hold what it had open."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state != "Z" or len(list(Path(f"/proc/{pid}/task").iterdir())) > 1
    except OSError:
        return False
