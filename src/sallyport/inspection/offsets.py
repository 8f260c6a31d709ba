"""Where a piece of a derived text comes from in the text that it was derived from."""

from __future__ import annotations

from bisect import bisect_right


class OffsetMap:
    """Piecewise map from offsets of a view to offsets of its source. Built left to right with `add`."""

    __slots__ = ("_length", "_linear", "_source", "_source_length", "_view")

    def __init__(self) -> None:
        self._view: list[int] = []
        self._source: list[int] = []
        self._linear: list[bool] = []
        self._length = 0
        self._source_length = 0

    def add(self, view: int, source: int) -> None:
        """The next `view` characters of the view stand for the next `source` characters of the source.

        Equal lengths map character by character, others as a block.
        """
        linear = view == source
        if not (linear and self._linear and self._linear[-1]):
            self._view.append(self._length)
            self._source.append(self._source_length)
            self._linear.append(linear)
        self._length += view
        self._source_length += source

    @property
    def identity(self) -> bool:
        """Whether every offset maps to itself."""
        return all(self._linear)

    def start(self, offset: int) -> int:
        """Source offset of the character at `offset`."""
        index = self._segment(offset)
        base = self._source[index]
        return base + offset - self._view[index] if self._linear[index] else base

    def end(self, offset: int) -> int:
        """Source offset just after the character before `offset`."""
        index = self._segment(offset - 1)
        if self._linear[index]:
            return self._source[index] + offset - self._view[index]
        return self._source[index + 1] if index + 1 < len(self._source) else self._source_length

    def _segment(self, offset: int) -> int:
        return max(bisect_right(self._view, offset) - 1, 0)
