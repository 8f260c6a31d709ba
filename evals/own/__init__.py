"""Texts of our own writing that nothing is trained on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

from sallyport.model import Channel

_HARMLESS = Path(__file__).with_name("harmless.txt")
_TITLE = 2  # words of a line that starts a part: the channel and the kind


def own_harmless() -> Iterator[tuple[str, Channel, str]]:
    """Harmless texts, with the channel that they come through and whether they are everyday or hard."""
    channel, kind = "user", "everyday"
    for line in _HARMLESS.read_text(encoding="utf-8").splitlines():
        words = line[2:].split()
        if line.startswith("# ") and len(words) == _TITLE:
            channel, kind = words
        elif line and not line.startswith("# "):
            yield line, cast("Channel", channel), kind
