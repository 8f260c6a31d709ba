"""The encoder as a detector, for the worker processes of `pool`: the factory is `...learned.detector:build`.

One finding a text, whatever its score: the caller mixes it with what the other layers say (`fusion`), so the
score here is that of the encoder alone, 1 / (1 + exp(-log-odds)).
"""

from __future__ import annotations

from collections.abc import Sequence

from sallyport.inspection.learned import shipped
from sallyport.inspection.learned.encoder import MOST_WINDOWS, Encoder
from sallyport.inspection.learned.odds import probability
from sallyport.inspection.learned.suspicion import Suspicion
from sallyport.inspection.views import View
from sallyport.model import Channel, Direction, Finding

NAME = "encoder"
OF_CALL = 160  # windows that the texts of one call share, 14 ms each; each text has one at least


class EncoderDetector:
    """See `sallyport.inspection.detector.Detector`."""

    def __init__(self, encoder: Encoder, suspicion: Suspicion, version: str) -> None:
        self._encoder, self._suspicion = encoder, suspicion
        self.name, self.version = NAME, version

    def scan(self, text: str, channel: Channel, direction: Direction) -> Sequence[Finding]:  # noqa: ARG002 - the same everywhere
        """The worst window of the readings that the linear model suspects most; nothing for a text of blanks."""
        return self._scan(text, channel, MOST_WINDOWS)

    def scan_all(self, texts: Sequence[tuple[str, Channel]], direction: Direction) -> list[Sequence[Finding]]:  # noqa: ARG002 - the same everywhere
        """The same for each text of a call. They share the time: where there are many, of each fewer windows are read."""
        most = min(MOST_WINDOWS, max(1, OF_CALL // max(1, len(texts))))
        return [self._scan(text, channel, most) for text, channel in texts]

    def _scan(self, text: str, channel: Channel, most: int) -> Sequence[Finding]:
        if not text.strip():
            return ()
        views = self._suspicion.worst(text)
        logit, start, end = max(self._read(view, max(1, most // len(views))) for view in views)
        kind = "prompt_injection" if channel == "user" else "indirect_injection"
        return (
            Finding(type=kind, start=start, end=end, score=probability(logit), layer=NAME, detector=NAME,
                    version=self.version),
        )  # fmt: skip

    def _read(self, view: View, most: int) -> tuple[float, int, int]:
        logit, start, end = self._encoder.read(view.text, most)
        return logit, *view.locate(start, end)


def build() -> EncoderDetector:
    """The shipped encoder."""
    linear = shipped.linear()
    encoder = Encoder(shipped.network(), shipped.vocabulary(), linear)
    return EncoderDetector(encoder, Suspicion.alone(linear), shipped.parameters().version)
