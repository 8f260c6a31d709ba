"""A door with obedient rooms, in process. Every effect goes to one ordered transcript; any port can be broken."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from types import SimpleNamespace

from sallyport.gateway.counts import RefusalCounts
from sallyport.gateway.dialects.anthropic_messages import AnthropicCount, AnthropicMessages
from sallyport.gateway.dialects.completions import Completions
from sallyport.gateway.dialects.openai_chat import OpenAIChat
from sallyport.gateway.dialects.openai_embeddings import OpenAIEmbeddings
from sallyport.gateway.dialects.responses import Responses
from sallyport.gateway.exchange import Exchange
from sallyport.gateway.limits import Limits
from sallyport.gateway.pipeline import BEFORE_SENDING, Pipeline
from sallyport.gateway.ports import Rooms
from sallyport.model import Appended, Decision, Device, Finding, Model, Principal, TlsFacts

CANARY = "CANARY-3f9a"  # blocked wherever it is seen
CARD = "4111111111111111"  # masked on the way in, redacted on the way out
TOKEN = "<CARD_n_1>"
PRINCIPAL = Principal(id="local|sam", roles=("support-agent",), mfa=True, session="s1")
MODEL = Model(
    name="support-chat",
    segment="support",
    environment="prod",
    upstream="u",
    upstream_model="real-model",
    surfaces=("chat", "responses", "completions", "embeddings", "messages"),
)
DIALECTS = {
    "chat": OpenAIChat(),
    "responses": Responses(),
    "completions": Completions(),
    "embeddings": OpenAIEmbeddings(),
    "messages": AnthropicMessages(),
    "count_tokens": AnthropicCount(),
}
LIMITS = Limits(stage_seconds=0.3, body_seconds=0.3, tick_seconds=0.05, keepalive_seconds=60.0)


class Released:
    def __init__(self, text="", findings=(), blocked=None):
        self.text, self.findings, self.blocked = text, findings, blocked


def finding(kind, text, value, action, leaf=0):
    at = text.index(value)
    return Finding(type=kind, start=at, end=at + len(value), action=action, leaf=leaf)


def permitted(question):
    """As the default policy does: a tool that is declared, and of data what the caller brought."""
    if question.data is not None:
        return (
            question.data.origin
            in {"see": ("caller", "context"), "pass_to_tool": ("caller",)}[question.action]
        )
    return question.tool is None or question.tool.declared


class World:
    """The rooms, their effects in order, and what the upstream got."""

    def __init__(self):
        self.effects = []
        self.entries = []
        self.upstream_bodies = []
        self.answer = b""
        self.chunks = []
        self.status = 200
        self.answer_headers = {"content-type": "application/json"}
        self.faults = {}  # effect name -> callable run in its place
        self.valid = True
        self.settled = []
        self.index = itertools.count()

    def note(self, effect):
        self.effects.append(effect)

    async def maybe(self, name, value):
        """The effect itself, or the fault that the test put in its place."""
        self.note(name)
        if name in self.faults:
            result = self.faults[name]()
            return await result if asyncio.iscoroutine(result) else result
        return value

    def maybe_now(self, name, value):
        self.note(name)
        return self.faults[name]() if name in self.faults else value()

    # the ports
    def edge(self, headers):
        return self.maybe_now("edge", lambda: (TlsFacts(version="TLSv1.3"), "192.0.2.1", headers))

    async def identify(self, headers, tls):
        return await self.maybe("identify", PRINCIPAL)

    def still_valid(self, principal):
        return self.valid

    async def device(self, principal, headers, tls):
        return await self.maybe("posture", Device())

    def epoch(self):
        return 0

    def stop(self, question):
        return None

    def decide(self, question):
        return self.maybe_now(
            f"decide:{question.action}",
            lambda: Decision(
                allowed=permitted(question),
                policies=() if question.data is not None and not permitted(question) else ("p",),
                version="v",
            ),
        )

    def refusal(self, decision, question):
        from sallyport.errors import Refusal

        return Refusal(code="access_denied", policy="default-deny")

    def visible_models(self, principal, device, tls):
        return (MODEL,)

    def explain(self, question):
        return {}

    def reserve(self, principal, model, *, input_tokens, output_tokens, choices):
        return self.maybe_now("reserve", lambda: "reservation")

    def settle(self, reservation, usage):
        self.note("settle")
        self.settled.append(usage)
        return 0.0

    def budget_headers(self, principal):
        return (("x-ratelimit-remaining-requests", "9"),)

    versions = {"rules": "1"}
    plug_ins = frozenset()
    data_types = frozenset()
    stop_tools = False

    async def inspect(self, leaves, direction, roles, *, system=(), segment=""):
        found = []
        for number, leaf in enumerate(leaves):
            if CANARY in leaf.text:
                found.append(finding("canary", leaf.text, CANARY, "block", number))
            if CARD in leaf.text:
                found.append(finding("card", leaf.text, CARD, "mask", number))
        return await self.maybe(f"inspect:{direction}", tuple(found))

    async def inspect_released(self, text, roles):
        return None

    def sealed(self, texts, roles, segment=""):
        return next((finding("canary", text, CANARY, "block") for text in texts if CANARY in text), None)

    def vault(self, principal, conversation, segment=""):
        return self.maybe_now("vault", lambda: self)

    def mask(self, text, findings, *, own=False):
        return self.maybe_now("mask", lambda: text.replace(CARD, TOKEN) if findings else text)

    mask_arguments = mask

    def learn(self, system):
        pass

    def is_apart(self, text, findings):
        return False

    def values(self):
        return ()

    def guard(self, vault, roles, system, reader, segment="", signed=frozenset()):
        return Guard(self, signed)

    async def append(self, entry, payload=None):
        entry = json.loads(json.dumps(dict(entry)))
        result = await self.maybe(f"log:{entry['kind']}", None)
        if result is not None:
            return result
        self.entries.append(entry)
        return Appended(shard="s", index=next(self.index), leaf_hash=b"h" * 32, promise="v1;promise")

    async def seal(self, *, owner, request, part, text, values):
        return await self.maybe(f"seal:{part}", b"sealed")

    def pseudonym(self, subject):
        return "p-" + str(abs(hash(subject)))[:8]

    async def send(self, model, surface, body, *, stream):
        self.upstream_bodies.append(body)
        return await self.maybe("send", Answer(self))

    def rooms(self):
        budgets = SimpleNamespace(reserve=self.reserve, settle=self.settle, headers=self.budget_headers)
        clock = SimpleNamespace(now=time.time, monotonic=time.monotonic, random=lambda n: b"r" * n)
        return Rooms(
            edge=self.edge,
            identity=self,
            posture=self,
            access=self,
            budgets=budgets,
            inspection=self,
            log=self,
            sealer=self,
            upstreams=self,
            models={"support-chat": MODEL},
            clock=clock,
        )


class Guard:
    """Holds nothing back; blocks the canary, redacts cards, restores the token. Signed text stays as it is."""

    def __init__(self, world, signed=frozenset()):
        self.world, self.signed = world, signed

    def _release(self, text):
        if CANARY in text:
            return Released(blocked=finding("canary", text, CANARY, "block"))
        return Released(text.replace(CARD, "[CARD]").replace(TOKEN, CARD))

    def feed_text(self, choice, field, text):
        release = self._as_it_is if field in self.signed else self._release
        return self.world.maybe_now("guard", lambda: release(text))

    def _as_it_is(self, text):
        stopped = next((value for value in (CANARY, CARD) if value in text), None)
        return Released(blocked=finding("x", text, stopped, "block")) if stopped else Released(text)

    def finish_text(self, choice, field):
        return self.world.maybe_now("guard_finish", Released)

    def whole(self, text, findings):
        return self.world.maybe_now("guard", lambda: self._release(text))

    def arguments(self, text, findings, reader):
        return self.whole(text, findings)


class Answer:
    def __init__(self, world):
        self.world, self.status, self.headers = world, world.status, world.answer_headers
        self.idle_seconds, self.total_seconds = 5.0, 5.0
        self._take = None

    def offer(self, take):
        self._take = take

    async def body(self):
        return await self.world.maybe("body", self.world.answer)

    async def chunks(self):
        for number, chunk in enumerate(self.world.chunks):
            if "chunk" in self.world.faults and number == 1:
                await self.world.maybe("chunk", None)
            if number % 2 and self._take is not None and self._take(chunk):
                continue  # as a connection does while its reader waits
            yield chunk
        self.world.note("chunks_end")

    async def close(self):
        self.world.note("close")


class Out:
    def __init__(self, world):
        self.world, self.started, self.finished = world, False, False
        self.status, self.headers, self.data = None, {}, b""

    async def head(self, status, headers):
        if not self.started:
            self.started, self.status, self.headers = True, status, dict(headers)
            self.world.note("head")

    async def write(self, data, *, last=False):
        self.data += data
        self.finished = self.finished or last
        self.world.note("last_byte" if last else "write")

    def flows(self):
        return self.started and not self.finished

    def push(self, data):
        self.data += data
        self.world.note("write")

    def json(self):
        return json.loads(self.data)

    def events(self):
        """The data of each event, whether it has a name or not."""
        blocks = [block.rpartition("\n")[2] for block in self.data.decode().split("\n\n")]
        return [block[6:] for block in blocks if block.startswith("data: ")]


def chat(**more):
    return {"model": "support-chat", "messages": [{"role": "user", "content": "hello"}], **more}


def answer(content="hi", **message):
    return json.dumps(
        {
            "id": "c1",
            "object": "chat.completion",
            "created": 1,
            "model": "real-model",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": content, **message},
                    "finish_reason": "stop",
                }
            ],
            "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
        }
    ).encode()


def delta(index=0, finish=None, **delta):
    return {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "real-model",
        "choices": [{"index": index, "delta": delta, "finish_reason": finish}],
    }


def sse(*events):
    return [f"data: {e if isinstance(e, str) else json.dumps(e)}\n\n".encode() for e in events]


async def call(
    world, body, *, surface="chat", headers=(), before=BEFORE_SENDING, limits=LIMITS, raw=None, hang_up=None
):
    """One call through the corridor. Returns the Out."""
    data = raw if raw is not None else json.dumps(body).encode()
    out = Out(world)
    sent = False

    async def receive():
        nonlocal sent
        if not sent:
            sent = True
            return {"type": "http.request", "body": data, "more_body": False}
        await (hang_up or asyncio.Event()).wait()
        return {"type": "http.disconnect"}

    exchange = Exchange(
        request_id="req_1",
        headers=[(b"content-type", b"application/json"), *headers],
        dialect=DIALECTS[surface],
        receive=receive,
        out=out,
    )
    world.counts = RefusalCounts()
    await Pipeline(world.rooms(), limits, world.counts, before).run(exchange)
    world.exchange = exchange
    return out
