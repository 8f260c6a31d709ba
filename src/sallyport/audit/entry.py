"""The entries of the log: which kinds and fields there are, and their canonical bytes. Pure.

An entry is one JSON object with sorted keys and no white space (`orjson`), version `"v": 1`; its fields
are listed in docs/audit-log.md. Nothing in it names a person: `who` is a keyed digest that the caller
computes, texts are only referred to by `payload_sha256` (of the *sealed* bytes) and `commitment`.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

import orjson

from sallyport.audit.tiles import MAX_ENTRY
from sallyport.errors import LogFault

VERSION = 1
ALWAYS = frozenset({"v", "kind", "time"})

# What a call's entries may say. Times in milliseconds since the epoch, timings in microseconds.
CALL = frozenset(
    {
        "request",  # id of the request
        "who",  # keyed digest of the principal's id
        "who_kind",  # person | workload
        "session",  # keyed digest of the session
        "device",  # keyed digest or id of the device
        "roles",
        "mfa",
        "grants",  # ids of the grants that counted, and which of them broke the glass
        "surface",
        "dialect",
        "model",
        "environment",
        "segment",
        "upstream",
        "route",
        "method",
        "stream",
        "uninspected",  # kinds of content that nobody could look into
        "policies",  # ids of the determining policies
        "policy_version",
        "detectors",  # name -> version
        "findings",  # type, layer, action, direction, count: never a text
        "verdict",
        "code",  # of the refusal or fault
        "stage",
        "status",  # HTTP status of the answer
        "upstream_status",
        "conversation",  # keyed digest
        "counts",
        "tokens",
        "cost",
        "tls",
        "timings",  # stage -> microseconds
        "payload_sha256",
        "commitment",  # hex SHA-256(opening || delivered bytes)
        "intent",  # index of the intent that this outcome ends
        "tools",
        "data",  # decisions about classes of data: who may see them, which tool may have them
        "config_version",
    }
)
FIELDS: dict[str, frozenset[str]] = {
    "shard": frozenset({"shard", "origin", "public_key", "software"}),
    "registration": frozenset({"shard", "state", "worker", "public_key", "size", "root"}),
    "intent": CALL,
    "outcome": CALL,
    "refusal": CALL,
    "refusals": frozenset({"counts", "since", "until", "tls", "config_version"}),
    "recovery": frozenset({"reason", "size", "truncated_bytes", "orphans", "status"}),
    "admin": CALL | {"action", "target", "shard", "index", "grant", "before", "after", "details"},
    "beat": frozenset({"counts"}),
}
KNOWN = {kind: fields | ALWAYS for kind, fields in FIELDS.items()}
REQUIRED: dict[str, frozenset[str]] = {
    "shard": frozenset({"shard", "origin", "public_key"}),
    "registration": frozenset({"shard", "state"}),
    "intent": frozenset({"request", "who", "model"}),
    "outcome": frozenset({"request", "verdict"}),
    "refusal": frozenset({"request", "code"}),
    "refusals": frozenset({"counts"}),
    "recovery": frozenset({"reason", "size"}),
    "admin": frozenset({"action"}),
    "beat": frozenset(),
}
FINDING = frozenset({"type", "layer", "action", "direction", "channel", "count", "detector", "version"})
ERASE = "payload.erase"


def encode(entry: Mapping[str, object], now_ms: int, payload: bytes | None = None) -> bytes:
    """The canonical bytes. Adds `v`, `time` and, where there is a payload, `payload_sha256`.

    Raises LogFault for an unknown kind or field, a missing one, a finding that carries more than its
    type and counts, a value that JSON cannot hold, or more than 65,535 bytes. The message names no value.
    """
    kind = entry.get("kind")
    if not isinstance(kind, str) or kind not in KNOWN:
        raise LogFault("an entry of an unknown kind")
    keys = entry.keys()
    if not keys <= KNOWN[kind] or not keys >= REQUIRED[kind]:
        raise LogFault(f"the fields of an entry of kind {kind} are not those of its schema")
    if "findings" in entry:
        check_findings(entry["findings"])
    full: dict[str, object] = {"v": VERSION, "time": now_ms, **entry}
    if payload is not None:
        full["payload_sha256"] = sha256(payload).hexdigest()
    try:
        data = orjson.dumps(full, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        raise unencodable(kind) from None
    if len(data) > MAX_ENTRY:
        raise oversized(kind)
    return data


def unencodable(kind: str) -> LogFault:
    """Why an entry is refused that cannot be written as JSON."""
    return LogFault(f"an entry of kind {kind} holds a value that is not JSON")


def oversized(kind: str) -> LogFault:
    """Why an entry is refused that fits in no bundle."""
    return LogFault(f"an entry of kind {kind} has more than {MAX_ENTRY} bytes")


def erasure(shard: str, index: int, **facts: object) -> dict[str, object]:
    """The entry that must be in the log before a payload is erased; `facts` say who and why (by digest)."""
    return {**facts, "kind": "admin", "action": ERASE, "shard": shard, "index": index}


def check_findings(findings: object) -> None:
    """Raises LogFault for findings that carry more than their type and counts."""
    if not isinstance(findings, list | tuple):
        raise LogFault("findings must be a list")
    if not all(isinstance(f, dict) and f.keys() <= FINDING for f in findings):
        raise LogFault("a finding in the log carries type, layer, action and counts only")
