"""Reading a streamed answer of `POST /v1/responses`: events in, what must be guarded in them out. Pure.

The order of the wire is held here: an answer begins, items begin, texts and calls grow and end, items end, the answer
ends. Whatever says a text again must say the same; what it adds is a delta like any other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from sallyport.gateway.dialects.base import Chunk, Member, Piece, ToolPiece
from sallyport.gateway.dialects.responses_answer import (
    ACTIONS,
    CALLS,
    MOST_ITEMS,
    PARTS,
    Where,
    action_of,
    as_json,
    called,
    kind_of,
    parts,
    usage,
)
from sallyport.gateway.dialects.responses_parts import PART_EVENTS, TEXTS, Item, Text

MOST_TEXTS = 1024
BEGINS = frozenset({"response.created", "response.in_progress", "response.queued"})
ENDS = frozenset({"response.completed", "response.incomplete"})
ARGUMENTS = {"function_call_arguments": "function_call", "custom_tool_call_input": "custom_tool_call"}
# What the events of the wire are about: their name, and what happens to it.
TEXT_EVENTS = {f"response.{name}.{what}": (name, what) for name in TEXTS for what in ("delta", "done")}
CALL_EVENTS = {f"response.{name}.{what}": (name, what) for name in ARGUMENTS for what in ("delta", "done")}
PARTS_EVENTS = {f"response.{name}.{what}": (name, what) for name in PART_EVENTS for what in ("added", "done")}
ITEM_EVENTS = {f"response.output_item.{what}": ("output_item", what) for what in ("added", "done")}
_TYPE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_FAILS = {"error", "response.failed"}


class Reader:
    """What was read of one answer. What the corridor calls a choice is an item (its index), or a text (beyond those)."""

    def __init__(self) -> None:
        self.items: dict[int, Item] = {}
        self.texts: dict[int, Text] = {}  # by choice
        self.last: dict[str, Any] | None = None  # the event that ended the answer
        self._id: Any = None
        self._data = b""

    def read(self, data: bytes) -> Chunk:
        """Take one event apart. Raises ValueError if it is none of this wire, or comes out of order."""
        self._data, document = data, orjson.loads(data)
        kind = document["type"]
        if not isinstance(kind, str) or not _TYPE.fullmatch(kind) or kind in _FAILS or document.get("error"):
            raise ValueError("no event, or one that reports an error")
        if document.get("logprobs"):
            raise ValueError("log probabilities spell out the text that is held back")
        if kind in BEGINS or kind in ENDS:
            return self._lifecycle(document)
        if self._id is None or self.last is not None:
            raise ValueError("an event outside of the answer")
        if kind in TEXT_EVENTS:
            return self._of_text(document, *TEXT_EVENTS[kind])
        if kind in CALL_EVENTS:
            return self._of_call(document, *CALL_EVENTS[kind])
        if kind in PARTS_EVENTS:
            return self._of_part(document, *PARTS_EVENTS[kind])
        if kind in ITEM_EVENTS:
            return self._item_added(document) if kind.endswith("added") else self._item_done(document)
        return self._other(document)

    def _chunk(
        self,
        document: dict[str, Any],
        *,
        pieces: tuple[Piece, ...] = (),
        tools: tuple[ToolPiece, ...] = (),
        members: tuple[Member, ...] = (),
        finished: tuple[int, ...] = (),
    ) -> Chunk:
        ended = tuple([(choice, "done") for choice in finished])
        return Chunk(
            raw=b"",  # nothing leaves as it came
            data=self._data,
            document=document,
            pieces=pieces,
            tools=tools,
            members=members,
            finished=ended,
        )

    # --- the answer ---------------------------------------------------------------------------------------

    def _lifecycle(self, document: dict[str, Any]) -> Chunk:
        response, kind = document["response"], document["type"]
        if kind == "response.created" and self._id is None:
            self._id = response["id"]
        elif self._id is None or kind == "response.created":
            raise ValueError("an answer that has not begun, or begins twice")
        if not isinstance(self._id, str) or response["id"] != self._id or response.get("error") is not None:
            raise ValueError("another answer, or one that went wrong")
        if kind in BEGINS:
            if response.get("output") or self.items or self.last is not None:
                raise ValueError("an answer begins with output")
            return self._chunk(document)
        self._close(document)
        metered = usage(response.get("usage"))
        return Chunk(raw=b"", data=self._data, document=document, usage=metered, last=True)

    def _close(self, document: dict[str, Any]) -> None:
        """The end: what it says again must be what was said. An answer that was cut short may leave texts open."""
        for item in self.items.values():
            if item.last is None:
                if document["type"] == "response.completed" or item.is_call:
                    raise ValueError("an item has not ended")
                item.last = {**item.first, "status": "incomplete"}
        copies = document["response"].get("output") or []
        items = [self.items[index] for index in sorted(self.items)]
        if copies and not (
            len(copies) == len(items)
            and all(item.agrees(copy) for item, copy in zip(items, copies, strict=True))
        ):
            raise ValueError("the end says something else than the stream")
        self.last = document

    # --- items --------------------------------------------------------------------------------------------

    def _item_added(self, document: dict[str, Any]) -> Chunk:
        item = self._begin(document)
        if any(text for _, _, text in parts(item.first)):
            raise ValueError("an item begins with text")
        return self._chunk(document, tools=self._call_begins(item))

    def _begin(self, document: dict[str, Any]) -> Item:
        index = count(document["output_index"], MOST_ITEMS)
        item = Item(index, dict(document["item"]))
        # Whoever puts deltas together by the id must not get what was never seen together.
        if index in self.items or (item.id and item.id in {other.id for other in self.items.values()}):
            raise ValueError("an item begins twice")
        self.items[index] = item
        return item

    def _item_done(self, document: dict[str, Any]) -> Chunk:
        begun = () if document["output_index"] in self.items else self._call_begins(self._begin(document))
        item, last = self._item(document), dict(document["item"])
        if kind_of(last) != item.kind or last.get("id", item.id) != item.id:
            raise ValueError("an item ends as another one")
        tools = (*begun, *(self._call_ends(item, last, begun) if item.is_call else ()))
        pieces = () if item.is_call else self._copies(item, last)
        item.last = last
        ending = [text.choice for text in item.texts.values() if not text.finished]
        for text in item.texts.values():
            text.finished = True
        return self._chunk(document, pieces=pieces, tools=tools, finished=(*ending, item.index))

    def _copies(self, item: Item, last: Mapping[str, Any]) -> tuple[Piece, ...]:
        copies = [(self._text_at(item, where, kind), text) for where, kind, text in parts(last)]
        if item.kind == "message" and len(copies) != len(item.texts):
            raise ValueError("an item ends without one of its texts")
        return tuple(piece for text, copy in copies for piece in text.rest(copy))

    def _item(self, document: dict[str, Any]) -> Item:
        """The open item that an event is about."""
        item = self.items[count(document["output_index"], MOST_ITEMS)]
        if item.last is not None:
            raise ValueError("an item goes on after its end")
        if document.get("item_id", item.id) != item.id:
            raise ValueError("an event is about two items")
        return item

    # --- calls --------------------------------------------------------------------------------------------

    def _call_begins(self, item: Item) -> tuple[ToolPiece, ...]:
        if not item.is_call:
            return ()
        identity = str(item.first.get("call_id") or "")
        if item.kind in ACTIONS:
            return (_tool_piece(item, "", identity, ACTIONS[item.kind][1]),)
        opening = '"' if item.kind == "custom_tool_call" else ""
        begun = _tool_piece(item, opening, identity, called(item.first))
        return (begun, *_more(item, item.first.get(CALLS[item.kind]) or ""))

    def _call_ends(
        self, item: Item, last: Mapping[str, Any], begun: Sequence[ToolPiece]
    ) -> tuple[ToolPiece, ...]:
        if str(last.get("call_id") or "") != str(item.first.get("call_id") or ""):
            raise ValueError("a call ends as another one")
        if item.kind in ACTIONS:
            members = ACTIONS[item.kind][0]
            return (_tool_piece(item, orjson.dumps(last[action_of(last, members)]).decode()),)
        if called(last) != called(item.first):
            raise ValueError("a call ends as that of another tool")
        rest = () if begun else _rest(item, last[CALLS[item.kind]])
        return (*rest, _tool_piece(item, '"')) if item.kind == "custom_tool_call" else rest

    def _of_call(self, document: dict[str, Any], name: str, what: str) -> Chunk:
        item = self._item(document)
        if ARGUMENTS[name] != item.kind:
            raise ValueError("what a tool gets, outside of such a call")
        if what == "delta":
            return self._chunk(document, tools=_more(item, document["delta"]))
        return self._chunk(document, tools=_rest(item, document[CALLS[item.kind]]))

    # --- texts --------------------------------------------------------------------------------------------

    def _of_part(self, document: dict[str, Any], name: str, what: str) -> Chunk:
        (listed, counter), part = PART_EVENTS[name], document["part"]
        item, where = self._item(document), (listed, count(document[counter], MOST_TEXTS))
        kind, copy = part["type"], part[PARTS[part["type"]]]
        if part.get("logprobs"):
            raise ValueError("log probabilities spell out the text that is held back")
        if what == "done":
            return self._ends(document, self._known(item, where, kind), copy)
        if where in item.texts or copy:
            raise ValueError("a part begins twice, or with text")
        self._text_at(item, where, kind).announced = True
        return self._chunk(document)

    def _of_text(self, document: dict[str, Any], name: str, what: str) -> Chunk:
        listed, counter, kind = TEXTS[name]
        item, where = self._item(document), (listed, count(document[counter], MOST_TEXTS))
        # Reasoning may begin without a word: not every server tells of its parts.
        text = (self._text_at if item.kind == "reasoning" else self._known)(item, where, kind)
        if text.finished:
            raise ValueError("a text goes on after its end")
        if what == "done":
            return self._ends(document, text, document[PARTS[kind]])
        delta = document["delta"]
        if not isinstance(delta, str):
            raise ValueError("a delta is no text")
        return self._chunk(document, pieces=(text.more(delta),) if delta else ())

    def _ends(self, document: dict[str, Any], text: Text, copy: str) -> Chunk:
        pieces, finished = text.rest(copy), () if text.finished else (text.choice,)
        text.finished = True
        return self._chunk(document, pieces=pieces, finished=finished)

    def _known(self, item: Item, where: Where, kind: str) -> Text:
        if where not in item.texts:
            raise ValueError("a text that has not begun")
        return self._text_at(item, where, kind)

    def _text_at(self, item: Item, where: Where, kind: str) -> Text:
        text = item.texts.get(where)
        if text is None:
            choice = MOST_ITEMS + len(self.texts)
            if len(self.texts) >= MOST_TEXTS or item.kind not in {"message", "reasoning"}:
                raise ValueError("too many texts, or one in an item that has none")
            self.texts[choice] = item.texts[where] = text = Text(item, where, kind, choice)
        if text.kind != kind:
            raise ValueError("a text goes on as another kind")
        return text

    # --- all else -----------------------------------------------------------------------------------------

    def _other(self, document: dict[str, Any]) -> Chunk:
        """What is told beside texts and calls is held until its item has ended: it may be text in pieces."""
        if document.get("output_index") is None:
            return self._chunk(document)
        item = self._item(document)
        if item.is_call:
            return self._chunk(document)
        held = {name: value for name, value in document.items() if name not in {"type", "item_id"}}
        return self._chunk(document, members=(Member(choice=item.index, name=document["type"], value=held),))


def _more(item: Item, text: Any) -> tuple[ToolPiece, ...]:
    """More of what a tool gets. Plain text is collected as a JSON string."""
    if not isinstance(text, str):
        raise ValueError("what a tool gets is no text")
    item.given.append(text)
    written = as_json(text)[1:-1] if item.kind == "custom_tool_call" else text
    return (_tool_piece(item, written),) if text else ()


def _rest(item: Item, copy: Any) -> tuple[ToolPiece, ...]:
    """What a copy adds to the deltas of what a tool gets. Raises ValueError where it says something else."""
    given = "".join(item.given)
    if not isinstance(copy, str) or not copy.startswith(given):
        raise ValueError("a copy of what a tool gets differs from what was streamed")
    return _more(item, copy[len(given) :])


def _tool_piece(item: Item, arguments: str, identity: str = "", name: str = "") -> ToolPiece:
    return ToolPiece(choice=item.index, index=0, id=identity, name=name, arguments=arguments)


def count(value: Any, most: int) -> int:
    """An index below `most`. Raises ValueError for any other value."""
    if type(value) is not int or not 0 <= value < most:
        raise ValueError("an index is none, or too large")
    return value
