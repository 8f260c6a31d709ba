"""What a verification says. Pure."""

from __future__ import annotations

from msgspec import Struct


class Problem(Struct, frozen=True, kw_only=True):
    """Something that is not as it was signed. `index` is the entry, -1 where none can be named."""

    log: str  # "registry" or the id of a shard
    index: int = -1
    why: str

    def __str__(self) -> str:
        """One line for a person."""
        return f"{self.log}{f'/{self.index}' if self.index >= 0 else ''}: {self.why}"


class LogReport(Struct, kw_only=True):
    """What was found in one log. Counts of entries unless named otherwise."""

    log: str
    origin: str = ""
    size: int = 0  # covered by the checkpoint
    root: str = ""  # hex
    unpublished: int = 0  # durable, not in a checkpoint yet
    torn_bytes: int = 0  # an unfinished write at the very end: nobody was told about it
    payloads: int = 0
    erased: int = 0
    kinds: dict[str, int] = {}
    open_intents: dict[str, int] = {}  # request id -> index: calls without an outcome (yet)
    outcome_unknown: int = 0  # calls that a recovery entry ended


class Report(Struct, kw_only=True):
    """The whole directory. `trusted`: the signatures were checked with keys that the caller gave."""

    logs: list[LogReport] = []
    problems: list[Problem] = []
    trusted: bool = False

    @property
    def ok(self) -> bool:
        """Whether everything is as it was signed."""
        return not self.problems

    @property
    def entries(self) -> int:
        """Entries of all shards, published or not."""
        return sum(log.size + log.unpublished for log in self.logs)

    @property
    def first(self) -> Problem | None:
        """The first bad entry, or the first problem where no entry can be named."""
        named = [problem for problem in self.problems if problem.index >= 0]
        return next(iter(named or self.problems), None)
