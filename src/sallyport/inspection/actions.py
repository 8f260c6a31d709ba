"""What happens to a finding, by type, direction, channel, segment and role. Pure.

The rows of the settings are asked first, in order; the first that matches counts. Otherwise the table below.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from sallyport.inspection.detector import IDENTIFIERS, INSTRUCTIONS
from sallyport.model import SEVERITY, Action, Channel, Direction, Finding

BLOCK_SCORE = 0.75  # instructions at or above are blocked where their channel allows it
FLAG_SCORE = 0.5  # below, evidence is too thin to be recorded
# Channels through which somebody may steer the model.
INSTRUCTED: frozenset[Channel] = frozenset({"user", "document", "tool_result", "tool_definition", "other"})


class ActionRow(Struct, frozen=True, kw_only=True):
    """A row of the settings. `*` matches everything."""

    type: str = "*"
    direction: str = "*"
    channel: str = "*"
    segment: str = "*"
    role: str = "*"
    action: Action

    def matches(
        self, kind: str, direction: Direction, channel: Channel, roles: Sequence[str], segment: str = ""
    ) -> bool:
        """Whether this row speaks of such a finding. `name.*` covers the types of a plug-in."""
        return (
            (self.type in ("*", kind) or (self.type.endswith(".*") and kind.startswith(self.type[:-1])))
            and self.direction in ("*", direction)
            and self.channel in ("*", channel)
            and self.segment in ("*", segment)
            and (self.role == "*" or self.role in roles)
        )


def default_action(finding: Finding, direction: Direction, channel: Channel) -> Action:
    """The package's own table."""
    kind = finding.type
    if kind in ("canary", "system_prompt_leak"):
        return "block" if direction == "output" else "flag"
    if kind in ("private_key", "sallyport_key"):
        return "block"
    if kind == "secret":
        return "mask" if direction == "input" else "block"
    if kind in IDENTIFIERS:
        return "mask"
    if kind in INSTRUCTIONS:
        return _instruction_action(finding, direction, channel)
    return "flag"


def _instruction_action(finding: Finding, direction: Direction, channel: Channel) -> Action:
    if finding.score < FLAG_SCORE:
        return "allow"
    addressed = channel in INSTRUCTED or direction == "output"
    return "block" if addressed and finding.score >= BLOCK_SCORE else "flag"


class Actions:
    """The settings' rows in front of the default table."""

    def __init__(self, rows: Sequence[ActionRow] = ()) -> None:
        self._rows = tuple(rows)

    def decide(
        self,
        findings: Sequence[Finding],
        direction: Direction,
        channels: Sequence[Channel],
        roles: Sequence[str],
        segment: str = "",
    ) -> tuple[Finding, ...]:
        """The findings with their `action` filled. `channels[finding.leaf]` is the leaf's channel."""
        return tuple(
            msgspec.structs.replace(
                finding, action=self._action(finding, direction, channels[finding.leaf], roles, segment)
            )
            for finding in findings
        )

    def _action(
        self, finding: Finding, direction: Direction, channel: Channel, roles: Sequence[str], segment: str
    ) -> Action:
        for row in self._rows:
            if row.matches(finding.type, direction, channel, roles, segment):
                return row.action
        return default_action(finding, direction, channel)


def strictest(findings: Sequence[Finding]) -> Action:
    """The most severe action among findings; allow if there are none."""
    return max((finding.action for finding in findings), key=SEVERITY.__getitem__, default="allow")
