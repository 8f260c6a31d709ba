"""Words of the Responses wire that are part of its grammar: nobody writes text with them. What repeats a request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sallyport.gateway.dialects.responses_items import SEALED
from sallyport.gateway.strict_json import KEY, Path, strings

# Members of an answer that say again what the request said: the caller gets its own words.
ECHOED = frozenset(
    [
        "instructions",
        "metadata",
        "tools",
        "tool_choice",
        "text",
        "user",
        "prompt_cache_key",
        "safety_identifier",
    ]
)
KNOWN_MEMBERS = ECHOED | frozenset(
    [
        "access_programs",
        "action",
        "annotation",
        "annotation_index",
        "annotations",
        "arguments",
        "async",
        "background",
        "billing",
        "cache_write_tokens",
        "cached_tokens",
        "call_id",
        "completed_at",
        "content",
        "content_filters",
        "content_index",
        "conversation",
        "created_at",
        "delta",
        "effort",
        "encrypted_content",
        "end_index",
        "error",
        "file_id",
        "filename",
        "format",
        "frequency_penalty",
        "generate_summary",
        "id",
        "incomplete_details",
        "index",
        "input",
        "input_tokens",
        "input_tokens_details",
        "item",
        "item_id",
        "logprobs",
        "max_output_tokens",
        "max_tool_calls",
        "model",
        "moderation",
        "name",
        "namespace",
        "object",
        "obfuscation",
        "output",
        "output_index",
        "output_tokens",
        "output_tokens_details",
        "parallel_tool_calls",
        "part",
        "phase",
        "presence_penalty",
        "previous_response_id",
        "prompt",
        "prompt_cache_options",
        "prompt_cache_retention",
        "reason",
        "reasoning",
        "reasoning_tokens",
        "refusal",
        "response",
        "role",
        "sequence_number",
        "service_tier",
        "start_index",
        "status",
        "store",
        "strict",
        "summary",
        "summary_index",
        "temperature",
        "title",
        "tool_usage",
        "top_logprobs",
        "top_p",
        "total_tokens",
        "truncation",
        "type",
        "url",
        "usage",
        "verbosity",
    ]
)
CONSTANTS = frozenset(
    [
        "assistant",
        "auto",
        "completed",
        "custom_tool_call",
        "default",
        "disabled",
        "function_call",
        "in_progress",
        "incomplete",
        "low",
        "high",
        "max_output_tokens",
        "medium",
        "message",
        "none",
        "output_text",
        "reasoning",
        "reasoning_text",
        "refusal",
        "required",
        "response",
        "summary_text",
        "text",
    ]
)


def texts(document: Any) -> Iterator[tuple[Path, str]]:
    """Strings of an answer or event that must be inspected: all but grammar, and what only the provider can read."""
    for path, text in strings(document, known=KNOWN_MEMBERS):
        if path[-2:-1] == (KEY,) or not (text in CONSTANTS or _is_sealed(path, text)):
            yield path, text


def sealed(document: Any) -> Iterator[tuple[Path, str]]:
    """The encrypted contents of an answer or event."""
    return ((path, text) for path, text in strings(document, known=KNOWN_MEMBERS) if _is_sealed(path, text))


def _is_sealed(path: Path, text: str) -> bool:
    """Whether this is the encrypted content of an output item."""
    of_item = path[0] == "item" if len(path) == 2 else path[0] == "output" and len(path) == 3  # noqa: PLR2004
    return of_item and path[-1] == "encrypted_content" and SEALED.fullmatch(text) is not None
