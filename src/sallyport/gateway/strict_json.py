"""JSON as the door accepts it (RFC 8259, I-JSON): one meaning only.

Duplicate members, NaN, lone surrogates, invalid UTF-8 and deep nesting are refused, because two parsers may
read them differently: what we inspected would not be what the model reads.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from sallyport.errors import Refusal

KEY = "~key"  # a path (..., KEY, name) addresses the member name itself, not its value
Path = tuple[str | int, ...]
WORDS = frozenset(
    [
        "messages",
        "content",
        "text",
        "refusal",
        "reasoning_content",
        "reasoning",
        "tool_calls",
        "function",
        "name",
        "arguments",
        "description",
        "parameters",
        "tools",
        "functions",
        "function_call",
        "tool_call_id",
        "id",
        "choices",
        "message",
        "delta",
        "input",
        "user",
        "stop",
        "metadata",
        "response_format",
        "prediction",
        "tool_choice",
        "system_fingerprint",
        "model",
        "data",
        "embedding",
        "finish_reason",
        "object",
    ]
)


class _DuplicateError(ValueError):
    """A member name came twice."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        last = {name: place for place, (name, _) in enumerate(pairs)}
        raise _DuplicateError(next(name for place, (name, _) in enumerate(pairs) if last[name] != place))
    return members


_LIKE_A_MEMBER = re.compile(rb'"[ \t\n\r]*:')
_duplicates = json.JSONDecoder(object_pairs_hook=_unique).decode


def decode(raw: bytes) -> Any | Refusal:
    """Decode what is valid JSON; members and depth are still to be judged, by `parse` or `holds`."""
    try:
        return orjson.loads(raw)
    except RecursionError:
        return Refusal(code="json_too_deep")
    except ValueError as error:
        return _invalid(error)


def holds(raw: bytes, members: int, *, strings: int) -> bool:
    """Whether a document has so many members and strings, member names not counted: then none came twice.

    Each member has two quotes, each string has two, and a doubled one cannot hide its own. Quotes in a text only
    add to them; then the places that look like a member are counted.
    """
    return raw.count(b'"') == 2 * (members + strings) or len(_LIKE_A_MEMBER.findall(raw)) == members


def parse(raw: bytes, *, depth: int) -> Any | Refusal:
    """Decode strictly. `depth` bounds nesting. Returns the document or a `Refusal` that says what is wrong."""
    document = decode(raw)
    if isinstance(document, Refusal):
        return document
    return judge(raw, document, depth=depth) or document


def judge(raw: bytes, document: Any, *, depth: int) -> Refusal | None:
    """What is wrong with a document that is valid JSON: a member that came twice, or nesting.

    orjson judges validity (it is strict where `json` is not), `json` sees duplicates (orjson cannot).
    """
    try:
        # As many members as places that look like one: none was lost. Only a text with `":` in it needs a closer look.
        if len(_LIKE_A_MEMBER.findall(raw)) != _members(document):
            _duplicates(raw.decode("utf-8"))
    except _DuplicateError as error:
        return Refusal(code="json_duplicate", param=str(error)[:64])
    except RecursionError:
        return Refusal(code="json_too_deep")
    except ValueError as error:
        return _invalid(error)
    if raw.count(b"{") + raw.count(b"[") > depth and _deeper(document, depth):
        return Refusal(code="json_too_deep", message=f"The body is nested deeper than {depth} levels.")
    return None


def _invalid(error: ValueError) -> Refusal:
    position = getattr(error, "pos", None)
    where = f" At character {position}." if isinstance(position, int) else ""
    return Refusal(code="json_invalid", message="The body is not valid JSON." + where)


def _deeper(value: Any, depth: int) -> bool:
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return False
    if depth == 0:
        return True
    for inner in value:
        kind = type(inner)
        if (kind is dict or kind is list) and (depth == 1 or _deeper(inner, depth - 1)):
            return True
    return False


def _members(value: Any) -> int:
    """How many members all objects in a value have."""
    count = 0
    if isinstance(value, dict):
        count = len(value)
        value = value.values()
    elif not isinstance(value, list):
        return 0
    for inner in value:
        if isinstance(inner, dict | list):
            count += _members(inner)
    return count


def strings(value: Any, path: Path = (), *, known: frozenset[str] = frozenset()) -> list[tuple[Path, str]]:
    """Every string below `value` with its path; member names too, at (..., KEY, name), but for the `known` ones."""
    found: list[tuple[Path, str]] = []
    _collect(value, path, known, found.append)
    return found


def _collect(value: Any, path: Path, known: frozenset[str], add: Callable[[tuple[Path, str]], None]) -> None:
    if isinstance(value, str):
        add((path, value))
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name not in known:
                add(((*path, KEY, name), name))
            if isinstance(inner, str | dict | list):
                _collect(inner, (*path, name), known, add)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            if isinstance(inner, str | dict | list):
                _collect(inner, (*path, index), known, add)


def numbers(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Every number below `value` with its path, as text."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from numbers(inner, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from numbers(inner, (*path, index))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path, str(value)


def values(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Like `strings`, without the member names."""
    return ((p, s) for p, s in strings(value, path) if len(p) < len(path) + 2 or p[-2] != KEY)


def dotted(path: Path) -> str:
    """`messages[2].content`, as errors name it.

    Names that are not words of the wire show as `?`: they are text that somebody made up, and may hold the very
    value that is not to be told.
    """
    text = ""
    for part in path:
        if part == KEY:
            text += ".?"
            break
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if part in WORDS else ".?"
    return text.lstrip(".")[:200]
