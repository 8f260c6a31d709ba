"""The inspection room in the shape of the corridor's ports: detectors, vaults and the output guard."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from sallyport.errors import DetectorFault
from sallyport.gateway.ports import Reader
from sallyport.inspection.holdback import Scan, whole
from sallyport.inspection.json_arguments import escaped, inspect_arguments, mask_arguments, unmask_arguments
from sallyport.inspection.leakage import Fingerprints
from sallyport.inspection.released import Released
from sallyport.inspection.room import InspectionRoom
from sallyport.inspection.stream import StreamGuard
from sallyport.inspection.vault import Vault, Vaults
from sallyport.model import STOPPING, Channel, Direction, Finding, Principal

LONG_CHARACTERS = 16_384  # of a text that is not masked on the event loop


class Bounds:
    """How long texts may be held, and what is never to be cut."""

    def __init__(self, *, hold_back: int, open_token: int, literals: Sequence[str]) -> None:
        self.hold_back, self.open_token, self.literals = hold_back, open_token, tuple(literals)


class Conversation:
    """A vault as the corridor sees it."""

    def __init__(
        self,
        vault: Vault,
        room: InspectionRoom,
        roles: Sequence[str],
        plug_ins: frozenset[str],
        segment: str,
        *,
        private: bool = False,
    ) -> None:
        """`private`: no other call can come upon this vault."""
        self.vault, self.plug_ins, self._room = vault, plug_ins, room
        self._roles, self._segment, self._private = roles, segment, private
        self.mask = vault.mask

    def mask_arguments(self, text: str, findings: Sequence[Finding]) -> str:
        """Mask inside a JSON text of tool arguments, leaf by leaf.

        Raises `DetectorFault` for what a plug-in wants masked there: the leaves are scanned by our own detectors.
        """
        if stopped_by(findings, self.plug_ins) is not None:
            raise DetectorFault("a plug-in's finding in tool arguments cannot be masked")
        scan = self._scan if findings and len(text) <= self._room.inline_characters else None
        return mask_arguments(self.vault, text, scan, known=findings)

    def is_apart(self, text: str, findings: Sequence[Finding]) -> bool:
        """Long, and either nothing is written into the vault or no other call can know it; the detectors are left alone."""
        if len(text) <= max(self._room.inline_characters, LONG_CHARACTERS):
            return False
        return not findings or self._private

    def _scan(self, text: str) -> Sequence[Finding]:
        return self._room.scan_inline(text, "tool_arguments", "input", self._roles, segment=self._segment)

    def values(self) -> Sequence[tuple[str, str, str]]:
        """(token, type, value) of what the vault holds."""
        if self.vault.is_empty:
            return ()
        return [(token, kind, value) for token, (kind, value) in self.vault.values().items()]


def stopped_by(findings: Sequence[Finding], plug_ins: frozenset[str]) -> Finding | None:
    """The first finding of a plug-in that may not pass. The scans here are our own detectors': they do not see it."""
    return next((f for f in findings if f.layer in plug_ins and f.action in STOPPING), None)


class Guard:
    """The output guard of one answer."""

    def __init__(
        self,
        conversation: Conversation,
        room: InspectionRoom,
        roles: Sequence[str],
        system: Sequence[str],
        bounds: Bounds,
        reader: Reader,
        segment: str,
        signed: frozenset[str] = frozenset(),
    ) -> None:
        self._vault, self._room = conversation.vault, room
        self._roles, self._segment = roles, segment
        self._system, self._bounds, self._plug_ins = system, bounds, conversation.plug_ins
        self._signed, self._reader = signed, reader

    @cached_property
    def _known(self) -> Fingerprints | None:
        return self._room.fingerprints(self._system) if self._system else None

    @cached_property
    def _stream(self) -> StreamGuard:
        """What an answer without findings that comes in one piece never needs."""
        return StreamGuard(
            self._scan,
            self._unmask,
            bound=self._bounds.hold_back,
            open_token=self._bounds.open_token,
            literals=self._bounds.literals,
            watch=lambda: self._room.watch(self._known),
            verbatim=self._signed,
            opaque=self._room.opaque(self._roles, self._segment),
        )

    def _scan(self, text: str, channel: Channel = "assistant") -> Sequence[Finding]:
        return self._reader.judged(self._found(text, channel))

    def _found(self, text: str, channel: Channel) -> Sequence[Finding]:
        return self._room.scan_inline(
            text, channel, "output", self._roles, known=self._known, segment=self._segment
        )

    def _unmask(self, text: str) -> str:
        return self._vault.unmask(text, self._reader.may_have)

    @cached_property
    def feed_text(self) -> Callable[[int, str, str], Released]:
        """Takes a text delta; see `StreamGuard`."""
        return self._stream.feed_text

    def finish_text(self, choice: int, field: str) -> Released:
        """No more text for this buffer."""
        return self._stream.finish_text(choice, field)

    def whole(self, text: str, findings: Sequence[Finding]) -> Released:
        """A whole text whose findings are known."""
        if not findings:
            return Released(self._unmask(text))
        if theirs := stopped_by(findings, self._plug_ins):
            return Released(blocked=theirs)
        return whole(
            text,
            self._scan,
            self._unmask,
            bound=self._bounds.hold_back,
            open_token=self._bounds.open_token,
            literals=self._bounds.literals,
            opaque=self._room.opaque(self._roles, self._segment),
        )

    def arguments(self, text: str, findings: Sequence[Finding], reader: Reader) -> Released:
        """Whole tool arguments."""
        vault, may_have = self._vault, reader.may_have
        if not findings:
            return Released(unmask_arguments(vault, text, may_have))
        if theirs := stopped_by(findings, self._plug_ins):
            return Released(blocked=theirs)

        def judged(part: str) -> Sequence[Finding]:
            return reader.judged(self._found(part, "tool_arguments"))

        scan: Scan | None = judged if len(text) <= self._room.inline_characters else None
        return inspect_arguments(
            text,
            scan,
            lambda part: vault.unmask(part, may_have),
            lambda part: vault.unmask(part, may_have, escaped),
            known=findings,
        )


