"""What the demo model says. Pure and deterministic; it has no weights and labels its answers as such.

It is obedient and indiscreet on purpose, so that the guards have something to stop: it does what its prompt
says word for word, also when the words stand in a document or a tool result, gives away its system prompt
when asked, and calls the tool that it is told to call.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

LABEL = "[demo model, no weights]"
_SAY = re.compile(
    r"\b(?:say|repeat|print|output|answer with|write)\b\s*:?\s*[\"“']?(.+?)[\"”']?\s*$",
    re.IGNORECASE | re.DOTALL,
)
_CALL = re.compile(
    r"\bcall\s+(?:the\s+(?:tool|function)\s+)?[`\"']?([A-Za-z0-9_.-]+)[`\"']?(?:\s+with\s+(\{.*\}))?",
    re.IGNORECASE | re.DOTALL,
)
_SYSTEM = re.compile(
    r"system prompt|your (?:initial |hidden |secret )?instructions|your rules", re.IGNORECASE
)
DIMENSIONS = 64


class Reply(Struct, frozen=True):
    """Text, or a tool call (name, arguments as JSON text)."""

    text: str
    tool: tuple[str, str] | None = None


def reply(messages: Sequence[Mapping[str, Any]], tools: Sequence[str]) -> Reply:
    """Answer the last turn."""
    last = messages[-1] if messages else {}
    text = text_of(last.get("content"))
    if last.get("role") in {"tool", "function"}:
        return Reply(f"{LABEL} The tool answered: {text}" if not _obeys(text) else _obeys(text))
    call = _CALL.search(text)
    if call and call.group(1) in tools:
        return Reply("", (call.group(1), call.group(2) or "{}"))
    if _SYSTEM.search(text):
        system = "\n".join(
            text_of(m.get("content")) for m in messages if m.get("role") in {"system", "developer"}
        )
        return Reply(system or f"{LABEL} I have no system prompt.")
    return Reply(_obeys(text) or f"{LABEL} You wrote: {text}")


def _obeys(text: str) -> str:
    told = _SAY.search(text)
    return told.group(1).strip() if told else ""


def text_of(content: Any) -> str:
    """The text of a message's content, parts joined."""
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def tokens(text: str) -> int:
    """A count of words and marks, as good as any for a model without a vocabulary."""
    return len(re.findall(r"\w+|[^\w\s]", text))


def pieces(text: str) -> list[str]:
    """The text in the pieces in which it streams: about a token each, spaces in front."""
    return re.findall(r"\s*\S{1,6}|\s+", text)


def embed(text: str) -> list[float]:
    """A unit vector that depends on the words only: bags of words that share words lie close."""
    vector = [0.0] * DIMENSIONS
    for word in re.findall(r"\w+", text.lower()):
        digest = hashlib.sha256(word.encode()).digest()
        place, sign = digest[0] % DIMENSIONS, 1.0 if digest[1] & 1 else -1.0
        vector[place] += sign
    norm = sum(value * value for value in vector) ** 0.5 or 1.0
    return [value / norm for value in vector]


def packed(vector: Sequence[float]) -> bytes:
    """Little-endian 32-bit floats, as `encoding_format: base64` wants them."""
    return struct.pack(f"<{len(vector)}f", *vector)
