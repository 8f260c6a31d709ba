"""How many characters of ordinary prose the output guard holds back, fed word by word."""

from __future__ import annotations

import os
import statistics
import time
from types import SimpleNamespace

from traffic import WORDS

from sallyport.inspection.room import InspectionRoom
from sallyport.inspection.vault import Vaults
from sallyport.model import Principal
from sallyport.settings import Settings
from sallyport.wiring import translate
from sallyport.wiring.guards import Bounds, Guards

READER = SimpleNamespace(may_have=lambda _kind, _origin: True, judged=tuple)


def held() -> dict[str, float]:
    """Median and maximum of (characters fed - characters released), after each word."""
    settings = Settings()
    options, given = translate.inspection(settings), settings.inspection
    bounds = Bounds(hold_back=given.hold_back, open_token=given.open_token, literals=options.canaries)
    guards = Guards(InspectionRoom(options), Vaults(time.monotonic, os.urandom), bounds, frozenset())
    guard = guards.guard(guards.vault(Principal(id="bench"), ""), (), (), READER)
    fed = released = 0
    seen = []
    for word in WORDS:
        fed += len(word)
        released += len(guard.feed_text(0, "content", word).text)
        seen.append(fed - released)
    return {"median": statistics.median(seen), "max": max(seen)}
