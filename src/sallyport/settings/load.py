"""TOML text to `Settings`; unknown keys are refused with the nearest known name."""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from sallyport.errors import SettingsError
from sallyport.settings.checks import check_references
from sallyport.settings.schema import Base, Settings
from sallyport.settings.secrets import Secret, resolve


def load(path: Path | str) -> Settings:
    """Read a file. Raises `SettingsError` naming the key, the problem and the fix."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(str(path), f"cannot be read: {error}", "check the path and its rights") from None
    return loads(text, name=str(path))


def loads(text: str, *, name: str = "toml") -> Settings:
    """Parse TOML text; `name` is where it is from. Raises `SettingsError`."""
    try:
        document = tomllib.loads(text)
    except RecursionError:
        raise SettingsError(name, "is nested too deeply", "flatten it") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(name, f"not valid TOML: {error}", "correct the line") from None
    _refuse_unknown(document, Settings, "")
    try:
        settings = msgspec.convert(document, Settings, dec_hook=_decode)
    except msgspec.ValidationError as error:
        where = re.search(r"at `\$\.?(.*)`", str(error))
        raise SettingsError(where.group(1) if where else "settings", str(error).split(" - at ")[0]) from None
    check_references(settings)
    return settings


def unsafe_switches(settings: Settings) -> list[str]:
    """The `unsafe_` fields that are set, as dotted names."""
    return sorted(_unsafe(settings, ""))


def _decode(kind: type, value: Any) -> Any:
    if kind is Secret and isinstance(value, str):
        return resolve(value)
    raise NotImplementedError(kind)


def _struct_of(annotation: Any) -> tuple[type[Struct] | None, bool]:
    """The Struct inside an annotation, and whether it is a sequence of them."""
    arguments = getattr(annotation, "__args__", ())
    for candidate in (annotation, *arguments):
        if isinstance(candidate, type) and issubclass(candidate, Struct):
            return candidate, candidate is not annotation
    return None, False


def _refuse_unknown(document: Any, kind: type[Struct], where: str) -> None:
    if not isinstance(document, dict):
        return
    fields = {f.encode_name: f.type for f in msgspec.structs.fields(kind)}
    for key, value in document.items():
        if key not in fields:
            near = difflib.get_close_matches(key, fields, 1)
            raise SettingsError(
                f"{where}{key}", "is not a known key", f"did you mean {near[0]}?" if near else ""
            )
        inner, many = _struct_of(fields[key])
        if inner is None:
            continue
        for index, item in enumerate(value if many and isinstance(value, list) else [value]):
            _refuse_unknown(item, inner, f"{where}{key}[{index}]." if many else f"{where}{key}.")


def _unsafe(value: Any, where: str) -> list[str]:
    if isinstance(value, tuple):
        return [name for i, item in enumerate(value) for name in _unsafe(item, f"{where}[{i}]")]
    if not isinstance(value, Base):
        return []
    found: list[str] = []
    for name in value.__struct_fields__:
        dotted = f"{where}.{name}".lstrip(".")
        inner = getattr(value, name)
        if name.startswith("unsafe_") and inner:
            found.append(dotted)
        found += _unsafe(inner, dotted)
    return found
