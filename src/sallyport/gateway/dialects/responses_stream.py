"""A streamed answer of `POST /v1/responses`: read by `responses_reader`, written anew here. Pure.

Everything that leaves is written from what was judged, and numbered anew. Texts occur again in the events that end
them, their part, their item and the answer: all those copies are built of the text that has left. Calls of tools are
held until they are whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
from msgspec import structs

from sallyport.gateway import sse
from sallyport.gateway.dialects.base import Chunk, Member, Piece, ToolCall
from sallyport.gateway.dialects.responses_answer import ACTIONS, CALLS, LISTS, PARTS, action_of
from sallyport.gateway.dialects.responses_parts import PART_EVENTS, TEXTS, Text
from sallyport.gateway.dialects.responses_reader import (
    ARGUMENTS,
    BEGINS,
    CALL_EVENTS,
    ENDS,
    ITEM_EVENTS,
    PARTS_EVENTS,
    TEXT_EVENTS,
    Reader,
)
from sallyport.gateway.dialects.responses_words import ECHOED, sealed, texts
from sallyport.gateway.strict_json import Path
from sallyport.model import Call

PADDING = 16  # characters: how finely the length of a delta shows, where the model server hides it
_KNOWN = {*BEGINS, *ENDS, *TEXT_EVENTS, *CALL_EVENTS, *PARTS_EVENTS, *ITEM_EVENTS}
_NO_TEXT = {"sequence_number", "delta", "obfuscation"}


class ResponsesStream:
    """One answer on its way through."""

    signed: frozenset[str] = frozenset()

    def __init__(self, call: Call) -> None:
        self.sequence = 0
        self._own = {name: call.body[name] for name in ECHOED if call.body.get(name) is not None}
        self._reader = Reader()

    def chunk(self, data: bytes, _raw: bytes, _name: bytes = b"", /) -> Chunk:
        """See `Reader.read`."""
        chunk = self._reader.read(data)
        if chunk.document["type"] not in ITEM_EVENTS:
            return chunk
        index = chunk.document["output_index"]
        return structs.replace(chunk, opaque=tuple([(index, text) for _, text in sealed(chunk.document)]))

    def with_text(self, chunk: Chunk, piece: Piece, text: str) -> bytes:
        """The delta with another text."""
        return self._delta(self._reader.texts[piece.choice], text, chunk.document)

    def text_event(self, _like: Chunk, choice: int, _field: str, text: str) -> bytes:
        """A new delta."""
        return self._delta(self._reader.texts[choice], text)

    def _delta(self, text: Text, words: str, like: Mapping[str, Any] | None = None) -> bytes:
        text.said.append(words)
        document = dict(like or {"type": f"response.{text.name}.delta", **text.place()})
        if text.kind == "output_text":
            document["logprobs"] = []
        if "obfuscation" in document:
            document["obfuscation"] = "x" * (-len(words) % PADDING)
        return self._announced(text) + self._event({**document, "delta": words})

    def _announced(self, text: Text) -> bytes:
        """What must stand before a text of which the model server told late."""
        events, item = b"", text.item
        if not item.announced:
            item.announced = True
            empty: dict[str, Any] = {name: [] for name in LISTS[item.kind] if name in item.first}
            about = {"output_index": item.index, "item": _begun({**item.first, **empty})}
            events += self._event({"type": "response.output_item.added", **about})
        if not text.announced:
            text.announced = True
            name = "reasoning_summary_part" if text.kind == "summary_text" else "content_part"
            events += self._event({"type": f"response.{name}.added", **text.place(), "part": text.part("")})
        return events

    def member_event(self, like: Chunk, _member: Member) -> bytes:
        """The event that was held."""
        return self._event(like.document)

    def tool_event(self, _like: Chunk, calls: Sequence[ToolCall]) -> bytes:
        """The whole call: its item, what the tool gets in one delta, and the ends of both."""
        call = calls[0]
        item = self._reader.items[call.choice]
        assert item.last is not None
        member = CALLS.get(item.kind) or action_of(item.last, ACTIONS[item.kind][0])
        given = call.arguments if item.kind == "function_call" else orjson.loads(call.arguments)
        item.delivered = {**item.last, member: given}
        begun = _begun({**item.delivered, **({member: ""} if item.kind in CALLS else {})})
        about = {"item_id": item.id, "output_index": item.index}
        events = [{"type": "response.output_item.added", "output_index": item.index, "item": begun}]
        for name in [name for name, kind in ARGUMENTS.items() if kind == item.kind]:
            events.append({"type": f"response.{name}.delta", **about, "delta": given})
            events.append({"type": f"response.{name}.done", **about, member: given})
        done = {"type": "response.output_item.done", "output_index": item.index, "item": item.delivered}
        return b"".join([self._event(event) for event in [*events, done]])

    def without_pieces(self, chunk: Chunk) -> bytes:
        """The event with what has left in place of what came; nothing where all was held, or has left already."""
        document = chunk.document
        kind = document["type"]
        item = self._reader.items.get(document.get("output_index", -1))
        if chunk.members or (item is not None and item.is_call):
            return b""
        if kind in BEGINS:
            return self._event({**document, "response": self._told(document["response"])})
        if kind in TEXT_EVENTS:
            return b"" if "delta" in document else self._event(self._text_told(document, *TEXT_EVENTS[kind]))
        if kind in PARTS_EVENTS:
            return self._event(self._text_told(document, *PARTS_EVENTS[kind]))
        if kind in ITEM_EVENTS and item is not None:
            item.announced = True
            if item.last is not None:
                return self._event({**document, "item": item.finished()})
        return self._event(document)

    def _text_told(self, document: dict[str, Any], name: str, _what: str) -> dict[str, Any]:
        """The beginning or end of a text or a part, with the text that has left."""
        listed, counter = TEXTS[name][:2] if name in TEXTS else PART_EVENTS[name]
        text = self._reader.items[document["output_index"]].texts[listed, document[counter]]
        said = "".join(text.said)
        if name in PART_EVENTS:
            return {**document, "part": text.part(said, document["part"])}
        return {**document, PARTS[text.kind]: said}

    def _told(self, response: dict[str, Any]) -> dict[str, Any]:
        """The answer as its beginning and end tell it: the caller's own words, and what was delivered."""
        own = {name: value for name, value in self._own.items() if name in response}
        items = self._reader.items
        return {**response, **own, "output": [items[index].finished() for index in sorted(items)]}

    def _event(self, document: Mapping[str, Any]) -> bytes:
        number, self.sequence = self.sequence, self.sequence + 1
        return sse.write(orjson.dumps({**document, "sequence_number": number}), document["type"].encode())

    def end(self) -> bytes:
        """The end, which tells the whole answer. It takes no number yet: an error may have to take its place."""
        last = self._reader.last
        assert last is not None
        told = {**last, "response": self._told(last["response"]), "sequence_number": self.sequence}
        return sse.write(orjson.dumps(told), last["type"].encode())

    def others(self, chunk: Chunk) -> Iterator[tuple[Path, str]]:
        """Strings that leave with an event and are not guarded as text or call: ids, annotations, unknown members."""
        document = chunk.document
        if chunk.members:
            document = {name: document[name] for name in ("type", "item_id") if name in document}
        for path, text in texts(document):
            if not (path == ("type",) and text in _KNOWN) and not self._is_guarded(path, document):
                yield path, text

    def _is_guarded(self, path: Path, document: Mapping[str, Any]) -> bool:
        """Whether a string is written from what has left, or never leaves."""
        kind = document["type"]
        if kind in BEGINS or kind in ENDS:
            return path[0] == "response" and (path[1] == "output" or path[1] in self._own)
        if kind in ITEM_EVENTS:
            return path[0] == "item" and _is_guarded_in_item(path[1:], document["item"])
        if kind in TEXT_EVENTS:
            name, what = TEXT_EVENTS[kind]
            return path in ({("delta",), ("obfuscation",)} if what == "delta" else {(PARTS[TEXTS[name][2]],)})
        if kind in PARTS_EVENTS:
            return path == ("part", PARTS[document["part"]["type"]])
        return kind in CALL_EVENTS

    def mould(self, _chunk: Chunk) -> None:
        """None: every event has a number of its own."""

    def envelope(self, chunk: Chunk) -> bytes | None:
        """What deltas have in common; None for all other events."""
        if "delta" not in chunk.document or chunk.document["type"] not in TEXT_EVENTS:
            return None
        return orjson.dumps({name: value for name, value in chunk.document.items() if name not in _NO_TEXT})

    def place(self, choice: int, field: str) -> str:
        """See `StreamDialect.place`."""
        text = self._reader.texts.get(choice)
        if text is None:
            return f"output[{choice}]"
        return f"output[{text.item.index}].{text.where[0]}[{text.where[1]}]" + (".text" if field else "")

    def may_end(self, _finished: int, _asked: int) -> bool:
        """Never: an answer that was not ended was cut."""
        return False


def _begun(item: dict[str, Any]) -> dict[str, Any]:
    return {**item, "status": "in_progress"} if "status" in item else item


def _is_guarded_in_item(path: Path, item: Mapping[str, Any]) -> bool:
    kind = item["type"]
    if kind in ACTIONS:
        return path[0] in ACTIONS[kind][0]
    if kind in CALLS:
        return path[0] in {CALLS[kind], "name", "call_id"}
    if len(path) != 3 or path[0] not in LISTS.get(kind, ()):  # noqa: PLR2004 - (list, index, member)
        return False
    return bool(path[2] == PARTS.get(item[path[0]][path[1]].get("type")))
