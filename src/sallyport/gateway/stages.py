"""Stages 1 to 9: everything before a byte leaves. Each fills the exchange, or returns why it refuses.

A stage believes no one's type: what a room hands back is checked before it is used, so that a room which
lies ends as a refusal.
"""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from functools import partial
from typing import TypeVar

from msgspec.structs import replace

from sallyport.errors import Fault, Refusal
from sallyport.gateway import body, json_size, records, strict_json
from sallyport.gateway.aside import aside
from sallyport.gateway.dialects.base import Dialect, Options
from sallyport.gateway.exchange import Exchange
from sallyport.gateway.limits import Limits
from sallyport.gateway.outcome import input_blocked
from sallyport.gateway.ports import Question, Rooms
from sallyport.model import (
    HIDING,
    REFUSING,
    SEVERITY,
    Appended,
    Call,
    Decision,
    Device,
    Finding,
    Leaf,
    Principal,
    TlsFacts,
)

T = TypeVar("T")
ACTIONS = {
    "chat": "chat",
    "messages": "chat",
    "responses": "chat",
    "completions": "chat",
    "embeddings": "embed",
}
CONVERSATION = re.compile(r"[A-Za-z0-9._-]{1,128}")
OWN = {"user", "system"}  # channels in which the caller speaks; others may pass on what strangers wrote
OPENING_BYTES = 32
_LEAVES_A_TURN = 512  # that are masked before others get their turn


def expect(value: object, kind: type[T]) -> T:
    """`value`, if it is what it should be. Raises Fault: a room that lies is a room that failed."""
    if not isinstance(value, kind):
        raise Fault(f"{type(value).__name__} instead of {kind.__name__}")
    return value


async def identify(x: Exchange, rooms: Rooms, _limits: Limits) -> Refusal | None:
    """1: who calls, from the headers alone."""
    asserted = rooms.edge(x.headers)
    if isinstance(asserted, Refusal):
        return asserted
    tls, x.peer, x.headers = asserted
    x.tls = expect(tls, TlsFacts)
    principal = await rooms.identity.identify(x.headers, x.tls)
    if isinstance(principal, Refusal):
        return principal
    x.principal = expect(principal, Principal)
    return None


async def posture(x: Exchange, rooms: Rooms, _limits: Limits) -> Refusal | None:
    """2: what is known of the device."""
    device = await rooms.posture.device(expect(x.principal, Principal), x.headers, x.tls)
    if isinstance(device, Refusal):
        return device
    x.device = expect(device, Device)
    return None


async def parse(x: Exchange, _rooms: Rooms, limits: Limits) -> Refusal | None:
    """3: the body, in its dialect."""
    problem = body.check_headers(x.headers, limits.body_bytes)
    if problem is not None:
        return problem
    raw = await _read(x, limits)
    if isinstance(raw, Refusal):
        return raw
    read = partial(_call, x.dialect, raw, limits)
    call = read() if json_size.is_quick(raw) else await aside(read)
    if isinstance(call, Refusal):
        return call
    x.call = expect(call, Call)
    return _conversation(x)


def _call(dialect: Dialect, raw: bytes, limits: Limits) -> Call | Refusal:
    if json_size.has_more(raw, limits.json_values):
        return Refusal(
            code="json_too_many", message=f"The body holds more than {limits.json_values} values and members."
        )
    document = strict_json.decode(raw)
    if isinstance(document, Refusal):
        return document
    plain = dialect.plain(raw, document, limits.json_depth)
    if plain is not None:
        return plain
    return strict_json.judge(raw, document, depth=limits.json_depth) or dialect.parse(
        raw,
        document,
        Options(
            fields=limits.allow_fields,
            provider_tools=limits.allow_provider_tools,
            uninspected=limits.allow_uninspected,
        ),
    )


async def _read(x: Exchange, limits: Limits) -> bytes | Refusal:
    """The body. It may take its own time to arrive, which is not that of the stages together."""
    if x.deadline is not None:
        x.deadline.extend(limits.body_seconds)
    raw = await body.read(x.receive, limit=limits.body_bytes)
    x.body_read = True
    if x.deadline is not None:
        x.deadline.extend(limits.stage_seconds)
    return raw


def _conversation(x: Exchange) -> Refusal | None:
    names = [value for name, value in x.headers if name == b"x-sallyport-conversation"]
    if not names:
        return None
    name = names[0].decode("latin-1")
    if len(names) > 1 or not CONVERSATION.fullmatch(name):
        return Refusal(code="conversation_invalid", param="x-sallyport-conversation")
    x.conversation = name
    return None


async def route(x: Exchange, rooms: Rooms, _limits: Limits) -> Refusal | None:
    """4: model name to segment."""
    call = expect(x.call, Call)
    model = rooms.models.get(call.model)
    if model is None:
        return Refusal(code="model_unknown", param="model")
    x.model = model
    if call.surface not in model.surfaces:
        return Refusal(code="model_surface", param="model")
    return None


def question(x: Exchange, action: str, **more: object) -> Question:
    """The question to the policy engine about this call."""
    return Question(
        principal=expect(x.principal, Principal),
        device=x.device,
        tls=x.tls,
        action=action,
        model=x.model,
        surface=x.dialect.surface,
        stream=x.call.stream if x.call else False,
        tainted=any(leaf.channel in {"tool_result", "document"} for leaf in x.call.leaves)
        if x.call
        else False,
        **more,  # type: ignore[arg-type]
    )


