"""What the worker believes of a connection: only what stands beside the right secret, once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sallyport.errors import Refusal
from sallyport.gateway.edge import names
from sallyport.gateway.edge.asserted import Asserted, EdgeRule, read_asserted

SECRET = b"0123456789abcdef0123456789abcdef"
RULE = EdgeRule(secret=SECRET)
GOOD = [
    (b"host", b"localhost"),
    (b"x-sallyport-edge", SECRET),
    (b"x-sallyport-tls-version", b"TLSv1.3"),
    (b"x-sallyport-tls-cipher", b"TLS_AES_256_GCM_SHA384"),
    (b"x-sallyport-tls-group", b"X25519MLKEM768"),
    (b"x-sallyport-peer", b"10.1.2.3"),
    (b"x-sallyport-client-sha256", b"ab" * 32),
    (b"x-sallyport-client-uri", b"spiffe://test/sam,spiffe://test/other"),
    (b"x-forwarded-client-cert", b"Hash=00"),
    (b"x-forwarded-for", b"6.6.6.6"),
    (b"x-sallyport-conversation", b"c1"),
    (b"authorization", b"Bearer x"),
]


def changed(name: bytes, value: bytes | None) -> list[tuple[bytes, bytes]]:
    kept = [(n, v) for n, v in GOOD if n != name]
    return kept if value is None else [*kept, (name, value)]


def test_a_call_through_the_edge_is_believed() -> None:
    judged = read_asserted(GOOD, RULE)
    assert isinstance(judged, Asserted)
    assert judged.tls.version == "TLSv1.3"
    assert judged.tls.group == "X25519MLKEM768"
    assert judged.tls.client_certificate_sha256 == "ab" * 32
    assert judged.tls.client_san == "spiffe://test/sam"
    assert judged.peer == "10.1.2.3"


def test_the_rest_goes_on_without_what_is_asserted() -> None:
    judged = read_asserted(GOOD, RULE)
    assert isinstance(judged, Asserted)
    assert judged.headers == [
        (b"host", b"localhost"),
        (b"x-sallyport-conversation", b"c1"),
        (b"authorization", b"Bearer x"),
    ]


@pytest.mark.parametrize(
    "headers",
    [
        [],
        changed(b"x-sallyport-edge", None),
        changed(b"x-sallyport-edge", b""),
        changed(b"x-sallyport-edge", SECRET[:-1]),
        changed(b"x-sallyport-edge", SECRET + b"0"),
        changed(b"x-sallyport-edge", SECRET.upper()),
        [*GOOD, (b"x-sallyport-edge", SECRET)],
        [(b"x-sallyport-edge", b"forged"), *GOOD],
        changed(b"x-sallyport-tls-version", None),
        changed(b"x-sallyport-tls-version", b"TLSv1.2"),
    ],
)
def test_without_the_one_right_secret_it_is_refused(headers: list[tuple[bytes, bytes]]) -> None:
    judged = read_asserted(headers, RULE)
    assert isinstance(judged, Refusal)
    assert judged.code == "edge_required"


@pytest.mark.parametrize("name", [names.SECRET, *names.ASSERTED])
def test_anything_asserted_twice_is_refused(name: str) -> None:
    value = dict(GOOD).get(name.encode(), b"x")
    judged = read_asserted([*changed(name.encode(), value), (name.encode(), value)], RULE)
    assert isinstance(judged, Refusal)
    assert judged.code == "edge_required"


def test_an_empty_secret_admits_nobody() -> None:
    judged = read_asserted(changed(b"x-sallyport-edge", b""), EdgeRule(secret=b""))
    assert isinstance(judged, Refusal)


@pytest.mark.parametrize(
    ("cipher", "allowed"),
    [
        (b"TLS_AES_256_GCM_SHA384", True),
        (b"TLS_AES_128_GCM_SHA256", False),
        (b"TLS_CHACHA20_POLY1305_SHA256", False),
        (b"", False),
        (b"xTLS_AES_256_GCM_SHA384", False),
    ],
)
def test_where_aes_256_is_required_nothing_else_will_do(cipher: bytes, allowed: bool) -> None:
    rule = EdgeRule(secret=SECRET, aes256="required")
    judged = read_asserted(changed(b"x-sallyport-tls-cipher", cipher), rule)
    assert isinstance(judged, Asserted) is allowed
    assert allowed or judged.code == "tls_cipher_refused"
    assert isinstance(read_asserted(changed(b"x-sallyport-tls-cipher", cipher), RULE), Asserted)


@pytest.mark.parametrize("value", [None, b"", b"-"])
def test_a_required_client_certificate_must_be_there(value: bytes | None) -> None:
    rule = EdgeRule(secret=SECRET, client_certificates="required")
    judged = read_asserted(changed(b"x-sallyport-client-sha256", value), rule)
    assert isinstance(judged, Refusal)
    assert judged.code == "client_certificate_required"
    assert isinstance(read_asserted(GOOD, rule), Asserted)


@given(st.lists(st.tuples(st.sampled_from([n for n, _ in GOOD]), st.binary(max_size=40)), max_size=12))
def test_no_headers_without_the_secret_are_believed(headers: list[tuple[bytes, bytes]]) -> None:
    judged = read_asserted(headers, RULE)
    assert isinstance(judged, Refusal) or dict(headers)[b"x-sallyport-edge"] == SECRET


def test_the_rule_does_not_show_the_secret() -> None:
    assert SECRET.decode() not in repr(RULE)
