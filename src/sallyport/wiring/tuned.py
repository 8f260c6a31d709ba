"""What a deployment has learnt about its detectors: the calibration that rules, and the marks of reviewers. Sealed rows.

Every change moves an epoch, in the same commit; workers ask for it twice a second and load what changed. Whoever can
write the database cannot write a row that opens: one that does not is not used. Then the package's thresholds rule, and
no mark excuses anything. (An old row put back with its version does open; the verdicts in the log name what ruled.)
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec
from msgspec import Struct, structs

from sallyport.errors import KeyFault
from sallyport.inspection.marks import Digest, Mark
from sallyport.inspection.thresholds import Calibration, problem
from sallyport.keys.keyring import KeyRing
from sallyport.keys.sealed_state import SealedStateStore
from sallyport.model import Channel
from sallyport.stores.protocols import Change

CALIBRATION = ("calibration", "ruling")
EPOCH = ("epoch", "inspection")
MARK = "mark"
MOST_MARKS = 2000  # that a deployment keeps; ended ones make room
KEPT_SECONDS = 30 * 86_400  # of a mark after its end, so that it can still be seen
_encode = msgspec.msgpack.Encoder().encode
_mark = msgspec.msgpack.Decoder(Mark).decode


class Tuned(Struct, frozen=True, kw_only=True):
    """What is stored. `version` is that of the calibration's row; `damaged` names what does not open."""

    calibration: Calibration | None = None
    number: int = 0  # of the latest calibration, also of one that was withdrawn
    version: int = 0
    marks: tuple[Mark, ...] = ()
    damaged: tuple[str, ...] = ()


class _Ruling(Struct, frozen=True):
    """The row: withdrawn calibrations leave their number, so that none has the number of another."""

    number: int
    calibration: Calibration | None


_ruling = msgspec.msgpack.Decoder(_Ruling).decode


class TunedStore:
    """The rows, read and written."""

    def __init__(self, state: SealedStateStore) -> None:
        self._state = state

    async def epoch(self) -> int:
        """Grows with every change."""
        row = await self._state.read(*EPOCH)
        return row.version if row else 0

    async def load(self) -> Tuned:
        """Everything. What does not open or cannot be true is left out and named."""
        damaged: list[str] = []
        ruling, version = _Ruling(0, None), 0
        marks: tuple[Mark, ...] = ()
        try:
            row = await self._state.read(*CALIBRATION)
            if row is not None:
                ruling, version = _ruling(row.value), row.version
        except (KeyFault, msgspec.MsgspecError):
            damaged.append("calibration")
        calibration = ruling.calibration
        if calibration is not None and problem(calibration):
            calibration = None
            damaged.append("calibration")
        try:
            marks = tuple(_mark(row.value) for row in await self._state.scan(MARK))
        except (KeyFault, msgspec.MsgspecError):
            damaged.append("marks")
        return Tuned(
            calibration=calibration,
            number=ruling.number,
            version=version,
            marks=marks,
            damaged=tuple(damaged),
        )

    async def rule(self, calibration: Calibration | None, known: Tuned) -> None:
        """Store a calibration in place of the known one; None withdraws it. Raises Conflict."""
        number = calibration.number if calibration else known.number
        value = _encode(_Ruling(number, calibration))
        # A row that does not open is replaced whatever its version is: no one can have known it.
        expected = None if "calibration" in known.damaged else known.version
        await self._state.commit([_change(*CALIBRATION, value, expected), _change(*EPOCH, b"1")])

    async def mark(self, mark: Mark, ended: Sequence[str] = ()) -> None:
        """Store a mark, and drop those."""
        await self._state.commit(
            [
                _change(MARK, mark.id, _encode(mark)),
                *(_change(MARK, name, None) for name in ended),
                _change(*EPOCH, b"1"),
            ]
        )

    async def unmark(self, name: str) -> None:
        """Drop a mark."""
        await self._state.commit([_change(MARK, name, None), _change(*EPOCH, b"1")])


def _change(kind: str, key: str, value: bytes | None, expected: int | None = None) -> Change:
    return Change(kind=kind, key=key, value=value, expected=expected)


def digests(keyring: KeyRing) -> Digest:
    """The keyed digest by which a mark knows a text."""

    def digest(channel: Channel, text: str) -> str:
        plain = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
        return keyring.pseudonym(f"text|{channel}|{plain}")

    return digest


def numbered(calibration: Calibration, known: Tuned, *, by: str, at: int) -> Calibration:
    """The calibration as it will be stored."""
    return structs.replace(calibration, number=known.number + 1, by=by, at=at)


def ended(marks: Sequence[Mark], now: float) -> list[str]:
    """Marks that are kept no longer: long ended, or the oldest ended ones where there are too many."""
    over = sorted((mark for mark in marks if now >= mark.expires), key=lambda mark: mark.expires)
    room = max(0, len(marks) + 1 - MOST_MARKS)
    return [mark.id for place, mark in enumerate(over) if place < room or now >= mark.expires + KEPT_SECONDS]
