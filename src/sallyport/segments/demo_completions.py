"""The demo model on OpenAI's completions wire: each prompt is a turn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from sallyport.segments import demo_rules as rules


def answer(request: Mapping[str, Any]) -> dict[str, Any]:
    """A whole answer."""
    texts = _texts(request)
    choices = [_choice(index, text, "stop") for index, text in enumerate(texts)]
    return {**_begun(request), "choices": choices, "usage": _usage(request, texts)}


def events(request: Mapping[str, Any]) -> Iterator[bytes]:
    """The events of a streamed answer, as bytes of server-sent events."""
    texts = _texts(request)
    for index, text in enumerate(texts):
        for piece in rules.pieces(text):
            yield _event(request, [_choice(index, piece, None)])
        yield _event(request, [_choice(index, "", "stop")])
    if (request.get("stream_options") or {}).get("include_usage"):
        yield _event(request, [], usage=_usage(request, texts))
    yield b"data: [DONE]\n\n"


def _prompts(request: Mapping[str, Any]) -> list[str]:
    given = request["prompt"]
    return [given] if isinstance(given, str) else list(given)


def _texts(request: Mapping[str, Any]) -> list[str]:
    made = [rules.reply([{"role": "user", "content": prompt}], ()).text for prompt in _prompts(request)]
    echoed = _prompts(request) if request.get("echo") else [""] * len(made)
    said = [before + text for before, text in zip(echoed, made, strict=True)]
    return [text for text in said for _ in range(request.get("n") or 1)]


def _choice(index: int, text: str, finish: str | None) -> dict[str, Any]:
    return {"index": index, "text": text, "logprobs": None, "finish_reason": finish}


def _begun(request: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": "cmpl-demo", "object": "text_completion", "created": 0, "model": request["model"]}


def _usage(request: Mapping[str, Any], texts: list[str]) -> dict[str, int]:
    given = sum(rules.tokens(prompt) for prompt in _prompts(request))
    made = sum(rules.tokens(text) for text in texts)
    return {"prompt_tokens": given, "completion_tokens": made, "total_tokens": given + made}


def _event(request: Mapping[str, Any], choices: list[dict[str, Any]], **more: Any) -> bytes:
    return b"data: " + orjson.dumps({**_begun(request), "choices": choices, **more}) + b"\n\n"
