"""The inspection room as a deployment has it: for the door, and without a door for `sallyport inspect`.

Without a door means without state, keys, log, network or upstream; what looks at a text is the same: the room and
its worker processes, the settings, and stages 7 and 8 of the corridor.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, Self, cast

from msgspec import Struct

from sallyport.errors import Fault
from sallyport.gateway import stages
from sallyport.gateway.dialects.base import Dialect
from sallyport.gateway.exchange import Exchange
from sallyport.gateway.limits import Limits
from sallyport.gateway.ports import Inspection, Out, Rooms
from sallyport.gateway.strict_json import Path
from sallyport.inspection.room import InspectionRoom
from sallyport.inspection.score import Verdict, attack_score, verdict
from sallyport.inspection.vault import Vaults
from sallyport.model import REFUSING, Call, Channel, Direction, Finding, Leaf, Model, Principal
from sallyport.settings import Settings
from sallyport.wiring import looking, translate
from sallyport.wiring.guards import Bounds, Guards, NoInspection

# What a text is, in the words of the command line, and in which channel the corridor would inspect it.
CHANNELS: dict[Direction, dict[str, Channel]] = {
    "input": {"user": "user", "document": "document", "tool": "tool_result"},
    "output": {"assistant": "assistant", "tool": "tool_arguments"},
}
_PLACE: Path = ("messages", 0, "content")
_MODEL = Model(name="inspect", segment="", environment="", upstream="", upstream_model="inspect")


def guards(
    settings: Settings,
    clock: Callable[[], float],
    random: Callable[[int], bytes],
    gates: Mapping[bytes, bytes] | None = None,
    digest: Callable[[str], str] | None = None,
) -> tuple[Guards | NoInspection, InspectionRoom | None]:
    """The guards of these settings, and the room that must be started before they are used.

    `gates` are those that an earlier room compiled; `digest` is a keyed one, for tokens that are the same again.
    """
    given = settings.inspection
    if given.unsafe_off:
        return NoInspection(), None
    options = translate.inspection(settings)
    room = InspectionRoom(options, gates)
    literals = (
        *options.canaries,
        *(w.rstrip("*") for t in options.topics if t.direction != "input" for w in t.words),
    )
    bounds = Bounds(hold_back=given.hold_back, open_token=given.open_token, literals=literals)
    plug_ins = frozenset(plug_in.name for plug_in in given.plug_ins)
    made = Guards(
        room,
        Vaults(clock, random, digest=digest),
        bounds,
        plug_ins,
        data_types=looking.data_types(given),
        stop_tools=given.refused_tool_data == "stop",
    )
    return made, room


class Seen(Struct, frozen=True, kw_only=True):
    """What the door makes of one text. `delivered` is what the model (on output: the caller) gets: "" if blocked."""

    verdict: Verdict
    score: float  # see `inspection.score`
    findings: tuple[Finding, ...]  # with their actions, also those that are `allow`
    delivered: str


class Inspector:
    """Looks at one text after another. An asynchronous context: the worker processes live as long as it does."""

    def __init__(self, settings: Settings) -> None:
        self._guards, self._room = guards(settings, time.monotonic, no_chance)

    async def __aenter__(self) -> Self:
        """Start the worker processes. Raises `DetectorFault`."""
        if self._room is not None:
            await self._room.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """End them."""
        if self._room is not None:
            await self._room.stop()

    async def look(
        self, text: str, channel: Channel, direction: Direction = "input", roles: tuple[str, ...] = ()
    ) -> Seen:
        """What the door would do with a text, alone in its call, for a caller with these roles.

        Raises `Fault` where the door would refuse the call because inspection failed. Then a worker process that was
        ended has been replaced, so that the next text is not refused for this one's sake.
        """
        leaf = Leaf(_PLACE, text, channel)
        look = self._answer if direction == "output" else self._request
        try:
            return await look(leaf, roles)
        except Fault:
            if self._room is not None:
                await self._room.recovered()
            raise

    async def _request(self, leaf: Leaf, roles: tuple[str, ...]) -> Seen:
        """Stages 7 and 8, on a call that holds nothing but this text."""
        x = Exchange(
            request_id="",
            headers=(),
            dialect=cast("Dialect", _Alone()),
            receive=_nothing,
            out=cast("Out", None),
        )
        x.principal, x.model = _caller(roles), _MODEL
        x.call = Call(surface="chat", dialect="", model="", stream=False, raw=b"", body={}, leaves=(leaf,))
        rooms, limits = cast("Rooms", SimpleNamespace(inspection=self._guards)), Limits()
        refusal = await stages.inspect_input(x, rooms, limits) or await stages.mask(x, rooms, limits)
        return _seen(x.findings, None if refusal else x.outgoing.decode())

    async def _answer(self, leaf: Leaf, roles: tuple[str, ...]) -> Seen:
        """The output guard, on an answer that holds nothing but this text and came whole."""
        inspection: Inspection = self._guards
        found = stages.check_findings(await inspection.inspect((leaf,), "output", roles), (leaf,))
        reader = _AsFound()
        guard = inspection.guard(inspection.vault(_caller(roles), ""), roles, (), reader)
        released = (
            guard.arguments(leaf.text, found, reader)
            if leaf.channel == "tool_arguments"
            else guard.whole(leaf.text, found)
        )
        if released.blocked is None:
            return _seen(found, released.text)
        known = any(finding.action in REFUSING for finding in found)
        return _seen(found if known else (*found, released.blocked), None)


def no_chance(count: int) -> bytes:
    """The same bytes each time, so that a text has the same tokens in every run: nobody gets a value back for them."""
    return hashlib.shake_256(b"sallyport inspect").digest(count)


def _caller(roles: tuple[str, ...]) -> Principal:
    return Principal(id="local|inspect", roles=roles)


def _seen(findings: Sequence[Finding], delivered: str | None) -> Seen:
    return Seen(
        verdict="block" if delivered is None else verdict(findings),
        score=attack_score(findings),
        findings=tuple(findings),
        delivered=delivered or "",
    )


class _AsFound:
    """A reader about whom no policy says anything: there is nothing to restore, and actions stay as they are."""

    def may_have(self, _kind: str, _origin: object) -> bool:
        return True

    def judged(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        return tuple(findings)


class _Alone:
    """The wire of a call that is one text: what is sent is the text."""

    surface = "chat"

    def outgoing(self, call: Call, _model: str, edits: Mapping[Path, str]) -> bytes:
        return edits.get(_PLACE, call.leaves[0].text).encode()


async def _nothing() -> Any:
    """There is no body to receive."""
