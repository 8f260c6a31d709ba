"""What goes wrong is one sentence and the next step, with an exit code that says whose turn it is."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import threading
import time
from pathlib import Path

import pytest

from sallyport.cli.credentials import Credentials, default_path, save

VECTORS = Path(__file__).parents[2] / "vectors" / "audit"
REQUEST = "req_0001"


@pytest.fixture
def log(home):
    """A log at the default place."""
    place = home / "home" / ".local" / "share" / "sallyport" / "audit"
    shutil.copytree(VECTORS / "log", place)
    return place


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def log_in(server: str, **more) -> None:
    save(Credentials(server=server, key="sp_none", expires=int(time.time()) + 3600, **more), default_path())


ASKING = [
    "whoami",
    "models",
    "explain support-chat",
    "people list",
    "people suspend sam",
    "audit content req_0001",
]


@pytest.mark.parametrize("verb", [*ASKING, "token", "logout", "audit prove req_0001 --mine"])
def test_who_is_not_logged_in_is_told_how(run, verb):
    assert run(*verb.split()) == (4, "", "sallyport: nobody is logged in. Run: sallyport login\n")


@pytest.mark.parametrize("verb", ASKING)
def test_a_door_that_is_away_exits_with_5(run, verb):
    log_in(f"https://127.0.0.1:{free_port()}")
    said = run(*verb.split())
    assert (said.code, said.out) == (5, "")
    assert "cannot be reached" in said.err
    assert said.err.endswith("Is the door up? Run: sallyport up\n")


def test_what_answers_but_is_no_door_exits_with_5(run):
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        with contextlib.suppress(OSError):
            connection, _ = listener.accept()
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\nhello")
            connection.close()

    thread = threading.Thread(target=answer)
    thread.start()
    log_in(f"https://127.0.0.1:{listener.getsockname()[1]}")
    said = run("whoami")
    listener.close()
    thread.join(10)
    assert said.code == 5
    assert len(said.err.splitlines()) == 1


def test_logout_forgets_the_key_also_when_the_door_is_away(run):
    log_in(f"https://127.0.0.1:{free_port()}")
    assert run("logout").code == 5
    assert run("whoami").code == 4


def test_nobody_types_a_password_for_a_door_that_is_away(run):
    said = run("login", "--server", f"127.0.0.1:{free_port()}", "--name", "sam")
    assert said.code == 5
    assert "Password" not in said.out


@pytest.mark.parametrize("verb", ["login --server", "enrol secret --server"])
def test_no_password_goes_over_plain_http(run, verb):
    said = run(*verb.split(), "http://127.0.0.1:8443")
    assert said.code == 2
    assert said.err == "sallyport: the door speaks https only. Write: --server https://127.0.0.1:8443\n"


def test_an_authority_that_is_none(run, home):
    place = home / "ca.pem"
    said = run("login", "--server", "127.0.0.1:1", "--ca", str(place))
    assert said.code == 3
    assert said.err.endswith("Name the door's PEM file with --ca.\n")
    place.write_text("no certificate")
    assert run("login", "--server", "127.0.0.1:1", "--ca", str(place)).code == 3


def test_login_without_any_door(run):
    assert run("login") == (
        4,
        "",
        "sallyport: no door is known. Name one with --server, or run: sallyport up\n",
    )


def test_a_credential_file_that_others_may_read(run):
    log_in("https://127.0.0.1:1")
    default_path().chmod(0o644)
    said = run("whoami")
    assert said.code == 78
    assert "chmod 600" in said.err


def test_demo_without_a_company(run, home):
    said = run("demo", "--state", str(home))
    assert said == (3, "", f"sallyport: {home} has no demo company. Run: sallyport up\n")


@pytest.mark.parametrize("verb", ["serve -c", "people add sam -c"])
def test_a_configuration_that_is_not_there(run, verb):
    said = run(*verb.split(), "/not/there.toml")
    assert said.code == 78
    assert "cannot be read" in said.err
    assert len(said.err.splitlines()) == 1


# the log


OFFLINE = [
    "audit verify",
    "audit tail",
    "audit key",
    "audit export",
    f"audit show {REQUEST}",
    f"audit prove {REQUEST}",
]


@pytest.mark.parametrize("verb", OFFLINE)
def test_without_a_log_the_exit_code_is_3(run, home, verb):
    said = run(*verb.split())
    assert said.code == 3
    assert said.err.endswith("Name one with --dir: the folder audit in the state folder.\n")
    assert run(*verb.split(), "--dir", str(home)).code == 3  # a folder, but no log


@pytest.mark.parametrize("verb", [f"audit {word} req_none" for word in ("show", "prove")])
def test_a_call_that_the_log_does_not_have(run, log, verb):
    said = run(*verb.split())
    assert (said.code, said.out) == (1, "")
    assert said.err == "sallyport: No entry of the log has this request id. Check the request id.\n"


def test_a_log_that_holds_and_one_that_does_not(run, log):
    key = run("audit", "key").out.strip()
    assert run("audit", "verify", "--key", key).out.endswith("by the key that you gave.\n")
    assert run("audit", "verify").code == 0
    place = next(path for path in sorted(log.glob("shards/*/tile/entries/**/*")) if path.is_file())
    place.write_bytes(bytes([place.read_bytes()[0] ^ 1]) + place.read_bytes()[1:])
    said = run("audit", "verify")
    assert said.code == 1
    assert "NOT AS IT WAS SIGNED" in said.out


@pytest.mark.parametrize("key", ["zzz", "ü", "A"])
def test_a_key_that_is_none(run, log, key):
    assert run("audit", "verify", "--key", key) == (2, "", "sallyport: --key must be base64.\n")


def test_a_receipt_from_making_to_checking(run, log, home):
    place = home / "receipt.json"
    said = run("audit", "prove", REQUEST, "--out", str(place))
    assert said == (0, "", f"Wrote {place}. Next: sallyport audit verify-receipt {place}\n")
    key = run("audit", "key").out.strip()
    assert run("audit", "verify-receipt", str(place), "--key", key).out.endswith("The receipt holds.\n")
    document = json.loads(place.read_text())
    document["request"] = "req_0002"
    place.write_text(json.dumps(document))
    assert run("audit", "verify-receipt", str(place)).code == 1


def test_files_that_cannot_be_used_are_named(run, log, home):
    assert run("audit", "prove", REQUEST, "--out", str(home / "no" / "where")).code == 3
    assert run("audit", "verify-receipt", str(home / "nothing.json")).code == 3
    said = run("audit", "verify-receipt", str(VECTORS / "receipt.json"), "--delivered", str(home / "nothing"))
    assert said.code == 3
    assert said.err.endswith("Name the answer's bytes.\n")


JSON = ["audit verify --json", "audit key --json", f"audit show {REQUEST}", f"audit prove {REQUEST}"]


@pytest.mark.parametrize("verb", JSON)
def test_json_is_one_value(run, log, verb):
    said = run(*verb.split())
    assert said.code == 0
    assert isinstance(said.json, dict | list)


@pytest.mark.parametrize("verb", ["audit tail --json", "audit export"])
def test_json_lines(run, log, verb):
    said = run(*verb.split())
    lines = said.out.splitlines()
    assert said.code == 0
    assert lines
    assert all(isinstance(json.loads(line), dict) for line in lines)


def test_tail_counts_what_it_does_not_list(run, log):
    said = run("audit", "tail", "-n", "100")
    assert said.code == 0
    assert all(line.split()[1] for line in said.out.splitlines())
