from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sallyport.audit.shard import open_shard
from sallyport.audit.writer import LogWriter, Pace

ORIGIN = "sallyport.test/log"


class TestSigner:
    __test__ = False

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public_key_bytes = self._key.public_key().public_bytes_raw()

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data)


def make_entry(number: int, kind: str = "intent", **more: object) -> dict[str, object]:
    entry: dict[str, object] = {"kind": kind, "request": f"req_{number:06d}", **more}
    if kind == "intent":
        entry |= {"who": "w" * 32, "model": "support-chat", "roles": ["agent"]}
    if kind == "outcome":
        entry |= {"verdict": "delivered", "status": 200}
    return entry


async def make_log(writer: LogWriter, calls: int, *, payloads: bool = False) -> None:
    """`calls` intents, each followed by its outcome, about thirty in flight."""

    def sealed(size: int) -> bytes | None:
        return os.urandom(size) if payloads else None

    for start in range(0, calls, 16):
        pairs = [
            writer.append(make_entry(number, kind), sealed(60))
            for number in range(start, min(start + 16, calls))
            for kind in ("intent", "outcome")
        ]
        await asyncio.gather(*pairs)


@pytest.fixture(scope="session")
def signer() -> TestSigner:
    return TestSigner(b"\x07" * 32)


@pytest.fixture(scope="session")
def stranger() -> TestSigner:
    return TestSigner(b"\x08" * 32)


@pytest.fixture
def opened(tmp_path: Path, signer: TestSigner):
    """A function that opens shards under tmp_path; all are closed at the end."""
    writers: list[LogWriter] = []

    def open_one(**more: object) -> LogWriter:
        more = {"pace": Pace(checkpoint=0.05), **more}
        writers.append(open_shard(tmp_path / "audit", signer, ORIGIN, **more))
        return writers[-1]

    yield open_one
    for writer in writers:
        writer.close()


@pytest.fixture
def entry() -> Callable[..., dict[str, object]]:
    return make_entry


@pytest.fixture
def fill():
    return make_log
