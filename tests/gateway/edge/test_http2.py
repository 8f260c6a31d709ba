"""HTTP/2 through the edge, with a client that offers X25519MLKEM768 by itself."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from pyreqwest.client import ClientBuilder
from pyreqwest.exceptions import RequestTimeoutError

FORGED = {
    "x-sallyport-edge": "forged",
    "x-forwarded-client-cert": "Hash=forged",
    "x-sallyport-peer": "6.6.6.6",
    "x-sallyport-client-uri": "spiffe://test/administrator",
}


@pytest.fixture
async def client(door):
    root = door.authority.certificate_path.read_bytes()
    builder = ClientBuilder().add_root_certificate_pem(root).http2(enable=True)
    async with builder.build() as made:
        yield made


def url(door, path: str) -> str:
    return f"https://localhost:{door.port}{path}"


async def test_forged_headers_have_no_effect(door, client) -> None:
    request = client.get(url(door, "/echo"))
    for name, value in FORGED.items():
        request = request.header(name, value)
    answer = await request.build().send()
    assert answer.version == "HTTP/2.0"
    seen = await answer.json()
    assert seen["refusal"] == ""
    assert seen["peer"] == "127.0.0.1"
    assert seen["tls"]["group"] == "X25519MLKEM768"
    assert not any("forged" in value or "6.6.6.6" in value for _, value in seen["raw"])


async def test_a_host_header_does_not_override_the_authority(door, client) -> None:
    answer = await client.get(url(door, "/echo")).header("host", "evil.example").build().send()
    hosts = [value for name, value in (await answer.json())["raw"] if name == "host"]
    assert hosts == [f"localhost:{door.port}"]


async def test_many_streams_on_one_connection(door, client) -> None:
    answers = await asyncio.gather(*(client.get(url(door, "/echo")).build().send() for _ in range(50)))
    assert [answer.status for answer in answers] == [200] * 50


async def test_a_cancelled_stream_reaches_the_app(door, client, kit) -> None:
    before = door.exchange(request="GET /seen").json["disconnects"]
    with pytest.raises(RequestTimeoutError):
        await client.get(url(door, "/wait")).timeout(timedelta(seconds=0.3)).build().send()
    assert (await client.get(url(door, "/echo")).build().send()).status == 200
    kit.wait_for(lambda: door.exchange(request="GET /seen").json["disconnects"] == before + 1)


async def test_a_chunk_passes_before_the_next_one_is_made(door, client) -> None:
    request = client.get(url(door, "/stream")).streamed_read_buffer_limit(0).build_streamed()
    async with request as answer:
        assert await answer.body_reader.read_chunk() == b"data: one\n\n"
        await client.get(url(door, "/go")).build().send()
        assert await answer.body_reader.read_chunk() == b"data: two\n\n"
