"""`sallyport token`, as the key command of other tools: many may ask at once, and none may fail for that."""

from __future__ import annotations

import threading
import time

import pytest

from sallyport.cli import session
from sallyport.cli.credentials import Credentials, default_path, load, save


class Door:
    """Replaces the one good key, as the door does, and refuses every other."""

    good, calls, throttled = "sp_0", 0, False

    def __init__(self, _server, *, ca, key):
        assert ca == ""
        self.key = key

    def ask(self, _method, _path, _document):
        Door.calls += 1
        if Door.throttled:
            return 429, {"error": {"message": "Too many attempts.", "code": "login_throttled"}}
        if self.key != Door.good:
            return 401, {"error": {"message": "The session has ended.", "code": "token_revoked"}}
        time.sleep(0.05)  # others come meanwhile
        Door.good = f"sp_{Door.calls}"
        return 200, {"key": Door.good, "expires": int(time.time()) + 3600}


@pytest.fixture
def door(home, monkeypatch):
    Door.good, Door.calls, Door.throttled = "sp_0", 0, False
    monkeypatch.setattr(session, "DoorClient", Door)
    return Door


def hold(seconds, key="sp_0"):
    save(Credentials(server="https://h", key=key, expires=int(time.time()) + seconds), default_path())


def test_a_key_with_time_left_is_printed(run, door):
    hold(3600)
    assert run("token") == (0, "sp_0\n", "")
    assert door.calls == 0


def test_a_key_that_ends_soon_is_replaced(run, door):
    hold(60)
    assert run("token") == (0, "sp_1\n", "")
    assert load(default_path()).key == "sp_1"


def test_many_at_once_replace_it_once(door):
    hold(60)
    threads = [threading.Thread(target=session.token) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert door.calls == 1
    assert load(default_path()).key == door.good


def test_a_key_that_the_door_does_not_replace_yet_will_do(run, door):
    door.throttled = True
    hold(60)
    assert run("token") == (0, "sp_0\n", "")
    hold(-1)
    assert run("token").code == 4


def test_a_session_that_ended_is_told(run, door):
    hold(60, key="sp_stolen")
    said = run("token")
    assert (said.code, said.out) == (4, "")
    assert "token_revoked" in said.err
