"""Content blocks of the Anthropic wire in requests: what each may hold, and where its texts are. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from sallyport.errors import Refusal
from sallyport.gateway.dialects import fields as f
from sallyport.gateway.dialects import unread
from sallyport.gateway.dialects.base import Options
from sallyport.gateway.strict_json import Path, numbers, strings
from sallyport.model import Channel, Leaf

CONTENT: f.Check = (lambda v: isinstance(v, str | list), "a string or a list of content blocks")
CACHE: dict[str, f.Check] = {"type": f.needed(f.one_of("ephemeral")), "ttl": f.one_of("5m", "1h")}
_OPAQUE = re.compile(r"[A-Za-z0-9+/_=-]*")
_SEALED: f.Check = (lambda v: isinstance(v, str) and _OPAQUE.fullmatch(v) is not None, "as the model gave it")
_GIVEN: f.Check = (lambda v: isinstance(v, str), "a string")
_INPUT: f.Check = (lambda v: isinstance(v, dict), "an object")
_DIRECT: f.Check = (lambda v: v in (None, {"type": "direct"}), "direct: called by the model itself")

Table = Mapping[str, f.Check]
_ANY: Table = {"type": f.NAME, "cache_control": f.OBJECT}
TEXT: Table = {**_ANY, "text": _GIVEN, "citations": f.LIST}
DOCUMENT: Table = {**_ANY, "source": f.OBJECT, "title": f.TEXT, "context": f.TEXT, "citations": f.OBJECT}
RESULT: Table = {**_ANY, "content": f.LIST, "source": _GIVEN, "title": _GIVEN, "citations": f.OBJECT}
IMAGE: Table = {**_ANY, "source": f.OBJECT}
# Sources that nobody can look into, of images and documents -> all that they may hold.
UNREAD: Mapping[str, Table] = {
    "base64": {"type": f.NAME, "media_type": f.NAME, "data": f.needed(unread.BYTES)},
    "url": {"type": f.NAME, "url": f.needed(unread.ADDRESS)},
    "file": {"type": f.NAME, "file_id": f.NAME},
}
KINDS = {"image": "image", "document": "file"}
TEXTS_ONLY: Mapping[str, Table] = {"text": TEXT}
OF_RESULTS: Mapping[str, Table] = {
    **TEXTS_ONLY,
    "image": IMAGE,
    "document": DOCUMENT,
    "search_result": RESULT,
}
OF_ANSWERS: Mapping[str, Table] = {
    **TEXTS_ONLY,
    "thinking": {"type": f.NAME, "thinking": _GIVEN, "signature": _SEALED},
    "redacted_thinking": {"type": f.NAME, "data": _SEALED},
    "tool_use": {
        **_ANY,
        "id": f.NAME,
        "name": f.NAME,
        "input": _INPUT,
        "caller": _DIRECT,
        "toolset_name": f.TEXT,
    },
}
OF_TURNS: Mapping[str, Table] = {
    **OF_RESULTS,
    "tool_result": {
        **_ANY,
        "tool_use_id": f.NAME,
        "content": CONTENT,
        "is_error": f.FLAG,
        "toolset_name": f.TEXT,
    },
}
# Each kind stands for its author: what a user sends as a call of a tool would be inspected as the model's.
OF_ROLES = {"user": OF_TURNS, "assistant": OF_ANSWERS, "system": TEXTS_ONLY}
_NEEDED = {
    "text": ("text",),
    "image": ("source",),
    "document": ("source",),
    "search_result": ("content", "source", "title"),
    "thinking": ("thinking", "signature"),
    "redacted_thinking": ("data",),
    "tool_use": ("id", "name", "input"),
    "tool_result": ("tool_use_id",),
}
_LONG = 8  # digits from which a number may be somebody's
_ENUMERATED = {"type", "cache_control", "signature", "data", "is_error", "caller"}
_NAMES = {"id", "name", "toolset_name"}


def check_all(content: Any, where: str, known: Mapping[str, Table], options: Options) -> Refusal | None:
    """Check a string or a list of blocks."""
    for index, block in enumerate(content if isinstance(content, list) else ()):
        problem = check(block, f"{where}[{index}]", known, options)
        if problem is not None:
            return problem
    return None


def check(block: Any, where: str, known: Mapping[str, Table], options: Options) -> Refusal | None:
    """Check one block. A kind that is not `known` cannot be inspected."""
    if not isinstance(block, dict):
        return f.wrong(where, "an object")
    kind = block.get("type")
    table = known.get(kind) if isinstance(kind, str) else None
    if table is None or (kind == "image" and not options.uninspected):
        return unread.refused(where)
    problem = f.check_fields(block, table, where + ".", lambda _: False) or check_cache(block, where + ".")
    missing = next((name for name in _NEEDED[str(kind)] if block.get(name) is None), None)
    if problem is None and missing is not None:
        problem = f.wrong(f"{where}.{missing}", "given")
    return problem or _check_inside(block, where, options)


def _check_inside(block: dict[str, Any], where: str, options: Options) -> Refusal | None:
    if block["type"] == "tool_result":
        return check_all(block.get("content"), where + ".content", OF_RESULTS, options)
    if block["type"] == "search_result":
        return check_all(block["content"], where + ".content", TEXTS_ONLY, options)
    if block["type"] in KINDS:
        return _check_source(block["source"], where + ".source", KINDS[block["type"]], options)
    return None


def _check_source(source: dict[str, Any], where: str, kind: str, options: Options) -> Refusal | None:
    form = source.get("type")
    if isinstance(form, str) and form in UNREAD:
        return unread.check(source, UNREAD[form], where, kind, options.uninspected)
    if kind == "image":
        return unread.refused(where)
    if form == "text":
        table: Table = {"type": f.NAME, "media_type": f.needed(f.one_of("text/plain")), "data": _GIVEN}
        problem = f.check_fields(source, table, where + ".", lambda _: False)
        return problem or (None if "data" in source else f.wrong(where + ".data", "given"))
    if form == "content":
        table = {"type": f.NAME, "content": CONTENT}
        problem = f.check_fields(source, table, where + ".", lambda _: False)
        if problem is None and "content" not in source:
            problem = f.wrong(where + ".content", "given")
        return problem or check_all(source["content"], where + ".content", TEXTS_ONLY, options)
    return unread.refused(where)


def check_cache(holder: dict[str, Any], where: str) -> Refusal | None:
    """`cache_control` is a few words, of which none reaches the model."""
    given = holder.get("cache_control")
    return None if given is None else f.check_fields(given, CACHE, where + "cache_control.", lambda _: False)


def uninspected(content: Any) -> Iterator[str]:
    """The kinds of content that nobody can look into, in blocks that were checked."""
    for block in content if isinstance(content, list) else ():
        if block["type"] in KINDS and block["source"]["type"] in UNREAD:
            yield unread.kind_of(block["source"], KINDS[block["type"]])
        yield from uninspected(block.get("content"))


def leaves(content: Any, where: Path, channel: Channel) -> Iterator[Leaf]:
    """The texts of a string or of blocks that were checked. A tool's input is one leaf: JSON text."""
    if isinstance(content, str):
        yield Leaf(where, content, channel)
    for index, block in enumerate(content if isinstance(content, list) else ()):
        yield from _of_block(block, (*where, index), channel)


