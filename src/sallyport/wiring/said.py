"""A sealed request, taken apart again as the door took it apart: its strings, each with its channel."""

from __future__ import annotations

from collections.abc import Mapping

from sallyport.errors import Refusal
from sallyport.gateway import strict_json
from sallyport.gateway.dialects.anthropic_messages import AnthropicCount, AnthropicMessages
from sallyport.gateway.dialects.base import Dialect, Options
from sallyport.gateway.dialects.completions import Completions
from sallyport.gateway.dialects.openai_chat import OpenAIChat
from sallyport.gateway.dialects.openai_embeddings import OpenAIEmbeddings
from sallyport.gateway.dialects.responses import Responses
from sallyport.model import Leaf
from sallyport.settings import Settings
from sallyport.wiring import translate

DIALECTS: Mapping[str, tuple[Dialect, ...]] = {
    "chat": (OpenAIChat(),),
    "responses": (Responses(),),
    "completions": (Completions(),),
    "embeddings": (OpenAIEmbeddings(),),
    "messages": (AnthropicMessages(), AnthropicCount()),
}


def leaves_of(surface: str, text: bytes, settings: Settings) -> tuple[Leaf, ...] | None:
    """The strings of a request as it was sealed; None where it cannot be read any more (other settings, another version)."""
    limits = translate.limits(settings)
    document = strict_json.parse(text, depth=limits.json_depth)
    if isinstance(document, Refusal):
        return None
    options = Options(
        fields=limits.allow_fields,
        provider_tools=limits.allow_provider_tools,
        uninspected=limits.allow_uninspected,
    )
    for dialect in DIALECTS.get(surface, ()):
        call = dialect.parse(text, document, options)
        if not isinstance(call, Refusal):
            return call.leaves
    return None
