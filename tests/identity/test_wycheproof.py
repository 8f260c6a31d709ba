"""The Wycheproof vectors for JWS and JWK against our signature layer: nothing invalid may pass.

Valid ones that we refuse are listed with the reason; they are policy, and any other would be a fault.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from sallyport.errors import Refusal
from sallyport.identity.jose import check_signature, take_apart
from sallyport.identity.keyset import ALGORITHMS, key_set
from sallyport.identity.strict import Malformed

DATA = Path(os.environ.get("SALLYPORT_EVAL_DATA", "/nonexistent")) / "wycheproof"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="SALLYPORT_EVAL_DATA has no folder wycheproof")

SYMMETRIC = "a symmetric key is never a provider's"
EMPTY = "an empty payload carries no claims"
OTHER_ALG = "the key names another algorithm than the token"
UNREGISTERED = "the key names ES521, which is no algorithm"
REFUSED_BY_POLICY = {
    "json_web_signature_test.json": {
        **dict.fromkeys((1, 348, 352, 357, 358, 359, 372, 373, 376, 377), SYMMETRIC),
        **dict.fromkeys((259, 264, 268, 272, 320, 325), EMPTY),
        **dict.fromkeys((346, 350), OTHER_ALG),
        **dict.fromkeys((347, 351), UNREGISTERED),
    },
    "json_web_key_test.json": dict.fromkeys((2, 13, 14, 15), SYMMETRIC),
}


def outcome(entries: list[object], token: object) -> str:
    """`accepted`, or the reason of the refusal."""
    try:
        keys = key_set(json.dumps({"keys": entries}).encode(), tuple(sorted(ALGORITHMS)))
    except Malformed as error:
        return error.reason
    jws = take_apart(token if isinstance(token, str) else json.dumps(token))
    judged = jws if isinstance(jws, Refusal) else check_signature(jws, keys, ALGORITHMS)
    return judged.reason if isinstance(judged, Refusal) else "accepted"


@pytest.mark.parametrize("file", sorted(REFUSED_BY_POLICY))
def test_nothing_invalid_is_accepted_and_what_is_valid_only_refused_by_policy(file) -> None:
    accepted, refused = set(), set()
    for group in json.loads((DATA / file).read_text())["testGroups"]:
        public = group.get("public") or group["private"]
        for case in group["tests"]:
            got = outcome(public.get("keys", [public]), case["jws"])
            if got == "accepted" and case["result"] == "invalid":
                accepted.add((case["tcId"], case["comment"]))
            if got != "accepted" and case["result"] == "valid":
                refused.add(case["tcId"])
    assert accepted == set()
    assert refused == REFUSED_BY_POLICY[file].keys()
