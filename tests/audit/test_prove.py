from __future__ import annotations

import json
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import pytest

from sallyport.audit.prove import commitment, prove, verify_receipt
from sallyport.audit.writer import Pace
from sallyport.errors import Fault, LogFault

OPENING = b"o" * 32
ANSWER = b'{"choices": []}'


@pytest.fixture
async def receipt(opened, entry, fill, tmp_path: Path) -> dict[str, Any]:
    writer = opened()
    await fill(writer, 200)
    intent = await writer.append(entry(777, config_version="1"))
    await writer.append(entry(777, "outcome", commitment=commitment(OPENING, ANSWER), intent=intent.index))
    await fill(writer, 3)
    writer.close()
    document = prove(tmp_path / "audit", "req_000777", promise=intent.promise, opening=OPENING)
    return json.loads(json.dumps(document))


async def test_a_receipt_verifies_by_itself(receipt, signer) -> None:
    report = verify_receipt(receipt, signer.public_key_bytes, delivered=ANSWER)
    assert report.problems == []
    assert (report.ok, report.trusted, report.promised, report.delivered) == (True, True, True, True)
    assert [e["kind"] for e in report.entries.values()] == ["intent", "outcome"]
    own = verify_receipt(receipt)
    assert (own.ok, own.trusted, own.delivered) == (True, False, None)


async def test_another_answer_is_not_what_was_committed_to(receipt, signer) -> None:
    report = verify_receipt(receipt, signer.public_key_bytes, delivered=ANSWER + b" ")
    assert (report.ok, report.delivered) == (False, False)


async def test_a_stranger_has_not_signed(receipt, stranger) -> None:
    assert not verify_receipt(receipt, stranger.public_key_bytes).ok


def other_entry(receipt: dict[str, Any]) -> None:
    data = b64decode(receipt["entries"][0]["entry"]).replace(b"support", b"Support")
    receipt["entries"][0]["entry"] = b64encode(data).decode()


def other_index(receipt: dict[str, Any]) -> None:
    receipt["entries"][0]["index"] += 1


def other_request(receipt: dict[str, Any]) -> None:
    receipt["request"] = "req_000001"


def other_shard(receipt: dict[str, Any]) -> None:
    receipt["shard"] = "0-000000000000"
    receipt["promise"] = ""


def other_origin(receipt: dict[str, Any]) -> None:
    receipt["origin"] = "somewhere.else/" + receipt["shard"]


def other_size(receipt: dict[str, Any]) -> None:
    receipt["checkpoint"] = receipt["checkpoint"].replace("\n409\n", "\n408\n")


def short_proof(receipt: dict[str, Any]) -> None:
    receipt["entries"][1]["proof"].pop()


def no_entries(receipt: dict[str, Any]) -> None:
    receipt["entries"] = []


def only_the_outcome(receipt: dict[str, Any]) -> None:
    del receipt["entries"][0]


def other_promise(receipt: dict[str, Any]) -> None:
    receipt["promise"] = receipt["promise"].replace("i=401", "i=402")


def no_opening(receipt: dict[str, Any]) -> None:
    receipt["opening"] = ""


def other_opening(receipt: dict[str, Any]) -> None:
    receipt["opening"] = b64encode(b"p" * 32).decode()


def other_version(receipt: dict[str, Any]) -> None:
    receipt["receipt"] = 2


def more_members(receipt: dict[str, Any]) -> None:
    receipt["note"] = "believe me"


def not_base64(receipt: dict[str, Any]) -> None:
    receipt["entries"][0]["entry"] = "§"


ALTERED = [
    other_entry,
    other_index,
    other_request,
    other_shard,
    other_origin,
    other_size,
    short_proof,
    no_entries,
    only_the_outcome,
    other_promise,
    no_opening,
    other_opening,
    other_version,
    more_members,
    not_base64,
]


@pytest.mark.parametrize("alter", ALTERED)
async def test_an_altered_receipt_does_not_verify(receipt, signer, alter) -> None:
    before = json.dumps(receipt)
    alter(receipt)
    assert json.dumps(receipt) != before
    report = verify_receipt(receipt, signer.public_key_bytes, delivered=ANSWER)
    assert report.problems


@pytest.mark.parametrize("document", [{}, {"receipt": "1"}, {"receipt": 1, "entries": 3}])
def test_what_is_not_a_receipt_is_named_so(document: dict[str, Any]) -> None:
    assert verify_receipt(document).problems == ["not a receipt of version 1"]


async def test_an_unknown_request_has_no_receipt(opened, tmp_path: Path) -> None:
    opened()
    for request in ("req_unknown", ""):
        with pytest.raises(Fault) as caught:
            prove(tmp_path / "audit", request)
        assert caught.value.code == "record_unknown"


async def test_what_is_not_in_a_checkpoint_yet_is_said_so(opened, entry, tmp_path: Path) -> None:
    writer = opened(pace=Pace(checkpoint=3600))
    await writer.append(entry(1))
    with pytest.raises(LogFault, match="try again in a second"):
        prove(tmp_path / "audit", "req_000001")
