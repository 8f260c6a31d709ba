"""What is kept of a call that was refused for its instructions: sealed as a sent one is, so that a person can review it.

Only such a call: one that was refused for a secret, a canary or a topic leaves nothing behind. Values are masked first.
The entry of the refusal never waits for it: what cannot be masked or sealed is not kept.
"""

from __future__ import annotations

import logging

from sallyport.gateway import stages
from sallyport.gateway.exchange import Exchange
from sallyport.gateway.limits import Limits
from sallyport.gateway.ports import Rooms, Sealed
from sallyport.model import REFUSING

# Inspection's words for text that tries to steer the model; a test holds the two together.
STEERING = frozenset(
    {
        "prompt_injection",
        "jailbreak",
        "system_prompt_extraction",
        "indirect_injection",
        "exfiltration_link",
    }
)
logger = logging.getLogger("sallyport.pipeline")


async def kept(x: Exchange, rooms: Rooms, limits: Limits) -> Sealed | None:
    """The sealed request of a refused call; None where it is not to be kept, or cannot be."""
    refusing = [finding for finding in x.findings if finding.action in REFUSING]
    if x.stage != "inspect_input" or not refusing or x.principal is None:
        return None
    if any(finding.type not in STEERING for finding in refusing):
        return None
    try:
        if await stages.mask(x, rooms, limits) is not None:
            return None
        return await rooms.sealer.seal(
            owner=x.principal.id,
            request=x.request_id,
            part="request",
            text=x.outgoing,
            values=x.vault.values() if x.vault else (),
        )
    except Exception as error:  # noqa: BLE001 - whatever it is, the refusal is recorded without it
        logger.warning("a refused call was not kept: %s request=%s", type(error).__name__, x.request_id)
        return None
