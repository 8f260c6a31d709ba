"""Verification of a whole audit directory, offline: the registry, every shard, every entry, tile and payload.

Found are: a changed entry, a flipped byte of a tile or checkpoint, an edited size, a removed tail, a removed or unlisted shard, a
changed or missing payload, a history that is not the one whose checkpoints somebody keeps (`seen`). A log may be in use
meanwhile: what is behind its checkpoint is counted as unpublished.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from sallyport.audit.checkpoint import Checkpoint
from sallyport.audit.checks import DECODER, Head, Heads, LogCheck, Progress, signed_checkpoint
from sallyport.audit.encoding import exact_base64
from sallyport.audit.reader import LogReader
from sallyport.audit.registry import NAME as REGISTRY
from sallyport.audit.report import LogReport, Problem, Report
from sallyport.audit.shard import shards_of
from sallyport.audit.tiles import WIDTH, bundle_path
from sallyport.errors import LogFault

__all__ = ["LogReport", "Problem", "Report", "verify_directory"]


class Listed(Struct):
    """A shard as the registry lists it."""

    opened: bool = False  # it had entries and a checkpoint
    marks: dict[int, bytes] = {}  # size -> root


def verify_directory(
    directory: Path,
    *,
    public_keys: Sequence[bytes] | None = None,
    seen: Sequence[str] = (),
    progress: Progress | None = None,
) -> Report:
    """Check everything; never raises for what it finds, only OSError for what it cannot read.

    `public_keys`: the Ed25519 keys (32 bytes) that are trusted; without them the log's own word is taken for its key,
    which finds accidents and clumsy tampering only (`Report.trusted` is False). `seen`: signed checkpoints
    that clients kept. `progress(log, entries done, entries)` is called for each 256 entries.
    """
    return _Verification(directory, public_keys, seen, progress).run()


class _Verification:
    def __init__(
        self,
        directory: Path,
        public_keys: Sequence[bytes] | None,
        seen: Sequence[str],
        progress: Progress | None,
    ) -> None:
        self.directory, self.progress = directory, progress
        self.keys = list(public_keys or ())
        self.report = Report(logs=[], problems=[], trusted=bool(public_keys))
        self.listed: dict[str, Listed] = {}
        self.seen = list(seen)
        self.marks: dict[str, dict[int, bytes]] = {}  # by origin, from `seen`
        self.erased: dict[str, list[int]] = {}
        self.erasures: set[tuple[str, int]] = set()

    def run(self) -> Report:
        """Registry first, then the shards that it lists, then those that it does not."""
        place = self.directory / REGISTRY
        if not place.is_dir():
            self._bad(REGISTRY, "there is no registry")
            return self.report
        if not self.keys:
            self.keys = _own_keys(place)
        base = self._base(place)
        self._seen()
        self._log(place, REGISTRY, f"{base}/{REGISTRY}", {}, self._registration)
        there = {path.name for path in shards_of(self.directory)}
        for name in sorted(self.listed.keys() | there):
            self._shard(name, base, there)
        self._erasures()
        for origin in self.marks:
            self._bad(origin, "a checkpoint of this log is known, but the log is not here")
        return self.report

    def _bad(self, log: str, why: str, index: int = -1) -> None:
        self.report.problems.append(Problem(log=log, index=index, why=why))

    def _base(self, place: Path) -> str:
        try:
            return LogReader(place).checkpoint().origin.removesuffix(f"/{REGISTRY}")
        except LogFault:
            return ""

    def _seen(self) -> None:
        for note in self.seen:
            origin = note.partition("\n")[0]
            try:
                checkpoint = signed_checkpoint(note, origin, self.keys)
            except ValueError as error:
                self._bad("seen", f"a checkpoint that was kept is not good: {error}")
                continue
            self.marks.setdefault(origin, {})[checkpoint.size] = checkpoint.root

    def _registration(self, index: int, head: Head) -> None:
        if head.kind != "registration":
            self._bad(REGISTRY, "the registry holds registrations only", index)
            return
        shard = self.listed.setdefault(head.shard, Listed(marks={}))
        if head.size:
            shard.opened = True
            shard.marks[head.size] = _unhex(head.root)

    def _shard(self, name: str, base: str, there: set[str]) -> None:
        place = self.directory / "shards" / name
        listed = self.listed.get(name)
        if name not in there:
            self._bad(name, "the shard is registered, but it is not here")
            return
        if LogReader(place).note() is None:
            # Between registration and the first checkpoint there is a moment when this is right.
            if listed is None or listed.opened:
                self._bad(name, "the shard has no checkpoint")
            return
        if listed is None:
            self._bad(name, "the shard is not in the registry")
        self._log(place, name, f"{base}/{name}", listed.marks if listed else {}, self._first_entry(name))

    def _first_entry(self, name: str) -> Heads:
        def look(index: int, head: Head) -> None:
            if index == 0 and (head.kind, head.shard) != ("shard", name):
                self._bad(name, "the first entry does not name this shard", 0)

        return look

    def _log(self, place: Path, name: str, origin: str, marks: dict[int, bytes], heads: Heads) -> None:
        check = LogCheck(place, name, heads=heads, progress=self.progress)
        check.report.origin = origin
        signed = self._checkpoint(check.reader, name, origin)
        seen = self.marks.pop(origin, {})
        for size, root in seen.items():
            if marks.setdefault(size, root) != root:
                self._bad(name, f"two checkpoints of {size} entries are known, and they differ")
        if signed is None:
            size = _at_least(check.reader)
            check.run(size, {s: root for s, root in marks.items() if s <= size})
        else:
            check.run(signed.size, {**marks, signed.size: signed.root})
        self.report.logs.append(check.report)
        self.report.problems += check.problems
        self.erased[name] = check.erased
        self.erasures |= set(check.erasures)

    def _checkpoint(self, reader: LogReader, name: str, origin: str) -> Checkpoint | None:
        try:
            return signed_checkpoint(reader.note() or "", origin, self.keys)
        except (LogFault, ValueError) as error:
            self._bad(name, f"the checkpoint is not good: {error}")
            return None

    def _erasures(self) -> None:
        for shard, indexes in self.erased.items():
            for index in indexes:
                if (shard, index) not in self.erasures:
                    self._bad(shard, "the payload was erased, and no entry says so", index)


def _at_least(reader: LogReader) -> int:
    """How far a log without a good checkpoint is walked: to its last full bundle."""
    count = 0
    while (reader.directory / bundle_path(count)).is_file():
        count += 1
    return count * WIDTH


def _own_keys(place: Path) -> list[bytes]:
    """The keys that the registry's entries name."""
    keys: dict[bytes, None] = {}
    try:
        for _, entry in LogReader(place).entries():
            keys[exact_base64(DECODER.decode(entry).public_key)] = None
    except (LogFault, ValueError, msgspec.DecodeError):
        return list(keys)
    return list(keys)


def _unhex(text: str) -> bytes:
    """The bytes of a hash; what is not one matches no root."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""
