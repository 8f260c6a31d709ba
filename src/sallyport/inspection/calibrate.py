"""Thresholds that hold a budget of alarms on a deployment's own traffic. Pure: scores in, a proposal out.

What was sent and not marked counts as harmless: most of it is. So nobody may teach the thresholds much by calling
often. No caller weighs more than `MOST_SHARE` of the calls (`2 / callers` where there are few), and the flags of one
caller that no person has reviewed move a threshold up by at most `MOST_ALARMS` of the budget; what was marked as a
false alarm counts in full. What was blocked and not reviewed does not count at all.

The flag layer moves both ways, within bounds. The block layer moves up only, and only for false alarms that were
marked: where nothing was reviewed nobody knows whether a block was wrong.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import takewhile

from msgspec import Struct

from sallyport.inspection.thresholds import BLOCK_BOUNDS, FLAG_BOUNDS, Calibration, Cut, Cuts, Threshold
from sallyport.model import Channel

MOST_SHARE = 0.1  # of the calls, that one caller weighs
MOST_ALARMS = 1 / 3  # of the budget, that unreviewed flags of one caller fill
LEAST_BUDGET, MOST_BUDGET = 0.0001, 0.1  # shares of calls
BLOCKS = 0.3  # of the budget of flags: that of blocks
LEAST_CALLS = 100
ROLE_CALLERS = 3  # below, a role has no thresholds of its own
_Z = 1.96  # 95 %
_STEPS = 10  # in which the channels are tightened until all of them together keep to the budget
_FLAGS = [n / 100 for n in range(round(FLAG_BOUNDS[0] * 100), round(FLAG_BOUNDS[1] * 100) + 1)]
_BLOCKS = [n / 100 for n in range(round(BLOCK_BOUNDS[0] * 100), round(BLOCK_BOUNDS[1] * 100) + 1)]


class Scored(Struct, frozen=True, kw_only=True):
    """A call: its caller (a keyed digest), roles, and the highest score in each channel that had text.

    `reviewed` are the channels whose highest score is that of a text that was marked as a false alarm.
    """

    who: str
    roles: tuple[str, ...]
    scores: dict[Channel, float]
    reviewed: frozenset[Channel] = frozenset()


class Rate(Struct, frozen=True):
    """A share of calls with Wilson's 95 % interval."""

    share: float
    low: float
    high: float


class Row(Struct, frozen=True, kw_only=True):
    """What is proposed for a channel (and role). `enough`: whether there were calls to fit it to."""

    channel: Channel
    role: str
    calls: int
    callers: int
    enough: bool
    present: Cut
    proposed: Cut
    flagged: Rate  # at the present threshold
    expected: Rate  # at the proposed one
    false_blocks: int  # calls that were marked as false alarms and are blocked at present


class Fit(Struct, frozen=True, kw_only=True):
    """The proposal. `held`: whether all channels together keep to the budget; `trouble` says why not."""

    budget: float
    calls: int
    callers: int
    needed: int  # calls of a channel
    rows: tuple[Row, ...]
    flagged: Rate
    expected: Rate
    largest: float  # share of the present flags that is one caller's
    held: bool
    trouble: str

    @property
    def thresholds(self) -> tuple[Threshold, ...]:
        """Those of all rows: of a channel with too few calls the present ones."""
        return tuple(
            Threshold(channel=r.channel, role=r.role, flag=r.proposed.flag, block=r.proposed.block)
            for r in self.rows
        )


