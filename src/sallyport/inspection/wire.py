"""What travels between the door and its worker processes: length-prefixed MessagePack frames."""

from __future__ import annotations

from msgspec import Struct

from sallyport.inspection.engine import EngineOptions
from sallyport.model import Channel, Direction, Finding

FRAME_BYTES = 33_554_432  # the most that either side accepts
PREFIX_BYTES = 4  # big-endian length in front of each frame


class Setup(Struct, frozen=True, kw_only=True):
    """The first frame: what the process is for. An empty factory means the built-in detectors."""

    path: tuple[str, ...]  # where modules are imported from
    memory_mb: int
    factory: str = ""  # "module:function"
    options: EngineOptions = EngineOptions()
    gates: dict[bytes, bytes] = {}  # compiled ones, as `Engine.gates` gives them


class Task(Struct, frozen=True, kw_only=True):
    """Texts to look at."""

    texts: tuple[tuple[str, Channel], ...]
    direction: Direction
    system: tuple[str, ...] = ()  # system prompts whose leakage is looked for


class Reply(Struct, frozen=True, kw_only=True):
    """Findings with `leaf` set, or the class name of what went wrong (never its text)."""

    findings: tuple[Finding, ...] = ()
    error: str = ""
    name: str = ""  # of the plug-in, in the reply to `Setup`
    version: str = ""


def framed(payload: bytes) -> bytes:
    """A payload with its length in front."""
    return len(payload).to_bytes(PREFIX_BYTES, "big") + payload
