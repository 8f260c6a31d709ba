"""Settings to the edge's plan."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from running import free_port

from sallyport.errors import SettingsError
from sallyport.serving.child import ChildSpec
from sallyport.serving.door import certified, edge_plan, run_door, split_listen
from sallyport.settings import Settings
from sallyport.settings.schema import Limits, Server, Tls, Upstream


@pytest.mark.parametrize(
    ("listen", "expected"),
    [
        ("127.0.0.1:8443", ("127.0.0.1", 8443)),
        ("localhost:1", ("127.0.0.1", 1)),
        ("[::1]:8443", ("::1", 8443)),
        ("[::]:443", ("::", 443)),
    ],
)
def test_listen(listen: str, expected: tuple[str, int]) -> None:
    assert split_listen(listen) == expected


@pytest.mark.parametrize(
    "listen",
    ["", "8443", ":8443", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "door:1", "1.2.3:+1"],
)
def test_listen_that_is_no_address(listen: str) -> None:
    with pytest.raises(SettingsError, match=r"server\.listen"):
        split_listen(listen)


def test_every_setting_of_the_edge_reaches_the_plan() -> None:
    settings = Settings(
        server=Server(
            listen="[::1]:9443",
            names=("door.example",),
            limits=Limits(connections=7, header_bytes=4096, in_flight=5, body_seconds=2.0),
        ),
        tls=Tls(
            certificate="/c",
            key="/k",
            client_ca="/a",
            client_certificates="required",
            post_quantum="required",
        ),
        upstreams=(Upstream(name="u", total_seconds=900.0),),
    )
    plan = edge_plan(settings, "secret", [Path("/run/w0.sock")])
    assert msgspec.to_builtins(plan) == {
        "host": "::1",
        "port": 9443,
        "names": ("door.example",),
        "certificate": "/c",
        "key": "/k",
        "resource": str(settings.state / "run" / "certificate.json"),
        "secret": "secret",
        "workers": ("/run/w0.sock",),
        "client_certificates": "required",
        "client_ca": "/a",
        "post_quantum": "required",
        "connections": 7,
        "header_bytes": 4096,
        "in_flight": 5,
        "handshake_seconds": 10.0,
        "header_seconds": 10.0,
        "body_seconds": 7.0,
        "stream_idle_seconds": 905.0,
        "connection_idle_seconds": 120.0,
        "threads": 1,
    }


@pytest.mark.parametrize(
    ("tls", "local_server", "local_ca"),
    [
        (Tls(), True, True),
        (Tls(client_certificates="required"), True, True),
        (Tls(certificate="/c", key="/k"), False, False),
        (Tls(certificate="/c", key="/k", client_certificates="optional"), False, True),
        (Tls(certificate="/c", key="/k", client_certificates="optional", client_ca="/a"), False, False),
        (Tls(client_ca="/a"), True, False),
    ],
)
def test_the_local_authority_fills_what_is_open(
    tmp_path: Path, tls: Tls, local_server: bool, local_ca: bool
) -> None:
    got = certified(Settings(server=Server(state=str(tmp_path)), tls=tls))
    assert (got.certificate == str(tmp_path / "ca" / "server.pem")) is local_server
    assert (got.client_ca == str(tmp_path / "ca" / "authority.pem")) is local_ca
    assert local_server or (got.certificate, got.key) == ("/c", "/k")


def _unstarted(children: Sequence[ChildSpec], **_: object) -> int:
    for child in children:
        if child.listener is not None:
            child.listener.close()
    return 0


@pytest.mark.parametrize("umask", [0o022, 0o002, 0o077])
def test_a_first_start_makes_the_state_folder_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, umask: int
) -> None:
    monkeypatch.setattr("sallyport.serving.door.run", _unstarted)
    state = tmp_path / "made" / "state"
    before = os.umask(umask)
    try:
        assert run_door(f'[server]\nlisten = "127.0.0.1:{free_port()}"\nstate = "{state}"\n') == 0
    finally:
        os.umask(before)
    assert {stat.S_IMODE(path.stat().st_mode) for path in (state, state / "ca", state / "run")} == {0o700}


def test_a_state_folder_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o755)
    with pytest.raises(SettingsError, match="chmod 700"):
        run_door(f'[server]\nlisten = "127.0.0.1:{free_port()}"\nstate = "{tmp_path / "state"}"\n')


def test_a_key_that_others_may_read_ends_the_start_for_good(tmp_path: Path) -> None:
    configuration = tmp_path / "sallyport.toml"
    configuration.write_text(
        f'[server]\nlisten = "127.0.0.1:{free_port()}"\nstate = "{tmp_path / "state"}"\n'
    )
    (tmp_path / "state" / "keys").mkdir(mode=0o700, parents=True)
    (tmp_path / "state").chmod(0o700)
    (tmp_path / "state" / "keys" / "root.key").write_bytes(bytes(32))
    (tmp_path / "state" / "keys" / "root.key").chmod(0o644)
    done = subprocess.run(
        [sys.executable, "-m", "sallyport", "serve", "-c", str(configuration)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 78, done.stderr
    assert "chmod 600" in done.stderr
