"""Credentials that were verified a moment ago, by their full SHA-256. Pure; negative results are never kept.

An entry counts until `until` and only under the revocation epoch that was read *before* its verification began:
a revocation that happens meanwhile moves the epoch, and the entry is dead when it is born.
"""

from __future__ import annotations

from collections import OrderedDict

from sallyport.model import Principal


class TokenCache:
    """At most `entries` principals; the one that was not used for longest goes first."""

    def __init__(self, entries: int = 10_000) -> None:
        self._entries = entries
        self._held: OrderedDict[bytes, tuple[Principal, int, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    def get(self, digest: bytes, now: int, epoch: int) -> Principal | None:
        """The principal of a credential, if it was verified under this very epoch and is not over."""
        held = self._held.get(digest)
        if held is None:
            return None
        if held[2] != epoch or now >= held[1]:
            del self._held[digest]
            return None
        self._held.move_to_end(digest)
        return held[0]

    def put(self, digest: bytes, principal: Principal, until: int, epoch: int) -> None:
        """Keep until `until` (seconds since the epoch of the clock), under the revocation `epoch`."""
        self._held[digest] = (principal, until, epoch)
        if len(self._held) > self._entries:
            self._held.popitem(last=False)
