"""Where the entries of a call are."""

from __future__ import annotations

import json

from sallyport.audit.find import Entry
from sallyport.wiring import evidence


async def test_the_last_outcome_counts(tmp_path, monkeypatch):
    """The disk may take an outcome too late for its caller, who was then refused."""
    entries = [
        Entry("s", index, kind, json.dumps({"request": "r", "who": "w"}).encode())
        for index, kind in ((3, "intent"), (7, "outcome"), (9, "outcome"))
    ]
    monkeypatch.setattr(evidence, "find", lambda *_: entries)
    where = await evidence.LogEvidence(tmp_path, None).where("r")
    assert (where.intent, where.outcome) == (3, 9)
