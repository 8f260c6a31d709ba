"""The short reading and the full one agree on whatever the short one takes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sallyport.errors import Refusal
from sallyport.gateway import strict_json
from sallyport.gateway.dialects import openai_plain, openai_request
from sallyport.gateway.dialects.base import Options
from sallyport.gateway.dialects.openai_chat import OpenAIChat
from sallyport.model import Call

DEPTH = 32
TEXT = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["stop", "assistant", "", 'say "a": b', '\\"', "4111 1111 1111 1111"]),
)
SCALAR = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 20), st.floats(), st.just(1e400), TEXT, st.just([]), st.just({})
)
MESSAGE = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["system", "developer", "user", "assistant", "tool", "function"]),
        "content": TEXT,
    },
    optional={"name": TEXT},
)
SCALARS = dict.fromkeys(
    (
        "stream",
        "temperature",
        "top_p",
        "n",
        "max_tokens",
        "max_completion_tokens",
        "seed",
        "presence_penalty",
        "frequency_penalty",
        "user",
        "logprobs",
    ),
    SCALAR,
)
OPTIONS = st.one_of(
    st.none(), st.fixed_dictionaries({}, optional={"include_usage": SCALAR, "include_obfuscation": SCALAR})
)
REQUEST = st.fixed_dictionaries(
    {"model": TEXT, "messages": st.lists(MESSAGE, max_size=4)},
    optional={**SCALARS, "stream_options": OPTIONS},
)


def full(raw: bytes, document: Any) -> Call | Refusal:
    return strict_json.judge(raw, document, depth=DEPTH) or openai_request.parse(raw, document, Options())


@given(REQUEST, st.sampled_from([(",", ":"), (", ", " : ")]))
def test_a_call_read_shortly_is_the_call_read_fully(document: Any, separators: tuple[str, str]) -> None:
    if not _finite(document):
        return
    raw = json.dumps(document, separators=separators).encode()
    decoded = strict_json.decode(raw)
    plain = openai_plain.request(raw, decoded, DEPTH)
    if plain is not None:
        assert plain == full(raw, decoded)


def _finite(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return True


ORDINARY: dict[str, Any] = {
    "model": "m",
    "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": 'Hello "you"\n'}],
    "temperature": 0.2,
    "max_tokens": 5,
    "stream": True,
    "stream_options": {"include_usage": True},
}


def test_an_ordinary_call_is_read_shortly() -> None:
    raw = json.dumps(ORDINARY).encode()
    plain = openai_plain.request(raw, ORDINARY, DEPTH)
    assert plain is not None
    assert plain == full(raw, ORDINARY)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"model":"a","model":"m","messages":[{"role":"user","content":"x"}]}',
        b'{"model" :"a","model":"m","messages":[{"role":"user","content":"x\\":"}]}',
        b'{"model":"m","messages":[{"role":"user","content":"x","content":"y"}]}',
        b'{"model":"m","messages":[{"role":"user","role":"user","content":"\\"\\""}]}',
        b'{"model":"m","messages":[{"role":"user","content":"y"}],"mess\\u0061ges":[{"role":"user","content":"x"}]}',
        b'{"model":"m","messages":[{"role":"user","content":"y"}],"seed":1,"seed":2}',
        b'{"model":"m","messages":[{"role":"user","content":"y"}],"stream":true,"stream_options":{"include_usage":true,"include_usage":false}}',
    ],
)
def test_doubled_members_are_never_read_shortly(raw: bytes) -> None:
    assert openai_plain.request(raw, strict_json.decode(raw), DEPTH) is None
    refused = full(raw, strict_json.decode(raw))
    assert isinstance(refused, Refusal)
    assert refused.code == "json_duplicate"


def test_depth_bounds_the_short_reading_too() -> None:
    raw = json.dumps(ORDINARY).encode()
    assert openai_plain.request(raw, ORDINARY, openai_plain.DEPTH - 1) is None


LABEL = st.one_of(st.none(), TEXT)
ANSWER = st.fixed_dictionaries(
    {
        "id": TEXT,
        "object": st.sampled_from(["chat.completion", "list"]),
        "created": SCALAR,
        "model": TEXT,
        "choices": st.lists(
            st.fixed_dictionaries(
                {
                    "index": st.integers(0, 3),
                    "message": st.fixed_dictionaries(
                        {"role": st.sampled_from(["assistant", "user"]), "content": LABEL},
                        optional={
                            "refusal": LABEL,
                            "annotations": st.sampled_from([[], [{"url": "u"}]]),
                            "tool_calls": st.none(),
                            "other": LABEL,
                        },
                    ),
                    "finish_reason": st.sampled_from(["stop", "length", "strange", None]),
                },
                optional={"logprobs": st.sampled_from([None, {"content": [{"token": "t"}]}])},
            ),
            max_size=3,
        ),
        "usage": st.fixed_dictionaries(
            {"prompt_tokens": SCALAR, "completion_tokens": st.integers(-1, 9)},
            optional={
                "total_tokens": SCALAR,
                "prompt_tokens_details": st.sampled_from([None, {"cached_tokens": 1}, {"note": "n"}]),
                "completion_tokens_details": st.sampled_from([None, {"reasoning_tokens": 1}]),
            },
        ),
    },
    optional={
        "system_fingerprint": LABEL,
        "service_tier": st.sampled_from([None, "default", "x"]),
        "x": LABEL,
    },
)


@given(ANSWER)
def test_an_answer_read_shortly_is_the_answer_read_fully(document: Any) -> None:
    if not _finite(document):
        return
    raw = json.dumps(document).encode()
    decoded = strict_json.decode(raw)
    plain = openai_plain.answer(raw, decoded)
    if plain is None:
        return
    assert strict_json.judge(raw, decoded, depth=DEPTH) is None
    view = OpenAIChat().view(decoded)
    assert (plain.prose, plain.tools, plain.usage) == (view.prose, view.tools, view.usage)
    key = lambda leaf: (len(leaf.path), str(leaf.path))  # noqa: E731 - said once
    assert sorted(plain.leaves, key=key) == sorted(view.leaves, key=key)


def test_ordinary_answers_are_read_shortly_and_doubled_members_are_not() -> None:
    answer = {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hello.", "refusal": None, "annotations": []},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 0}},
        "service_tier": "default",
        "system_fingerprint": "fp_1",
    }
    raw = json.dumps(answer).encode()
    assert openai_plain.answer(raw, answer) is not None
    doubled = raw.replace(b'"content": "Hello."', b'"content": "4111", "content": "Hello."')
    assert openai_plain.answer(doubled, strict_json.decode(doubled)) is None
