"""Chat calls and answers of the plainest shape, read without a walk over the document. Pure.

Most calls are a few texts with scalars around them. Where a document is exactly that, types settle what the
tables of `openai_request` and `openai_chat` would ask member by member, and where its strings are is known.
Anything else, right or wrong, is left to them: None never means more than "not so plain".
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, ValidationError, convert

from sallyport.gateway.dialects.base import TOKENS_PER_CHARACTER, AnswerView
from sallyport.gateway.dialects.openai_request import CHANNELS
from sallyport.gateway.dialects.openai_words import CONSTANTS
from sallyport.gateway.strict_json import holds
from sallyport.model import Call, Leaf, Usage

DEPTH = 3  # document, list, message
_Finite = Annotated[float, Meta(gt=-1e300, lt=1e300)] | None
_Positive = Annotated[int, Meta(gt=0)] | None
_Count = Annotated[int, Meta(ge=0)]


class _Message(Struct, forbid_unknown_fields=True):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str


class _StreamOptions(Struct, forbid_unknown_fields=True):
    include_usage: bool | None = None


class _Request(Struct, forbid_unknown_fields=True):
    model: Annotated[str, Meta(min_length=1, max_length=256)]
    messages: Annotated[list[_Message], Meta(min_length=1)]
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    temperature: _Finite = None
    top_p: _Finite = None
    presence_penalty: _Finite = None
    frequency_penalty: _Finite = None
    n: Annotated[int, Meta(ge=1, le=16)] | None = None
    max_tokens: _Positive = None
    max_completion_tokens: _Positive = None
    seed: int | None = None


def request(raw: bytes, document: Any, depth: int) -> Call | None:
    """The request as a `Call`, if it is model, messages of text, and scalars. `depth` bounds the nesting."""
    try:
        plain = convert(document, _Request)
    except ValidationError:
        return None
    messages, options = plain.messages, plain.stream_options
    members = len(document) + 2 * len(messages)
    if options is not None:
        members += len(document["stream_options"])
        if not plain.stream:
            return None
    if depth < DEPTH or not holds(raw, members, strings=1 + 2 * len(messages)):
        return None
    leaves = tuple(
        [Leaf(("messages", i, "content"), m.content, CHANNELS[m.role]) for i, m in enumerate(messages)]
    )
    return Call(
        surface="chat",
        dialect="openai",
        model=plain.model,
        stream=plain.stream or False,
        raw=raw,
        body=document,
        leaves=leaves,
        choices=plain.n or 1,
        max_output_tokens=plain.max_completion_tokens or plain.max_tokens or 0,
        include_usage=bool(options and options.include_usage),
        input_tokens_estimate=int(sum([len(m.content) for m in messages]) * TOKENS_PER_CHARACTER) + 8,
    )


class _InputDetails(Struct, forbid_unknown_fields=True):
    cached_tokens: int | None = None
    audio_tokens: int | None = None


class _OutputDetails(Struct, forbid_unknown_fields=True):
    reasoning_tokens: int | None = None
    audio_tokens: int | None = None
    accepted_prediction_tokens: int | None = None
    rejected_prediction_tokens: int | None = None


class _Usage(Struct, forbid_unknown_fields=True):
    prompt_tokens: _Count
    completion_tokens: _Count
    total_tokens: int | None = None
    prompt_tokens_details: _InputDetails | None = None
    completion_tokens_details: _OutputDetails | None = None


class _Said(Struct, forbid_unknown_fields=True):
    role: Literal["assistant"]
    content: str
    refusal: None = None
    annotations: Annotated[list[int], Meta(max_length=0)] = []
    tool_calls: None = None
    function_call: None = None


class _Choice(Struct, forbid_unknown_fields=True):
    index: int
    message: _Said
    finish_reason: Literal["stop", "length", "content_filter"]
    logprobs: None = None


class _Answer(Struct, forbid_unknown_fields=True):
    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: Annotated[list[_Choice], Meta(min_length=1)]
    usage: _Usage
    system_fingerprint: str | None = None
    service_tier: Literal["default"] | None = None


_LABELS = ("id", "model", "system_fingerprint")


def answer(raw: bytes, document: Any) -> AnswerView | None:
    """A whole answer, if each choice is a text alone and nothing is said beside it."""
    try:
        plain = convert(document, _Answer)
    except ValidationError:
        return None
    if not _is_unique(raw, document):
        return None
    leaves = [
        Leaf((name,), document[name], "assistant") for name in _LABELS if document.get(name) is not None
    ]
    prose = [
        Leaf(("choices", index, "message", "content"), choice.message.content, "assistant")
        for index, choice in enumerate(plain.choices)
    ]
    leaves += prose
    if not CONSTANTS.isdisjoint([leaf.text for leaf in leaves]):
        return None
    return AnswerView(
        leaves=tuple(leaves),
        prose={leaf.path: (index, "content") for index, leaf in enumerate(prose)},
        tools=(),
        usage=Usage(input_tokens=plain.usage.prompt_tokens, output_tokens=plain.usage.completion_tokens),
    )


def _is_unique(raw: bytes, document: dict[str, Any]) -> bool:
    choices, usage = document["choices"], document["usage"]
    members = len(document) + len(usage)
    members += sum([len(choice) + len(choice["message"]) for choice in choices])
    members += sum([len(details) for details in usage.values() if type(details) is dict])
    strings = 3 * len(choices) + sum([type(value) is str for value in document.values()])
    return holds(raw, members, strings=strings)
