"""Words of the OpenAI wire that are part of its grammar: nobody writes text with them."""

from __future__ import annotations

KNOWN_MEMBERS = frozenset(
    [
        "id",
        "object",
        "created",
        "model",
        "choices",
        "index",
        "message",
        "role",
        "content",
        "refusal",
        "reasoning_content",
        "reasoning",
        "tool_calls",
        "function",
        "name",
        "arguments",
        "type",
        "finish_reason",
        "logprobs",
        "usage",
        "prompt_tokens",
        "completion_tokens",
        "total_tokens",
        "prompt_tokens_details",
        "completion_tokens_details",
        "cached_tokens",
        "audio_tokens",
        "reasoning_tokens",
        "accepted_prediction_tokens",
        "rejected_prediction_tokens",
        "service_tier",
        "system_fingerprint",
        "annotations",
        "delta",
        "token",
        "bytes",
        "logprob",
        "top_logprobs",
        "function_call",
    ]
)
CONSTANTS = frozenset(
    [
        "assistant",
        "chat.completion",
        "chat.completion.chunk",
        "stop",
        "length",
        "tool_calls",
        "function_call",
        "content_filter",
        "function",
        "default",
        "list",
        "embedding",
    ]
)
