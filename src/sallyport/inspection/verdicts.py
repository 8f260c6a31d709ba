"""What the engine said of a text before: the earlier turns of a conversation come again with every call.

Keyed by the SHA-256 of channel, direction and text, in the memory of one engine (so of one version and one set of
settings); the actions, which depend on roles, are decided afresh. Holds findings, never text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from sallyport.inspection.engine import Engine
from sallyport.model import Channel, Direction, Finding

KEPT = 8192  # verdicts
MOST_FINDINGS = 64  # of a verdict that is kept


class Verdicts:
    """The engine with a memory; least recently used verdicts are forgotten."""

    def __init__(self, engine: Engine, *, kept: int = KEPT) -> None:
        self._engine, self._kept = engine, kept
        self._known: dict[bytes, tuple[Finding, ...]] = {}

    def scan(self, texts: Sequence[tuple[str, Channel]], direction: Direction) -> tuple[Finding, ...]:
        """The same as `Engine.scan`."""
        keys = [_key(text, channel, direction) for text, channel in texts]
        verdicts = [self._known.pop(key, None) for key in keys]
        new = [leaf for leaf, verdict in enumerate(verdicts) if verdict is None]
        if new:
            fresh = self._engine.scan([texts[leaf] for leaf in new], direction)
            for finding in fresh:
                leaf = new[finding.leaf]
                verdicts[leaf] = (*(verdicts[leaf] or ()), finding)
        for key, verdict in zip(keys, verdicts, strict=True):
            if not verdict or len(verdict) <= MOST_FINDINGS:
                self._known[key] = verdict or ()
        while len(self._known) > self._kept:
            self._known.pop(next(iter(self._known)))
        if not any(verdicts):
            return ()
        return tuple(
            msgspec.structs.replace(finding, leaf=leaf)
            for leaf, verdict in enumerate(verdicts)
            for finding in verdict or ()
        )


def _key(text: str, channel: Channel, direction: Direction) -> bytes:
    return hashlib.sha256(f"{direction}\0{channel}\0{text}".encode(errors="surrogatepass")).digest()