class _Group(Struct):
    """The calls of one channel (and role)."""

    channel: Channel
    role: str
    calls: list[Scored]
    weights: list[float]
    present: Cut
    total: float = 0.0
    tail: list[
        tuple[float, str, float, bool]
    ] = []  # of each call that may be flagged: score, caller, weight, reviewed

    def __post_init__(self) -> None:
        self.total, channel = sum(self.weights), self.channel
        self.tail = [
            (call.scores[channel], call.who, weight, channel in call.reviewed)
            for call, weight in zip(self.calls, self.weights, strict=True)
            if call.scores[channel] >= _FLAGS[0]
        ]

    def rate(self, at: float) -> Rate:
        return rate([call.scores[self.channel] >= at for call in self.calls], self.weights)

    def share(self, at: float, most: float | None = None) -> float:
        """Flagged at a threshold; of each caller at most `most` of what nobody reviewed."""
        reviewed, others = 0.0, defaultdict[str, float](float)
        for score, who, weight, seen in self.tail:
            if score < at:
                continue
            if seen:
                reviewed += weight
            else:
                others[who] += weight
        each = [weight / self.total for weight in others.values()]
        return reviewed / self.total + sum(each if most is None else [min(share, most) for share in each])

    def false_blocks(self, at: float) -> float:
        """Marked as false alarms, and blocked at a threshold."""
        return sum(weight for score, _, weight, seen in self.tail if seen and score >= at) / self.total


def budget(text: str, calls_per_day: float) -> float:
    """A share of calls, from `1%`, `10/1000` (calls) or `20/day`. Raises ValueError with what is wrong."""
    wrong = "write the budget as 1%, 10/1000 or 20/day"
    number, sign, of = text.partition("%") if text.endswith("%") else text.partition("/")
    try:
        value = float(number)
        per = 100.0 if sign == "%" else calls_per_day if of == "day" else float(of)
    except ValueError:
        raise ValueError(wrong) from None
    if not sign or not math.isfinite(value) or not math.isfinite(per) or per <= 0:
        raise ValueError(wrong)
    share = value / per
    if share < LEAST_BUDGET:
        raise ValueError(
            f"no detector keeps to {text}: the least is {LEAST_BUDGET:.2%} of calls. To live without flags, set actions"
        )
    if share > MOST_BUDGET:
        raise ValueError(f"{text} is no budget of alarms: the most is {MOST_BUDGET:.0%} of calls")
    return share


def needed(share: float) -> int:
    """Calls of a channel below which nobody can say that a budget is kept: without one alarm in 3 / share, 95 %."""
    return max(LEAST_CALLS, math.ceil(3 / share))


def heaviest(counts: Sequence[int]) -> float:
    """The most calls of one caller that count, so that none weighs more than its share."""
    rising = sorted(counts)
    share = max(MOST_SHARE, 2 / len(rising)) if rising else 1.0
    for capped in range(len(rising)):
        rest, next_one = sum(rising[: len(rising) - capped]), rising[len(rising) - capped - 1]
        if share * capped >= 1:
            break
        cap = share * rest / (1 - share * capped)
        if next_one <= cap:
            return float(rising[-1]) if not capped else cap
    return float(rising[-1]) if rising else 0.0


def weights(callers: Sequence[str]) -> list[float]:
    """The weight of each call, 0 to 1."""
    counts = Counter(callers)
    cap = heaviest(list(counts.values()))
    return [min(1.0, cap / counts[who]) for who in callers]


def rate(flags: Sequence[bool], given: Sequence[float]) -> Rate:
    """The weighted share, with the interval of as many calls as the weights are worth (Kish)."""
    total = sum(given)
    if not total:
        return Rate(0.0, 0.0, 1.0)
    share = sum(weight for flag, weight in zip(flags, given, strict=True) if flag) / total
    worth = total**2 / sum(weight**2 for weight in given)
    middle = (share + _Z**2 / (2 * worth)) / (1 + _Z**2 / worth)
    half = _Z / (1 + _Z**2 / worth) * math.sqrt(share * (1 - share) / worth + _Z**2 / (4 * worth**2))
    return Rate(share, max(0.0, middle - half), min(1.0, middle + half))


