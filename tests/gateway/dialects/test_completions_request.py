from __future__ import annotations

import json

import pytest

from sallyport.errors import Refusal
from sallyport.gateway.dialects.base import Options
from sallyport.gateway.dialects.completions import Completions


def parse(options=Options(), **more):  # noqa: B008 - frozen
    document = {"model": "m", "prompt": "hello", **more}
    document = {name: value for name, value in document.items() if value is not ...}
    return Completions().parse(json.dumps(document).encode(), document, options)


STREAMED = {"stream": True}
REFUSED = {
    "no model": ({"model": ...}, "field_invalid", "model"),
    "no prompt": ({"prompt": ...}, "field_invalid", "prompt"),
    "prompt null": ({"prompt": None}, "field_invalid", "prompt"),
    "prompt empty": ({"prompt": ""}, "field_invalid", "prompt"),
    "no prompts": ({"prompt": []}, "field_invalid", "prompt"),
    "an empty prompt": ({"prompt": ["a", ""]}, "field_invalid", "prompt"),
    "prompt object": ({"prompt": {"a": 1}}, "field_invalid", "prompt"),
    "tokens": ({"prompt": [1, 2]}, "content_uninspectable", "prompt"),
    "lists of tokens": ({"prompt": [[1, 2]]}, "content_uninspectable", "prompt"),
    "tokens among texts": ({"prompt": ["a", 1]}, "content_uninspectable", "prompt"),
    "messages": ({"messages": []}, "field_unknown", "messages"),
    "suffix list": ({"suffix": ["x"]}, "field_invalid", "suffix"),
    "n": ({"n": 0}, "field_invalid", "n"),
    "too many answers": ({"prompt": ["x"] * 20, "n": 10}, "field_invalid", "prompt"),
    "too many candidates": ({"prompt": ["x"] * 20, "best_of": 10}, "field_invalid", "prompt"),
    "stream_options alone": ({"stream_options": {}}, "field_invalid", "stream_options"),
    "logprobs streamed": ({**STREAMED, "logprobs": 0}, "field_invalid", "logprobs"),
    "echo streamed": ({**STREAMED, "echo": True}, "field_invalid", "echo"),
    "best_of streamed": ({**STREAMED, "best_of": 2}, "field_invalid", "best_of"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    more, code, param = REFUSED[name]
    refusal = parse(**more)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.param) == (code, param)


def test_every_string_has_its_channel():
    call = parse(prompt=["a", "b"], suffix="c", stop=["d"], user="e", logit_bias={"4111111111111111": 1})
    channels = {leaf.text: leaf.channel for leaf in call.leaves}
    assert {"a": "user", "b": "user", "c": "user", "d": "other", "e": "other"}.items() <= channels.items()
    assert channels["4111111111111111"] == "other"


@pytest.mark.parametrize(
    ("more", "choices"),
    [({}, 1), ({"n": 3}, 3), ({"prompt": ["a", "b"], "n": 2}, 4), ({"prompt": ["a", "b"], "best_of": 5}, 10)],
)
def test_answers_are_counted(more, choices):
    assert parse(**more).choices == choices


@pytest.mark.parametrize("more", [{"echo": False, "best_of": 1}, {"suffix": "x"}, {"logprobs": None}])
def test_what_a_stream_may_say(more):
    assert not isinstance(parse(**STREAMED, **more), Refusal)


def test_usage_is_asked_for_in_streams():
    call = parse(**STREAMED)
    out = json.loads(Completions().outgoing(call, "real", {("prompt",): "masked"}))
    assert out == {
        "model": "real",
        "prompt": "masked",
        "stream": True,
        "stream_options": {"include_usage": True},
    }
