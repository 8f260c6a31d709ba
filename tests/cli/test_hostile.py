"""A door that lies, a terminal that obeys, addresses and files that are none: one sentence, no trace, no secret."""

from __future__ import annotations

import json
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from sallyport.cli import client
from sallyport.cli.credentials import Credentials, default_path, save
from sallyport.cli.output import neutral

VERBS = [
    "whoami",
    "models",
    "token",
    "explain m",
    "people list",
    "people add x",
    "people suspend x",
    "audit content x",
    "logout",
]
ANSWERS = {
    "list": (200, []),
    "null": (200, None),
    "number": (200, 7),
    "empty": (200, {}),
    "text": (200, "x"),
    "error text": (404, {"error": "no"}),
    "error list": (500, []),
    "error null": (403, {"error": None}),
    "error numbers": (403, {"error": {"message": 1, "code": 2}}),
    "odd members": (
        200,
        {
            "data": 5, "people": [7], "roles": 3, "name": [], "decision": 1, "key": 4,
            "error": 5, "id": {}, "secret": 1, "expires": "soon",
        },
    ),
}  # fmt: skip


class Liar:
    """Answers every request with the same JSON, over plain HTTP."""

    def __init__(self, status, document):
        body = document if isinstance(document, bytes) else json.dumps(document).encode()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                length = int(self.headers.get("content-length", 0))
                self.rfile.read(length)
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815 - the name of the library

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def liar(monkeypatch):
    """A door of our making. That it speaks no TLS is the test's own business."""
    builder, started = client.SyncClientBuilder, []

    class Lax:
        def __new__(cls):
            class Wrapped:
                def __init__(self, inner):
                    self.inner = inner

                def https_only(self, **_):
                    return self

                def __getattr__(self, name):
                    def call(*given, **named):
                        result = getattr(self.inner, name)(*given, **named)
                        return result if name == "build" else Wrapped(result)

                    return call

            return Wrapped(builder())

    monkeypatch.setattr(client, "SyncClientBuilder", Lax)

    def start(status, document):
        started.append(Liar(status, document))
        save(
            Credentials(server=started[-1].url, key="sp_secret", expires=int(time.time()) + 10),
            default_path(),
        )
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("answer", ANSWERS)
def test_a_door_that_lies_ends_in_one_sentence(run, liar, verb, answer):
    liar(*ANSWERS[answer])
    said = run(*verb.split())
    assert "Traceback" not in said.out + said.err
    assert "sp_secret" not in said.err
    if said.code:
        assert said.err.startswith("sallyport: ")
        assert said.err.count("\n") == 1


def test_what_the_door_says_moves_no_terminal(run, liar):
    evil = "\x1b]0;owned\x07\x1b[2J\u009b31m\u202e\u200b\x7f"
    for status, document in (
        (403, {"error": {"message": evil, "code": evil}}),
        (200, {"data": [{"id": evil, "segment": evil, "environment": evil, "surfaces": [evil]}]}),
    ):
        liar(status, document)
        for verb in ("models", "models --json"):
            said = run(*verb.split())
            assert (said.out + said.err).replace("\n", "").isprintable()
            assert "owned" in said.out + said.err


def test_json_stays_what_it_was(run, liar):
    document = {"data": [{"id": "\u009b\x7f\u202e\U000e0001 é 漢", "n": 1}]}
    liar(200, document)
    said = run("models", "--json")
    assert json.loads(said.out) == document
    assert "é 漢" in said.out


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("plain é 漢 👍", "plain é 漢 👍"),
        ("a\nb", "a\nb"),
        ("\x1b[31m", "\\u001b[31m"),
        ("\x9b", "\\u009b"),
        ("\x7f\r\t", "\\u007f\\u000d\\u0009"),
        ("\U000e0001", "\\udb40\\udc01"),
        ("\udcff", "\\udcff"),
        ("\u202e\u2028", "\\u202e\\u2028"),
    ],
)
def test_neutral(given, shown):
    assert neutral(given) == shown


@pytest.mark.parametrize(
    "server",
    [
        "http://127.0.0.1:1", "HTTP://127.0.0.1:1", "Http://h", "ftp://h", "://", "://h", "https://", "https://[::",
        "https://a b", "\x1b[31m", "h:x", "h:99999", "h:0", "https://user:password@h", "user@h", "é.example",
        "https://https://h",
    ],
)  # fmt: skip
@pytest.mark.parametrize("verb", ["login --name sam --server", "enrol SECRET --server"])
def test_a_password_goes_to_an_https_address_or_nowhere(run, verb, server, monkeypatch):
    monkeypatch.setattr("typer.prompt", lambda *_, **__: pytest.fail("somebody was asked for a password"))
    said = run(*verb.split(), server)
    assert said.code == 2
    assert said.err.startswith("sallyport: ")
    assert said.err.rstrip("\n").isprintable()


