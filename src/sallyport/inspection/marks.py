"""What people said of findings: a false alarm, or a true attack. Pure.

A mark is of one call, with the reason, who said so and until when. It holds no text, only a keyed digest of each text
that it is about. A false alarm excuses the very findings that it names, in that very text, for callers of the same
roles, until it ends: from then on it counts for nothing. It never excuses what the settings decide on, values,
secrets, canaries or leaks, nor links that carry data away; nor what several turns say only together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec
from msgspec import Struct

from sallyport.inspection.detector import INSTRUCTIONS
from sallyport.model import Action, Channel, Finding, Leaf

Judgement = Literal["false_alarm", "true_attack"]
EXCUSABLE = frozenset(INSTRUCTIONS) - {"exfiltration_link"}
MOST_TEXTS = 64  # of one mark
Digest = Callable[[Channel, str], str]
Ruled = Callable[[Finding, Channel], Action | None]


class Kind(Struct, frozen=True):
    """What was found in a marked text, when it was looked at alone."""

    type: str
    layer: str
    detector: str
    score: float

    def covers(self, finding: Finding) -> bool:
        """Whether that is the very same finding, and no stronger."""
        same = (finding.type, finding.layer, finding.detector) == (self.type, self.layer, self.detector)
        return same and finding.score <= self.score


class Text(Struct, frozen=True):
    """A text of the marked call: its channel, its keyed digest, and what was found in it."""

    channel: Channel
    digest: str
    kinds: tuple[Kind, ...]


class Mark(Struct, frozen=True, kw_only=True):
    """Times in seconds since the epoch."""

    id: str
    request: str
    judgement: Judgement
    reason: str
    by: str
    at: int
    expires: int
    roles: tuple[str, ...]
    texts: tuple[Text, ...]

    def counts(self, now: float) -> bool:
        """Whether it has not ended."""
        return self.at <= now + 60 and now < self.expires


class Excuses:
    """The marks of false alarms, ready to be asked in the way of a call."""

    def __init__(self, marks: Sequence[Mark], digest: Digest, now: Callable[[], float]) -> None:
        self._digest, self._now = digest, now
        self._marks: dict[tuple[str, tuple[str, ...]], list[tuple[Mark, Text]]] = {}
        for mark in marks:
            if mark.judgement == "false_alarm":
                for text in mark.texts:
                    self._marks.setdefault((text.digest, mark.roles), []).append((mark, text))

    def __bool__(self) -> bool:
        return bool(self._marks)

    def apply(
        self, findings: Sequence[Finding], leaves: Sequence[Leaf], roles: Sequence[str], ruled: Ruled
    ) -> tuple[Finding, ...]:
        """The findings, with the action `allow` where a mark excuses one. `ruled`: what the settings say of it."""
        asked = {f.leaf for f in findings if f.type in EXCUSABLE and f.action in ("flag", "block")}
        if not asked:
            return tuple(findings)
        known = {leaf: self._of(leaves[leaf], tuple(sorted(roles))) for leaf in asked}
        return tuple(
            [self._excused(f, known.get(f.leaf, ()), leaves[f.leaf].channel, ruled) for f in findings]
        )

    def _of(self, leaf: Leaf, roles: tuple[str, ...]) -> Sequence[Text]:
        now = self._now()
        found = self._marks.get((self._digest(leaf.channel, leaf.text), roles), ())
        return [text for mark, text in found if mark.counts(now) and text.channel == leaf.channel]

    def _excused(self, finding: Finding, texts: Sequence[Text], channel: Channel, ruled: Ruled) -> Finding:
        if finding.type not in EXCUSABLE or finding.action not in ("flag", "block"):
            return finding
        if not any(kind.covers(finding) for text in texts for kind in text.kinds):
            return finding
        if ruled(finding, channel) is not None:
            return finding
        return msgspec.structs.replace(finding, action="allow", notice="")


def kinds(findings: Sequence[Finding]) -> tuple[Kind, ...]:
    """What a mark remembers of the findings of one text: the strongest of each kind."""
    best: Mapping[tuple[str, str, str], float] = {}
    for finding in findings:
        if finding.type in INSTRUCTIONS:
            key = (finding.type, finding.layer, finding.detector)
            best = {**best, key: max(best.get(key, 0.0), finding.score)}
    return tuple(Kind(*key, score) for key, score in sorted(best.items()))
