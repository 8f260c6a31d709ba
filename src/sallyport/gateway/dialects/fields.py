"""Checks of JSON values, as a table: name -> (predicate, what was expected)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from sallyport.errors import Refusal

Check = tuple[Callable[[Any], bool], str]
LONGEST_NAME = 256


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _optional(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or check(value)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


TEXT: Check = (_optional(lambda v: isinstance(v, str)), "a string")
NAME: Check = (lambda v: isinstance(v, str) and 0 < len(v) <= LONGEST_NAME, "a non-empty string")
FLAG: Check = (_optional(lambda v: isinstance(v, bool)), "true or false")
NUMBER: Check = (_optional(_number), "a number")
WHOLE: Check = (_optional(_whole), "an integer")
POSITIVE: Check = (_optional(lambda v: _whole(v) and v > 0), "a positive integer")
OBJECT: Check = (_optional(lambda v: isinstance(v, dict)), "an object")
LIST: Check = (_optional(lambda v: isinstance(v, list)), "a list")
TEXTS: Check = (_optional(_texts), "a list of strings")
TEXT_OR_TEXTS: Check = (_optional(lambda v: isinstance(v, str) or _texts(v)), "a string or a list of strings")
TEXT_OR_OBJECT: Check = (_optional(lambda v: isinstance(v, str | dict)), "a string or an object")
ONLY_FALSE: Check = (lambda v: v in (None, False), "false (stored answers hide history from inspection)")


def whole_between(low: int, high: int) -> Check:
    """An integer from `low` to `high`, or null."""
    return (_optional(lambda v: _whole(v) and low <= v <= high), f"an integer from {low} to {high}")


def one_of(*names: str) -> Check:
    """One of these words, or null."""
    return (_optional(lambda v: v in names), "one of " + ", ".join(names))


def needed(check: Check) -> Check:
    """The same, and not null."""
    return (lambda v: v is not None and check[0](v), check[1])


def wrong(param: str, expected: str) -> Refusal:
    """The refusal for a value of the wrong kind. Never holds the value."""
    return Refusal(code="field_invalid", message=f"`{param}` must be {expected}.", param=param)


def unknown(param: str) -> Refusal:
    """The refusal for a field that nobody knows."""
    return Refusal(code="field_unknown", message=f"`{param}` is not an allowed field.", param=param)


def check_fields(
    document: Mapping[str, Any], table: Mapping[str, Check], where: str, allows: Callable[[str], bool]
) -> Refusal | None:
    """Check an object against a table; fields that are not in it are refused unless `allows(name)`."""
    for name, value in document.items():
        check = table.get(name)
        if check is None:
            if not allows(name):
                return unknown(f"{where}{name}"[:LONGEST_NAME])
        elif not check[0](value):
            return wrong(f"{where}{name}", check[1])
    return None
