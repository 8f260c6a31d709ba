"""`kill -9` of worker, Envoy and supervisor under load: what was answered whole is in the log, and the door comes back.

`scripts/faults` runs fifty of them, and measures how long each return takes.
"""

from __future__ import annotations

import os
import random

import pytest
from kills import campaign

pytestmark = pytest.mark.slow


def test_what_was_answered_whole_survives_kills(tmp_path):
    kills = int(os.environ.get("SALLYPORT_KILLS", "6"))
    seed = random.randrange(10**6)
    report = campaign(tmp_path / "door", kills, seed)
    assert report.problems == [], f"seed {seed}"
    assert report.kills.total() == kills
    assert report.checked == len(report.load.whole) > 100
    assert report.load.other.total() > 0, "no call was hit"
