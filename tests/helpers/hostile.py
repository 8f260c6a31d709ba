"""An upstream that misbehaves on command, and a worker of the door in front of it, both on loopback TCP."""

from __future__ import annotations

import asyncio
import json
import threading
import time

import httpx
import uvicorn
from joserfc import jwt
from joserfc.jwk import ECKey

from sallyport.settings import loads
from sallyport.wiring import build_app

PROVIDER_KEY = "sk-upstream-7h1515n0tr3alBu7mus7n3v3rl3ak0ut"
EDGE = {
    "x-sallyport-edge": "e" * 40,
    "x-sallyport-tls-version": "TLSv1.3",
    "x-sallyport-tls-cipher": "TLS_AES_256_GCM_SHA384",
    "x-sallyport-tls-group": "X25519MLKEM768",
}


class HostileUpstream:
    """Sends the bytes that a test puts in `script`: a list of bytes, seconds to wait, or None to hang up."""

    def __init__(self):
        self.script, self.requests, self.closed = [], [], 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ready.wait(10)

    def _run(self):
        asyncio.set_event_loop(self._loop)
        self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()

    async def _serve(self, reader, writer):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line.split(b":")[1])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length")
            )
            self.requests.append((head, await reader.readexactly(length)))
            for step in self.script:
                if step is None:
                    break
                if isinstance(step, bytes):
                    writer.write(step)
                    await writer.drain()
                else:
                    await asyncio.sleep(step)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.closed += 1
            writer.transport.abort()

    async def _end(self):
        self._server.close()
        rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        await asyncio.sleep(0.05)

    def stop(self):
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


CONFIGURATION = """
[server]
state = "{state}"
[server.limits]
stage_seconds = 5.0
[[segments]]
name = "support"
[[upstreams]]
name = "hostile"
base_url = "http://127.0.0.1:{port}/v1"
api_key = "file:{state}/provider.key"
first_byte_seconds = 1.0
idle_seconds = 1.0
total_seconds = 3.0
answer_bytes = 200000
[[models]]
name = "support-chat"
segment = "support"
upstream = "hostile"
surfaces = ["chat", "responses", "completions", "embeddings"]
[audit]
reserve_bytes = 0
[[identity.providers]]
name = "idp"
issuer = "https://idp.example"
audience = "sallyport"
jwks_file = "{state}/jwks.json"
[identity.providers.roles]
support = "support-agent"
science = "data-scientist"
admins = "security-admin"
[identity.providers.mfa]
amr = ["otp"]
{more}
"""

# More of it: an upstream of the other kind, in the same place.
ANTHROPIC = """
[[upstreams]]
name = "anthropic"
kind = "anthropic"
base_url = "http://127.0.0.1:{port}/v1"
api_key = "file:{state}/provider.key"
first_byte_seconds = 1.0
idle_seconds = 1.0
total_seconds = 3.0
answer_bytes = 200000
[[models]]
name = "support-claude"
segment = "support"
upstream = "anthropic"
"""


class Worker:
    """The product's application over TCP, without the edge, with the headers that the edge would set."""

    def __init__(self, state, port, more=""):
        state.mkdir(mode=0o700)
        self.state = state
        (state / "provider.key").write_text(PROVIDER_KEY)
        (state / "provider.key").chmod(0o600)
        self._key = ECKey.generate_key("P-256", {"kid": "k", "use": "sig", "alg": "ES256"})
        (state / "jwks.json").write_text(json.dumps({"keys": [self._key.as_dict(private=False)]}))
        settings = loads(CONFIGURATION.format(state=state, port=port, more=more))
        app = build_app(settings, edge_secret="e" * 40)
        self._server = uvicorn.Server(
            uvicorn.Config(app, host="127.0.0.1", port=0, lifespan="on", log_config=None, ws="none")
        )
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        deadline = time.monotonic() + 60
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError("the worker did not start")
            time.sleep(0.02)
        self.url = f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"
        self.http = httpx.Client(base_url=self.url, timeout=30)

    def token(self, group="support", sub="sam", **claims):
        now = int(time.time())
        given = {
            "iss": "https://idp.example", "aud": "sallyport", "sub": sub, "iat": now, "exp": now + 600,
            "auth_time": now, "groups": [group], "amr": ["pwd", "otp"], **claims,
        }  # fmt: skip
        return jwt.encode({"alg": "ES256", "kid": "k", "typ": "at+jwt"}, given, self._key)

    def headers(self, group="support", **more):
        return {
            **EDGE,
            "authorization": f"Bearer {self.token(group)}",
            "content-type": "application/json",
            **more,
        }

    def chat(
        self,
        *,
        stream=False,
        text="hello",
        path="/v1/chat/completions",
        group="support",
        headers=None,
        **more,
    ):
        body = {"model": "support-chat", "messages": [{"role": "user", "content": text}], **more}
        if stream:
            body["stream"] = True
        return self.http.post(path, json=body, headers=headers or self.headers(group))

    def stop(self):
        self.http.close()
        self._server.should_exit = True
        self._thread.join(30)


def response(body: bytes, *, status="200 OK", kind="application/json", length=True, more=""):
    size = f"content-length: {len(body)}\r\n" if length else ""
    return (
        f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\n{size}{more}connection: close\r\n\r\n".encode() + body
    )


def stream_head(more=""):
    return f"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n{more}connection: close\r\n\r\n".encode()
