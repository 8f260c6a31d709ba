"""A shard is the log of one worker process: `<directory>/shards/<id>`, registered before its first entry.

A worker finds its shard again by its name in the registry. The lock file keeps a second process out. A start or a
fault writes a `recovery` entry that names the calls whose end is not known (`outcome_unknown`).
"""

from __future__ import annotations

import os
import time
from base64 import b64encode
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from msgspec import Struct

from sallyport.audit.entry import encode
from sallyport.audit.files import Files, lock
from sallyport.audit.log import Item, Log
from sallyport.audit.note import Signer, usable_name
from sallyport.audit.promise import CONTEXT
from sallyport.audit.reader import CHECKPOINT
from sallyport.audit.recover import Known, Opened, open_log
from sallyport.audit.registry import Registered, Registry
from sallyport.audit.tiles import prefixed
from sallyport.audit.wal import SEGMENT_BYTES
from sallyport.audit.writer import LogWriter, Pace
from sallyport.errors import LogFault

ORPHANS = 400  # in one recovery entry, so that it stays far below the limit of its size


def open_shard(
    directory: Path,
    signer: Signer,
    origin: str,
    *,
    worker: str = "0",
    pace: Pace | None = None,
    now: Callable[[], float] = time.time,
    files: Files | None = None,
    segment_bytes: int = SEGMENT_BYTES,
) -> LogWriter:
    """Open or make this worker's shard and start its writer. Blocks on the disk: call it before serving.

    `origin` names the deployment's logs in checkpoints (`<origin>/<shard>`, `<origin>/registry`), `worker` the slot of the
    process. Raises LogFault: another process has the shard, history was changed or is missing, the disk failed.
    """
    if not usable_name(origin) or origin.startswith(CONTEXT) or not worker.replace("-", "").isalnum():
        raise LogFault("the names of the log and of the worker must be plain")
    opening = _Opening(
        directory=directory,
        signer=signer,
        origin=origin,
        worker=worker,
        now=now,
        files=files or Files(),
        segment_bytes=segment_bytes,
    )
    try:
        return opening.run(pace or Pace())
    except OSError as error:
        raise LogFault(f"the log cannot be opened: {error.strerror}") from None


class _Opening(Struct, kw_only=True):
    """The steps of `open_shard`, and later of `LogWriter.reopen`."""

    directory: Path
    signer: Signer
    origin: str
    worker: str
    now: Callable[[], float]
    files: Files
    segment_bytes: int
    shard: str = ""
    lock: int = -1

    def run(self, pace: Pace) -> LogWriter:
        """Register or find the shard, take its lock, open it."""
        self.files.folder(self.directory)
        known = self.registry.find(self.worker)
        self._refuse_unlisted(known)
        self.shard = known.shard if known else f"{self.worker}-{token_hex(6)}"
        self._take_lock(known)
        try:
            log = self._resume(known) if known and known.size else self._begin(known)
            return LogWriter(
                self.shard, log, self.signer, pace, again=self._again, ended=self._ended, now=self.now
            )
        except BaseException:
            os.close(self.lock)
            raise

    @property
    def place(self) -> Path:
        """The shard's folder."""
        return self.directory / "shards" / self.shard

    @property
    def registry(self) -> Registry:
        """The list of shards."""
        return Registry(self.directory, self.signer, self.origin, self.files, self.now)

    def _refuse_unlisted(self, known: Registered | None) -> None:
        """A shard with checkpoints that the registry does not list: the registry is not the one that was."""
        mine = (p for p in shards_of(self.directory) if p.name.rpartition("-")[0] == self.worker)
        if known is None and any((place / CHECKPOINT).exists() for place in mine):
            raise LogFault(f"the registry does not list the shard of worker {self.worker}")

    def _take_lock(self, known: Registered | None) -> None:
        if known and not self.place.is_dir():
            raise LogFault(f"the registered shard {self.shard} is missing")
        self.files.folder(self.place)
        try:
            self.lock = lock(self.place / "lock")
        except BlockingIOError:
            raise LogFault(f"another process writes to shard {self.shard}") from None

    def _begin(self, known: Registered | None) -> Log:
        """A new shard: its place, its registration, its first entry, its first checkpoint, in this order."""
        opened = self._open(Known())
        if known is None:
            self.registry.append(self.shard, "registered", self.worker)
        if opened.log.size == 0:
            key = b64encode(self.signer.public_key_bytes).decode()
            name = f"{self.origin}/{self.shard}"
            self._write(opened.log, {"kind": "shard", "shard": self.shard, "origin": name, "public_key": key})
        checkpoint = opened.log.publish()
        self.registry.append(self.shard, "opened", self.worker, checkpoint)
        return opened.log

    def _resume(self, known: Registered) -> Log:
        opened = self._open(Known(size=known.size))
        self._recovery(opened, "start", opened.log.open.intents)
        checkpoint = opened.log.publish()
        self.registry.append(self.shard, "resumed", self.worker, checkpoint)
        return opened.log

    def _again(self, keep: int, unended: dict[str, int]) -> Log:
        opened = self._open(Known(size=1, keep=keep))
        self._recovery(opened, "fault", unended)
        opened.log.publish()
        return opened.log

    def _ended(self, log: Log) -> None:
        with suppress(OSError, LogFault):
            if log.published == log.size:
                log.trim()
                self.registry.append(self.shard, "closed", self.worker, log.checkpoint)
        log.close()
        os.close(self.lock)

    def _open(self, known: Known) -> Opened:
        return open_log(
            self.place,
            f"{self.origin}/{self.shard}",
            self.signer,
            self.files,
            known=known,
            segment_bytes=self.segment_bytes,
        )

    def _recovery(self, opened: Opened, reason: str, orphans: dict[str, int]) -> None:
        """One entry, more if there are very many orphans. The orphans are ended by it."""
        listed = [{"index": index, "request": request} for request, index in orphans.items()]
        for start in range(0, max(1, len(listed)), ORPHANS):
            facts = {"size": opened.log.size, "truncated_bytes": opened.truncated_bytes}
            part = listed[start : start + ORPHANS]
            entry = {
                "kind": "recovery",
                "reason": reason,
                "orphans": part,
                "status": "outcome_unknown",
                **facts,
            }
            self._write(opened.log, entry)
        opened.log.open.end(list(orphans))

    def _write(self, log: Log, *entries: dict[str, object]) -> None:
        now = int(self.now() * 1000)
        log.commit([Item(prefixed(encode(e, now)), str(e["kind"])) for e in entries])


def shards_of(directory: Path) -> Sequence[Path]:
    """The folders of all shards, in order of their names."""
    return sorted(p for p in (directory / "shards").glob("*") if p.is_dir())