class Guards:
    """Detectors, vaults and output guards."""

    def __init__(
        self,
        room: InspectionRoom,
        vaults: Vaults,
        bounds: Bounds,
        plug_ins: frozenset[str],
        *,
        data_types: frozenset[str] = frozenset(),
        stop_tools: bool = False,
    ) -> None:
        self._room, self._vaults, self._bounds = room, vaults, bounds
        self.plug_ins, self.data_types, self.stop_tools = plug_ins, data_types, stop_tools
        self.inspect, self.sealed = room.inspect, room.sealed

    @property
    def versions(self) -> Mapping[str, str]:
        """Detector versions for the log."""
        versions = {"inspection": self._room.version}
        return {**versions, "calibration": self._room.calibration} if self._room.calibration else versions

    def learn(self, system: Sequence[str]) -> None:
        """Fingerprints of the system prompts, which are then remembered."""
        self._room.fingerprints(system)

    def vault(self, principal: Principal, conversation: str, segment: str = "") -> Conversation:
        """The vault of a conversation."""
        vault = self._vaults.get(principal.id, conversation)
        return Conversation(
            vault, self._room, principal.roles, self.plug_ins, segment, private=not conversation
        )

    def guard(
        self,
        vault: Conversation,
        roles: Sequence[str],
        system: Sequence[str],
        reader: Reader,
        segment: str = "",
        signed: frozenset[str] = frozenset(),
    ) -> Guard:
        """An output guard for one answer."""
        return Guard(vault, self._room, roles, system, self._bounds, reader, segment, signed)


class NoInspection:
    """`inspection.unsafe_off`: nothing is looked for, nothing is masked."""

    plug_ins: frozenset[str] = frozenset()
    data_types: frozenset[str] = frozenset()
    stop_tools = False
    versions: Mapping[str, str] = {"inspection": "off"}

    async def inspect(
        self,
        _leaves: object,
        _direction: Direction,
        _roles: Sequence[str],
        *,
        system: Sequence[str] = (),
        segment: str = "",
    ) -> tuple[Finding, ...]:
        """Nothing."""
        del system, segment
        return ()

    def sealed(self, _texts: Sequence[str], _roles: Sequence[str], _segment: str = "") -> None:
        """Nothing."""

    def vault(self, _principal: Principal, _conversation: str, _segment: str = "") -> NoInspection:
        """Itself: it holds no values."""
        return self

    def guard(
        self,
        _vault: object,
        _roles: Sequence[str],
        _system: Sequence[str],
        _reader: Reader,
        _segment: str = "",
        _signed: frozenset[str] = frozenset(),
    ) -> NoInspection:
        """Itself: it lets everything out."""
        return self

    def mask(self, text: str, _findings: object, *, own: bool = False) -> str:
        """The text as it is."""
        del own
        return text

    mask_arguments = mask

    def learn(self, _system: Sequence[str]) -> None:
        """Nothing is looked for."""

    def is_apart(self, _text: str, _findings: Sequence[Finding]) -> bool:
        """There is nothing to do."""
        return False

    def values(self) -> Sequence[tuple[str, str, str]]:
        """None."""
        return ()

    def feed_text(self, _choice: int, _field: str, text: str) -> Released:
        """The text as it is."""
        return Released(text)

    def finish_text(self, _choice: int, _field: str) -> Released:
        """Nothing was held."""
        return Released()

    def whole(self, text: str, _findings: object) -> Released:
        """The text as it is."""
        return Released(text)

    def arguments(self, text: str, _findings: object, _reader: Reader) -> Released:
        """The text as it is."""
        return Released(text)
