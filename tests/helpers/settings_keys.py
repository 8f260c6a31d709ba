"""Every key of sallyport.toml, read from the schema: path, default as TOML, the words that it may be."""

from __future__ import annotations

import json
import typing
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from sallyport.settings.schema import Settings


class Key(NamedTuple):
    path: str  # "upstreams.base_url"
    default: str  # as TOML; "" where the key must be given
    words: tuple[str, ...]  # of a Literal


def table_of(annotation: Any) -> type[Struct] | None:
    """The Struct that an annotation holds, itself or in a tuple."""
    for candidate in (annotation, *typing.get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, Struct):
            return candidate
    return None


def words_of(annotation: Any) -> tuple[str, ...]:
    if typing.get_origin(annotation) is typing.Literal:
        return typing.get_args(annotation)
    return tuple(word for inner in typing.get_args(annotation) for word in words_of(inner))


def toml(value: Any) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    return "{}" if value == {} else json.dumps(value)


def default_of(field: msgspec.structs.FieldInfo) -> str:
    if field.default_factory is not msgspec.NODEFAULT:
        return toml(field.default_factory())
    if field.default is msgspec.NODEFAULT:
        return ""
    return '""' if field.default is None else toml(field.default)


def keys(kind: type[Struct] = Settings, where: str = "") -> list[Key]:
    found: list[Key] = []
    for field in msgspec.structs.fields(kind):
        path, inner = f"{where}{field.name}", table_of(field.type)
        if inner is None:
            found.append(Key(path, default_of(field), words_of(field.type)))
        else:
            found += keys(inner, f"{path}.")
    return found
