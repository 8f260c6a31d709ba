"""What the rules have against a row, by the very engine of the gateway."""

from __future__ import annotations

from functools import cache

from evals.data import Row
from sallyport.inspection.detector import INSTRUCTIONS
from sallyport.inspection.engine import Engine
from sallyport.model import Channel

CHANNELS: dict[str, Channel] = {"user": "user", "document": "document", "tool": "tool_result"}


@cache
def _engine() -> Engine:
    return Engine()


def evidence(row: Row) -> float:
    """The score of the strongest instruction that the rules see, 0 to 1."""
    found = _engine().scan(((row.text, CHANNELS[row.channel]),), "input")
    return max((f.score for f in found if f.type in INSTRUCTIONS and f.layer == "rules"), default=0.0)
