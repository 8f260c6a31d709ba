"""What the reader of a Responses stream remembers of each output item: what the model server gave, and what left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sallyport.gateway.dialects.base import Piece
from sallyport.gateway.dialects.responses_answer import ACTIONS, CALLS, LISTS, PARTS, Where, kind_of, parts

# Name of a text's events, before ".delta" and ".done" -> list of the item, member that counts in it, type of the part.
TEXTS = {
    "output_text": ("content", "content_index", "output_text"),
    "refusal": ("content", "content_index", "refusal"),
    "reasoning_text": ("content", "content_index", "reasoning_text"),
    "reasoning_summary_text": ("summary", "summary_index", "summary_text"),
}
NAMES = {kind: name for name, (_, _, kind) in TEXTS.items()}
# Name of a part's events, before ".added" and ".done" -> list of the item, member that counts in it.
PART_EVENTS = {
    "content_part": ("content", "content_index"),
    "reasoning_part": ("content", "content_index"),  # as vLLM says it
    "reasoning_summary_part": ("summary", "summary_index"),
}


class Text:
    """One text part of an item. `name` is that of its events, and of its buffer in the hold-back."""

    __slots__ = ("announced", "choice", "finished", "given", "item", "kind", "said", "where")

    def __init__(self, item: Item, where: Where, kind: str, choice: int) -> None:
        self.item, self.where, self.kind, self.choice = item, where, kind, choice
        self.given: list[str] = []
        self.said: list[str] = []
        self.announced = self.finished = False

    @property
    def name(self) -> str:
        """Of its events."""
        return NAMES[self.kind]

    def rest(self, copy: str) -> tuple[Piece, ...]:
        """What a copy of the whole text adds to the deltas. Raises ValueError where it says something else."""
        given = "".join(self.given)
        if copy.strip() == given.strip():
            return ()
        if self.finished or not copy.startswith(given):
            raise ValueError("a copy of a text differs from what was streamed")
        return (self.more(copy[len(given) :]),)

    def more(self, text: str) -> Piece:
        """One more piece of the text, as the model server gave it."""
        self.given.append(text)
        return Piece(choice=self.choice, field=self.name, text=text)

    def place(self) -> dict[str, Any]:
        """The members by which an event says what it is about."""
        counter = TEXTS[self.name][1]
        return {"item_id": self.item.id, "output_index": self.item.index, counter: self.where[1]}

    def part(self, text: str, like: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The part with this text, and the other members of one that the model server gave."""
        base = like or {"type": self.kind, **({"annotations": []} if self.kind == "output_text" else {})}
        return {**base, PARTS[self.kind]: text}


class Item:
    """One output item. `first` and `last` are what the model server said of it at its beginning and end."""

    __slots__ = ("announced", "delivered", "first", "given", "index", "kind", "last", "texts")

    def __init__(self, index: int, first: dict[str, Any]) -> None:
        self.index, self.first, self.kind = index, first, kind_of(first)
        self.last: dict[str, Any] | None = None
        self.texts: dict[Where, Text] = {}
        self.given: list[str] = []  # of what a tool gets, as the model server wrote it
        self.delivered: dict[str, Any] | None = None
        self.announced = False

    @property
    def id(self) -> str:
        """As events name the item."""
        return str(self.first.get("id") or "")

    @property
    def is_call(self) -> bool:
        """Whether somebody's tool is called: such an item leaves as a whole or not at all."""
        return self.kind in CALLS or self.kind in ACTIONS

    def finished(self) -> dict[str, Any]:
        """The item as it is told once its texts have left."""
        if self.delivered is not None:
            return self.delivered
        item = dict(self.last or self.first)
        for name in LISTS.get(self.kind, ()):
            told = [text for where, text in sorted(self.texts.items()) if where[0] == name]
            if told:
                listed = item.get(name) or []
                item[name] = [
                    t.part("".join(t.said), listed[t.where[1]] if t.where[1] < len(listed) else None)
                    for t in told
                ]
        return item

    def agrees(self, copy: Any) -> bool:
        """Whether a copy of the item says what the model server said before."""
        if kind_of(copy) != self.kind:
            return False
        if self.kind in CALLS:
            return bool(copy.get(CALLS[self.kind]) == "".join(self.given))
        if self.kind in ACTIONS:
            return all(
                copy.get(name) == (self.last or self.first).get(name) for name in ACTIONS[self.kind][0]
            )
        texts = {where: text for where, _, text in parts(copy)}
        return all(
            where in self.texts and "".join(self.texts[where].given).strip() == text.strip()
            for where, text in texts.items()
        )
