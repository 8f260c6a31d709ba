"""Whether this worker takes calls. Says which part does not, and nothing else."""

from __future__ import annotations

from typing import Any

from sallyport.errors import Refusal
from sallyport.gateway.exchange import Exchange
from sallyport.identity.revocation import RevocationFeed
from sallyport.wiring.adapters import AuditLog


class Health:
    """For load balancers and monitors, behind the edge like everything."""

    def __init__(self, log: AuditLog, feed: RevocationFeed) -> None:
        self._log, self._feed = log, feed

    async def check(self, _x: Exchange) -> dict[str, Any] | Refusal:
        """200 while calls are taken, else 503 with the code of the part that is down."""
        if self._log.writer.fault:
            return Refusal(code="disk_full" if self._log.writer.fault == "disk_full" else "log_unavailable")
        if not self._feed.fresh():
            return Refusal(code="revocation_stale")
        return {"status": "ok"}
