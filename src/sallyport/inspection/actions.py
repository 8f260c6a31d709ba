"""What happens to a finding, by type, direction, channel, segment and role. Pure.

The rows of the settings are asked first, in order; the first that matches counts. Otherwise the table below.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from sallyport.inspection.detector import EGRESS, HARMS, IDENTIFIERS, INSTRUCTIONS, LEAKS, SECRETS, TOPIC
from sallyport.inspection.thresholds import INSTRUCTED, Cut, Cuts, shipped
from sallyport.model import REFUSING, SEVERITY, Action, Channel, Direction, Finding

LIKELY_LINK, SURE_IMAGE = 0.6, 0.9  # links at or above are not delivered; images at or above end the answer
CLEAR_HARM = 0.9  # harm below is found only for those who ask for it in the settings
_ASKING: frozenset[Channel] = frozenset({"user"})
NOTICES = {
    "harm.self_harm": "This cannot be answered here. If you think of hurting yourself, please call your local emergency "
    "number or a crisis line, or talk to somebody near you, now.",
}


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


def default_action(
    finding: Finding, direction: Direction, channel: Channel, cut: Cut | None = None
) -> Action:
    """The package's own table. `cut`: from which scores instructions count, where it is not the package's."""
    kind = finding.type
    if kind in IDENTIFIERS or kind in SECRETS:
        return _value_action(kind, direction)
    if kind in LEAKS:
        return "block" if direction == "output" else "flag"
    if kind in EGRESS:
        return _egress_action(finding, channel)
    if kind == "opaque_run":
        return "block"
    if kind in HARMS:
        return "block" if finding.score >= CLEAR_HARM and channel in _ASKING else "allow"
    if kind.startswith(TOPIC):
        return "allow"  # the row that made it speaks of others
    if kind in INSTRUCTIONS:
        return _instruction_action(finding, direction, channel, cut or shipped(channel))
    return "flag"


def _value_action(kind: str, direction: Direction) -> Action:
    if kind in ("private_key", "sallyport_key"):
        return "block"
    return "block" if kind == "secret" and direction == "output" else "mask"


def _instruction_action(finding: Finding, direction: Direction, channel: Channel, cut: Cut) -> Action:
    if finding.score < cut.flag:
        return "allow"
    addressed = channel in INSTRUCTED or direction == "output"
    return "block" if addressed and finding.score >= cut.block else "flag"


def _egress_action(finding: Finding, channel: Channel) -> Action:
    """Sure ones do not go out as they are, the rest is flagged. A tool's sinks are bounded elsewhere: there, too.

    Images get their score from 0.6 only where the settings list hosts.
    """
    if finding.score < LIKELY_LINK or channel == "tool_arguments":
        return "flag"
    return "block" if finding.type == "egress_image" and finding.score >= SURE_IMAGE else "mask"


class Actions:
    """The settings' rows in front of the default table."""

    def __init__(self, rows: Sequence[ActionRow] = (), notices: Mapping[str, str] | None = None) -> None:
        self._rows = tuple(rows)
        self._notices = {**NOTICES, **(notices or {})}
        self.cuts = Cuts()  # those of a calibration, where one rules; for what comes in

    def decide(
        self,
        findings: Sequence[Finding],
        direction: Direction,
        channels: Sequence[Channel],
        roles: Sequence[str],
        segment: str = "",
    ) -> tuple[Finding, ...]:
        """The findings with their `action` filled, and the `notice` of those that refuse. `channels[finding.leaf]` is the leaf's channel."""
        return tuple(
            [
                self._decided(finding, direction, channels[finding.leaf], roles, segment)
                for finding in findings
            ]
        )

    def ruled(
        self, finding: Finding, direction: Direction, channel: Channel, roles: Sequence[str], segment: str
    ) -> Action | None:
        """What the settings say of such a finding; None where they say nothing."""
        for row in self._rows:
            if row.matches(finding.type, direction, channel, roles, segment):
                return row.action
        return None

    def _decided(
        self, finding: Finding, direction: Direction, channel: Channel, roles: Sequence[str], segment: str
    ) -> Finding:
        action, version = self.ruled(finding, direction, channel, roles, segment), finding.version
        if action is None and self.cuts.name and direction == "input" and finding.type in INSTRUCTIONS:
            action = default_action(finding, direction, channel, self.cuts.of(channel, roles))
            version = f"{version}@{self.cuts.name}"
        elif action is None:
            action = default_action(finding, direction, channel)
        notice = self._notices.get(finding.type, "") if action in REFUSING else ""
        return msgspec.structs.replace(finding, action=action, notice=notice, version=version)


def strictest(findings: Sequence[Finding]) -> Action:
    """The most severe action among findings; allow if there are none."""
    return max((finding.action for finding in findings), key=SEVERITY.__getitem__, default="allow")
