"""Parts of chat messages that nobody can look into (OpenAI API reference, chat). Pure."""

from __future__ import annotations

from typing import Any

from sallyport.errors import Refusal
from sallyport.gateway.dialects import fields as f
from sallyport.gateway.dialects import unread
from sallyport.gateway.dialects.base import Options

# Parts that nobody can look into -> their kind, the member that holds them, and what that may hold.
UNREAD: dict[str, tuple[str, str, dict[str, f.Check]]] = {
    "image_url": ("image", "image_url", {"url": unread.ADDRESS, "detail": f.TEXT}),
    "input_audio": ("audio", "input_audio", {"data": unread.BYTES, "format": f.TEXT}),
    "file": ("file", "file", {"file_data": unread.BYTES, "filename": f.TEXT, "file_id": f.TEXT}),
}


def check(part: dict[str, Any], where: str, options: Options) -> Refusal | None:
    """What is wrong with such a part, or that its kind is not allowed."""
    kind, member, table = UNREAD[part["type"]]
    inner = part.get(member)
    if not options.uninspected or not isinstance(inner, dict):
        return unread.refused(where)
    problem = unread.check(inner, table, f"{where}.{member}", kind, options.uninspected)
    return problem or f.check_fields(part, {"type": f.NAME, member: f.OBJECT}, where + ".", lambda _: False)


def kinds(document: dict[str, Any]) -> tuple[str, ...]:
    """The kinds of content that nobody can look into, in a request that was checked."""
    parts = [
        part
        for message in document["messages"]
        if isinstance(message.get("content"), list)
        for part in message["content"]
    ]
    known = [(part, *UNREAD[part["type"]]) for part in parts if part["type"] in UNREAD]
    return tuple(sorted({unread.kind_of(part[member], kind) for part, kind, member, _ in known}))
