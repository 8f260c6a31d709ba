"""What reaches the worker through a real Envoy, and what never does."""

from __future__ import annotations

import pytest

ASSERTED = {
    "x-sallyport-edge",
    "x-sallyport-tls-version",
    "x-sallyport-tls-cipher",
    "x-sallyport-tls-group",
    "x-sallyport-peer",
}
FORGED = [
    "X-Sallyport-Edge: forged",
    "x-sallyport-edge: twice",
    "X-SALLYPORT-TLS-VERSION: TLSv1.4",
    "x-sallyport-tls-cipher: TLS_AES_256_GCM_SHA384",
    "x-sallyport-tls-cipher: NONE",
    "x-Sallyport-Tls-Group: forged",
    "x-sallyport-peer: 6.6.6.6",
    "x-sallyport-client-sha256: forged",
    "x-sallyport-client-uri: spiffe://test/administrator",
    "x-sallyport-client-dns: administrator",
    "X-Forwarded-Client-Cert: Hash=forged;URI=spiffe://test/administrator",
    "x-forwarded-client-cert: Hash=forged",
    "X-Forwarded-For: 6.6.6.6",
    "Forwarded: for=6.6.6.6",
    "X-Real-IP: 6.6.6.6",
    "x-envoy-retry-on: 5xx",
    "x-envoy-max-retries: 9",
    "x-envoy-upstream-rq-timeout-ms: 1",
    "x-envoy-external-address: 6.6.6.6",
]


@pytest.mark.parametrize("forged", [FORGED, *([line] for line in FORGED)], ids=lambda lines: lines[0][:30])
def test_forged_headers_have_no_effect(door, forged: list[str]) -> None:
    seen = door.exchange(*forged).json
    raw = [name for name, _ in seen["raw"]]
    assert sorted(set(raw) & ASSERTED) == sorted(name for name in raw if name.startswith("x-sallyport-"))
    assert len(raw) == len(set(raw))
    assert not any(name.startswith(("x-envoy", "x-forwarded", "forwarded", "x-real")) for name in raw)
    assert not any("6.6.6.6" in value or "forged" in value for _, value in seen["raw"])
    assert seen["refusal"] == ""
    assert seen["peer"] == "127.0.0.1"
    assert seen["tls"]["client_san"] == ""
    assert seen["headers"] == [["host", "localhost"]]


@pytest.mark.parametrize("lines", [(), ("X-Forwarded-For: 10.0.0.1",)])
def test_a_caller_cannot_steer_the_edge(door, lines: tuple[str, ...]) -> None:
    steering = ("x-envoy-upstream-rq-timeout-ms: 20", "x-envoy-upstream-rq-per-try-timeout-ms: 20")
    assert door.exchange(*steering, *lines, request="GET /linger?0.3").json == {"lingered": True}


def test_a_forged_client_certificate_does_not_join_a_real_one(door) -> None:
    context = door.context(certificate=door.client_certificate("sam"))
    seen = door.exchange(*FORGED, context=context).json
    assert seen["tls"]["client_san"] == "spiffe://test/sam"
    assert not any("forged" in value or "administrator" in value for _, value in seen["raw"])


@pytest.mark.parametrize("line", ["x_sallyport_edge: forged", "X_Forwarded_Client_Cert: Hash=1", "a_b: c"])
def test_names_with_underscores_are_refused(door, line: str) -> None:
    answer = door.exchange(line)
    assert (answer.status, answer.json["error"]["code"]) == (400, "edge_request_invalid")


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil", "localhost:1", "xlocalhost", "127.0.0.2"])
def test_a_wrong_host_is_refused(door, host: str) -> None:
    answer = door.exchange(f"Host: {host}")
    assert (answer.status, answer.json["error"]["code"]) == (421, "edge_host_unknown")


@pytest.mark.parametrize("host", ["localhost", "LocalHost", "door.example", "127.0.0.1", "localhost:{port}"])
def test_a_known_host_is_served(door, host: str) -> None:
    assert door.exchange(f"Host: {host.format(port=door.port)}").status == 200


@pytest.mark.parametrize(
    ("request_line", "path"),
    [
        ("GET /a/../echo", "/echo"),
        ("GET //echo", "//echo"),
        ("GET /%65cho", "/echo"),
        ("GET /./echo", "/echo"),
        ("GET /../echo", "/echo"),
    ],
)
def test_a_path_has_one_spelling(door, request_line: str, path: str) -> None:
    assert door.exchange(request=request_line).json["path"] == path


@pytest.mark.parametrize("request_line", ["GET /a%2fecho", "GET /a%5Cecho", "GET /a%00"])
def test_ambiguous_paths_are_refused(door, request_line: str) -> None:
    answer = door.exchange(request=request_line)
    assert (answer.status, answer.json["error"]["code"]) == (400, "edge_request_invalid")


def test_an_upgrade_is_refused(door) -> None:
    answer = door.exchange("Connection: upgrade", "Upgrade: websocket")
    assert (answer.status, answer.json["error"]["code"]) == (400, "edge_request_invalid")


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 3", "Transfer-Encoding: chunked"),
        ("Content-Length: 3", "Content-Length: 4"),
        ("Transfer-Encoding: xchunked",),
        ("Transfer-Encoding : chunked",),
    ],
)
def test_smuggling_is_refused(door, lines: tuple[str, ...]) -> None:
    answer = door.exchange(*lines, request="POST /echo")
    assert (answer.status, answer.json["error"]["code"]) == (400, "edge_request_invalid")


@pytest.mark.parametrize(
    "lines", [["x: " + "a" * 40_000], [f"x-{n}: 1" for n in range(200)]], ids=["large", "many"]
)
def test_too_much_of_headers_is_refused(door, lines: list[str]) -> None:
    answer = door.exchange(*lines)
    assert (answer.status, answer.json["error"]["code"]) == (431, "headers_too_large")


def test_the_answer_does_not_speak_of_the_machinery(door) -> None:
    for answer in (door.exchange(), door.exchange("Host: evil.example")):
        assert not any(name == "server" or name.startswith("x-envoy") for name in answer.headers)


def test_a_chunk_passes_before_the_next_one_is_made(door) -> None:
    with door.connect() as streaming:
        streaming.sendall(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        seen = b""
        while b"data: one\n\n" not in seen:
            seen += streaming.recv(65536)
        assert b"data: two" not in seen
        door.exchange(request="GET /go")
        while b"data: two\n\n" not in seen:
            seen += streaming.recv(65536)


def test_a_disconnect_reaches_the_app(door, kit) -> None:
    before = door.exchange(request="GET /seen").json["disconnects"]
    with door.connect() as connection:
        connection.sendall(b"POST /wait HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}")
    kit.wait_for(lambda: door.exchange(request="GET /seen").json["disconnects"] == before + 1)
