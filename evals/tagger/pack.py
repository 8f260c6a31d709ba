"""Writes a trained CRF as the file that `sallyport.inspection.tagging.weights` reads."""

from __future__ import annotations

import zlib
from array import array
from pathlib import Path

import pycrfsuite

from sallyport.inspection.tagging import weights


def write(model: str, known: dict[str, str], out: Path) -> int:
    """Size of the file written."""
    tagger = pycrfsuite.Tagger()
    tagger.open(model)
    info = tagger.info()
    labels, scale, middle = weights.LABELS, weights.SCALE, weights.MIDDLE
    rows: dict[int, list[int]] = {}
    for (feature, label), value in info.state_features.items():
        row = rows.setdefault(weights.digest(feature), [middle] * len(labels))
        at = labels.index(label)
        row[at] = max(0, min(2 * middle - 1, row[at] + round(value * scale)))
    rows = {key: row for key, row in rows.items() if any(abs(value - middle) > 1 for value in row)}
    transitions = [round(info.transitions.get((a, b), -8.0) * scale) for a in labels for b in labels]
    keys = sorted(rows)
    letters = sorted(set(known.values()))
    listed = sorted((weights.digest(word), letters.index(its)) for word, its in known.items())
    parts = (
        array("i", transitions).tobytes(),
        array("I", keys).tobytes(),
        array("H", [value for key in keys for value in rows[key]]).tobytes(),
        ",".join(letters).encode(),
        array("I", [key for key, _ in listed]).tobytes(),
        bytes(number for _, number in listed),
    )
    blob = b"".join(len(part).to_bytes(4, "little") + part for part in parts)
    out.write_bytes(zlib.compress(blob, 9))
    print(f"{len(keys)} features, {len(listed)} listed words, {len(blob)} bytes unpacked")
    return out.stat().st_size
