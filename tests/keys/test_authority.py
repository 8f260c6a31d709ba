"""The local authority: what it issues is accepted by strict verifiers, kept, renewed, and private."""

from __future__ import annotations

import os
import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store

from sallyport.errors import SettingsError
from sallyport.keys.authority import LEAF_LIFE, RENEW_BEFORE, ROOT_LIFE, Authority, ensure_authority

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
NAMES = ["localhost", "127.0.0.1", "::1", "door.example"]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return ensure_authority(tmp_path / "ca", clock=lambda: NOW)


def root(authority: Authority) -> x509.Certificate:
    return x509.load_pem_x509_certificate(authority.certificate_path.read_bytes())


def extension(certificate: x509.Certificate, kind: type) -> x509.Extension:
    return certificate.extensions.get_extension_for_class(kind)


@pytest.mark.parametrize("name", NAMES)
def test_the_servers_certificate_verifies_for_each_name(authority: Authority, name: str) -> None:
    pem, _ = authority.issue_server(NAMES)
    general = (
        x509.DNSName(name) if name[0].isalpha() else x509.IPAddress(__import__("ipaddress").ip_address(name))
    )
    verifier = PolicyBuilder().store(Store([root(authority)])).time(NOW).build_server_verifier(general)
    chain = verifier.verify(x509.load_pem_x509_certificate(pem), [])
    assert chain[-1] == root(authority)


def test_strict_openssl_accepts_the_chain(tmp_path: Path) -> None:
    authority = ensure_authority(tmp_path / "ca")
    authority.issue_server(["localhost"])
    client = ssl.create_default_context(cafile=authority.certificate_path)
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(authority.server_certificate_path, authority.server_key_path)
    assert shake_hands(client, server) == "TLSv1.3"


def shake_hands(client: ssl.SSLContext, server: ssl.SSLContext) -> str | None:
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    caller = client.wrap_bio(to_client, to_server, server_hostname="localhost")
    callee = server.wrap_bio(to_server, to_client, server_side=True)
    for side in (caller, callee, caller, callee):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return caller.version()


def test_a_client_certificate_verifies_and_names_its_holder(authority: Authority) -> None:
    pem, _ = authority.issue_client("sam", "spiffe://test/sam")
    certificate = x509.load_pem_x509_certificate(pem)
    verifier = PolicyBuilder().store(Store([root(authority)])).time(NOW).build_client_verifier()
    subjects = verifier.verify(certificate, []).subjects
    assert subjects == [x509.UniformResourceIdentifier("spiffe://test/sam")]
    usages = extension(certificate, x509.ExtendedKeyUsage).value
    assert list(usages) == [ExtendedKeyUsageOID.CLIENT_AUTH]


def test_the_root_can_sign_leaves_and_nothing_else(authority: Authority) -> None:
    constraints = extension(root(authority), x509.BasicConstraints)
    usage = extension(root(authority), x509.KeyUsage)
    assert constraints.critical
    assert (constraints.value.ca, constraints.value.path_length) == (True, 0)
    assert usage.critical
    assert usage.value.key_cert_sign
    assert not usage.value.digital_signature
    assert root(authority).not_valid_after_utc == NOW + ROOT_LIFE


def test_a_leaf_is_no_authority(authority: Authority) -> None:
    leaf = x509.load_pem_x509_certificate(authority.issue_server(["localhost"])[0])
    assert not extension(leaf, x509.BasicConstraints).value.ca
    assert not extension(leaf, x509.KeyUsage).value.key_cert_sign
    assert (
        extension(leaf, x509.AuthorityKeyIdentifier).value.key_identifier
        == extension(root(authority), x509.SubjectKeyIdentifier).value.digest
    )


def test_it_is_resumed(authority: Authority, tmp_path: Path) -> None:
    issued = authority.issue_server(NAMES)
    again = ensure_authority(tmp_path / "ca", clock=lambda: NOW + timedelta(days=1))
    assert root(again) == root(authority)
    assert again.issue_server(NAMES) == issued
    assert again.server_certificate_path.read_bytes() == b"".join(issued)


