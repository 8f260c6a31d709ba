"""The registry: a small log that lists the shards, so that none can be added or taken away unseen.

`<directory>/registry` is a log like the shards. A shard is in it before its first entry ("registered"), again with size and
root when its first checkpoint is out ("opened"), and at each later start and end ("resumed", "closed"): these are
checkpoints of the shard that `verify` holds against it.
"""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from sallyport.audit.checkpoint import Checkpoint
from sallyport.audit.entry import encode
from sallyport.audit.files import Files, locked
from sallyport.audit.log import Item, Log
from sallyport.audit.note import Signer
from sallyport.audit.reader import LogReader
from sallyport.audit.recover import Known, open_log
from sallyport.audit.tiles import prefixed

NAME = "registry"


class Registration(Struct, frozen=True):
    """An entry of the registry."""

    kind: str
    shard: str = ""
    state: str = ""  # registered | opened | resumed | closed
    worker: str = ""
    size: int = 0
    root: str = ""  # hex
    public_key: str = ""  # base64


class Registered(Struct, frozen=True):
    """What the registry knows of a shard: at least `size` entries of it were signed."""

    shard: str
    worker: str
    size: int


class Registry:
    """Appends registrations; each call opens the log under its lock and closes it again."""

    def __init__(
        self,
        directory: Path,
        signer: Signer,
        origin: str,
        files: Files,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._place, self._signer, self._origin = directory / NAME, signer, f"{origin}/{NAME}"
        self._files, self._now = files, now

    def find(self, worker: str) -> Registered | None:
        """The shard of a worker, None if it has none. Raises LogFault if the registry is not good."""
        with self._opened():
            return find_worker(read_registry(self._place), worker)

    def append(self, shard: str, state: str, worker: str, checkpoint: Checkpoint | None = None) -> None:
        """Durable and published when it returns. Raises OSError and LogFault."""
        entry: dict[str, object] = {
            "kind": "registration",
            "shard": shard,
            "state": state,
            "worker": worker,
            "public_key": b64encode(self._signer.public_key_bytes).decode(),
        }
        if checkpoint is not None:
            entry |= {"size": checkpoint.size, "root": checkpoint.root.hex()}
        with self._opened() as log:
            log.commit([Item(prefixed(encode(entry, int(self._now() * 1000))), "registration")])
            log.publish()

    @contextmanager
    def _opened(self) -> Iterator[Log]:
        self._files.folder(self._place)
        with locked(self._place / "lock", wait=True):
            log = open_log(self._place, self._origin, self._signer, self._files, known=Known()).log
            try:
                yield log
            finally:
                log.close()


def read_registry(place: Path) -> Iterator[Registration]:
    """The entries of a registry's folder, unverified."""
    for _, entry in LogReader(place).entries():
        yield msgspec.json.decode(entry, type=Registration)


def find_worker(entries: Iterator[Registration], worker: str) -> Registered | None:
    """The latest shard of a worker and how much of it was signed."""
    found: Registered | None = None
    for entry in entries:
        if entry.worker == worker:
            same = found is not None and found.shard == entry.shard
            size = max(entry.size, found.size if same and found else 0)
            found = Registered(entry.shard, worker, size)
    return found
