"""Who gets which data of an answer, on the way through the corridor: the default policy, the real guards."""

from __future__ import annotations

import json

import door
import pytest
import pytest_asyncio
from msgspec.structs import replace

from sallyport.access.room import AccessRoom
from sallyport.model import Decision
from sallyport.settings import loads
from sallyport.wiring import adapters
from sallyport.wiring.evidence import delivered
from sallyport.wiring.inspecting import Inspector

pytestmark = pytest.mark.asyncio(loop_scope="module")

SETTINGS = """
[inspection]
unsafe_learned_off = true
refused_tool_data = "{refused}"
[[inspection.actions]]
type = "phone"
direction = "output"
action = "flag"
[[inspection.actions]]
type = "iban"
direction = "output"
action = "redact"
"""
LIMITS = replace(door.LIMITS, stage_seconds=30.0)
CARD, MAIL, PHONE, IBAN = (
    "4111 1111 1111 1111",
    "ann@example.com",
    "+49 30 901820",
    "DE89 3704 0044 0532 0130 00",
)
TOOLS = [{"type": "function", "function": {"name": name}} for name in ("mail", "look")]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def guards():
    async with Inspector(loads(SETTINGS.format(refused="keep"))) as one:
        yield one._guards


class Feed:
    def epoch(self):
        return 0


class NoGrants:
    def lock(self, principal, action, model):
        return None


class World(door.World):
    """The door in process, with the real guards, and policies about data; of all else it permits everything."""

    def __init__(self, guards, policies=None, roles=("support-agent",)):
        super().__init__()
        self.inspection, self.principal, self.asked = guards, replace(door.PRINCIPAL, roles=roles), []
        room = AccessRoom.build(policies, (door.MODEL,), {"support": "prod"}, extend_default=True)
        self.policies = adapters.Policies(room, Feed(), NoGrants(), lambda: 0.0)

    async def identify(self, headers, tls):
        return self.principal

    def decide(self, question):
        if question.data is not None:
            self.asked.append((question.action, question.tool and question.tool.name, question.data))
        return self.policies.decide(question)

    def rooms(self):
        return replace(super().rooms(), inspection=self.inspection)


def called(name, arguments):
    return [{"id": "c9", "type": "function", "function": {"name": name, "arguments": arguments}}]


def conversation(user="", tool="", assistant=""):
    """What a caller, a tool and an earlier answer said."""
    return [
        {"role": "user", "content": user or "hello"},
        {"role": "assistant", "content": assistant or "let me look", "tool_calls": called("look", "{}")},
        {"role": "tool", "tool_call_id": "c9", "content": tool or "nothing"},
    ]


async def ask(world, write, *, stream, messages, tools=TOOLS):
    """An answer whose text and arguments `write` makes of what the model server got."""

    def answer(raw=None):
        text, name, arguments = write(json.loads(world.upstream_bodies[-1])["messages"])
        calls = called(name, arguments) if name else None
        if not stream:
            return door.answer(text, **({"tool_calls": calls} if calls else {}))
        more = [door.delta(tool_calls=[{"index": 0, **calls[0]}])] if calls else []
        pieces = [door.delta(content=text[at : at + 4]) for at in range(0, len(text), 4)]
        return door.sse(*pieces, *more, door.delta(finish="tool_calls" if calls else "stop"), "[DONE]")

    def send():
        made = answer()
        world.chunks, world.answer = (made, b"") if stream else ([], made)
        return door.Answer(world)

    world.faults["send"] = send
    return await door.call(world, door.chat(stream=stream, messages=messages, tools=tools), limits=LIMITS)


def read(out, *, stream):
    """The text and the arguments that the caller got."""
    if not stream:
        message = out.json()["choices"][0]["message"]
        calls = message.get("tool_calls") or []
        return message["content"], [c["function"]["arguments"] for c in calls]
    events = [json.loads(e) if isinstance(e, str) else e for e in out.events() if e != "[DONE]"]
    deltas = [e["choices"][0]["delta"] for e in events]
    calls = [c for d in deltas for c in d.get("tool_calls") or ()]
    return "".join(d.get("content") or "" for d in deltas), [c["function"]["arguments"] for c in calls]


both = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@both
async def test_the_caller_gets_back_what_came_with_the_call_wherever_it_stood(guards, stream):
    world = World(guards)
    said = conversation(user=f"my card is {CARD}", tool=f"their address: {MAIL}")

    def write(sent):
        card, mail = sent[0]["content"][11:], sent[2]["content"][15:]
        assert card.startswith("<CARD_")
        assert mail.startswith("<EMAIL_")
        return f"Your card {card} is known, and so is the address {mail} of theirs.", "", ""

    out = await ask(world, write, stream=stream, messages=said)
    assert (
        read(out, stream=stream)[0] == f"Your card {CARD} is known, and so is the address {MAIL} of theirs."
    )
    assert {(d["class"], d["origin"], d["allowed"]) for d in world.entries[-1]["data"]} == {
        ("card", "caller", True),
        ("email", "context", True),
    }


@both
async def test_a_tool_gets_what_the_caller_wrote_and_not_what_a_tool_brought(guards, stream):
    world = World(guards)
    said = conversation(user=f"my card is {CARD}", tool=f"their address: {MAIL}")
    sent = []

    def write(messages):
        sent[:] = [messages[0]["content"][11:], messages[2]["content"][15:]]
        return "I shall write.", "mail", json.dumps({"card": sent[0], "deep": [json.dumps({"to": sent[1]})]})

    out = await ask(world, write, stream=stream, messages=said)
    (arguments,) = read(out, stream=stream)[1]
    assert json.loads(arguments) == {"card": CARD, "deep": [json.dumps({"to": sent[1]})]}
    assert world.entries[-1]["data"] == [
        {
            "action": "pass_to_tool",
            "class": "card",
            "origin": "caller",
            "allowed": True,
            "policies": ["own-data-to-tools"],
            "count": 1,
        },
        {
            "action": "pass_to_tool",
            "class": "email",
            "origin": "context",
            "allowed": False,
            "policies": [],
            "count": 1,
        },
    ]


@both
async def test_what_the_caller_wrote_is_the_callers_wherever_else_it_stands(guards, stream):
    world = World(guards)
    said = conversation(user=f"write to {MAIL}", tool=f"their address: {MAIL}")
    out = await ask(
        world,
        lambda sent: ("Well.", "mail", json.dumps({"to": sent[2]["content"][15:]})),
        stream=stream,
        messages=said,
    )
    assert json.loads(read(out, stream=stream)[1][0]) == {"to": MAIL}


@both
async def test_a_call_with_what_its_tool_may_not_have_is_stopped_where_the_settings_say_so(
    guards, stream, monkeypatch
):
    world = World(guards)
    monkeypatch.setattr(guards, "stop_tools", True)
    said = conversation(tool=f"their address: {MAIL}")
    out = await ask(
        world,
        lambda sent: ("Well.", "mail", json.dumps({"to": sent[2]["content"][15:]})),
        stream=stream,
        messages=said,
    )
    assert world.entries[-1]["code"] == "tool_data_denied"
    assert b"tool_data_denied" in out.data
    assert b"_1>" not in out.data
    assert b"[DONE]" not in out.data
    assert [d["allowed"] for d in world.entries[-1]["data"]] == [False]
    own = World(guards)
    await ask(
        own,
        lambda sent: ("Well.", "mail", json.dumps({"to": sent[0]["content"][9:]})),
        stream=stream,
        messages=conversation(user=f"write to {MAIL}"),
    )
    assert own.entries[-1]["verdict"] == "delivered"


@both
@pytest.mark.parametrize("roles", [("support-agent",), ("data-viewer", "support-agent")])
async def test_what_a_model_writes_is_hidden_from_those_without_the_right(guards, stream, roles):
    world = World(guards, roles=roles)
    text = f"The other customer pays with {CARD}, or from {IBAN}, as always."
    arguments = json.dumps({"to": MAIL})
    out = await ask(world, lambda _: (text, "mail", arguments), stream=stream, messages=conversation())
    shown = CARD if "data-viewer" in roles else "[CARD]"
    delivered, (given,) = read(out, stream=stream)
    assert delivered == f"The other customer pays with {shown}, or from [IBAN], as always."
    assert json.loads(given) == {"to": "[EMAIL]"}, "the right to see is none to hand on"
    actions = {f["type"]: f["action"] for f in world.entries[-1]["findings"]}
    assert actions == {
        "card": "flag" if "data-viewer" in roles else "mask",
        "iban": "redact",
        "email": "mask",
    }


