"""The weights that come with the package; each part is read when it is first asked for.

`weights/` holds `parameters.json`, `linear.bin` (a byte a weight), `encoder.onnx` (int8) and `vocabulary.txt`.
Where they come from: docs/model-card.md.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import msgspec

from sallyport.inspection.learned.fusion import Parameters
from sallyport.inspection.learned.linear import Linear

FOLDER = Path(__file__).with_name("weights")


@cache
def parameters() -> Parameters:
    """All numbers that are no weights. Raises `msgspec.ValidationError` when the file is damaged."""
    return msgspec.json.decode((FOLDER / "parameters.json").read_bytes(), type=Parameters)


def linear(folder: Path = FOLDER) -> Linear:
    """A linear model of one's own (it remembers words, so threads do not share one)."""
    known = parameters()
    table = _checked(folder / "linear.bin", known.linear_sha256)
    return Linear(table, known.linear_scale, known.linear_bias)


def network(folder: Path = FOLDER) -> bytes:
    """The encoder's network. Raises `ValueError` if it is not the one that was trained."""
    return _checked(folder / "encoder.onnx", parameters().encoder_sha256)


def vocabulary(folder: Path = FOLDER) -> list[str]:
    """The encoder's pieces, in the order of their numbers."""
    return (folder / "vocabulary.txt").read_text(encoding="utf-8").splitlines()


def _checked(path: Path, sha256: str) -> bytes:
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ValueError(f"{path.name} is damaged, or of another version than parameters.json")
    return data