@pytest.mark.parametrize(
    ("names", "later", "kept"),
    [
        (NAMES, timedelta(), True),
        (NAMES, LEAF_LIFE - RENEW_BEFORE - timedelta(seconds=1), True),
        (NAMES, LEAF_LIFE - RENEW_BEFORE, False),
        (NAMES, LEAF_LIFE * 2, False),
        (NAMES[:2], timedelta(), False),
        ([*NAMES, "other.example"], timedelta(), False),
    ],
)
def test_the_servers_certificate_is_renewed(
    authority: Authority, tmp_path: Path, names: list[str], later: timedelta, kept: bool
) -> None:
    issued = authority.issue_server(NAMES)
    again = ensure_authority(tmp_path / "ca", clock=lambda: NOW + later).issue_server(names)
    assert (again == issued) is kept


@pytest.mark.parametrize("damage", ["missing", "empty", "certificate", "key", "foreign key"])
def test_a_damaged_server_certificate_is_made_anew(authority: Authority, damage: str) -> None:
    certificate, key = authority.issue_server(NAMES)
    path = authority.server_certificate_path
    if damage == "missing":
        path.unlink()
    else:
        other = authority.issue_client("other", "spiffe://test/other")[1]
        kept = {"empty": b"", "certificate": certificate, "key": key, "foreign key": certificate + other}
        path.write_bytes(kept[damage])
    again = authority.issue_server(NAMES)
    assert again[0] != certificate
    assert path.read_bytes() == b"".join(again)


def test_another_authoritys_server_certificate_is_not_kept(authority: Authority, tmp_path: Path) -> None:
    other = ensure_authority(tmp_path / "other", clock=lambda: NOW)
    certificate, key = other.issue_server(NAMES)
    authority.server_certificate_path.write_bytes(certificate + key)
    assert authority.issue_server(NAMES)[0] != certificate


def test_keys_and_folder_are_private(authority: Authority) -> None:
    authority.issue_server(NAMES)
    folder = authority.certificate_path.parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) & 0o077 for path in folder.iterdir()}
    assert modes == {"authority.key": 0, "authority.pem": 0o044, "server.pem": 0}


def test_an_open_folder_is_closed(tmp_path: Path) -> None:
    (tmp_path / "ca").mkdir(mode=0o755)
    ensure_authority(tmp_path / "ca")
    assert stat.S_IMODE((tmp_path / "ca").stat().st_mode) == 0o700


@pytest.mark.parametrize("damage", ["missing", "empty", "foreign"])
def test_a_root_without_its_key_is_refused_and_kept(
    authority: Authority, tmp_path: Path, damage: str
) -> None:
    key, before = tmp_path / "ca" / "authority.key", authority.certificate_path.read_bytes()
    if damage == "missing":
        key.unlink()
    elif damage == "empty":
        key.write_bytes(b"")
    else:
        ensure_authority(tmp_path / "other")
        key.write_bytes((tmp_path / "other" / "authority.key").read_bytes())
    with pytest.raises(SettingsError, match="authority"):
        ensure_authority(tmp_path / "ca", clock=lambda: NOW)
    assert authority.certificate_path.read_bytes() == before


def test_a_half_made_authority_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "ca").mkdir(mode=0o700)
    (tmp_path / "ca" / "authority.key").write_bytes(b"half")
    assert ensure_authority(tmp_path / "ca").issue_server(["localhost"])


def test_an_expired_root_is_refused(authority: Authority, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="expired"):
        ensure_authority(tmp_path / "ca", clock=lambda: NOW + ROOT_LIFE)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder of another user")
def test_another_users_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ca").mkdir(mode=0o700)
    os.chown(tmp_path / "ca", 65534, 65534)
    with pytest.raises(SettingsError, match="not a folder of yours"):
        ensure_authority(tmp_path / "ca")


def test_a_link_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "ca").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SettingsError):
        ensure_authority(tmp_path / "ca")


def test_a_name_beyond_ascii_is_refused(authority: Authority) -> None:
    with pytest.raises(SettingsError, match="no host name"):
        authority.issue_server(["tür.example"])
