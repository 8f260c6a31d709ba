"""Tool calls of the model: held until whole, inspected, authorised one by one on what will be delivered."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from sallyport.errors import Refusal
from sallyport.gateway.dialects.base import ToolCall
from sallyport.gateway.exchange import Exchange
from sallyport.gateway.outcome import output_blocked, stops
from sallyport.gateway.ports import Rooms, StreamGuard
from sallyport.gateway.stages import check_findings, expect, question
from sallyport.model import Decision, Leaf, Tool

MOST = 128  # tool calls in one answer: each is a decision, and a line of the outcome


async def release(
    x: Exchange, rooms: Rooms, guard: StreamGuard, calls: Sequence[ToolCall]
) -> list[ToolCall] | Refusal:
    """The calls as the caller gets them, or why none of them is delivered."""
    leaves = tuple(
        leaf
        for call in calls
        for leaf in (
            Leaf(("tool_calls", call.index, "arguments"), call.arguments, "tool_arguments"),
            Leaf(("tool_calls", call.index, "name"), call.name, "assistant"),
            Leaf(("tool_calls", call.index, "id"), call.id, "assistant"),
        )
    )
    found = check_findings(
        await rooms.inspection.inspect(leaves, "output", x.roles, system=x.system, segment=x.segment), leaves
    )
    x.findings += found
    delivered: list[ToolCall] = []
    for position, call in enumerate(calls):
        named = [
            finding
            for finding in found
            if finding.leaf in {3 * position + 1, 3 * position + 2} and stops(finding, leaves[finding.leaf])
        ]
        if named:  # a name or id cannot be masked and still be a name
            return output_blocked(named[0], x.dialect.tools_at(call.choice))
        mine = [replace(finding, leaf=0) for finding in found if finding.leaf == 3 * position]
        released = guard.arguments(call.arguments, mine)
        if released.blocked is not None:
            return output_blocked(released.blocked, x.dialect.tools_at(call.choice))
        x.said.append((call.choice, f"tool:{call.name}", call.arguments))
        refusal = _authorise(x, rooms, call, expect(released.text, str))
        if refusal is not None:
            return refusal
        delivered.append(replace(call, arguments=released.text))
    return delivered


def _authorise(x: Exchange, rooms: Rooms, call: ToolCall, arguments: str) -> Refusal | None:
    declared = x.call is not None and call.name in x.call.tools
    asked = question(x, "use_tool", tool=Tool(name=call.name, arguments=arguments, declared=declared))
    decision = expect(rooms.access.decide(asked), Decision)
    x.tool_decisions.append(decision)
    if decision.allowed is True and not decision.errors:
        return None
    denied = expect(rooms.access.refusal(decision, asked), Refusal)
    if denied.code == "access_denied":
        return replace(denied, code="tool_denied", message="The model asked for a tool that is not allowed.")
    return denied
