"""Which reading of a text looks most like an attack, by the linear model: the cheap look at every text.

Readings are those of `views`: the text itself (folded, if it is not ASCII) and whatever it seems to hide.
"""

from __future__ import annotations

from collections.abc import Callable

from sallyport.inspection.gate import GateBuilder
from sallyport.inspection.learned.linear import Linear
from sallyport.inspection.views import View, ViewGate


class Suspicion:
    """The linear model over all readings. Not thread safe (the gate and the model have state of their own).

    `views` and `scan`, the gate that they were built into on a string, may be those of an engine.
    """

    def __init__(self, linear: Linear, views: ViewGate, scan: Callable[[str], int]) -> None:
        self.linear = linear
        self._views, self._scan = views, scan

    @classmethod
    def alone(cls, linear: Linear) -> Suspicion:
        """One with a gate of its own, where there is no engine."""
        gate = GateBuilder()
        views = ViewGate(gate)
        built = gate.build()
        return cls(linear, views, lambda text: built.scan(text.encode(errors="replace")))

    def most(self, text: str) -> tuple[float, View]:
        """The highest log-odds of all readings, and the reading that has them (the plain one, of equals)."""
        return max(
            [(self.linear.logit(view.text), view) for view in self.readings(text)], key=lambda pair: pair[0]
        )

    def worst(self, text: str) -> list[View]:
        """What the encoder should read: the most suspicious reading, and the most suspicious of what is hidden.

        The signs of an encoding look odd enough by themselves to outdo what they hide.
        """
        views = sorted(self.readings(text), key=lambda view: self.linear.logit(view.text), reverse=True)
        return [views[0], *[view for view in views[1:] if view.kind != "raw"][:1]]

    def readings(self, text: str) -> list[View]:
        """The text, and its views; a text that folds to another is read folded only."""
        hits = self._scan(text)
        plain = text.isascii()
        if plain and not hits & self._views.mask:
            return [View(text, "raw", None, None)]
        views = [view for view, _ in self._views.views(text, self._scan, hits)]
        if plain or not any(view.kind == "folded" for view in views):
            views.insert(0, View(text, "raw", None, None))
        return views
