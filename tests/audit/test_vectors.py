"""vectors/audit: a small log, promises, a receipt; each case names what a verifier must say of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from sallyport.audit.note import parse_vkey
from sallyport.audit.promise import verify_promise
from sallyport.audit.prove import verify_receipt
from sallyport.audit.verify import verify_directory

VECTORS = Path(__file__).parents[2] / "vectors" / "audit"
CASES: dict[str, Any] = json.loads((VECTORS / "cases.json").read_text())
KEY = bytes.fromhex(CASES["public_key"])
# What our verifier says for each named outcome. An outcome that is not here fails.
PROMISE = {
    "signature": "not signed by this key",
    "batch": "outside of its batch",
    "path": "path",
    "version": "not a promise of version 1",
}
RECEIPT = {
    "checkpoint": "the checkpoint is not good",
    "answer": "not the one that was committed to",
    "request": "belongs to another request",
    "promise": "made for another entry",
    "nothing": "proves no intent",
    "format": "not a receipt",
}
LOG = {
    "entry": "does not give the hash",
    "checkpoint": "the checkpoint is not good",
    "payload": "the payload was changed",
    "missing": "is missing",
    "shard missing": "it is not here",
    "shard unlisted": "not in the registry",
    "segment": "is damaged",
    "segment short": "missing from the write-ahead segments",
}


def name_of(case: dict[str, Any]) -> str:
    return str(case["name"])


@pytest.mark.parametrize("case", CASES["promises"], ids=name_of)
def test_promises(case: dict[str, Any]) -> None:
    if case["expect"] == "good":
        promise = verify_promise(case["value"], KEY)
        assert (promise.shard, promise.index) == (case["shard"], case["index"])
        assert promise.leaf_hash.hex() == case["leaf_hash"]
        return
    with pytest.raises(ValueError, match=PROMISE[case["expect"]]):
        verify_promise(case["value"], KEY)


@pytest.mark.parametrize("case", CASES["receipts"], ids=name_of)
def test_receipts(case: dict[str, Any]) -> None:
    document = json.loads((VECTORS / "receipt.json").read_text()) | case["change"]
    key = bytes.fromhex(CASES[case.get("key", "public_key")])
    delivered = case.get("delivered", CASES["delivered"]).encode()
    report = verify_receipt(document, key, delivered=delivered)
    if case["expect"] == "good":
        assert report.problems == []
        assert report.promised
        assert report.delivered
        return
    assert any(RECEIPT[case["expect"]] in problem for problem in report.problems)


@pytest.mark.parametrize("case", CASES["logs"], ids=name_of)
def test_logs(case: dict[str, Any], tmp_path: Path) -> None:
    directory = tmp_path / "log"
    shutil.copytree(VECTORS / "log", directory)
    change(directory, case)
    report = verify_directory(directory, public_keys=[KEY])
    if case["expect"] == "good":
        assert report.problems == []
        assert report.entries == 8
        return
    assert report.first is not None
    assert LOG[case["expect"]] in " ".join(map(str, report.problems))
    if "index" in case:
        assert report.first.index == case["index"]


def change(directory: Path, case: dict[str, Any]) -> None:
    path = directory / case.get("file", "")
    if "replace" in case:
        old, new = (text.encode() for text in case["replace"])
        assert old in path.read_bytes()
        path.write_bytes(path.read_bytes().replace(old, new))
    if "flip" in case:
        data = bytearray(path.read_bytes())
        data[case["flip"]] ^= 1
        path.write_bytes(data)
    if case.get("remove"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    if "rename" in case:
        path.rename(directory / case["rename"])


def test_the_vkey_is_the_public_key() -> None:
    verifier = parse_vkey(CASES["vkey"])
    assert verifier.key == KEY
    assert verifier.name == f"{CASES['origin']}/0-5a11ba5e0001"
