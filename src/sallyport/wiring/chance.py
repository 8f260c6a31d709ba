"""Random bytes of the operating system, drawn in stock.

Each draw from the system lets another thread run and may cost a change of threads; a call needs half a dozen.
Every byte is handed out once and forgotten, and a forked process draws its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from io import BytesIO

STOCK = 4096  # bytes


class Chance:
    """`Chance()(n)` gives n bytes that nobody else gets. May be used from several threads."""

    def __init__(self, draw: Callable[[int], bytes] = os.urandom) -> None:
        self._draw = draw
        self._read = BytesIO().read
        os.register_at_fork(after_in_child=self._forget)

    def __call__(self, count: int) -> bytes:
        """`count` random bytes."""
        found = self._read(count)
        if len(found) == count:
            return found
        if count > STOCK:
            return self._draw(count)
        # A read is one step for all threads, so that no two get the same bytes; a rest that is too short is left.
        # What was drawn is offered to the others once this has been served: they might leave too little of it.
        read = BytesIO(self._draw(STOCK)).read
        found, self._read = read(count), read
        return found

    def _forget(self) -> None:
        self._read = BytesIO().read
