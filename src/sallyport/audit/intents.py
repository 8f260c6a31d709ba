"""Which intents have no outcome yet. The set is saved with each checkpoint, so that a start finds orphans of any age."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec
import orjson
from msgspec import Struct

from sallyport.audit.files import Files

NAME = "open-intents.json"


class Orphan(Struct, frozen=True):
    """A call that a recovery entry ends."""

    index: int
    request: str


class Head(Struct, frozen=True):
    """The members of an entry that say whether it opens or ends calls."""

    kind: str = ""
    request: str = ""
    orphans: tuple[Orphan, ...] = ()


class Saved(Struct, frozen=True):
    """The open intents as of `size` entries."""

    size: int
    intents: dict[str, int]


DECODER = msgspec.json.Decoder(Head)


class OpenIntents:
    """Request id -> index of the intent."""

    def __init__(self, intents: dict[str, int] | None = None) -> None:
        self.intents = dict(intents or {})

    def note(self, kind: str, request: str, index: int) -> None:
        """Take account of one entry."""
        if kind == "intent":
            self.intents[request] = index
        elif kind == "outcome":
            self.intents.pop(request, None)

    def end(self, requests: Iterable[str]) -> None:
        """Take account of a recovery entry."""
        for request in requests:
            self.intents.pop(request, None)

    def read(self, entries: Iterable[tuple[int, bytes]]) -> None:
        """Take account of entries as they lie in the log."""
        for index, entry in entries:
            head = DECODER.decode(entry)
            self.note(head.kind, head.request, index)
            self.end(orphan.request for orphan in head.orphans)


def save(files: Files, directory: Path, size: int, intents: dict[str, int]) -> None:
    """Write the set beside the log."""
    files.replace(directory / NAME, orjson.dumps({"size": size, "intents": intents}), durable=False)


def load(directory: Path) -> Saved | None:
    """The saved set, None if there is none that can be read."""
    try:
        return msgspec.json.decode((directory / NAME).read_bytes(), type=Saved)
    except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
        return None
