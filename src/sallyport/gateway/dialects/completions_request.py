"""Reading `POST /v1/completions` (OpenAI API reference, completions). Pure.

Prompts are text; arrays of tokens are refused: no guard can read them.
"""

from __future__ import annotations

from typing import Any

from sallyport.errors import Refusal
from sallyport.gateway.dialects import fields as f
from sallyport.gateway.dialects.base import Options, read_call
from sallyport.gateway.dialects.openai_delta import MOST_CHOICES
from sallyport.gateway.strict_json import numbers, strings
from sallyport.model import Call, Leaf

TOP: dict[str, f.Check] = {
    "model": f.NAME,
    "prompt": (lambda v: isinstance(v, str | list), "a string or a list of strings"),
    "suffix": f.TEXT,
    "echo": f.FLAG,
    "logprobs": f.whole_between(0, 20),
    "best_of": f.whole_between(1, 20),
    "n": f.whole_between(1, 16),
    "max_tokens": f.POSITIVE,
    "stop": f.TEXT_OR_TEXTS,
    "stream": f.FLAG,
    "stream_options": f.OBJECT,
    "temperature": f.NUMBER,
    "top_p": f.NUMBER,
    "presence_penalty": f.NUMBER,
    "frequency_penalty": f.NUMBER,
    "logit_bias": f.OBJECT,
    "seed": f.WHOLE,
    "user": f.TEXT,
}
STREAM_OPTIONS = {"include_usage": f.FLAG, "include_obfuscation": f.FLAG}
# Log probabilities carry the very tokens that the hold-back still keeps, an echo is no answer, and of several
# candidates nothing can flow before all of them are there.
_NOT_STREAMED = {"logprobs": None, "echo": False, "best_of": 1}  # and what changes nothing
_WRITTEN = {"prompt", "suffix"}
_LONG = 8  # digits from which a number may be somebody's


def parse(raw: bytes, document: Any, options: Options) -> Call | Refusal:
    """The request as a `Call`, or the first thing that is wrong with it."""
    if not isinstance(document, dict):
        return f.wrong("body", "an object")
    problem = f.check_fields(document, TOP, "", lambda name: options.allows("completions", name))
    problem = problem or _check_prompt(document) or _check_stream(document)
    if problem is not None:
        return problem
    prompts = 1 if isinstance(document["prompt"], str) else len(document["prompt"])
    choices = prompts * max(document.get("n") or 1, document.get("best_of") or 1)
    if choices > MOST_CHOICES:
        return f.wrong("prompt", f"so few that there are at most {MOST_CHOICES} answers")
    leaves = tuple(_leaves(document))
    return read_call(
        "completions",
        "openai",
        raw,
        document,
        leaves,
        choices=choices,
        max_output_tokens=document.get("max_tokens") or 0,
        include_usage=bool((document.get("stream_options") or {}).get("include_usage")),
    )


def _check_prompt(document: dict[str, Any]) -> Refusal | None:
    if document.get("model") is None:
        return f.wrong("model", "given")
    given = document.get("prompt")
    if given is None or given in ("", []):
        return f.wrong("prompt", TOP["prompt"][1])
    if isinstance(given, list) and any(isinstance(item, int | list) for item in given):
        return Refusal(
            code="content_uninspectable",
            message="`prompt` must be text; token arrays cannot be inspected.",
            param="prompt",
        )
    if isinstance(given, list) and not all(isinstance(item, str) and item for item in given):
        return f.wrong("prompt", "a string or a list of non-empty strings")
    return None


def _check_stream(document: dict[str, Any]) -> Refusal | None:
    given, streamed = document.get("stream_options"), document.get("stream")
    if given is not None and not streamed:
        return f.wrong("stream_options", "left out unless stream is true")
    for name, harmless in _NOT_STREAMED.items() if streamed else ():
        if not any(document.get(name) is value for value in (None, harmless)):
            return f.wrong(name, "left out of a stream")
    return f.check_fields(given or {}, STREAM_OPTIONS, "stream_options.", lambda _: False)


def _leaves(document: dict[str, Any]) -> list[Leaf]:
    found = []
    for name, value in document.items():
        if name not in {"model", "stream_options"}:
            channel: Any = "user" if name in _WRITTEN else "other"
            found += [Leaf(path, text, channel) for path, text in strings(value, (name,))]
            inner = numbers(value, (name,)) if isinstance(value, dict | list) else ()
            found += [Leaf(path, text, "other") for path, text in inner if len(text) >= _LONG]
    return found
