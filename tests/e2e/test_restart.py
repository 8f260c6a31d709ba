"""Starting, starting again, stopping; and what is refused at a start, with its fix."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys

import pytest
from running import RunningDoor
from whole import Caller, body, code, entries, family, modes, prepared, wait_for

from sallyport.settings import load
from sallyport.wiring import company

pytestmark = pytest.mark.slow
NOT_USABLE = 78  # sysexits.h EX_CONFIG


class Terminal(RunningDoor):
    """A door in a process group of its own, as a shell starts it."""

    def _popen(self, arguments, log):
        command = [sys.executable, "-m", "sallyport", *arguments]
        return subprocess.Popen(
            command, env=self.environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )

    def interrupt(self) -> int:
        """Ctrl-C: SIGINT to the whole group."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(30)


def left_in(folder):
    return [p.name for p in folder.rglob("*") if p.is_socket() or p.name.endswith(("-wal", "-shm", ".new"))]


def card_token(sam, text):
    """What stood for the card in front of the model, in a named conversation."""
    named = {"x-sallyport-conversation": "case-7"}
    answer = sam.http.post("/v1/chat/completions", json=body(text), headers=named)
    where = f"/sallyport/v1/records/{answer.headers['x-request-id']}"
    record = sam.http.post(where, json={"purpose": "test"}).json()
    return next(v["token"] for v in record["values"] if v["type"] == "card")


def test_starting_twice_resumes_and_fresh_starts_over(tmp_path):
    door = Terminal(tmp_path).start()
    key = door.login("sam")
    with Caller(door, key) as sam:
        request = sam.chat("one").headers["x-request-id"]
        token = card_token(sam, "My card is 4111 1111 1111 1111.")
    before, running = modes(door.state), set(family(door.process.pid))
    assert len(running) >= 4

    assert door.interrupt() == 0
    assert not any(set(family(pid)) for pid in running)
    assert left_in(door.state) == []
    assert door.run("audit", "verify", "--dir", str(door.state / "audit")).returncode == 0
    assert not {"Traceback", "KeyboardInterrupt"} & set(door.log.read_text().split())

    door.start()
    first = entries(door)
    with Caller(door, key) as sam:
        assert code(sam.chat("two")) == ""
        assert card_token(sam, "I am a@example.org, my card 4111 1111 1111 1111.") == token
        assert sam.http.get(f"/sallyport/v1/receipts/{request}").json()["request"] == request
    log = entries(door)
    assert log[: len(first)] == first
    assert len({e["shard"] for e in log if e["kind"] == "shard"}) == 1
    assert [e["reason"] for e in log if e["kind"] == "recovery"] == ["start"]
    origin, authority = (door.state / "origin").read_text(), door.authority.read_bytes()
    after = modes(door.state)
    assert {p: m for p, m in before.items() if p in after} == {p: after[p] for p in before if p in after}
    assert door.interrupt() == 0

    door.start("--fresh")
    assert (door.state / "origin").read_text() != origin
    assert door.authority.read_bytes() != authority
    with Caller(door, key) as sam:
        answer = sam.chat("three")
    assert answer.status_code == 401
    assert [e["kind"] for e in entries(door)] == ["shard"]
    with Caller(door, door.login("sam")) as sam:
        assert code(sam.chat("four")) == ""
    assert door.interrupt() == 0


def family_with(door, word):
    """The door's processes, once one of them is of this kind."""
    assert door.process.poll() is None
    found = family(door.process.pid)
    return found if any(word in line for line in found.values()) else None


def test_ctrl_c_in_the_middle_of_a_start_leaves_nothing(tmp_path):
    door = Terminal(tmp_path)
    for moment in ("sallyport.serving.demo", "sallyport.serving.worker", "envoy"):
        with (tmp_path / "log").open("ab") as log:
            door.process = door._popen(
                ("up", "--state", str(door.state), "--listen", f"127.0.0.1:{door.port}"), log
            )
        running = wait_for(lambda moment=moment: family_with(door, moment), moment)
        assert door.interrupt() == 0
        wait_for(lambda running=running: not any(set(family(pid)) for pid in running), "the end of all")
        assert left_in(door.state) == []
    assert (tmp_path / "log").read_text() == ""


