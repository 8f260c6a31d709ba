from __future__ import annotations

import json
from hashlib import sha256

import pytest

from sallyport.audit.entry import FIELDS, REQUIRED, encode, erasure
from sallyport.errors import LogFault

INTENT = {"kind": "intent", "request": "r", "who": "w", "model": "m"}


def test_the_bytes_are_canonical_and_stamped() -> None:
    data = encode({"request": "r", "who": "w", "kind": "intent", "model": "m"}, 1_700_000_000_123, b"sealed")
    assert json.loads(data) == {
        **INTENT,
        "v": 1,
        "time": 1_700_000_000_123,
        "payload_sha256": sha256(b"sealed").hexdigest(),
    }
    assert data == json.dumps(json.loads(data), sort_keys=True, separators=(",", ":")).encode()


def test_the_order_of_the_callers_members_does_not_matter() -> None:
    assert encode(INTENT, 5) == encode(dict(reversed(INTENT.items())), 5)


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"kind": "unheard of"},
        {"kind": 7},
        {"kind": "intent"},
        {**INTENT, "prompt": "never"},
        {**INTENT, "findings": [{"type": "card", "text": "4111"}]},
        {**INTENT, "findings": "card"},
        {**INTENT, "findings": ["card"]},
        {**INTENT, "counts": {1: 2}},
        {**INTENT, "counts": object()},
        {**INTENT, "model": "m" * 66_000},
    ],
)
def test_what_is_outside_of_the_schema_is_refused(entry: dict[str, object]) -> None:
    with pytest.raises(LogFault) as caught:
        encode(entry, 1)
    assert not {"never", "4111", "mmm"} & set(str(caught.value).split())
    assert caught.value.code == "log_unavailable"


def test_a_callers_digest_cannot_replace_the_payloads() -> None:
    data = json.loads(encode({**INTENT, "payload_sha256": "00"}, 1, b"sealed"))
    assert data["payload_sha256"] == sha256(b"sealed").hexdigest()


def test_every_kind_requires_only_fields_that_it_has() -> None:
    assert FIELDS.keys() == REQUIRED.keys()
    assert all(REQUIRED[kind] <= FIELDS[kind] for kind in FIELDS)


def test_an_erasure_is_an_administrators_entry() -> None:
    entry = json.loads(encode(erasure("0-abc", 4, who="w"), 1))
    assert (entry["kind"], entry["action"], entry["shard"], entry["index"]) == (
        "admin",
        "payload.erase",
        "0-abc",
        4,
    )
