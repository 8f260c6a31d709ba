"""A receipt: one JSON document that proves to a third party what the log says of a request.

It carries the entries of the request (intent and outcome), their inclusion proofs, the signed checkpoint that these lead
to, and where they are known the promise from the answer's header and the opening of the commitment. Checking it
needs nothing else but, for real trust, the log's public key from another place. Bytes are base64, digests hex.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import orjson
from msgspec import Struct

from sallyport.audit.checkpoint import Checkpoint, open_checkpoint
from sallyport.audit.encoding import exact_base64
from sallyport.audit.find import Entry, find
from sallyport.audit.merkle import inclusion_proof, leaf_hash, verify_inclusion
from sallyport.audit.promise import verify_promise
from sallyport.audit.reader import LogReader
from sallyport.errors import Fault, LogFault

VERSION = 1


class ProvenEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """An entry with its inclusion proof."""

    index: int
    entry: str
    proof: list[str]


class Document(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The receipt's members."""

    receipt: int  # version
    request: str
    shard: str
    origin: str
    public_key: str
    checkpoint: str
    entries: list[ProvenEntry]
    promise: str = ""
    opening: str = ""


class ReceiptReport(Struct, kw_only=True):
    """What a receipt proves. `problems` is empty if everything in it holds."""

    request: str = ""
    shard: str = ""
    entries: dict[int, dict[str, Any]] = {}  # index -> decoded entry, those that are proven
    size: int = 0  # of the checkpoint
    trusted: bool = False  # checked with a key that the caller gave, not with the document's own
    promised: bool = False  # a promise was there and it was kept
    delivered: bool | None = None  # whether the delivered bytes are those committed to; None: not asked
    problems: list[str] = []

    @property
    def ok(self) -> bool:
        """Whether the receipt holds."""
        return not self.problems


def prove(directory: Path, request: str, *, promise: str = "", opening: bytes = b"") -> dict[str, Any]:
    """The receipt of a request as a JSON object. The log may be in use.

    Raises Fault `record_unknown`, and LogFault if the entries are not in a checkpoint yet (try again in a second) or the
    log is damaged.
    """
    found = find(directory, request)
    shard = next((e.shard for e in found if e.kind == "intent"), found[0].shard)
    reader = LogReader(directory / "shards" / shard)
    note = reader.note() or ""
    size = reader.checkpoint().size
    wanted = [entry for entry in found if entry.shard == shard]
    if any(entry.index >= size for entry in wanted):
        raise LogFault("the entry is durable but not in a checkpoint yet: try again in a second")
    first = orjson.loads(reader.entry(0))
    document = Document(
        receipt=VERSION,
        request=request,
        shard=shard,
        origin=first["origin"],
        public_key=first["public_key"],
        checkpoint=note,
        entries=[_proven(reader, entry, size) for entry in wanted],
        promise=promise,
        opening=_b64(opening),
    )
    built: dict[str, Any] = msgspec.to_builtins(document)
    return built


def verify_receipt(
    document: Mapping[str, Any], public_key: bytes | None = None, *, delivered: bytes | None = None
) -> ReceiptReport:
    """Check a receipt. Never raises for what is in it.

    `public_key`: the log's key (32 bytes) as known from elsewhere; without it the document's own key is used, which proves
    only that the document agrees with itself. `delivered`: the bytes of the answer as they arrived.
    """
    report = ReceiptReport(trusted=public_key is not None, entries={}, problems=[])
    try:
        receipt = msgspec.convert(dict(document), Document)
        key = public_key or exact_base64(receipt.public_key)
    except (msgspec.ValidationError, TypeError, ValueError):
        report.problems.append("not a receipt of version 1")
        return report
    if receipt.receipt != VERSION:
        report.problems.append("not a receipt of version 1")
        return report
    report.request, report.shard = receipt.request, receipt.shard
    _Check(receipt, key, report).run(delivered)
    return report


class _Check:
    def __init__(self, receipt: Document, key: bytes, report: ReceiptReport) -> None:
        self.receipt, self.key, self.report = receipt, key, report
        self.leaves: dict[int, bytes] = {}

    def bad(self, why: str) -> None:
        self.report.problems.append(why)

    def run(self, delivered: bytes | None) -> None:
        try:
            checkpoint = open_checkpoint(self.receipt.checkpoint, self.receipt.origin, self.key)
        except ValueError as error:
            self.bad(f"the checkpoint is not good: {error}")
            return
        self.report.size = checkpoint.size
        if self.receipt.origin.rpartition("/")[2] != self.receipt.shard:
            self.bad("the checkpoint is not one of this shard")
        for proven in self.receipt.entries:
            self.entry(proven, checkpoint)
        if not any(e.get("kind") != "outcome" for e in self.report.entries.values()):
            self.bad("the receipt proves no intent or refusal")
        if self.receipt.promise:
            self.promise()
        if delivered is not None:
            self.commitment(delivered)

    def entry(self, proven: ProvenEntry, checkpoint: Checkpoint) -> None:
        try:
            data = exact_base64(proven.entry)
            proof = [exact_base64(h) for h in proven.proof]
            decoded = orjson.loads(data)
            request = decoded.get("request")
        except (ValueError, AttributeError):
            self.bad(f"entry {proven.index} cannot be read")
            return
        leaf = leaf_hash(data)
        if not verify_inclusion(leaf, proven.index, checkpoint.size, proof, checkpoint.root):
            self.bad(f"entry {proven.index} is not in the tree of the checkpoint")
        elif request != self.receipt.request:
            self.bad(f"entry {proven.index} belongs to another request")
        else:
            self.report.entries[proven.index] = decoded
            self.leaves[proven.index] = leaf

    def promise(self) -> None:
        try:
            promise = verify_promise(self.receipt.promise, self.key)
        except ValueError as error:
            self.bad(f"the promise is not good: {error}")
            return
        if promise.shard != self.receipt.shard or self.leaves.get(promise.index) != promise.leaf_hash:
            self.bad("the promise was made for another entry")
        else:
            self.report.promised = True

    def commitment(self, delivered: bytes) -> None:
        try:
            opening = exact_base64(self.receipt.opening)
        except ValueError:
            opening = b""
        committed = {str(e["commitment"]) for e in self.report.entries.values() if e.get("commitment")}
        if not opening or not committed:
            self.bad("the receipt has no opening or no commitment to check the answer against")
            return
        self.report.delivered = commitment(opening, delivered) in committed
        if not self.report.delivered:
            self.bad("the answer is not the one that was committed to")


def commitment(opening: bytes, delivered: bytes) -> str:
    """Hex SHA-256(opening || delivered bytes); the opening is random and has 32 bytes."""
    return sha256(opening + delivered).hexdigest()


def _proven(reader: LogReader, entry: Entry, size: int) -> ProvenEntry:
    try:
        proof = inclusion_proof(entry.index, size, reader.node)
    except ValueError:
        raise Fault("the tiles of the log cannot be read", code="log_unavailable") from None
    return ProvenEntry(entry.index, _b64(entry.data), [_b64(h) for h in proof])


def _b64(data: bytes) -> str:
    return b64encode(data).decode()
