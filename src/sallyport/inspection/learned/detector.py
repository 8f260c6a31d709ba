"""The encoder as a detector, for the worker processes of `pool`: the factory is `...learned.detector:build`.

One finding a text, whatever its score: the caller mixes it with what the other layers say (`fusion`), so the
score here is that of the encoder alone, 1 / (1 + exp(-log-odds)).
"""

from __future__ import annotations

from collections.abc import Sequence

from sallyport.inspection.learned import shipped
from sallyport.inspection.learned.encoder import Encoder
from sallyport.inspection.learned.odds import probability
from sallyport.inspection.learned.suspicion import Suspicion
from sallyport.inspection.views import View
from sallyport.model import Channel, Direction, Finding

NAME = "encoder"


class EncoderDetector:
    """See `sallyport.inspection.detector.Detector`."""

    def __init__(self, encoder: Encoder, suspicion: Suspicion, version: str) -> None:
        self._encoder, self._suspicion = encoder, suspicion
        self.name, self.version = NAME, version

    def scan(self, text: str, channel: Channel, direction: Direction) -> Sequence[Finding]:  # noqa: ARG002 - the same everywhere
        """The worst window of the readings that the linear model suspects most; nothing for a text of blanks."""
        if not text.strip():
            return ()
        logit, start, end = max(self._read(view) for view in self._suspicion.worst(text))
        kind = "prompt_injection" if channel == "user" else "indirect_injection"
        return (
            Finding(type=kind, start=start, end=end, score=probability(logit), layer=NAME, detector=NAME,
                    version=self.version),
        )  # fmt: skip

    def _read(self, view: View) -> tuple[float, int, int]:
        logit, start, end = self._encoder.read(view.text)
        return logit, *view.locate(start, end)


def build() -> EncoderDetector:
    """The shipped encoder."""
    linear = shipped.linear()
    encoder = Encoder(shipped.network(), shipped.vocabulary(), linear)
    return EncoderDetector(encoder, Suspicion.alone(linear), shipped.parameters().version)
