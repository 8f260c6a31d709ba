"""Stage 12: who gets which data of an answer, decided per class of data, origin and sink.

The sink is the caller, who reads the answer, or a tool that the model calls and the caller runs. What a provider
runs by itself gets nothing: no value is restored in its calls. Each question is asked once in a call, and its
decision is in the outcome. A policy engine that gives no usable decision ends the answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from sallyport.errors import Fault
from sallyport.gateway.ports import Rooms
from sallyport.gateway.stages import question
from sallyport.model import Datum, Decision, Finding, Origin, Tool

if TYPE_CHECKING:
    from sallyport.gateway.exchange import Exchange

SEE, PASS = "see", "pass_to_tool"


class Reader:
    """The caller of a call, or with `tool` that tool. `refused`: something in its text was kept from it."""

    def __init__(self, x: Exchange, rooms: Rooms, tool: Tool | None = None) -> None:
        self._x, self._rooms, self._tool = x, rooms, tool
        self._action = SEE if tool is None else PASS
        self.refused = False

    def may_have(self, kind: str, origin: Origin) -> bool:
        """Whether a value of this class may be put in the place of its token. Raises Fault."""
        allowed = self._decision(kind, origin).allowed is True
        self.refused = self.refused or not allowed
        return allowed

    def judged(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """What was found in a model's words, as this reader may have it.

        What is to be masked goes on, flagged, to a reader whom a policy permits it; what would go on is masked
        for one whom a policy forbids it. What is redacted or blocked is so for everybody. Raises Fault.
        """
        return tuple([self._judged(finding) for finding in findings])

    def _judged(self, finding: Finding) -> Finding:
        inspection = self._rooms.inspection
        if finding.type not in inspection.data_types or finding.layer in inspection.plug_ins:
            return finding
        if finding.action == "mask":
            return replace(finding, action="flag") if self.may_have(finding.type, "model") else finding
        if finding.action not in {"allow", "flag"}:
            return finding
        decision = self._decision(finding.type, "model")
        if decision.allowed or not decision.policies:
            return finding
        self.refused = True
        return replace(finding, action="mask")

    def _decision(self, kind: str, origin: Origin) -> Decision:
        key = (self._action, self._tool, kind, origin)
        known = self._x.data_decisions.get(key)
        if known is not None:
            return known
        asked = question(self._x, self._action, tool=self._tool, data=Datum(kind=kind, origin=origin))
        decision = self._rooms.access.decide(asked)
        if type(decision) is not Decision or decision.errors:
            raise Fault("no usable decision about data", code="policy_unavailable")
        self._x.data_decisions[key] = decision
        return decision
