"""The adapter against servers that lie: redirects, floods, silence, broken TLS. All on loopback."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from sallyport.errors import Fault
from sallyport.identity.fetch import BODY_BYTES, ProviderHttp


class Server:
    """Answers every request with the same bytes; writes down the requests."""

    def __init__(self, answer: bytes, *, then_hang: bool = False) -> None:
        self.answer, self.then_hang, self.requests = answer, then_hang, []
        self.tls: ssl.SSLContext | None = None
        self.closing = asyncio.Event()

    async def __aenter__(self) -> str:
        self.server = await asyncio.start_server(self.handle, "127.0.0.1", 0, ssl=self.tls)
        port = self.server.sockets[0].getsockname()[1]
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{port}/x"

    async def __aexit__(self, *_: object) -> None:
        self.closing.set()
        self.server.close()
        await self.server.wait_closed()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        self.requests.append(head + await reader.readexactly(int(length[0].split(b":")[1]) if length else 0))
        writer.write(self.answer)
        if self.then_hang:
            await self.closing.wait()
        writer.close()


def reply(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@pytest.fixture
async def http():
    client = ProviderHttp(unsafe_http=True, seconds=0.5)
    yield client
    await client.close()


async def refused(pending) -> str:
    with pytest.raises(Fault) as caught:
        await pending
    assert caught.value.code == "identity_unavailable"
    return caught.value.detail


async def test_a_document_and_a_form(http) -> None:
    server = Server(reply(b'{"a":1}'))
    async with server as url:
        result = await http.get(url)
        assert (result.status, result.body) == (200, b'{"a":1}')
        assert (await http.post(url, {"a": "1", "b": "x y&z"})).status == 200
    got, posted = server.requests
    assert got.startswith(b"GET /x HTTP/1.1")
    assert b"accept: application/json" in got.lower()
    assert b"accept-encoding" not in got.lower()
    assert posted.endswith(b"\r\n\r\na=1&b=x+y%26z")
    assert b"content-type: application/x-www-form-urlencoded" in posted.lower()


async def test_a_redirect_is_an_answer_and_is_not_followed(http) -> None:
    elsewhere = Server(reply(b"{}"))
    async with elsewhere as target, Server(reply(b"", "302 Found", f"location: {target}")) as url:
        assert (await http.get(url)).status == 302
    assert elsewhere.requests == []


async def test_a_flood_is_cut(http) -> None:
    async with Server(reply(b"x" * BODY_BYTES)) as url:
        assert len((await http.get(url)).body) == BODY_BYTES
    async with Server(reply(b"x" * (BODY_BYTES + 1))) as url:
        assert await refused(http.get(url)) == "answer too large"


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab"], ids=["nothing", "half"]
)
async def test_silence_ends(http, answer) -> None:
    async with Server(answer, then_hang=True) as url:
        await refused(http.get(url))


@pytest.mark.parametrize(
    "answer", [b"", b"\x00\x01\x02\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab"]
)
async def test_garbage_is_a_fault(http, answer) -> None:
    async with Server(answer) as url:
        await refused(http.get(url))


async def test_a_compressed_answer_is_not_unpacked(http) -> None:
    async with Server(reply(b"\x1f\x8b\x08", "200 OK", "content-encoding: gzip")) as url:
        assert (await http.get(url)).body == b"\x1f\x8b\x08"


async def test_plain_http_needs_the_switch_and_loopback(http) -> None:
    strict = ProviderHttp()
    assert await refused(strict.get("http://127.0.0.1:1/x")) == "address refused"
    assert await refused(http.get("http://192.0.2.1/x")) == "address refused"
    assert await refused(http.post("http://idp.example/x", {})) == "address refused"
    await strict.close()


async def test_nobody_there(http) -> None:
    await refused(http.get("http://127.0.0.1:1/x"))


def certificate(folder, name: str) -> tuple[ssl.SSLContext, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    now = dt.datetime.now(dt.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "idp")])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(name))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(Encoding.PEM)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "both.pem").write_bytes(pem + secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    return context, pem


@pytest.mark.parametrize(
    ("name", "trusted", "works"),
    [("127.0.0.1", True, True), ("127.0.0.1", False, False), ("127.0.0.2", True, False)],
)
async def test_tls_is_checked_against_the_authority_and_the_name(tmp_path, name, trusted, works) -> None:
    server = Server(reply(b"{}"))
    server.tls, pem = certificate(tmp_path, name)
    http = ProviderHttp(ca_pem=pem if trusted else b"", seconds=2.0)
    async with server as url:
        if works:
            assert (await http.get(url)).status == 200
        else:
            await refused(http.get(url))
    await http.close()