async def authorise(x: Exchange, rooms: Rooms, _limits: Limits) -> Refusal | None:
    """5: may they."""
    x.epoch, x.decided_at = rooms.access.epoch(), int(rooms.clock.now())
    asked = question(x, ACTIONS[x.dialect.surface])
    x.decision = expect(rooms.access.decide(asked), Decision)
    if x.decision.allowed is not True or x.decision.errors:
        return expect(rooms.access.refusal(x.decision, asked), Refusal)
    for kind in x.call.uninspected if x.call else ():
        asked = question(x, "send_uninspected", uninspected=kind)
        decision = expect(rooms.access.decide(asked), Decision)
        if decision.allowed is not True or decision.errors:
            x.decision = decision
            return expect(rooms.access.refusal(decision, asked), Refusal)
        x.decision = replace(x.decision, policies=x.decision.policies + decision.policies)
    return None


def stopped(x: Exchange, rooms: Rooms) -> Refusal | None:
    """Why a running answer may not go on. What ages by itself, as the second factor does, stays as it was decided."""
    principal = expect(x.principal, Principal)
    if rooms.identity.still_valid(principal) is not True:
        return Refusal(code="token_revoked")
    epoch = rooms.access.epoch()
    if epoch == x.epoch and not principal.granted:
        return None
    refusal = rooms.access.stop(question(x, ACTIONS[x.dialect.surface], at=x.decided_at))
    if refusal is None:
        x.epoch = epoch
    return refusal


async def budget(x: Exchange, rooms: Rooms, limits: Limits) -> Refusal | None:
    """6: how much they may."""
    call = expect(x.call, Call)
    assert x.model is not None
    output = (call.max_output_tokens or limits.default_output_tokens) if x.dialect.generates else 0
    reserved = rooms.budgets.reserve(
        expect(x.principal, Principal),
        x.model,
        input_tokens=call.input_tokens_estimate,
        output_tokens=output,
        choices=call.choices,
    )
    if isinstance(reserved, Refusal):
        return reserved
    if reserved is None:
        raise Fault("no reservation")
    x.reservation = reserved
    return None


async def inspect_input(x: Exchange, rooms: Rooms, _limits: Limits) -> Refusal | None:
    """7: every string leaf."""
    call = expect(x.call, Call)
    found = await rooms.inspection.inspect(call.leaves, "input", x.roles, segment=x.segment)
    x.findings += check_findings(found, call.leaves)
    refused = [finding for finding in x.findings if finding.action in REFUSING]
    if refused:
        first = max(refused, key=lambda finding: SEVERITY[finding.action])
        return input_blocked(first, strict_json.dotted(call.leaves[first.leaf].path))
    if not json_size.is_quick(call.raw) and x.system:
        await aside(partial(rooms.inspection.learn, x.system))
    return None


def check_findings(found: object, leaves: tuple[Leaf, ...]) -> tuple[Finding, ...]:
    """Findings whose spans lie inside their leaves. Raises Fault otherwise."""
    for finding in expect(found, tuple):
        finding = expect(finding, Finding)  # noqa: PLW2901 - the same finding, checked
        if not 0 <= finding.leaf < len(leaves):
            raise Fault("a finding of no leaf", code="inspection_failed")
        if not 0 <= finding.start <= finding.end <= len(leaves[finding.leaf].text):
            raise Fault("a finding outside its text", code="inspection_failed")
    return found  # type: ignore[return-value]


async def mask(x: Exchange, rooms: Rooms, _limits: Limits) -> Refusal | None:
    """8: findings become tokens of this conversation."""
    call = expect(x.call, Call)
    assert x.model is not None
    x.vault = rooms.inspection.vault(expect(x.principal, Principal), x.conversation, x.segment)
    per_leaf: dict[int, list[Finding]] = defaultdict(list)
    for finding in x.findings:
        if finding.action in HIDING:
            per_leaf[finding.leaf].append(finding)
    edits: dict[strict_json.Path, str] = {}
    for index, leaf in enumerate(call.leaves):
        found = per_leaf.get(index, [])
        if strict_json.KEY in leaf.path or leaf.path in call.signed:
            if found:  # to mask a member name, or what was signed, would change what the document means
                return input_blocked(found[0], strict_json.dotted(leaf.path))
            continue
        hide = (
            x.vault.mask_arguments
            if leaf.channel == "tool_arguments"
            else partial(x.vault.mask, own=leaf.channel in OWN)
        )
        work = partial(hide, leaf.text, found)
        masked = expect(await aside(work) if x.vault.is_apart(leaf.text, found) else work(), str)
        if index % _LEAVES_A_TURN == _LEAVES_A_TURN - 1:
            await asyncio.sleep(0)
        if found and masked == leaf.text:
            raise Fault("a value was not masked", code="inspection_failed")
        if masked != leaf.text:
            edits[leaf.path] = masked
    written = partial(x.dialect.outgoing, call, x.model.upstream_model, edits)
    x.outgoing = written() if json_size.is_quick(call.raw) else await aside(written)
    return None


async def record_intent(x: Exchange, rooms: Rooms, _limits: Limits) -> Refusal | None:
    """9: durable before anything leaves. No record, no call."""
    principal = expect(x.principal, Principal)
    x.opening = rooms.clock.random(OPENING_BYTES)
    x.delivered.update(x.opening)
    sealed = await rooms.sealer.seal(
        owner=principal.id,
        request=x.request_id,
        part="request",
        text=x.outgoing,
        values=x.vault.values() if x.vault else (),
    )
    entry = records.intent(x, pseudonym=rooms.sealer.pseudonym, versions=rooms.inspection.versions)
    x.intent = expect(await rooms.log.append(entry, sealed), Appended)
    return None


def at(refusal: Refusal, stage: str) -> Refusal:
    """The refusal, marked with the stage that gave it."""
    return refusal if refusal.stage else replace(refusal, stage=stage)
