"""One number for how much a text looks like an attack, and one word for what the actions make of it. Pure.

The number is the flag layer's: 0 to 1, comparable between texts, whatever the channel, role and settings. Each
layer that looks for instructions gives the strongest evidence of its findings; a *fusion* makes one score of them.
Today there is one such layer, the rules, and the fusion is the maximum: the strongest type of a text already
carries the evidence of all its rules. A learned layer brings its own evidence under its own name, and a calibrated
fusion for both, as the argument `fuse`.

Personal data, secrets and leaks are findings and have actions; they are no evidence of an attack.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from sallyport.errors import DetectorFault
from sallyport.inspection.detector import INSTRUCTIONS
from sallyport.model import REFUSING, Finding

Evidence = Mapping[str, float]  # layer -> its strongest score, 0 to 1; a layer that saw nothing is absent
Fusion = Callable[[Evidence], float]
Verdict = Literal["allow", "flag", "block"]


def evidence(findings: Sequence[Finding]) -> dict[str, float]:
    """What each layer has against a text, also where that is too thin for an action."""
    found: dict[str, float] = {}
    for finding in findings:
        if finding.type in INSTRUCTIONS:
            found[finding.layer] = max(found.get(finding.layer, 0.0), finding.score)
    return found


def strongest(given: Evidence) -> float:
    """The fusion of today: as bad as the layer says that has the most against the text."""
    return max(given.values(), default=0.0)


def attack_score(findings: Sequence[Finding], fuse: Fusion = strongest) -> float:
    """The score of a text, 0 to 1. Raises `DetectorFault` for a fusion that gives anything else."""
    score = fuse(evidence(findings))
    if not 0.0 <= score <= 1.0:
        raise DetectorFault("the fusion gave a score outside 0 to 1")
    return score


def verdict(findings: Sequence[Finding]) -> Verdict:
    """What the actions of a text's findings make of it. Masking lets a text through: that is `allow`."""
    actions = {finding.action for finding in findings}
    return "block" if actions & REFUSING else "flag" if "flag" in actions else "allow"
