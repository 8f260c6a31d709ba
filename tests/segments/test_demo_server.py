"""The demo model's door: the key first, then the body."""

from __future__ import annotations

from sallyport.segments.demo_server import DemoModel


async def test_without_the_key_no_body_is_read() -> None:
    sent: list[dict] = []

    async def receive() -> dict:
        raise AssertionError("a stranger's body was read")

    async def send(message: dict) -> None:
        sent.append(message)

    for headers in ([], [(b"authorization", b"Bearer wrong")], [(b"authorization", b"Bearer ")]):
        scope = {"type": "http", "path": "/v1/chat/completions", "headers": headers}
        await DemoModel("right")(scope, receive, send)
        assert sent[0]["status"] == 401
        sent.clear()
