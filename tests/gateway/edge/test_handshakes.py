"""Real handshakes with a real Envoy: who gets in, and what the edge says of them."""

from __future__ import annotations

import socket
import ssl

import pytest
from OpenSSL import SSL

from sallyport.keys.authority import ensure_authority

AES128_FIRST = b"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384"
AES256_FIRST = b"TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256"
REFUSED = (ssl.SSLError, ConnectionResetError, BrokenPipeError)


@pytest.fixture(scope="module")
def strict(opened):
    """Everything required."""
    rules = {"client_certificates": "required", "aes256": "required"}
    return opened(client_certificates="required", post_quantum="required", worker=rules)


@pytest.fixture(scope="module")
def certified(opened):
    """Client certificates required, groups preferred: the stdlib's client gets to the certificate."""
    return opened(client_certificates="required", worker={"client_certificates": "required"})


@pytest.fixture
def classical(door):
    """A client that knows X25519 alone, as on Debian 12."""

    def context(where=door, **arguments):
        made = where.context(**arguments)
        if ssl.OPENSSL_VERSION_INFO >= (3, 5):
            pytest.skip("this Python's OpenSSL offers X25519MLKEM768, so it is no classical client")
        return made

    return context


def test_tls_1_2_is_refused(door) -> None:
    context = door.context()
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError, match=r"(?i)protocol.version"):
        door.connect(context)


def test_plain_http_is_refused(door) -> None:
    with socket.create_connection(("127.0.0.1", door.port), timeout=20) as connection:
        connection.sendall(b"GET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try:
            answer = connection.recv(1024)
        except ConnectionResetError:
            answer = b""
    assert b"HTTP" not in answer


def test_a_strict_client_accepts_the_local_authority(door) -> None:
    with door.connect() as connection:
        assert connection.version() == "TLSv1.3"


def test_http_2_is_offered_first(door) -> None:
    context = door.context()
    context.set_alpn_protocols(["http/1.1", "h2"])
    with door.connect(context) as connection:
        assert connection.selected_alpn_protocol() == "h2"


def test_a_capable_client_gets_x25519mlkem768_and_the_worker_sees_it(door, kit) -> None:
    with door.openssl() as connection:
        assert connection.get_group_name() == "X25519MLKEM768"
        seen = kit.exchange(connection).json
    assert seen["tls"]["group"] == "X25519MLKEM768"
    assert seen["tls"]["version"] == "TLSv1.3"


def test_preferred_still_serves_a_classical_client(door, classical) -> None:
    assert door.exchange(context=classical()).json["tls"]["group"] == "X25519"


def test_required_refuses_a_classical_client(strict, classical) -> None:
    with pytest.raises(REFUSED):
        strict.connect(classical(strict, certificate=strict.client_certificate("classical")))


def test_required_serves_a_capable_client(strict, kit) -> None:
    with strict.openssl(ciphers=AES256_FIRST, certificate=strict.client_certificate("sam")) as connection:
        seen = kit.exchange(connection).json
    assert seen["refusal"] == ""
    assert seen["tls"]["group"] == "X25519MLKEM768"
    assert seen["tls"]["client_san"] == "spiffe://test/sam"


@pytest.mark.parametrize(
    ("ciphers", "cipher"),
    [(AES128_FIRST, "TLS_AES_128_GCM_SHA256"), (AES256_FIRST, "TLS_AES_256_GCM_SHA384")],
)
def test_the_negotiated_cipher_is_seen(door, kit, ciphers: bytes, cipher: str) -> None:
    with door.openssl(ciphers=ciphers) as connection:
        assert connection.get_cipher_name() == cipher
        assert kit.exchange(connection).json["tls"]["cipher"] == cipher


@pytest.mark.parametrize("ciphers", [AES128_FIRST, b"TLS_CHACHA20_POLY1305_SHA256"])
def test_where_aes_256_is_required_another_cipher_is_refused(strict, kit, ciphers: bytes) -> None:
    with strict.openssl(ciphers=ciphers, certificate=strict.client_certificate("weak")) as connection:
        assert kit.exchange(connection).json["refusal"] == "tls_cipher_refused"


def test_a_missing_client_certificate_is_refused_where_required(certified) -> None:
    with pytest.raises(REFUSED):
        certified.exchange().json  # noqa: B018 - with TLS 1.3 the alert comes with the first read


def test_a_rogue_client_certificate_is_refused(certified, door, tmp_path) -> None:
    rogue = ensure_authority(tmp_path / "rogue")
    for where in (certified, door):
        context = where.context(certificate=where.client_certificate("rogue", rogue))
        with pytest.raises(REFUSED):
            where.exchange(context=context)


def test_a_server_certificate_does_not_make_a_client(certified) -> None:
    both = certified.folder / "both.pem"
    both.write_bytes(
        certified.authority.server_certificate_path.read_bytes()
        + certified.authority.server_key_path.read_bytes()
    )
    with pytest.raises(REFUSED):
        certified.exchange(context=certified.context(certificate=both))


def test_a_client_certificate_is_seen(certified) -> None:
    context = certified.context(certificate=certified.client_certificate("sam"))
    seen = certified.exchange(context=context).json
    assert seen["tls"]["client_san"] == "spiffe://test/sam"
    assert len(bytes.fromhex(seen["tls"]["client_certificate_sha256"])) == 32


def test_no_session_is_resumed(door) -> None:
    context = door.context()
    with door.connect(context) as first:
        first.sendall(b"GET /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        while first.recv(65536):
            pass
        assert first.session is None or not first.session.has_ticket


def test_a_renewed_certificate_is_served_without_a_restart(opened, kit) -> None:
    door = opened()
    with door.connect() as running:
        before = running.getpeercert()["serialNumber"]
        door.authority.issue_server(["localhost", "renewed.example"])
        kit.wait_for(lambda: serial(door) != before, "the renewed certificate")
        assert kit.exchange(running).status == 200
    assert door.lines == []


def serial(door) -> str:
    with door.connect() as connection:
        return connection.getpeercert()["serialNumber"]


def test_the_openssl_client_is_as_new_as_the_test_needs() -> None:
    assert SSL.OPENSSL_VERSION_NUMBER >= 0x30500000
