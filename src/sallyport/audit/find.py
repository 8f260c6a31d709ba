"""Finding the entries of a request, over all shards."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from sallyport.audit.intents import DECODER
from sallyport.audit.reader import LogReader
from sallyport.audit.rows import candidates
from sallyport.audit.shard import shards_of
from sallyport.errors import Fault, LogFault


class Entry(Struct, frozen=True):
    """An entry and where it is."""

    shard: str
    index: int
    kind: str
    data: bytes  # the canonical JSON


def find(directory: Path, request: str) -> list[Entry]:
    """The entries of a request id in the order of the log. Raises Fault `record_unknown` if there are none.

    Reads the row index of each shard and confirms each hit by the entry itself.
    """
    found = (
        [entry for place in shards_of(directory) for entry in _in_shard(place, request)]
        if request.isascii() and request
        else []
    )
    if not found:
        raise Fault("no entry of the log has this request id", code="record_unknown")
    return found


def _in_shard(place: Path, request: str) -> list[Entry]:
    reader = LogReader(place)
    found = []
    for index in candidates(place, request):
        try:
            data = reader.entry(index)
            head = DECODER.decode(data)
        except (LogFault, msgspec.DecodeError, UnicodeDecodeError):
            continue  # a row without its entry was never acknowledged; damage is for `verify` to name
        if head.request == request:
            found.append(Entry(place.name, index, head.kind, data))
    return found
