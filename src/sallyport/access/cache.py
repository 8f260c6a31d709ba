"""Decisions that were made, by everything that they were made from. Bounded; knows no policy."""

from __future__ import annotations

from sallyport.access.request import Evaluated
from sallyport.model import Decision

CAPACITY = 4096
LONGEST = 256  # characters of caller-made text in a key; longer ones are decided afresh

Key = tuple[Evaluated, str, int]  # what was evaluated, policy version, revocation epoch


class DecisionCache:
    """First in, first out. The key is the evaluated value itself, never a part or a digest of it."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._decisions: dict[Key, Decision] = {}
        self.get = self._decisions.get

    def __len__(self) -> int:
        return len(self._decisions)

    def put(self, key: Key, decision: Decision) -> None:
        """Keep a decision. One with errors is not kept: the next call asks again."""
        facts = key[0]
        longest = max(len(facts.purpose), len(facts.tool), len(facts.data_class))
        if decision.errors or longest > LONGEST:
            return
        if len(self._decisions) >= self._capacity:
            del self._decisions[next(iter(self._decisions))]
        self._decisions[key] = decision
