"""From which scores instructions are flagged and blocked: the package's, or those that a deployment fitted to its own traffic.

Pure. A calibration is a fact about one version of the detectors, so it names that version and counts for no other.
It moves thresholds within bounds and can switch nothing off: whatever the package's thresholds would block is at least flagged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from sallyport.model import Channel

BLOCK_SCORE = 0.75  # instructions at or above are blocked where their channel allows it
FLAG_SCORE = 0.5  # below, evidence is too thin to be recorded
# Channels through which somebody may steer the model.
INSTRUCTED: frozenset[Channel] = frozenset({"user", "document", "tool_result", "tool_definition", "other"})
FLAG_BOUNDS = (0.4, BLOCK_SCORE)  # of a calibration; below the lower one the layers say nothing
BLOCK_BOUNDS = (BLOCK_SCORE, 0.95)
MOST_THRESHOLDS, MOST_ROLE = 64, 64  # of one calibration; characters of a role's name


class Cut(Struct, frozen=True):
    """The two scores that count for one text."""

    flag: float = FLAG_SCORE
    block: float = BLOCK_SCORE


SHIPPED = Cut()
# What defines a tool is meant to tell a model what to do: only what looks like poison beyond doubt is blocked there.
_SHIPPED: dict[str, Cut] = {"tool_definition": Cut(block=0.9)}


def shipped(channel: Channel) -> Cut:
    """The package's thresholds."""
    return _SHIPPED.get(channel, SHIPPED)


class Threshold(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What counts for a channel; with a `role`, for callers of that role."""

    channel: Channel
    role: str = ""
    flag: float
    block: float


class Calibration(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fitted thresholds, and what they were fitted to. Times in seconds since the epoch."""

    detectors: str  # the version that they were fitted with
    thresholds: tuple[Threshold, ...]
    budget: float  # share of calls that may be flagged
    calls: int  # that were scored
    since: int
    until: int
    number: int = 0  # counts up with each one that is stored; the rest is filled by who stores it
    at: int = 0
    by: str = ""

    @property
    def name(self) -> str:
        """How verdicts in the log name it: its number, and a digest of what it says."""
        said = msgspec.json.encode((self.detectors, self.thresholds))
        return f"c{self.number}-{hashlib.sha256(said).hexdigest()[:8]}"


class Cuts:
    """The thresholds of a calibration, ready to be asked; without one those of the package."""

    def __init__(self, calibration: Calibration | None = None) -> None:
        self.name = calibration.name if calibration else ""
        rows = calibration.thresholds if calibration else ()
        self._known = {(row.channel, row.role): Cut(row.flag, row.block) for row in rows}
        self._roles = frozenset(row.role for row in rows) - {""}

    def of(self, channel: Channel, roles: Sequence[str]) -> Cut:
        """What counts for a text. A caller of several roles is judged by the lowest of their thresholds."""
        general = self._known.get((channel, ""), shipped(channel))
        if not self._roles or not roles:
            return general
        cuts = [self._known.get((channel, role), general) for role in roles]
        return Cut(min(cut.flag for cut in cuts), min(cut.block for cut in cuts))


def problem(calibration: Calibration) -> str:
    """What forbids a calibration; "" if nothing does."""
    rows = calibration.thresholds
    if not 0 < len(rows) <= MOST_THRESHOLDS:
        return f"it must hold 1 to {MOST_THRESHOLDS} thresholds"
    if len({(row.channel, row.role) for row in rows}) < len(rows):
        return "a channel and role are named twice"
    for row in rows:
        if row.channel not in INSTRUCTED:
            return "its channels must be those through which a model may be steered"
        if len(row.role) > MOST_ROLE or not row.role.isprintable():
            return "a role's name is none"
        if not _within(row.flag, FLAG_BOUNDS) or not _within(row.block, BLOCK_BOUNDS):
            return f"thresholds must lie within {FLAG_BOUNDS} (flag) and {BLOCK_BOUNDS} (block)"
    return ""


def _within(value: float, bounds: tuple[float, float]) -> bool:
    """Whether it lies there; a number that is none does not."""
    return bounds[0] <= value <= bounds[1]