def _of_block(block: dict[str, Any], where: Path, channel: Channel) -> Iterator[Leaf]:
    kind = block["type"]
    if kind == "tool_result":
        for name in ("tool_use_id", "toolset_name"):
            if block.get(name):
                yield Leaf((*where, name), block[name], "other")
        yield from leaves(block.get("content"), (*where, "content"), "tool_result")
        return
    if kind == "document":
        yield from leaves(block["source"].get("content"), (*where, "source", "content"), "document")
    if kind == "search_result":
        yield from leaves(block["content"], (*where, "content"), "document")
    for name, value in block.items():
        if name == "input":
            yield Leaf((*where, name), orjson.dumps(value).decode(), "tool_arguments")
        elif name == "source" and isinstance(value, dict):
            if value["type"] in UNREAD:
                yield from unread.leaves(value, (*where, name))
            elif "data" in value:
                yield Leaf((*where, name, "data"), value["data"], "document")
        elif name not in _ENUMERATED and not (name == "content" and kind == "search_result"):
            quotes = kind in {"document", "search_result"} or name == "citations"
            inner: Channel = "document" if quotes else channel
            inner = "other" if name in _NAMES else inner
            yield from (Leaf(path, text, inner) for path, text in strings(value, (*where, name)))
            yield from long_numbers(value, (*where, name), inner)


def long_numbers(value: Any, where: Path, channel: Channel) -> Iterator[Leaf]:
    """Numbers that may be somebody's: a card needs no quotes to be one."""
    return (Leaf(path, text, channel) for path, text in numbers(value, where) if len(text) >= _LONG)