@both
async def test_a_policy_may_forbid_what_the_settings_let_through(guards, stream, tmp_path):
    (tmp_path / "own.cedar").write_text(
        '@id("no-phones") forbid (principal, action == Sallyport::Action::"see",\n'
        'resource in Sallyport::DataFamily::"contact");\n'
    )
    for policies, shown in ((None, PHONE), (tmp_path, "[PHONE]")):
        world = World(guards, policies)
        out = await ask(
            world, lambda _: (f"Call {PHONE} for it.", "", ""), stream=stream, messages=conversation()
        )
        assert read(out, stream=stream)[0] == f"Call {shown} for it."
    own = World(guards, tmp_path)
    tokens = []

    def write(sent):
        tokens.append(sent[0]["content"][8:])
        return f"You are {tokens[0]} for me.", "", ""

    out = await ask(own, write, stream=stream, messages=conversation(user=f"call me {MAIL}"))
    assert read(out, stream=stream)[0] == f"You are {tokens[0]} for me.", "a token stays one"
    assert tokens[0].startswith("<EMAIL_")


async def test_each_question_is_asked_once_in_a_call(guards):
    world = World(guards)
    said = conversation(user=f"my card is {CARD}")
    out = await ask(
        world,
        lambda sent: (f"{sent[0]['content'][11:]} and so on. " * 20 + f"And {MAIL}. " * 9, "", ""),
        stream=True,
        messages=said,
    )
    assert read(out, stream=True)[0].count(CARD) == 20
    assert len(world.asked) == len(set(world.asked)) == 2


@both
@pytest.mark.parametrize("fault", ["errors", "lies", "raises"])
async def test_without_a_usable_decision_nothing_goes_on(guards, stream, fault):
    world = World(guards)
    decide = world.decide

    def failing(question):
        if question.data is None:
            return decide(question)
        if fault == "raises":
            raise RuntimeError("broken")
        return Decision(allowed=True, errors=("x",)) if fault == "errors" else True

    world.decide = failing
    said = conversation(user=f"my card is {CARD}")
    out = await ask(
        world, lambda sent: (f"So: {sent[0]['content'][11:]} is it.", "", ""), stream=stream, messages=said
    )
    assert CARD.encode() not in out.data
    assert b"[DONE]" not in out.data
    assert world.entries[-1]["verdict"] != "delivered"
    assert world.entries[-1]["code"] == ("stage_failed" if fault == "raises" else "policy_unavailable")


@pytest.mark.parametrize(("word", "stops"), [("keep", False), ("stop", True)])
async def test_the_setting_arrives(word, stops):
    assert Inspector(loads(SETTINGS.format(refused=word)))._guards.stop_tools is stops


class Sealing(World):
    """Keeps what is sealed of an answer."""

    async def seal(self, *, owner, request, part, text, values):
        if part == "answer":
            self.sealed = json.loads(text)
        return b"sealed"


@both
async def test_what_was_hidden_stays_hidden_from_the_caller_who_reads_the_record(guards, stream):
    world = Sealing(guards)
    text = f"They pay with {CARD}, or from {IBAN}, and {CARD} again, as always."
    arguments = json.dumps({"to": MAIL})
    await ask(world, lambda _: (text, "mail", arguments), stream=stream, messages=conversation())
    whole = {t["field"]: t["text"] for t in world.sealed["answer"]}
    assert whole == {"content": text, "tool:mail": arguments}, "for those with the right to it"
    own = {t["field"]: t["text"] for t in delivered(world.sealed)}
    assert own["tool:mail"] == "[EMAIL]"
    assert own["content"] == text.replace(CARD, "[CARD]").replace(IBAN, "[IBAN]")


@both
async def test_an_answer_that_was_stopped_is_not_in_the_callers_record(guards, stream):
    world = Sealing(guards)
    text = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7\n-----END PRIVATE KEY-----"
    await ask(world, lambda _: (text, "", ""), stream=stream, messages=conversation())
    assert world.entries[-1]["code"] == "output_blocked"
    assert "MIIEvQ" in json.dumps(world.sealed["answer"])
    assert delivered(world.sealed) is None
    assert delivered({"answer": world.sealed["answer"]}) is None
