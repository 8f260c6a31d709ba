"""The encoder: a small transformer that reads a text in windows; the highest window counts.

For worker processes only: it needs 14 ms a window, native code that cannot be interrupted, and 100 MB.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import onnxruntime

from sallyport.inspection.learned import wordpiece
from sallyport.inspection.learned.linear import Linear
from sallyport.inspection.learned.wordpiece import WordPiece

LENGTH, OVERLAPPING = 96, 14  # pieces of a window, with its frame; that two windows share
SEGMENT, OVERLAP = 2048, 256  # characters of a long text that are taken together, and from one to the next
MOST_SEGMENTS = 8  # of a text: of a longer one those that the linear model finds the most suspicious
MOST_WINDOWS = 48  # of all of them; the same
_BATCH = 8


class Encoder:
    """The network and its vocabulary. Deterministic; not thread safe."""

    def __init__(self, network: bytes, vocabulary: Sequence[str], linear: Linear) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False  # memory goes back after a long text
        self._session = onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
        self._pieces = WordPiece(vocabulary)
        self._linear = linear

    def read(self, text: str, most: int = MOST_WINDOWS) -> tuple[float, int, int]:
        """The log-odds of an attack, and the span of the window that says so, in characters of `text`.

        At most `most` windows are read: those that the linear model finds the most suspicious.
        """
        if len(text) <= MOST_SEGMENTS * SEGMENT:
            return self._read(text, most)
        segments = range(0, len(text) - OVERLAP, SEGMENT - OVERLAP)

        def suspicion(start: int) -> float:
            return self._linear.logit(text[start : start + SEGMENT])

        chosen = sorted(segments, key=suspicion)[-min(MOST_SEGMENTS, most) :]
        found = []
        for at in sorted(chosen):
            logit, start, end = self._read(text[at : at + SEGMENT], most // len(chosen))
            found.append((logit, at + start, at + end))
        return max(found)

    def _read(self, text: str, most: int) -> tuple[float, int, int]:
        pieces, places = self._pieces.located(text)
        spans = self._chosen(text, places, most)
        windows = [wordpiece.window(pieces[start:end]) for start, end in spans]
        logits = [x for n in range(0, len(windows), _BATCH) for x in self._run(windows[n : n + _BATCH])]
        best = max(range(len(logits)), key=logits.__getitem__)
        covered = places[slice(*spans[best])]
        if not covered:
            return logits[best], 0, len(text)
        return logits[best], covered[0][0], covered[-1][1]

    def _chosen(self, text: str, places: Sequence[tuple[int, int]], most: int) -> list[tuple[int, int]]:
        spans = wordpiece.spans(len(places), LENGTH, OVERLAPPING)
        if len(spans) <= most:
            return spans

        def suspicion(span: tuple[int, int]) -> float:
            return self._linear.logit(text[places[span[0]][0] : places[span[1] - 1][1]])

        return sorted(sorted(spans, key=suspicion)[-most:])

    def _run(self, windows: Sequence[Sequence[int]]) -> list[float]:
        length = max(map(len, windows))
        rows = np.zeros((len(windows), length), dtype=np.int64)
        for row, window in zip(rows, windows, strict=True):
            row[: len(window)] = window
        (logits,) = self._session.run(None, {"pieces": rows})
        values = [float(value) for value in logits]
        if not all(map(math.isfinite, values)):
            raise ValueError("the network answered with no number")
        return values
