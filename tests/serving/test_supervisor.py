"""Lives and deaths of real processes: what dies is replaced, what hangs is killed, nothing is left behind."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest


@pytest.fixture
def door(make):
    running = make().start()
    assert running.is_ready
    return running


def pids(door) -> list[int]:
    return [door.process.pid, *door.children().values()]


def assert_nothing_left(door, kit, before: list[int]) -> None:
    kit.wait_for(lambda: not any(kit.alive(pid) for pid in before), "the end of all processes")
    kit.wait_for(lambda: not is_taken(door.port), "the end of the listener")


def is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_stop_leaves_nothing_behind(door, kit, number: signal.Signals) -> None:
    before = pids(door)
    assert len(before) == 3
    assert door.stop(number) == 0
    assert_nothing_left(door, kit, before)
    assert list(door.sockets[0].parent.glob("*.sock")) == []
    assert door.lines == []


def test_the_supervisors_kill_leaves_nothing_running(door, kit) -> None:
    before = pids(door)
    assert door.stop(signal.SIGKILL) == -signal.SIGKILL
    assert_nothing_left(door, kit, before)


def test_after_a_kill_the_next_start_works(door, kit) -> None:
    before = pids(door)
    door.stop(signal.SIGKILL)
    assert_nothing_left(door, kit, before)
    door.start()
    assert door.is_ready
    assert door.exchange().status == 200


def test_the_secret_is_in_no_argument_and_no_environment(door) -> None:
    for pid in pids(door):
        assert door.secret.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
        assert door.secret.encode() not in Path(f"/proc/{pid}/environ").read_bytes()
    files = [path for path in door.folder.rglob("*") if path.is_file() and path.name != "door.json"]
    assert not any(door.secret.encode() in path.read_bytes() for path in files)


@pytest.mark.parametrize("program", ["envoy", "python"])
def test_what_is_killed_is_replaced(door, kit, program: str) -> None:
    name = {"envoy": "edge", "python": "worker-0"}[program]
    for _ in range(2):
        before = door.children()[program]
        door.lines.clear()
        os.kill(before, signal.SIGKILL)
        door.until(f"{name} runs again")
        assert f"sallyport: {name} was ended by SIGKILL: it said nothing" in door.lines
        assert door.exchange().status == 200
        assert door.children()[program] != before


def test_a_call_waits_while_its_worker_is_replaced(door, kit) -> None:
    with door.connect() as connection:
        os.kill(door.children()["python"], signal.SIGKILL)
        assert kit.exchange(connection).status == 200


def test_a_hung_worker_is_killed_and_replaced(make, kit) -> None:
    door = make(options={"silent_seconds": 1.5}).start()
    with door.connect() as connection:
        connection.sendall(b"GET /hang HTTP/1.1\r\nHost: localhost\r\n\r\n")
        door.until("worker-0 did not answer for 1.5 s and was killed")
        door.until("worker-0 runs again")
        answer = kit.Answer(kit.read_all(connection))
    assert (answer.status, answer.json["error"]["code"]) == (503, "worker_unavailable")
    assert door.exchange().status == 200


def test_a_stopped_supervisor_does_not_blame_its_children(make, kit) -> None:
    door = make(options={"silent_seconds": 1.0}).start()
    worker = door.children()["python"]
    door.process.send_signal(signal.SIGSTOP)
    kit.time.sleep(2.5)
    door.process.send_signal(signal.SIGCONT)
    kit.time.sleep(1.0)
    assert door.children()["python"] == worker


def test_a_running_call_is_finished_before_the_end(door, kit) -> None:
    with door.connect() as connection:
        connection.sendall(b"GET /linger?1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        kit.wait_for(lambda: door.exchange(request="GET /seen").json["lingering"] == 1)
        door.process.send_signal(signal.SIGTERM)
        assert kit.Answer(kit.read_all(connection)).json == {"lingered": True}
    assert door.wait() == 0


def test_a_second_signal_does_not_wait(make, kit) -> None:
    door = make(worker={"graceful_seconds": 600}, options={"stop_seconds": 600}).start()
    with door.connect() as connection:
        connection.sendall(b"GET /linger?60 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        kit.wait_for(lambda: door.exchange(request="GET /seen").json["lingering"] == 1)
        worker = door.children()["python"]
        door.process.send_signal(signal.SIGINT)
        kit.wait_for(lambda: not door.sockets[0].exists())
        door.process.send_signal(signal.SIGINT)
        assert door.wait() == 0
    assert not kit.alive(worker)


def test_a_taken_port_is_named(make, kit) -> None:
    door = make()
    with socket.create_server(("127.0.0.1", door.port)):
        door.start()
        assert door.wait() == 78
    assert not door.is_ready
    assert f"127.0.0.1:{door.port} is taken by another process" in door.lines[-1]
    assert list(door.sockets[0].parent.glob("*.sock")) == []


def test_an_edge_that_cannot_start_says_why(make) -> None:
    door = make(certificate="/nowhere/server.pem").start()
    assert door.wait() == 78
    assert "/nowhere/server.pem" in door.lines[-1]


def test_a_worker_whose_startup_fails_says_why(make) -> None:
    door = make(worker={"fail_startup": True}).start()
    assert door.wait() == 1
    assert "worker-0 exited with code 3" in door.lines[-1]
    assert "the disk is on fire" in door.lines[-1]


def test_an_unusable_configuration_is_not_tried_again(make) -> None:
    door = make(worker={"exit_code": 78}).start()
    assert door.wait() == 78
    assert door.lines == [
        "worker-0: I cannot be configured",
        "sallyport: worker-0 exited with code 78: I cannot be configured",
    ]


def test_what_does_not_stay_up_is_given_up_with_a_reason(make, kit) -> None:
    door = make(options={"settled_seconds": 3600}).start()
    for _ in range(3):
        kit.wait_for(lambda: "python" in door.children())
        worker = door.children()["python"]
        os.kill(worker, signal.SIGKILL)
        kit.wait_for(lambda worker=worker: not kit.alive(worker))
    assert door.wait() == 1
    assert "worker-0 does not stay up; the last reason: worker-0 was ended by SIGKILL" in door.lines[-1]


def test_workers_share_the_calls(make, kit) -> None:
    door = make(workers=2).start()
    assert len({door.exchange().json["pid"] for _ in range(20)}) == 2


def test_an_exceptions_text_is_not_logged(door, kit) -> None:
    assert door.exchange(request="GET /raise").status == 500
    door.until("ValueError")
    assert not any("prompt" in line for line in door.lines)
    assert any("edge_worker.py:" in line for line in door.lines)
