"""`POST /v1/embeddings` on the OpenAI wire. Pure.

Token arrays are refused: they are text that no guard can read. The answer is numbers; its few strings are
inspected like any other.
"""

from __future__ import annotations

import array
import base64
import math
import sys
from collections.abc import Mapping
from typing import Any

from sallyport.errors import Refusal
from sallyport.gateway.dialects import fields as f
from sallyport.gateway.dialects.base import AnswerView, Options, Wire, read_call
from sallyport.gateway.dialects.openai_chat import answer_strings, usage
from sallyport.gateway.json_edit import replace
from sallyport.gateway.strict_json import Path, strings
from sallyport.model import Call, Leaf, Surface

TOP: dict[str, f.Check] = {
    "model": f.NAME,
    "input": (lambda v: isinstance(v, str | list), "a string or a list of strings"),
    "encoding_format": f.one_of("float", "base64"),
    "dimensions": f.POSITIVE,
    "user": f.TEXT,
}
MOST_INPUTS = 2048
LEAST_FLOATS, LARGEST = 8, 1e4  # of a vector in base64; anything else is read as text


class OpenAIEmbeddings:
    """The embeddings surface of the OpenAI wire."""

    surface: Surface = "embeddings"
    wire: Wire = "openai"
    endpoint = "embeddings"
    generates = False

    def parse(self, raw: bytes, document: Any, options: Options) -> Call | Refusal:
        """The request as a `Call`, or what is wrong with it."""
        if not isinstance(document, dict):
            return f.wrong("body", "an object")
        problem = f.check_fields(document, TOP, "", lambda name: options.allows("embeddings", name))
        problem = problem or _check_input(document)
        if problem is not None:
            return problem
        leaves = tuple(
            Leaf(path, text, "document" if name == "input" else "other")
            for name, value in document.items()
            if name not in {"model", "encoding_format"}
            for path, text in strings(value, (name,))
        )
        return read_call("embeddings", "openai", raw, document, leaves)

    def plain(self, _raw: bytes, _document: Any, _depth: int) -> None:
        """Nothing is read without its tables here."""

    def plain_view(self, _raw: bytes, _document: Any) -> None:
        """Nothing is read without a walk here."""

    def outgoing(self, call: Call, upstream_model: str, edits: Mapping[Path, str]) -> bytes:
        """The caller's bytes with masks and the upstream's model name."""
        changes: dict[Path, Any] = dict(edits)
        if upstream_model != call.model:
            changes["model",] = upstream_model
        return replace(call.raw, changes)

    def view(self, document: Any) -> AnswerView:
        """The answer. Base64 vectors are numbers, not text. Raises ValueError if it is none."""
        data = document.get("data") if isinstance(document, dict) else None
        if not isinstance(data, list):
            raise ValueError("no data")
        for item in data:
            if not isinstance(item, dict) or not isinstance(item.get("embedding"), str | list):
                raise ValueError("an item has no embedding")
        vectors = {("data", i, "embedding") for i, item in enumerate(data) if _is_vector(item["embedding"])}
        leaves = tuple(Leaf(p, text, "assistant") for p, text in answer_strings(document) if p not in vectors)
        return AnswerView(leaves=leaves, prose={}, tools=(), usage=usage(document.get("usage")))

    def tools_at(self, _choice: int) -> str:
        """There are none."""
        return ""

    def implied(self, _document: Any, _edits: Mapping[Path, Any]) -> dict[Path, Any]:
        """None."""
        return {}


def _check_input(document: dict[str, Any]) -> Refusal | None:
    if document.get("model") is None:
        return f.wrong("model", "given")
    given = document.get("input")
    if given is None or given in ("", []):
        return f.wrong("input", "a string or a list of strings")
    if isinstance(given, str):
        return None
    if len(given) > MOST_INPUTS:
        return f.wrong("input", f"a list of at most {MOST_INPUTS} strings")
    if any(isinstance(item, int | list) for item in given):
        return Refusal(
            code="content_uninspectable",
            message="`input` must be text; token arrays cannot be inspected.",
            param="input",
        )
    if not all(isinstance(item, str) and item for item in given):
        return f.wrong("input", "a string or a list of non-empty strings")
    return None


def _is_vector(value: Any) -> bool:
    """Base64 of little-endian floats that could be a vector's. Letters taken for floats have wild exponents."""
    if not isinstance(value, str):
        return False
    try:
        data = base64.b64decode(value, validate=True)
    except ValueError:
        return False
    if len(data) % 4 or len(data) < LEAST_FLOATS * 4:
        return False
    vector = array.array("f", data)
    if sys.byteorder == "big":
        vector.byteswap()
    return math.isfinite(sum(vector)) and max(vector) < LARGEST and min(vector) > -LARGEST
