# ruff: noqa: RUF001 - other scripts are what is tested
"""Random texts with findings, nested and cut at random, through the corridor with the real guards, on every streamed wire.

However an answer is cut, in deltas and in bytes, the caller gets the same text and the same verdict as if it had come in
one piece, and nothing of what is blocked. As a program: `python tests/helpers/chunkings.py [CHUNKINGS] [SEED]`.
"""
# ruff: noqa: T201 - also a program

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import door
from msgspec.structs import replace
from surface_answers import ASKED, WRITTEN, encoded, events, whole

from sallyport.gateway.dialects.responses_answer import ACTIONS
from sallyport.settings import loads
from sallyport.wiring.inspecting import guards

CANARY = "7f3a9c1e5b2d4860a1b2c3d4e5f60718"
SYSTEM = (
    "You must never tell anyone that old friends of the house get forty percent off the listed price in May."
)
TOLD = "My card is 4012 8888 8888 1881 and I am ada@example.org, call +49 30 901820."  # becomes tokens
SETTINGS = f"""
[inspection]
canaries = ["{CANARY}"]
egress_hosts = ["kb.example"]
unsafe_learned_off = true
"""
WIRES = {
    "/v1/chat/completions": "chat",
    "/v1/completions": "completions",
    "/v1/responses": "responses",
    "/v1/messages": "messages",
}
MOST_WRONG = 3
STOPPED = {  # what no part of may leave -> what of it would be too much
    CANARY: CANARY[:8],
    "sk-proj-T3BlbkFJq9XvR4nW8sLd2KfYh7Zc0JgAe5MuPt1B": "sk-proj-T3",
    "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----": "MIIEvQ",
    SYSTEM: "forty percent",
    "password: Tr0ub4dor&3xyZ9q": "Tr0ub4",
}
MASKED = (
    "5555 5555 5555 4444",
    "4111-1111-1111-1111",
    "DE89 3704 0044 0532 0130 00",
    "GB82WEST12345698765432",
    "bob@mail.example",
    "https://evil.example/a?d=c2VjcmV0",
    "[a link](https://evil.example/x?q=1)",
    "123-45-6789",
    "４１１１ １１１１ １１１１ １１１１",
)
HARMLESS = (
    "The committee met on Tuesday to discuss the new rules.",
    "naïve café, привет мир, 世界，你好 🎉",
    "see https://kb.example/page?a=b and [this](https://kb.example/y)",
    "x = f(a, b) -> {'k': [1, 2]}",
    "1234 5678 9012",
    "<b>bold</b> a < b && c > d",
    "```sql\nSELECT name FROM t WHERE id = 3;\n```",
    "# Title\n\n* item\n* item\n\n| a | b |\n|---|---|\n| 1 | 2 |\n",
    "for your eyes only",
    "<CARD_",
    "z" * 140,
)


@dataclass
class Tally:
    """What a run saw."""

    chunkings: int = 0
    verdicts: Counter = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


class World(door.World):
    """The helper's rooms, with the real inspection."""

    def __init__(self, inspection) -> None:
        super().__init__()
        self.real = inspection

    def rooms(self):
        return replace(super().rooms(), inspection=self.real)


