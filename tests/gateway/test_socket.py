"""The worker's socket: private from its first moment, and deaf to other users."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import uvicorn
import uvloop

from sallyport.errors import SettingsError
from sallyport.gateway.socket import PeerCheckedProtocol, bind_private, is_own_peer

NOBODY = 65534
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "w.sock"


def test_folder_and_socket_are_private(path: Path) -> None:
    before = os.umask(0)
    try:
        with bind_private(path):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert os.umask(0) == 0
    finally:
        os.umask(before)


@pytest.mark.parametrize("mode", [0o755, 0o710, 0o701, 0o770])
def test_a_folder_that_others_can_enter_is_refused(path: Path, mode: int) -> None:
    path.parent.mkdir()
    path.parent.chmod(mode)
    with pytest.raises(SettingsError, match="chmod 700"):
        bind_private(path)
    assert not path.exists()


@root_only
def test_another_users_folder_is_refused(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    os.chown(path.parent, NOBODY, NOBODY)
    with pytest.raises(SettingsError, match="another user"):
        bind_private(path)


def test_a_link_to_a_folder_is_refused(path: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    path.parent.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SettingsError, match="not a folder"):
        bind_private(path)


def test_a_stale_socket_is_replaced(path: Path) -> None:
    bind_private(path).close()
    assert path.exists()
    bind_private(path).close()


def test_a_live_socket_is_refused_and_stays(path: Path) -> None:
    with bind_private(path) as first:
        with pytest.raises(SettingsError, match="another process listens"):
            bind_private(path)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(os.fspath(path))
            first.accept()[0].close()


def test_a_file_in_its_place_is_not_removed(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    path.write_text("precious")
    with pytest.raises(SettingsError, match="not a socket"):
        bind_private(path)
    assert path.read_text() == "precious"


def test_a_path_too_long_says_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="too long"):
        bind_private(tmp_path / ("x" * 120) / "w.sock")


def test_only_unix_peers_of_our_own_are_ours() -> None:
    left, right = socket.socketpair(socket.AF_UNIX)
    with left, right:
        assert is_own_peer(left)
    with socket.socket(socket.AF_INET) as inet:
        assert not is_own_peer(inet)
    assert not is_own_peer(left)
    assert not is_own_peer(None)


CALLER = """
import os, socket, sys
uid = int(sys.argv[2])
if uid != os.geteuid():
    os.setgroups([]); os.setresgid(uid, uid, uid); os.setresuid(uid, uid, uid)
with socket.socket(socket.AF_UNIX) as client:
    client.settimeout(20)
    try:
        client.connect(sys.argv[1])
        client.sendall(b"GET / HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n")
        print(client.recv(65536).decode())
    except OSError as error:
        print(type(error).__name__)
"""


def open_to_all(path: Path) -> None:
    """As if the modes of folder and socket had failed, so that the peer's user alone decides."""
    path.parent.chmod(0o755)
    path.chmod(0o666)


def ask(path: Path, uid: int, calls: list[str]) -> str:
    """Serve a tiny app on the socket with uvloop, and call it from a process of that user."""

    async def app(scope, receive, send) -> None:
        calls.append(scope["path"])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async def serve() -> str:
        config = uvicorn.Config(app, http=PeerCheckedProtocol, lifespan="off", ws="none", log_config=None)
        server = uvicorn.Server(config)
        with bind_private(path) as listener:
            open_to_all(path)
            running = asyncio.create_task(server._serve([listener]))
            caller = await asyncio.to_thread(
                subprocess.run,
                [sys.executable, "-c", CALLER, os.fspath(path), str(uid)],
                capture_output=True,
                text=True,
                check=True,
            )
            server.should_exit = True
            await running
            return caller.stdout.strip()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(serve())


def test_our_own_process_is_served(path: Path) -> None:
    calls: list[str] = []
    assert "204" in ask(path, os.geteuid(), calls)
    assert calls == ["/"]


@root_only
def test_another_local_user_is_cut_before_a_byte_is_read(tmp_path_factory) -> None:
    folder = Path("/tmp") / f"sallyport-test-{os.getpid()}"
    folder.mkdir(mode=0o755)
    calls: list[str] = []
    try:
        answer = ask(folder / "run" / "w.sock", NOBODY, calls)
    finally:
        (folder / "run" / "w.sock").unlink()
        (folder / "run").rmdir()
        folder.rmdir()
    assert answer in {"", "ConnectionResetError", "BrokenPipeError"}
    assert calls == []
