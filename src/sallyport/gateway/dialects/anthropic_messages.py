"""`POST /v1/messages` and `/v1/messages/count_tokens` on the Anthropic wire. Pure.

Both go to a provider of the same kind, unchanged but for masks and the model's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from sallyport.errors import Refusal
from sallyport.gateway.dialects import anthropic_answer, anthropic_request
from sallyport.gateway.dialects.anthropic_stream import AnthropicStream
from sallyport.gateway.dialects.base import AnswerView, Options, Wire
from sallyport.gateway.json_edit import replace
from sallyport.gateway.strict_json import Path
from sallyport.model import Call, Surface


class _Anthropic:
    surface: Surface = "messages"
    wire: Wire = "anthropic"
    counting = False

    def parse(self, raw: bytes, document: Any, options: Options) -> Call | Refusal:
        """See `anthropic_request.parse`."""
        return anthropic_request.parse(raw, document, options, counting=self.counting)

    def plain(self, _raw: bytes, _document: Any, _depth: int) -> None:
        """Nothing is read without its tables here."""

    def plain_view(self, _raw: bytes, _document: Any) -> None:
        """Nothing is read without a walk here."""

    def outgoing(self, call: Call, upstream_model: str, edits: Mapping[Path, str]) -> bytes:
        """The caller's bytes with masks and the upstream's model name. A tool's input was masked as JSON text."""
        changes: dict[Path, Any] = {
            path: orjson.Fragment(text) if _is_input(call.body, path) else text
            for path, text in edits.items()
        }
        if upstream_model != call.model:
            changes["model",] = upstream_model
        return replace(call.raw, changes)

    def tools_at(self, choice: int) -> str:
        """Where they are."""
        return f"content[{choice}]"

    def implied(self, _document: Any, _edits: Mapping[Path, Any]) -> dict[Path, Any]:
        """None: nothing in an answer says again what its blocks say."""
        return {}


class AnthropicMessages(_Anthropic):
    """The messages surface."""

    endpoint = "messages"
    generates = True

    def view(self, document: Any) -> AnswerView:
        """See `anthropic_answer.view`."""
        return anthropic_answer.view(document)

    def stream(self, _call: Call) -> AnthropicStream:
        """Blocks follow each other: where a stream is has to be remembered."""
        return AnthropicStream()


class AnthropicCount(_Anthropic):
    """How many tokens a call to the messages surface would take."""

    endpoint = "count_tokens"
    generates = False
    counting = True

    def view(self, document: Any) -> AnswerView:
        """See `anthropic_answer.counted`."""
        return anthropic_answer.counted(document)


def _is_input(body: Any, path: Path) -> bool:
    """Whether a path leads to the input of a tool call: ("messages", i, "content", j, "input")."""
    if len(path) != 5 or path[4] != "input":  # noqa: PLR2004
        return False
    block = body["messages"][path[1]]["content"][path[3]]
    return bool(block["type"] == "tool_use")
