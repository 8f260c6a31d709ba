"""Keeps N streams open, each begun at its own moment, for several turns, and prints one line of JSON: how many came whole, and how fast.

`python bench/stream_load.py PORT STREAMS TIMES REQUESTS`; REQUESTS is a JSON file: {"path", "body", "headers": [...]}.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import uvloop
from traffic import STREAMED, WORDS

TEXT = "".join(WORDS)
DONE = b"data: [DONE]"


async def one(port: int, request: bytes) -> tuple[float, float, float, bool]:
    """Milliseconds to the first event, to the first text, to the end; and whether it came whole."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = time.perf_counter()
    writer.write(request)
    first = text = 0.0
    got = bytearray()
    while DONE not in got[-64:]:
        data = await asyncio.wait_for(reader.read(65536), 60)
        if not data:
            break
        got += data
        if not first and b"data:" in got:
            first = time.perf_counter() - began
        if not text and b'"content":"' in got.replace(b'"content": "', b'"content":"').replace(
            b'"content":""', b""
        ):
            text = time.perf_counter() - began
    took = time.perf_counter() - began
    writer.close()
    return first * 1000, text * 1000, took * 1000, whole(bytes(got))


def whole(got: bytes) -> bool:
    """Whether the text of all events is the text that was sent, and the end mark came."""
    said = []
    for line in got.split(b"\n"):
        if line.startswith(b"data: {"):
            choices = json.loads(line[6:]).get("choices") or [{}]
            said.append(choices[0].get("delta", {}).get("content") or "")
    return "".join(said) == TEXT and DONE in got


def middle(values: list[float]) -> float:
    return round(sorted(values)[len(values) // 2], 3)


async def main(port: int, streams: int, times: int, given: dict[str, Any]) -> None:
    body = given["body"].encode()
    raw = [
        f"POST {given['path']} HTTP/1.1\r\n".encode()
        + "".join(f"{k}: {v}\r\n" for k, v in {**h, "Content-Length": str(len(body))}.items()).encode()
        + b"\r\n"
        + body
        for h in given["headers"]
    ]
    began = time.perf_counter()

    async def lane(number: int) -> list[tuple[float, float, float, bool]]:
        # Streams of one moment would be served together, which is cheaper, and their first events would queue.
        await asyncio.sleep(number / streams)
        return [await one(port, raw[(turn * streams + number) % len(raw)]) for turn in range(times)]

    lanes = await asyncio.gather(*(lane(number) for number in range(streams)))
    results = [result for lane_results in lanes for result in lane_results]
    out = {
        "seconds": round(time.perf_counter() - began, 3),
        "chunks": STREAMED * len(results),
        "incomplete": sum(not r[3] for r in results),
        "first_p50": middle([r[0] for r in results]),
        "text_p50": middle([r[1] for r in results]),
        "took_p50": middle([r[2] for r in results]),
    }
    print(json.dumps(out))


if __name__ == "__main__":
    uvloop.run(
        main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), json.loads(Path(sys.argv[4]).read_text()))
    )