def up(door, *more):
    return door.run(
        "up", "--state", str(door.state), "--listen", f"127.0.0.1:{door.port}", *more, check=False
    )


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A state folder that was used and left."""
    door = prepared(tmp_path_factory.mktemp("stopped") / "door").start()
    assert door.stop() == 0
    return door


@pytest.fixture
def used(stopped, tmp_path):
    """A copy of it, with its own address."""
    door = RunningDoor(tmp_path)
    shutil.copytree(stopped.state, door.state)
    path = company.configuration_path(door.state)
    text = path.read_text().replace(str(stopped.state), str(door.state))
    path.write_text(text.replace(f":{stopped.port}", f":{door.port}"))
    return door


def assert_refused(done, *words):
    assert done.returncode == NOT_USABLE
    for word in words:
        assert word in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 2


def test_a_taken_port_is_named(used):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", used.port))
        taken.listen(1)
        assert_refused(up(used), f"127.0.0.1:{used.port}", "taken", "choose another port")


def test_the_demo_models_taken_port_is_named(used):
    address = load(company.configuration_path(used.state)).upstreams[0].base_url.split("/")[2]
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(address.rpartition(":")[2])))
        taken.listen(1)
        assert_refused(up(used), address, "taken")


def test_a_second_door_on_the_same_state_is_refused(stopped, used):
    used.start()
    other = RunningDoor(used.state.parent, port=used.port)
    done = up(other)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    with Caller(used) as anyone:
        assert anyone.health() == "ok"
    assert used.stop() == 0


SPOILT = {
    "the state folder is open to others": (
        lambda state: state.chmod(0o755),
        ("other users may open it", "chmod 700 {state}"),
    ),
    "the root key is open to others": (
        lambda state: (state / "keys" / "root.key").chmod(0o644),
        ("other users may open it", "chmod 600 {state}/keys/root.key"),
    ),
    "the state database is open to others": (
        lambda state: (state / "state.db").chmod(0o640),
        ("other users may open it", "chmod 600 {state}/state.db"),
    ),
    "the folder of sockets is open to others": (
        lambda state: (state / "run").chmod(0o711),
        ("can be entered by others", "chmod 700 {state}/run"),
    ),
    "the root key is missing": (
        lambda state: (state / "keys" / "root.key").unlink(),
        ("root key is missing", "restore the file from its backup"),
    ),
    "the root key is another one": (
        lambda state: (state / "keys" / "root.key").write_bytes(b"k" * 32),
        ("another root key",),
    ),
    "the root key is cut short": (
        lambda state: (state / "keys" / "root.key").write_bytes(b"k" * 31),
        ("not a root key of 32 bytes", "restore"),
    ),
    "the log's checkpoint is missing": (
        lambda state: next((state / "audit" / "shards").glob("*/checkpoint")).unlink(),
        ("checkpoint", "missing"),
    ),
    "the log's history was changed": (
        lambda state: flip(next((state / "audit" / "shards").glob("*/wal/*.wal"))),
        ("1 were signed",),
    ),
    "wrong TOML": (
        lambda state: append(state, "\n[server\n"),
        ("sallyport.toml", "not valid TOML", "line"),
    ),
    "an unknown key": (
        lambda state: append(state, "\n[gateway]\nallow_feelds = []\n"),
        ("gateway.allow_feelds", "did you mean allow_fields?"),
    ),
    "a value of the wrong kind": (
        lambda state: append(state, '\n[gateway]\nkeepalive_seconds = "soon"\n'),
        ("gateway.keepalive_seconds", "Expected"),
    ),
    "a secret that is not there": (
        lambda state: (state / "demo" / "model.key").unlink(),
        ("model.key",),
    ),
}


def append(state, text):
    path = company.configuration_path(state)
    path.write_text(path.read_text() + text)


def flip(path):
    data = bytearray(path.read_bytes())
    data[60] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("what", SPOILT)
def test_what_is_spoilt_is_refused_and_said(used, what):
    spoil, words = SPOILT[what]
    spoil(used.state)
    done = up(used)
    assert done.returncode != 0
    for word in words:
        assert word.format(state=used.state) in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert left_in(used.state) == []