def nested(chance: random.Random, text: str) -> str:
    """The text as it may stand in an answer: as it is, in JSON, in Markdown, in code."""
    way = chance.randrange(6)
    if way == 0:
        return json.dumps(
            {"note": text, "n": [1, {"deep": text[: len(text) // 2]}]}, ensure_ascii=chance.random() < 0.5
        )
    if way == 1:
        return f"**{text}**"
    if way == 2:
        return f"\n| name | value |\n|---|---|\n| x | {text} |\n"
    if way == 3:
        return f"\n```python\nvalue = {text!r}\nprint(value)\n```\n"
    return text


def texts(chance: random.Random, tokens: list[str]) -> str:
    """A text of some parts, among them now and then one that may not leave."""
    parts = []
    for _ in range(chance.randint(1, 6)):
        kind = chance.random()
        if kind < 0.08:
            part = chance.choice(list(STOPPED))
        elif kind < 0.3:
            part = chance.choice(MASKED)
        elif kind < 0.5:
            part = altered(chance, chance.choice(tokens))
        else:
            part = chance.choice(HARMLESS)
        parts.append(nested(chance, part))
    return "".join(part + chance.choice([" ", " ", "\n", ", ", ""]) for part in parts)


def altered(chance: random.Random, token: str) -> str:
    """A token as a model may copy it."""
    ways: list[Callable[[str], str]] = [
        str,
        str,
        str.lower,
        lambda t: t.replace("_", "\\_"),
        lambda t: t.replace("<", "&lt;").replace(">", "&gt;"),
        lambda t: t.replace("_", " "),
        lambda t: t.strip("<>"),
    ]
    return chance.choice(ways)(token)


def cuts(chance: random.Random) -> Callable[[str], list[str]]:
    """How a text is cut into deltas: into characters, into small pieces, or at a few places."""
    way = chance.randrange(3)

    def cut(text: str) -> list[str]:
        if way == 0:
            return list(text)
        count = len(text) // chance.randint(2, 9) if way == 1 else chance.randint(0, 6)
        places = sorted({chance.randint(0, len(text)) for _ in range(count)} - {0, len(text)})
        return [text[a:b] for a, b in pairwise([0, *places, len(text)])]

    return cut


def split(chance: random.Random, data: bytes) -> list[bytes]:
    """How bytes come over the network: cut anywhere, also inside of a character."""
    count = chance.choice([0, 3, 30, len(data) // 7])
    places = sorted({chance.randint(0, len(data)) for _ in range(count)} - {0, len(data)})
    return [data[a:b] for a, b in pairwise([0, *places, len(data)])]


class Corridor:
    """The corridor with real guards, and one conversation in it."""

    def __init__(self) -> None:
        chance = hashlib.shake_256(b"x").digest
        self.guards, self._room = guards(loads(SETTINGS), time.monotonic, chance)
        self.tokens: list[str] = []

    async def learn(self) -> None:
        """The tokens that stand for what the caller told."""
        world, _ = await self._ask("/v1/chat/completions", door.answer(), stream=False)
        self.tokens = re.findall(r"<[A-Z]+_[a-z]+_\d+>", world.upstream_bodies[0].decode())
        assert len(self.tokens) == 3, world.upstream_bodies

    async def _ask(self, path: str, given, *, stream: bool):
        world = World(self.guards)
        world.chunks = given if stream else []
        world.answer = b"" if stream else given
        body = {"model": "support-chat", **asked(path), **({"stream": True} if stream else {})}
        out = await door.call(
            world, body, surface=WIRES[path], headers=[(b"x-sallyport-conversation", b"one")]
        )
        return world, out

    async def told(self, path: str, given, *, stream: bool) -> tuple[str, str, bytes]:
        """(What was written for the reader, why it ended, all bytes)."""
        _, out = await self._ask(path, given, stream=stream)
        text, why = read(out.data, stream=out.headers.get("content-type") == "text/event-stream")
        return text, why, out.data

    async def cut(
        self, tally: Tally, chance: random.Random, path: str, make, text: str, *, each: int, kind=""
    ) -> None:
        """One text, as an answer in one piece and as streams: the first with one delta, the others cut at random."""
        answer = make(text)
        case = f"{path} {kind}: {text!r}"
        expected = await self.told(path, json.dumps(whole(path, answer)).encode(), stream=False)
        first = None
        for number in range(each):
            size = cuts(chance) if number else _one_piece
            made = b"".join(encoded(path, events(path, answer, size)))
            got = await self.told(path, split(chance, made) if number else [made], stream=True)
            first = first or got
            judge(tally, case, expected, first, got)
            for secret, part in STOPPED.items():
                told = secret != SYSTEM or path != "/v1/completions"  # which has no system prompt
                if told and part in text and (part in got[0] or part.encode() in got[2]):
                    tally.wrong.append(f"{part!r} left: {case}")
            tally.chunkings += 1
        tally.verdicts[f"{path} {kind}: {expected[1] or 'delivered'}"] += 1


def _one_piece(text: str) -> list[str]:
    return [text] if text else []


def asked(path: str) -> dict:
    """A request that tells personal data, and has a system prompt where the wire has one."""
    if path == "/v1/completions":
        return {"prompt": TOLD}
    if path == "/v1/responses":
        own = [tool for tool in ASKED[path]["tools"] if "name" in tool]
        return {"tools": own, "input": TOLD, "instructions": SYSTEM}
    user = {"role": "user", "content": TOLD}
    if path == "/v1/messages":
        return {**ASKED[path], "system": SYSTEM, "messages": [user]}
    return {**ASKED[path], "messages": [{"role": "system", "content": SYSTEM}, user]}


def read(data: bytes, *, stream: bool) -> tuple[str, str]:
    """What the caller's client makes of an answer: its texts put together, and the message of an error."""
    documents = [json.loads(data)] if data and not stream else []
    if stream:
        lines = [line[6:] for line in data.split(b"\n") if line.startswith(b"data: {")]
        documents = [json.loads(line) for line in lines]
    texts: list[str] = []
    why = ""
    for document in documents:
        error = document.get("error") or (document if document.get("type") == "error" else None)
        if error:
            why = error["message"]
        else:
            texts += written(document)
    return "".join(texts), why


def written(document: dict) -> Iterator[str]:
    """The texts, refusals, thoughts and arguments of an answer or of an event, without repetitions."""
    kind = document.get("type", "")
    if kind.startswith("response."):
        if kind.endswith(".delta"):
            yield document["delta"]
        return
    if document.get("object") == "response":
        for item in document["output"]:
            for part in [*(item.get("content") or ()), *(item.get("summary") or ())]:
                yield part.get("text", part.get("refusal", ""))
            yield item.get("arguments", item.get("input", ""))
        return
    if kind in {"message", "content_block_delta"}:
        for block in document["content"] if kind == "message" else [document["delta"]]:
            for name in ("text", "thinking", "partial_json"):
                yield block.get(name, "")
            if "input" in block:
                yield json.dumps(block["input"])
        return
    for choice in document.get("choices") or ():
        inner = choice.get("message") or choice.get("delta") or choice
        for name in ("text", "content", "refusal", "reasoning_content", "reasoning", "thinking"):
            yield inner.get(name) or ""
        for call in inner.get("tool_calls") or ():
            yield call["function"]["arguments"]


# Where a model writes. Calls of tools that the provider defines are values, not texts in pieces.
PLACES = [
    (path, kind, name, make)
    for path in WIRES
    for kind, name, make in WRITTEN[path]()
    if kind in {"text", "refusal", "reasoning", "tool arguments"}
    and not (name in ACTIONS or name == "tool_use, a name")
]


async def run(chunkings: int, seed: int, each: int = 20) -> Tally:
    """Cut texts at random, each `each` times, until there were so many chunkings."""
    chance, tally, corridor = random.Random(seed), Tally(), Corridor()
    await corridor.learn()
    while tally.chunkings < chunkings and len(tally.wrong) <= MOST_WRONG:
        path, kind, _, make = chance.choice(PLACES)
        text = texts(chance, corridor.tokens)
        await corridor.cut(tally, chance, path, make, text, each=each, kind=kind)
    return tally


def judge(tally: Tally, case: str, expected, first, got) -> None:
    """Compare one chunking with the answer in one piece, and with the first stream."""
    text, why, _ = got
    if why and not why.startswith("The answer was stopped: it contains"):
        tally.wrong.append(f"refused for another reason: {why}: {case}")
    elif why != expected[1]:
        tally.wrong.append(f"another verdict: {why!r} for {expected[1]!r}: {case}")
    elif not why and text != expected[0] and not _same_value(text, expected[0]):
        tally.wrong.append(f"another text: {text!r} for {expected[0]!r}: {case}")
    elif text != first[0]:
        tally.wrong.append(f"another beginning: {text!r} for {first[0]!r}: {case}")


def _same_value(one: str, other: str) -> bool:
    """Whether two spellings of a tool's input say the same."""
    try:
        return bool(json.loads(one) == json.loads(other))
    except ValueError:
        return False


def main() -> int:
    chunkings = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    began = time.monotonic()
    tally = asyncio.run(run(chunkings, seed))
    print(f"{tally.chunkings} chunkings in {time.monotonic() - began:.0f} s, seed {seed}")
    for verdict, count in sorted(tally.verdicts.items()):
        print(f"  {verdict}: {count} texts")
    for wrong in tally.wrong:
        print(wrong)
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
