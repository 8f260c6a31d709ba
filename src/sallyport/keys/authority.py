"""The local certificate authority: one P-256 root in the state folder, and what it issues.

For deployments without certificates of their own, and for client certificates. Extensions follow RFC 5280
section 4.2 to the letter, because newer clients check them (Python 3.13: `VERIFY_X509_STRICT`).
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sallyport.errors import SettingsError

ROOT_LIFE = timedelta(days=3650)
LEAF_LIFE = timedelta(days=90)
RENEW_BEFORE = timedelta(days=30)
_SKEW = timedelta(hours=1)  # clients whose clock is behind
_Clock = Callable[[], datetime]


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Authority:
    """The root and its folder. Made by `ensure_authority`."""

    def __init__(
        self, folder: Path, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate, clock: _Clock
    ) -> None:
        self._folder, self._key, self._certificate, self._clock = folder, key, certificate, clock
        self.certificate_path = folder / "authority.pem"
        # One file for both, so that they are replaced together.
        self.server_certificate_path = self.server_key_path = folder / "server.pem"

    def __repr__(self) -> str:
        return f"Authority({str(self._folder)!r})"

    def issue_server(self, names: Sequence[str]) -> tuple[bytes, bytes]:
        """The server's certificate and key (PEM), kept in the folder; made anew when they would not do.

        They do while they name exactly `names` (DNS names and IP addresses), come from this root, and have
        more than `RENEW_BEFORE` left. Raises `SettingsError` for a name that is neither.
        """
        san = x509.SubjectAlternativeName([_general_name(name) for name in names])
        kept = self._kept_server(san)
        if kept is not None:
            return kept
        certificate, key = self._issue(names[0], san, ExtendedKeyUsageOID.SERVER_AUTH)
        _write(self.server_certificate_path, certificate + key, 0o600)
        return certificate, key

    def issue_client(self, common_name: str, uri_san: str) -> tuple[bytes, bytes]:
        """A client certificate and its key (PEM), not kept. `uri_san` names the holder ("spiffe://...")."""
        san = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri_san)])
        return self._issue(common_name, san, ExtendedKeyUsageOID.CLIENT_AUTH)

    def _issue(
        self, common_name: str, san: x509.SubjectAlternativeName, usage: x509.ObjectIdentifier
    ) -> tuple[bytes, bytes]:
        key = ec.generate_private_key(ec.SECP256R1())
        now = self._clock()
        issuer_id = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        certificate = (
            _builder(_name(common_name), self._certificate.subject, key.public_key(), now, LEAF_LIFE)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(san, critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_id), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )
        return certificate.public_bytes(serialization.Encoding.PEM), _key_pem(key)

    def _kept_server(self, san: x509.SubjectAlternativeName) -> tuple[bytes, bytes] | None:
        try:
            kept = self.server_certificate_path.read_bytes()
            at = kept.index(b"-----BEGIN PRIVATE KEY-----")
            certificate_pem, key_pem = kept[:at], kept[at:]
            certificate = x509.load_pem_x509_certificate(certificate_pem)
            certificate.verify_directly_issued_by(self._certificate)
            key = serialization.load_pem_private_key(key_pem, None)
            kept_san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except Exception:  # noqa: BLE001 - whatever is wrong with them, new ones are made
            return None
        fits = kept_san == san and key.public_key() == certificate.public_key()
        fresh = certificate.not_valid_after_utc - self._clock() > RENEW_BEFORE
        return (certificate_pem, key_pem) if fits and fresh else None


def ensure_authority(folder: Path, *, clock: _Clock = _utc_now) -> Authority:
    """Resume the authority in `folder`, or make one (folder 0700, keys 0600, each file written whole).

    Raises `SettingsError` where the folder belongs to another user, or holds a root whose key is missing, does
    not fit or has expired: a new root would silently break every client that trusts the old one.
    """
    _private_folder(folder)
    if not (folder / "authority.pem").exists():
        _create(folder, clock())
    key, certificate = _load(folder)
    if certificate.not_valid_after_utc - clock() < LEAF_LIFE:
        raise SettingsError(str(folder), "the local authority has expired", "remove the folder")
    return Authority(folder, key, certificate, clock)


def _create(folder: Path, now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"Sallyport local authority {secrets.token_hex(4)}")
    certificate = (
        _builder(name, name, key.public_key(), now, ROOT_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(sign_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    # The key first: without a certificate beside it, a half-made authority is simply made again.
    _write(folder / "authority.key", _key_pem(key), 0o600)
    _write(folder / "authority.pem", certificate.public_bytes(serialization.Encoding.PEM), 0o644)


def _load(folder: Path) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    try:
        certificate = x509.load_pem_x509_certificate((folder / "authority.pem").read_bytes())
        key = serialization.load_pem_private_key((folder / "authority.key").read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise SettingsError(
            str(folder), f"the local authority cannot be read: {type(error).__name__}", "restore its files"
        ) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise SettingsError(str(folder), "the authority's key does not fit its certificate", "restore it")
    return key, certificate


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _key_usage(*, digital_signature: bool = False, sign_certificates: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        pass
    try:
        return x509.DNSName(name)
    except ValueError:
        raise SettingsError("server.names", f"{name!r} is no host name", "write it in ASCII") from None


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _private_folder(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise SettingsError(str(folder), "is not a folder of yours", "choose another server.state")
    folder.chmod(0o700)


def _write(path: Path, content: bytes, mode: int) -> None:
    """Whole or not at all, and durable (rename(2), fsync(2))."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
