"""When a child that died is started again, and when that is pointless. Pure."""

from __future__ import annotations

from msgspec import Struct


class Restarts(Struct, frozen=True, kw_only=True):
    """A child that was ready for `settled_seconds` may die as often as it likes; one that does not come up not."""

    settled_seconds: float = 1.0
    limit: int = 5  # failures in a row
    first_delay: float = 0.1  # seconds, doubled with each failure
    longest_delay: float = 5.0

    def failures(self, before: int, lived: float) -> int:
        """Failures in a row, after a life of `lived` seconds since it was ready."""
        return 0 if lived >= self.settled_seconds else before + 1

    def delay(self, failures: int) -> float | None:
        """Seconds to wait before the next start; None: give up."""
        if failures >= self.limit:
            return None
        return min(self.first_delay * 2.0**failures, self.longest_delay)
