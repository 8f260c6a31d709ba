"""One text explained: what is found in it, and what that means for whom."""

from __future__ import annotations

from msgspec import Struct

from sallyport.access.room import AccessRoom
from sallyport.inspection.actions import strictest
from sallyport.inspection.score import Verdict
from sallyport.model import REFUSING, Action, Finding
from sallyport.settings import Settings
from sallyport.wiring import translate
from sallyport.wiring.inspect_rows import Reading
from sallyport.wiring.inspecting import CHANNELS, Inspector, Seen

OTHERS = "any other"


class Outcome(Struct, frozen=True, kw_only=True):
    """What happens to the text for some roles, and to each type of finding in it."""

    roles: tuple[str, ...]
    action: Action
    verdict: Verdict
    types: tuple[tuple[str, Action], ...]


class Explained(Struct, frozen=True, kw_only=True):
    """A text, what the door makes of it for the caller that was asked about, and for each role."""

    text: str
    reading: Reading
    seen: Seen
    outcomes: tuple[Outcome, ...]


def known_roles(settings: Settings) -> list[str]:
    """Every role that a policy or an action of the settings names. Raises SettingsError for policies that are none."""
    room = AccessRoom.build(
        translate.policies_folder(settings),
        tuple(translate.models(settings).values()),
        {segment.name: segment.environment for segment in settings.segments},
        translate.budgets(settings),
        extend_default=settings.access.extend_default,
    )
    given = settings.inspection
    named = {*(rule.role for rule in given.actions), *(topic.role for topic in given.topics)} - {"*"}
    return sorted(room.roles | named)


async def explained(settings: Settings, text: str, reading: Reading) -> Explained:
    """Look at the text once for each role. Raises `Fault` where the door would refuse because inspection failed."""
    channel, direction = CHANNELS[reading.direction][reading.channel], reading.direction
    asked = (reading.role,) if reading.role else ()
    roles = known_roles(settings)
    async with Inspector(settings) as inspector:
        seen = await inspector.look(text, channel, direction, asked)
        others = await inspector.look(text, channel, direction)
        each = [(role, await inspector.look(text, channel, direction, (role,))) for role in roles]
    return Explained(text=text, reading=reading, seen=seen, outcomes=_outcomes([*each, (OTHERS, others)]))


def _outcomes(each: list[tuple[str, Seen]]) -> tuple[Outcome, ...]:
    """Roles that fare alike together, in the order of their names; those that nobody names last."""
    alike: dict[tuple[Action, Verdict, tuple[tuple[str, Action], ...]], list[str]] = {}
    for role, seen in each:
        action = strictest(seen.findings)
        if seen.verdict == "block" and action not in REFUSING:
            action = "block"
        alike.setdefault((action, seen.verdict, _types(seen.findings)), []).append(role)
    return tuple(
        Outcome(roles=tuple(roles), action=action, verdict=verdict, types=types)
        for (action, verdict, types), roles in alike.items()
    )


def _types(findings: tuple[Finding, ...]) -> tuple[tuple[str, Action], ...]:
    """Each type that was found, with the strictest action among its findings."""
    by_type: dict[str, list[Finding]] = {}
    for finding in findings:
        by_type.setdefault(finding.type, []).append(finding)
    return tuple((kind, strictest(found)) for kind, found in by_type.items())
