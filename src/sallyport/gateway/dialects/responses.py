"""`POST /v1/responses` on the OpenAI wire. Pure.

It goes to a provider of the same kind, unchanged but for masks, the model's name, and `store`, which is always false:
what a provider keeps is history that no guard sees again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sallyport.errors import Refusal
from sallyport.gateway.dialects import responses_answer, responses_request
from sallyport.gateway.dialects.base import AnswerView, Options, Wire
from sallyport.gateway.dialects.responses_stream import ResponsesStream
from sallyport.gateway.json_edit import add_members, replace
from sallyport.gateway.strict_json import Path
from sallyport.model import Call, Surface


class Responses:
    """The responses surface."""

    surface: Surface = "responses"
    wire: Wire = "responses"
    endpoint = "responses"
    generates = True

    def parse(self, raw: bytes, document: Any, options: Options) -> Call | Refusal:
        """See `responses_request.parse`."""
        return responses_request.parse(raw, document, options)

    def plain(self, _raw: bytes, _document: Any, _depth: int) -> None:
        """Nothing is read without its tables here."""

    def plain_view(self, _raw: bytes, _document: Any) -> None:
        """Nothing is read without a walk here."""

    def outgoing(self, call: Call, upstream_model: str, edits: Mapping[Path, str]) -> bytes:
        """The caller's bytes with masks, the upstream's model name, and nothing stored (left out means stored)."""
        changes: dict[Path, Any] = dict(edits)
        if upstream_model != call.model:
            changes["model",] = upstream_model
        if "store" in call.body:
            changes["store",] = False
            return replace(call.raw, changes)
        return add_members(replace(call.raw, changes), {"store": False})

    def view(self, document: Any) -> AnswerView:
        """See `responses_answer.view`."""
        return responses_answer.view(document)

    def tools_at(self, choice: int) -> str:
        """Each call is an item of its own."""
        return f"output[{choice}]"

    def implied(self, document: Any, _edits: Mapping[Path, Any]) -> dict[Path, Any]:
        """See `responses_answer.implied`."""
        return responses_answer.implied(document)

    def stream(self, call: Call) -> ResponsesStream:
        """The reader of one answer."""
        return ResponsesStream(call)