def fit(calls: Sequence[Scored], share: float, present: Calibration | None) -> Fit:
    """The thresholds that keep to a budget: `share` of all calls may be flagged."""
    ruling = Cuts(present)
    groups = list(_groups(calls, ruling))
    given = weights([call.who for call in calls])
    enough = needed(share)
    now = rate([_flagged(call, ruling) for call in calls], given)
    rows: tuple[Row, ...] = ()
    expected = now
    for step in range(_STEPS, 0, -1):
        level = share * step / _STEPS
        rows = tuple(_row(group, level, share, enough) for group in groups)
        general = {row.channel: row.proposed for row in rows if not row.role}
        rows = tuple(r for r in rows if not r.role or (r.enough and r.proposed != general[r.channel]))
        expected = rate([_flagged(call, _cuts(rows)) for call in calls], given)
        if expected.share <= share:
            break
    held = expected.share <= share
    return Fit(
        budget=share,
        calls=len(calls),
        callers=len({call.who for call in calls}),
        needed=enough,
        rows=rows,
        flagged=now,
        expected=expected,
        largest=_largest(calls, given, ruling),
        held=held,
        trouble="" if held else _trouble(rows),
    )


def _groups(calls: Sequence[Scored], ruling: Cuts) -> Iterable[_Group]:
    """By channel, and by channel and role."""
    found: dict[tuple[Channel, str], list[Scored]] = defaultdict(list)
    for call in calls:
        for channel in call.scores:
            for role in ("", *call.roles):
                found[channel, role].append(call)
    for (channel, role), own in sorted(found.items()):
        given = weights([call.who for call in own])
        roles = (role,) if role else ()
        yield _Group(channel, role, own, given, ruling.of(channel, roles))


def _row(group: _Group, level: float, share: float, enough: int) -> Row:
    callers = len({call.who for call in group.calls})
    worth = sum(group.weights) ** 2 / sum(weight**2 for weight in group.weights)
    fits = worth >= enough and (not group.role or callers >= ROLE_CALLERS)
    proposed = Cut(_flag(group, level), _block(group, share * BLOCKS)) if fits else group.present
    return Row(
        channel=group.channel,
        role=group.role,
        calls=len(group.calls),
        callers=callers,
        enough=fits,
        present=group.present,
        proposed=proposed,
        flagged=group.rate(group.present.flag),
        expected=group.rate(proposed.flag),
        false_blocks=sum(seen and score >= group.present.block for score, _, _, seen in group.tail),
    )


def _flag(group: _Group, level: float) -> float:
    """The lowest threshold that keeps to the level; above the present one only as far as many callers ask for it."""
    plain = _lowest(_FLAGS, lambda at: group.share(at) <= level)
    if plain <= group.present.flag:
        return plain
    wanted = _lowest(_FLAGS, lambda at: group.share(at, level * MOST_ALARMS) <= level)
    return max(group.present.flag, wanted)


def _block(group: _Group, level: float) -> float:
    return _lowest(_BLOCKS, lambda at: group.false_blocks(at) <= level)


def _lowest(grid: Sequence[float], keeps: Callable[[float], bool]) -> float:
    """The first that keeps to it, or the last; what is flagged at one threshold falls with it."""
    above = list(takewhile(lambda at: not keeps(at), grid))
    return grid[min(len(above), len(grid) - 1)]


def _cuts(rows: Sequence[Row]) -> Cuts:
    thresholds = tuple(
        Threshold(channel=r.channel, role=r.role, flag=r.proposed.flag, block=r.proposed.block) for r in rows
    )
    return Cuts(Calibration(detectors="", thresholds=thresholds, budget=0, calls=0, since=0, until=0))


def _flagged(call: Scored, cuts: Cuts) -> bool:
    return any(score >= cuts.of(channel, call.roles).flag for channel, score in call.scores.items())


def _largest(calls: Sequence[Scored], given: Sequence[float], ruling: Cuts) -> float:
    found: dict[str, float] = defaultdict(float)
    for call, weight in zip(calls, given, strict=True):
        if _flagged(call, ruling):
            found[call.who] += weight
    total = sum(found.values())
    return max(found.values()) / total if total else 0.0


def _trouble(rows: Sequence[Row]) -> str:
    if any(row.enough and row.proposed.flag == FLAG_BOUNDS[1] for row in rows):
        return f"a threshold is at its bound ({FLAG_BOUNDS[1]}): beyond, the layer would say nothing that is not blocked"
    if not any(row.enough for row in rows):
        return "no channel has enough calls"
    return "most of the flags are those of few callers: review them (sallyport inspect false-alarm)"
