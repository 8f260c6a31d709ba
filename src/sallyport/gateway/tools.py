"""Tool calls of the model: held until whole, inspected, authorised one by one on what will be delivered.

What a tool may not have stays a token, or is replaced by its type; or the call is stopped, if the settings say so.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from sallyport.errors import Refusal
from sallyport.gateway.dialects.base import ToolCall
from sallyport.gateway.exchange import Exchange
from sallyport.gateway.outcome import output_blocked, stops
from sallyport.gateway.ports import Rooms, StreamGuard
from sallyport.gateway.reader import Reader
from sallyport.gateway.stages import check_findings, expect, question
from sallyport.model import HIDING, Decision, Finding, Leaf, Tool

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
    delivered: list[ToolCall] = []
    for position, call in enumerate(calls):
        theirs = x.reader.judged(f for f in found if f.leaf in {3 * position + 1, 3 * position + 2})
        tool = Reader(x, rooms, _tool(x, call, ""))
        mine = tool.judged(replace(f, leaf=0) for f in found if f.leaf == 3 * position)
        x.findings += (*theirs, *mine)
        named = [finding for finding in theirs if stops(finding, leaves[finding.leaf])]
        if named:  # a name or id cannot be masked and still be a name
            return output_blocked(named[0], x.dialect.tools_at(call.choice))
        released = guard.arguments(call.arguments, mine, tool)
        if released.blocked is not None:
            return output_blocked(released.blocked, x.dialect.tools_at(call.choice))
        _remember(x, call, (*mine, *released.findings))
        if tool.refused and rooms.inspection.stop_tools:
            return Refusal(code="tool_data_denied", param=x.dialect.tools_at(call.choice))
        refusal = _authorise(x, rooms, call, expect(released.text, str))
        if refusal is not None:
            return refusal
        delivered.append(replace(call, arguments=released.text))
    return delivered


def _remember(x: Exchange, call: ToolCall, findings: Sequence[Finding]) -> None:
    """What was said. Places within JSON count in its decoded strings, so all of the arguments are withheld."""
    place = (call.choice, f"tool:{call.name}")
    whole = [replace(f, start=0, end=len(call.arguments)) for f in findings if f.action in HIDING][:1]
    x.withhold(*place, whole, x.said_in(*place))
    x.said.append((*place, call.arguments))


def _tool(x: Exchange, call: ToolCall, arguments: str) -> Tool:
    declared = x.call is not None and call.name in x.call.tools
    return Tool(name=call.name, arguments=arguments, declared=declared)


def _authorise(x: Exchange, rooms: Rooms, call: ToolCall, arguments: str) -> Refusal | None:
    asked = question(x, "use_tool", tool=_tool(x, call, arguments))
    decision = expect(rooms.access.decide(asked), Decision)
    x.tool_decisions.append(decision)
    if decision.allowed is True and not decision.errors:
        return None
    denied = expect(rooms.access.refusal(decision, asked), Refusal)
    if denied.code == "access_denied":
        return replace(denied, code="tool_denied", message="The model asked for a tool that is not allowed.")
    return denied
