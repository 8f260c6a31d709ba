"""Entries that share most of their members are encoded from a form: what they share was checked and encoded before.

The bytes are those of `entry.encode`, which also takes whatever has no form. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from itertools import groupby

import orjson
from msgspec import Struct

from sallyport.audit.entry import VERSION, check_findings, encode, oversized, unencodable
from sallyport.audit.tiles import MAX_ENTRY
from sallyport.model import Entry, Shared

STAMPED = frozenset({"v", "time", "payload_sha256"})  # what encoding adds


class Form(Struct, frozen=True):
    """Members in their order: a run of shared ones is one fragment, in the place of its first; the others are open."""

    members: dict[str, orjson.Fragment | None]
    own: frozenset[str]
    payload: bool


def encode_entry(entry: Mapping[str, object], now_ms: int, payload: bytes | None = None) -> bytes:
    """As `entry.encode`, the same bytes and the same errors."""
    if type(entry) is not Entry:
        return encode(entry, now_ms, payload)
    own, form = entry.own, entry.shared.form
    if form is None or form.own != own.keys() or form.payload is not (payload is not None):
        data = encode(entry, now_ms, payload)  # checks all of it; what the next one shares needs no check
        entry.shared.form = form_of(entry.shared, own, payload=payload is not None)
        return data
    findings = own.get("findings", [])
    if findings != []:
        check_findings(findings)
    members = {**form.members, **own, "time": now_ms}
    if payload is not None:
        members["payload_sha256"] = sha256(payload).hexdigest()
    try:
        data = orjson.dumps(members, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        raise unencodable(str(entry["kind"])) from None
    if len(data) > MAX_ENTRY:
        raise oversized(str(entry["kind"]))
    return data


def named(entry: Mapping[str, object]) -> tuple[str, str]:
    """The kind and the request id."""
    if type(entry) is Entry and "request" in entry.own and "kind" not in entry.own:
        return str(entry.shared.members.get("kind")), str(entry.own["request"])
    return str(entry.get("kind")), str(entry.get("request", ""))


def form_of(shared: Shared, own: Mapping[str, object], *, payload: bool) -> Form | None:
    """The form of entries with these shared members and others of these names.

    None where what is added is a member already, and where the kind, on which the schema depends, is not shared.
    """
    if not STAMPED.isdisjoint(shared.members) or not (STAMPED | {"kind"}).isdisjoint(own):
        return None
    same = {"v": VERSION, **shared.members}
    added = {"time", "payload_sha256"} if payload else {"time"}
    open_ = own.keys() | added
    members: dict[str, orjson.Fragment | None] = {}
    for is_open, run in groupby(sorted(same.keys() | open_), open_.__contains__):
        names = list(run)
        if is_open:
            members.update(dict.fromkeys(names))
        else:
            members[names[0]] = _fragment({name: same[name] for name in names})
    return Form(members, frozenset(own), payload)


def _fragment(run: dict[str, object]) -> orjson.Fragment:
    """The run as it stands behind the name of its first member."""
    written = orjson.dumps(run, option=orjson.OPT_SORT_KEYS)
    return orjson.Fragment(written[len(orjson.dumps(min(run))) + 2 : -1])
