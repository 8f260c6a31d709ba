"""All layers one after the other, as the gateway does, on one text; with the shipped weights."""

from __future__ import annotations

from dataclasses import dataclass

from sallyport.inspection.detector import INSTRUCTIONS
from sallyport.inspection.engine import Engine
from sallyport.inspection.learned import detector, shipped
from sallyport.inspection.learned.odds import log_odds
from sallyport.inspection.learned.sentences import says_enough
from sallyport.inspection.learned.suspicion import Suspicion
from sallyport.inspection.thresholds import BLOCK_SCORE
from sallyport.model import Channel


@dataclass(frozen=True)
class Judged:
    """What each layer said, and what comes of it."""

    rules: float
    linear: float
    encoder: float | None
    score: float


class Pipeline:
    """Built once; a text at a time."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.parameters = shipped.parameters()
        self.suspicion = Suspicion.alone(shipped.linear())
        self.encoder = detector.build()

    def judge(self, text: str, channel: Channel) -> Judged:
        """The score of one text."""
        found = self.engine.scan(((text, channel),), "input")
        rules = max((f.score for f in found if f.type in INSTRUCTIONS), default=0.0)
        if not says_enough(text, channel):
            return Judged(rules, 0.0, None, rules)
        linear, _ = self.suspicion.most(text)
        encoder: float | None = None
        if rules < BLOCK_SCORE and self.parameters.unclear(linear, channel):
            for finding in self.encoder.scan(text, channel, "input"):
                encoder = log_odds(finding.score)
        return Judged(rules, linear, encoder, self.parameters.score(rules, linear, encoder))
