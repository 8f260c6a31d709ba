"""What goes into the head of each call, and what does not make one."""

from __future__ import annotations

import pytest

from sallyport.gateway.upstream import HttpUpstreams
from sallyport.gateway.upstream_plain import PlainClient
from sallyport.gateway.upstream_target import Target, heads, place
from sallyport.gateway.upstream_tls import TlsClient


def target(base_url="http://127.0.0.1:8000/v1", **more):
    return Target(name="u", base_url=base_url, **more)


def lines(made, surface="chat", *, stream=False):
    return heads(made)[surface, stream].decode().split("\r\n")


PLACES = {
    "http://localhost/v1": ("localhost", 80, "localhost", "/v1/chat/completions"),
    "http://localhost:80/v1/": ("localhost", 80, "localhost", "/v1/chat/completions"),
    "http://Model.Example:8000": ("model.example", 8000, "model.example:8000", "/chat/completions"),
    "http://[::1]:8000/v1": ("::1", 8000, "[::1]:8000", "/v1/chat/completions"),
    "http://[::1]/v1": ("::1", 80, "[::1]", "/v1/chat/completions"),
    "http://bücher.example/v1": ("bücher.example", 80, "xn--bcher-kva.example", "/v1/chat/completions"),
    "http://h/a%20b/ü c": ("h", 80, "h", "/a%20b/%C3%BC%20c/chat/completions"),
}


@pytest.mark.parametrize("address", PLACES)
def test_where_a_call_goes(address):
    host, port, named, path = PLACES[address]
    made = lines(target(address))
    assert place(target(address)) == (host, port)
    assert (made[0], made[1]) == (f"POST {path} HTTP/1.1", f"host: {named}")


def test_surface_stream_and_query():
    made = target(query="api-version=2026-01-01&x=a b\r\nc")
    assert lines(made, "embeddings")[0] == (
        "POST /v1/embeddings?api-version=2026-01-01&x=a%20bc HTTP/1.1"  # the splitter drops line ends
    )
    assert lines(made, stream=True)[-2:] == ["accept: text/event-stream", "content-length: "]
    assert lines(made)[-2:] == ["accept: */*", "content-length: "]


def test_the_key_goes_into_one_header():
    made = lines(target(key_header="api-key", key="k1"))
    assert [line for line in made if "k1" in line] == ["api-key: k1"]
    assert not [line for line in lines(target()) if line.startswith("authorization")]


BAD = {
    "a key of two lines": {"key": "k3y\r\nx: y"},
    "a key with a null byte": {"key": "k3y\x00"},
    "a key that is not ASCII": {"key": "k3yé"},
    "a key that ends in a space": {"key": "k3y "},
    "a name of two words": {"key": "k3y", "key_header": "api key"},
    "a name with a colon": {"key": "k3y", "key_header": "a:b"},
    "no name": {"key": "k3y", "key_header": ""},
    "the length": {"key": "k3y", "key_header": "content-length"},
    "the framing": {"key": "k3y", "key_header": "transfer-encoding"},
    "the host": {"key": "k3y", "key_header": "host"},
}


@pytest.mark.parametrize("name", BAD)
def test_what_makes_no_request(name):
    with pytest.raises(ValueError, match="key and key_header make no header"):
        PlainClient(target(**BAD[name]))


@pytest.mark.parametrize(
    "name", ["a key of two lines", "a key with a null byte", "a name of two words", "no name"]
)
def test_what_makes_no_request_over_tls(name):
    with pytest.raises(ValueError):  # noqa: PT011 - its kind is the contract
        TlsClient(target("https://h/v1", **BAD[name]))


@pytest.mark.parametrize("host", ["a b", "a\x00b", "a_b!", "a%0d", "[::1%25eth0]"])
def test_what_is_no_host(host):
    with pytest.raises(ValueError, match=r"host|IPv6|netloc"):
        heads(target(f"http://{host}/v1"))


def test_the_client_is_chosen_by_scheme():
    made = HttpUpstreams({"a": target(), "b": target("https://h/v1")})._clients
    assert {name: type(client) for name, client in made.items()} == {"a": PlainClient, "b": TlsClient}