@pytest.mark.parametrize("verb", ["whoami", "logout", "people list"])
@pytest.mark.parametrize("server", ["http://127.0.0.1:1", "HTTP://127.0.0.1:1", "", "https://[::", "x y"])
def test_a_key_goes_over_https_or_nowhere(run, verb, server):
    save(Credentials(server=server, key="sp_secret", expires=0), default_path())
    said = run(*verb.split())
    assert said.code in {2, 5}
    assert "sp_secret" not in said.out + said.err


@pytest.mark.parametrize("key", ["a\nb", "\x00", "x\r\ny: z"])
def test_a_key_that_is_no_header_is_not_sent(run, key):
    save(Credentials(server="https://127.0.0.1:1", key=key, expires=0), default_path())
    said = run("whoami")
    assert said.code == 2
    assert "Traceback" not in said.err


GOOD = {
    ("people add x -c", "empty"),  # a configuration of defaults
    ("inspect text -c", "empty"),
    ("inspect --json --file", "empty"),  # no rows
    ("up --state", "folder"),  # may become a state folder
    ("up --state", "missing"),
}


def files(home):
    made = {
        "binary": bytes(range(256)) * 10,
        "empty": b"",
        "latin": b'[server]\nstate = "\xe9"\n',
        "escape": b'[server]\n"\\u001b[31mzz" = 1\n',
        "deep": b"a = " + b"[" * 5000 + b"]" * 5000,
        "deep json": b"[" * 100_000,
        "odd": b"demo = 3\n[server]\nlisten = 3\n",
        "port": b'[[upstreams]]\nname = "u"\nbase_url = "http://127.0.0.1:99999/v1"\n',
        "brackets": b'[[upstreams]]\nname = "u"\nbase_url = "https://[::1"\n',
        "issuer": b'[[identity.providers]]\nname = "p"\nissuer = "https://[::1"\naudience = "a"\n',
        "badpem": b"-----BEGIN CERTIFICATE-----\nzz\n-----END CERTIFICATE-----\n",
    }
    for name, content in made.items():
        (home / name).write_bytes(content)
    (home / "folder").mkdir()
    (home / "loop").symlink_to("loop")
    return [str(home / name) for name in (*made, "folder", "loop", "missing")]


@pytest.mark.parametrize(
    "verb",
    ["check -c", "check --json -c", "serve -c", "people add x -c", "up --state", "audit verify --dir",
     "audit tail --dir", "audit verify-receipt", "audit export --dir", "login --demo sam --state", "demo --state",
     "login --server h --name x --ca", "inspect text -c", "inspect --json --file"],
)  # fmt: skip
def test_files_that_are_none_end_in_one_sentence(run, home, verb, monkeypatch):
    monkeypatch.setattr("sallyport.serving.door.run", lambda *_, **__: pytest.fail("a door was started"))
    monkeypatch.setattr("typer.prompt", lambda *_, **__: "x")
    for file in files(home):
        if (verb, Path(file).name) in GOOD:
            continue
        said = run(*verb.split(), file)
        assert said.code, file
        assert "Traceback" not in said.out + said.err, file
        assert "unexpected" not in said.err, (file, said.err)
        assert (said.out + said.err).replace("\n", "").isprintable(), file


@pytest.mark.parametrize(
    "request_id", ["", "../../etc/passwd", "\udcff", "a" * 10_000, "\x1b[31m", "-1", "é"]
)
@pytest.mark.parametrize("verb", ["show", "prove"])
def test_request_ids_that_are_none(run, home, verb, request_id):
    (home / "log" / "shards").mkdir(parents=True)
    said = run("audit", verb, "--dir", str(home / "log"), "--", request_id)
    assert said.code == 1
    assert "no entry of the log" in said.err.lower()


def test_what_nobody_foresaw_is_one_sentence_without_its_text(run, monkeypatch):
    def explode():
        raise LookupError("sp_secret")

    monkeypatch.setattr("sallyport.cli.session.connect", explode)
    said = run("whoami")
    assert said.code == 1
    assert said.err.startswith("sallyport: unexpected LookupError at test_hostile.py:")
    assert "sp_secret" not in said.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read(run, home):
    (home / "secret.toml").write_text("")
    (home / "secret.toml").chmod(0)
    readable = os.access(home / "secret.toml", os.R_OK)  # root may read it, and finds nothing in it
    assert run("serve", "-c", str(home / "secret.toml")).code == (78 if readable else 2)
