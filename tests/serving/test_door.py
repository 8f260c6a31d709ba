"""Settings to the edge's plan."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from sallyport.errors import SettingsError
from sallyport.serving.door import certified, edge_plan, split_listen
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
