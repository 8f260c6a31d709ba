"""Stages 10 to 13 for an answer that comes in one piece."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

import orjson
from msgspec.structs import replace

from sallyport.errors import Refusal, UpstreamFault
from sallyport.gateway import json_edit, outcome, stages, strict_json, tools
from sallyport.gateway.deadline import Deadline
from sallyport.gateway.dialects.base import AnswerView
from sallyport.gateway.exchange import Exchange
from sallyport.gateway.limits import Limits
from sallyport.gateway.outcome import output_blocked
from sallyport.gateway.ports import Rooms, StreamGuard
from sallyport.gateway.stages import check_findings, expect
from sallyport.model import Finding, Leaf

ANSWER_DEPTH = 64
LONG, PIECE = 2048, 128  # characters: what is guarded in pieces, and how much without a pause


async def deliver(x: Exchange, rooms: Rooms, limits: Limits) -> Refusal | None:
    """Send, guard, record, deliver. Returns why nothing was delivered, or None."""
    raw = await _send(x, rooms)
    x.stage = "inspect_output"
    stopped = stages.stopped(x, rooms)
    if stopped is not None:
        return stopped
    with Deadline(limits.stage_seconds):
        delivered = await _ready(x, rooms, raw)
    if isinstance(delivered, Refusal):
        return delivered
    headers = [("content-type", "application/json"), *outcome.answer_headers(x, rooms)]
    await x.out.head(200, [*headers, ("content-length", str(len(delivered)))])
    await x.out.write(delivered, last=True)
    return None


async def _ready(x: Exchange, rooms: Rooms, raw: bytes) -> bytes | Refusal:
    """What may be delivered, its outcome durable."""
    document: Any = strict_json.decode(raw)
    view = x.dialect.plain_view(raw, document) or _view(x, raw, document)
    x.usage = view.usage
    own = _own_words(x, view) if view.echoes else {}
    if own:
        view = replace(view, leaves=tuple([leaf for leaf in view.leaves if leaf.path[:1] not in own]))
    edits = await _guard(x, rooms, view)
    if isinstance(edits, Refusal):
        return edits
    if edits:
        edits |= x.dialect.implied(document, edits)
    edits |= own
    delivered = json_edit.replace(raw, edits)
    await outcome.record(x, rooms, "delivered", last=delivered)
    return delivered


def _own_words(x: Exchange, view: AnswerView) -> dict[strict_json.Path, Any]:
    """What an answer repeats of the request: the caller gets its own words, not what a model server makes of them."""
    given = x.call.body if x.call else {}
    return {(name,): given[name] for name in view.echoes if given.get(name) is not None}


def _view(x: Exchange, raw: bytes, document: Any) -> AnswerView:
    problem = document if isinstance(document, Refusal) else None
    problem = problem or strict_json.judge(raw, document, depth=ANSWER_DEPTH)
    if problem is not None:
        raise UpstreamFault(problem.code, code="upstream_invalid")
    try:
        return x.dialect.view(document)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UpstreamFault(type(error).__name__, code="upstream_invalid") from None


async def _send(x: Exchange, rooms: Rooms) -> bytes:
    assert x.model is not None
    answer = await rooms.upstreams.send(x.model, x.dialect.endpoint, x.outgoing, stream=False)
    try:
        x.upstream_status = answer.status
        return expect(await answer.body(), bytes)
    finally:
        await answer.close()


async def _guard(x: Exchange, rooms: Rooms, view: AnswerView) -> dict[strict_json.Path, Any] | Refusal:
    """The edits that make the answer deliverable."""
    assert x.vault is not None
    guard = rooms.inspection.guard(x.vault, x.roles, x.system, x.reader, x.segment)
    arguments = {tool.path for tool in view.tools}
    leaves = tuple([leaf for leaf in view.leaves if leaf.path not in arguments])
    found = check_findings(
        await rooms.inspection.inspect(leaves, "output", x.roles, system=x.system, segment=x.segment), leaves
    )
    found = x.reader.judged(found)
    x.findings += found
    for leaf in view.opaque:
        planted = rooms.inspection.sealed((leaf.text,), x.roles, x.segment)
        if planted is not None:
            x.findings.append(planted)
            return output_blocked(planted, strict_json.dotted(leaf.path))
    by_leaf: dict[int, list[Finding]] = defaultdict(list)
    for finding in found:
        by_leaf[finding.leaf].append(replace(finding, leaf=0))
    if len(view.tools) > tools.MOST:
        raise UpstreamFault("too many tool calls", code="upstream_too_large")
    edits: dict[strict_json.Path, Any] = {}
    for index, leaf in enumerate(leaves):
        prose = view.prose.get(leaf.path)
        if prose is None and index not in by_leaf:
            continue
        changed = await _released(x, rooms, guard, leaf, by_leaf.get(index, []), prose)
        if isinstance(changed, Refusal):
            return changed
        if changed != leaf.text:
            edits[leaf.path] = changed
    for choice in sorted({tool.choice for tool in view.tools}):
        calls = [tool for tool in view.tools if tool.choice == choice]
        released = await tools.release(x, rooms, guard, calls)
        if isinstance(released, Refusal):
            return released
        edits |= {
            c.path: orjson.Fragment(c.arguments) if c.as_value else c.arguments
            for c, old in zip(released, calls, strict=True)
            if c.as_value or c.arguments != old.arguments  # a value is delivered as it was authorised
        }
    return edits


async def _released(
    x: Exchange,
    rooms: Rooms,
    guard: StreamGuard,
    leaf: Leaf,
    findings: list[Finding],
    prose: tuple[int, str] | None,
) -> str | Refusal:
    """The text of one leaf as the caller gets it."""
    if prose is None:
        bad = next((f for f in findings if outcome.stops(f, leaf)), None)
        return output_blocked(bad, strict_json.dotted(leaf.path)) if bad else leaf.text
    if findings:
        x.withhold(*prose, findings, x.said_in(*prose))
    x.said.append((*prose, leaf.text))
    x.output_characters += len(leaf.text)
    if (
        len(leaf.text) > PIECE
        and findings
        and not any(f.layer in rooms.inspection.plug_ins for f in findings)
    ):
        return await _in_pieces(guard, leaf)
    released = guard.whole(leaf.text, findings)
    if released.blocked is not None:
        return output_blocked(released.blocked, strict_json.dotted(leaf.path))
    return expect(released.text, str)


async def _in_pieces(guard: StreamGuard, leaf: Leaf) -> str | Refusal:
    """A long text in which something was found, as if it were streamed: the result is the same, and others go on."""
    parts = []
    for start in (*range(0, len(leaf.text), PIECE), None):
        released = (
            guard.finish_text(0, "whole")
            if start is None
            else guard.feed_text(0, "whole", leaf.text[start : start + PIECE])
        )
        if released.blocked is not None:
            return output_blocked(released.blocked, strict_json.dotted(leaf.path))
        parts.append(expect(released.text, str))
        await asyncio.sleep(0)
    return "".join(parts)
