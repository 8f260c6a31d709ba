"""Content that nobody can look into: images, sound, files, and what a provider keeps. Pure.

It is refused unless the settings list its kind; then policies decide for whom (`send_uninspected`), and the log marks
the call. What can be read beside it (addresses, names of files) is inspected like any text.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from sallyport.errors import Refusal
from sallyport.gateway.dialects import fields as f
from sallyport.gateway.strict_json import KEY, Path, strings
from sallyport.model import Leaf

# Bytes in base64, alone or as the address of RFC 2397. What is not in this form is text, and read as such.
_BYTES = re.compile(r"(?:data:[a-z0-9.+-]{1,64}/[a-z0-9.+-]{1,64};base64,)?[A-Za-z0-9+/]*={0,2}")
_ADDRESS = re.compile(r"(?:data:|https?://).*", re.DOTALL)
PAYLOADS = {"data", "file_data"}
CONTENTS = ("file_data", "file_url", "image_url")


def _bytes(value: Any) -> bool:
    return isinstance(value, str) and _BYTES.fullmatch(value) is not None


def _address(value: Any) -> bool:
    return isinstance(value, str) and (
        _bytes(value) if value.startswith("data:") else bool(_ADDRESS.match(value))
    )


BYTES: f.Check = (lambda v: v is None or _bytes(v), "base64")
ADDRESS: f.Check = (lambda v: v is None or _address(v), "an https or data address")


def kind_of(part: Mapping[str, Any], kind: str) -> str:
    """The kind that a part is of; what names something that the provider keeps is `stored`."""
    return "stored" if part.get("file_id") is not None else kind


def refused(where: str) -> Refusal:
    """The refusal of a content that no guard can read."""
    return Refusal(
        code="content_uninspectable",
        message=f"`{where}` carries content that cannot be inspected; only text is allowed.",
        param=where,
    )


def check(
    part: Mapping[str, Any], table: Mapping[str, f.Check], where: str, kind: str, allowed: Collection[str]
) -> Refusal | None:
    """What is wrong with such a part (or its source), or that its kind is not allowed."""
    if kind_of(part, kind) not in allowed:
        return refused(where)
    if part.get("file_id") is not None and any(part.get(name) is not None for name in CONTENTS):
        return f.wrong(where, "a stored file or its content, not both")  # which are two kinds
    return f.check_fields(part, table, where + ".", lambda _: False)


def leaves(part: Any, where: Path) -> Iterator[Leaf]:
    """What of it is text: everything but the bytes themselves."""
    for path, text in strings(part, where):
        if not (path[-1] in PAYLOADS or text.startswith("data:") or path[-1] == "type" or KEY in path):
            yield Leaf(path, text, "document")
