from __future__ import annotations

import array
import base64
import json

import pytest

from sallyport.errors import CATALOGUE, Refusal
from sallyport.gateway.dialects.base import Options
from sallyport.gateway.dialects.openai_chat import OpenAIChat
from sallyport.gateway.dialects.openai_embeddings import OpenAIEmbeddings
from sallyport.gateway.strict_json import KEY

HELLO = [{"role": "user", "content": "hello"}]


def chat(options=Options(), **more):  # noqa: B008 - frozen
    document = {"model": "m", "messages": HELLO, **more}
    document = {name: value for name, value in document.items() if value is not ...}
    return OpenAIChat().parse(json.dumps(document).encode(), document, options)


def message(**more):
    return {"messages": [{"role": "user", "content": "x", **more}]}


def part(**more):
    return {"messages": [{"role": "user", "content": [more]}]}


REFUSED = {
    "no model": ({"model": ...}, "field_invalid", "model"),
    "model not text": ({"model": 3}, "field_invalid", "model"),
    "model empty": ({"model": ""}, "field_invalid", "model"),
    "no messages": ({"messages": ...}, "field_invalid", "messages"),
    "messages empty": ({"messages": []}, "field_invalid", "messages"),
    "messages object": ({"messages": {}}, "field_invalid", "messages"),
    "message text": ({"messages": ["x"]}, "field_invalid", "messages[0]"),
    "no role": ({"messages": [{"content": "x"}]}, "field_invalid", "messages[0].role"),
    "role unknown": ({"messages": [{"role": "root", "content": "x"}]}, "field_invalid", "messages[0].role"),
    "role list": ({"messages": [{"role": ["user"], "content": "x"}]}, "field_invalid", "messages[0].role"),
    "content number": (message(content=5), "field_invalid", "messages[0].content"),
    "unknown field": ({"tempratur": 1}, "field_unknown", "tempratur"),
    "unknown message field": (message(cache=1), "field_unknown", "messages[0].cache"),
    "unknown part field": (part(type="text", text="x", y=1), "field_unknown", "messages[0].content[0].y"),
    "image": (
        part(type="image_url", image_url={"url": "u"}),
        "content_uninspectable",
        "messages[0].content[0]",
    ),
    "audio": (part(type="input_audio", input_audio={}), "content_uninspectable", "messages[0].content[0]"),
    "file": (part(type="file", file={}), "content_uninspectable", "messages[0].content[0]"),
    "part without type": (part(text="x"), "content_uninspectable", "messages[0].content[0]"),
    "part type list": (part(type=["text"], text="x"), "content_uninspectable", "messages[0].content[0]"),
    "part text number": (part(type="text", text=1), "field_invalid", "messages[0].content[0].text"),
    "temperature text": ({"temperature": "hot"}, "field_invalid", "temperature"),
    "temperature true": ({"temperature": True}, "field_invalid", "temperature"),
    "n zero": ({"n": 0}, "field_invalid", "n"),
    "n many": ({"n": 1000}, "field_invalid", "n"),
    "max_tokens negative": ({"max_tokens": -1}, "field_invalid", "max_tokens"),
    "stream text": ({"stream": "yes"}, "field_invalid", "stream"),
    "stream_options alone": ({"stream_options": {}}, "field_invalid", "stream_options"),
    "stream_options unknown": (
        {"stream": True, "stream_options": {"x": 1}},
        "field_unknown",
        "stream_options.x",
    ),
    "store": ({"store": True}, "field_invalid", "store"),
    "logprobs streamed": ({"stream": True, "logprobs": True}, "field_invalid", "logprobs"),
    "audio out": ({"modalities": ["text", "audio"]}, "field_invalid", "modalities"),
    "a call by a user": (
        {
            "messages": [
                {
                    "role": "user",
                    "content": "x",
                    "tool_calls": [
                        {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
                    ],
                }
            ]
        },
        "field_invalid",
        "messages[0].tool_calls",
    ),
    "web search": ({"web_search_options": {}}, "provider_tool_refused", "web_search_options"),
    "provider tool": ({"tools": [{"type": "web_search"}]}, "provider_tool_refused", "tools[0].type"),
    "mcp tool": ({"tools": [{"type": "mcp", "server_url": "u"}]}, "provider_tool_refused", "tools[0].type"),
    "tool text": ({"tools": ["x"]}, "field_invalid", "tools[0]"),
    "tool no function": ({"tools": [{"type": "function"}]}, "field_invalid", "tools[0].function"),
    "tool unnamed": (
        {"tools": [{"type": "function", "function": {}}]},
        "field_invalid",
        "tools[0].function",
    ),
    "call not object": (message(tool_calls=[1]), "field_invalid", "messages[0].tool_calls[0]"),
    "call without function": (
        message(tool_calls=[{"id": "1"}]),
        "field_invalid",
        "messages[0].tool_calls[0].function",
    ),
    "custom call": (
        message(tool_calls=[{"type": "custom"}]),
        "field_invalid",
        "messages[0].tool_calls[0].type",
    ),
    "arguments object": (
        message(tool_calls=[{"function": {"name": "f", "arguments": {}}}]),
        "field_invalid",
        "messages[0].tool_calls[0].function.arguments",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_wrong_is_named(name):
    fields, code, param = REFUSED[name]
    result = chat(**fields)
    assert isinstance(result, Refusal), name
    assert (result.code, result.param) == (code, param)
    assert CATALOGUE[code].status in {400, 403}


@pytest.mark.parametrize("document", [[], "x", 1, None, True])
def test_a_body_that_is_no_object(document):
    for dialect in (OpenAIChat(), OpenAIEmbeddings()):
        assert dialect.parse(b"", document, Options()).code == "field_invalid"


def test_allowed_fields_pass():
    call = chat(Options(fields=frozenset({"chat.top_k"})), top_k=5)
    assert call.body["top_k"] == 5
    assert chat(Options(fields=frozenset({"embeddings.top_k"})), top_k=5).code == "field_unknown"
    assert chat(Options(provider_tools=frozenset({"web_search"})), tools=[{"type": "web_search"}]).tools == ()


def test_every_string_is_a_leaf_with_its_channel():
    call = chat(
        messages=[
            {"role": "system", "content": "S"},
            {"role": "developer", "content": [{"type": "text", "text": "D"}]},
            {
                "role": "user",
                "content": [{"type": "text", "text": "U1"}, {"type": "text", "text": "U2"}],
                "name": "N",
            },
            {
                "role": "assistant",
                "content": None,
                "refusal": "R",
                "tool_calls": [
                    {"id": "ID", "type": "function", "function": {"name": "FN", "arguments": "ARG"}}
                ],
            },
            {"role": "tool", "tool_call_id": "ID", "content": "T"},
        ],
        tools=[
            {
                "type": "function",
                "function": {
                    "name": "TN",
                    "description": "TD",
                    "parameters": {
                        "type": "object",
                        "properties": {"PROP": {"type": "string", "enum": ["E1"], "default": "DEF"}},
                    },
                },
            }
        ],
        stop=["STOP"],
        metadata={"MK": "MV"},
        user="USER",
        response_format={"type": "json_schema", "json_schema": {"name": "RN", "schema": {"title": "RT"}}},
    )
    seen = {leaf.text: leaf.channel for leaf in call.leaves}
    expected = {
        "S": "system", "D": "system", "U1": "user", "U2": "user", "N": "other", "R": "assistant", "ID": "other",
        "FN": "other", "ARG": "tool_arguments", "T": "tool_result", "TN": "tool_definition", "TD": "tool_definition",
        "PROP": "tool_definition", "E1": "tool_definition", "DEF": "tool_definition", "STOP": "other", "MK": "other",
        "MV": "other", "USER": "other", "RN": "other", "RT": "other",
    }  # fmt: skip
    assert expected.items() <= seen.items()
    assert call.tools == ("TN",)
    by_path = {leaf.path: leaf.text for leaf in call.leaves}
    assert by_path["messages", 2, "content", 1, "text"] == "U2"
    assert by_path["metadata", KEY, "MK"] == "MK"


BAD_INPUTS = {
    "none": (None, "field_invalid"),
    "empty": ("", "field_invalid"),
    "empty list": ([], "field_invalid"),
    "tokens": ([1, 2, 3], "content_uninspectable"),
    "token lists": ([[1, 2], [3]], "content_uninspectable"),
    "mixed": (["a", 1], "content_uninspectable"),
    "object": ({"a": 1}, "field_invalid"),
    "empty string in list": (["a", ""], "field_invalid"),
    "too many": (["a"] * 2049, "field_invalid"),
}


@pytest.mark.parametrize("name", BAD_INPUTS)
def test_embeddings_take_text_only(name):
    given, code = BAD_INPUTS[name]
    document = {"model": "m", "input": given}
    assert OpenAIEmbeddings().parse(b"", document, Options()).code == code


def test_embeddings_leaves():
    call = OpenAIEmbeddings().parse(b"", {"model": "m", "input": ["a", "b"], "user": "u"}, Options())
    assert [(leaf.text, leaf.channel) for leaf in call.leaves] == [
        ("a", "document"),
        ("b", "document"),
        ("u", "other"),
    ]


NUMBER = 4012888888881881


@pytest.mark.parametrize(
    ("more", "path", "channel"),
    [
        ({"metadata": {"a": [NUMBER]}}, ("metadata", "a", 0), "other"),
        ({"response_format": {"type": "x", "const": float(NUMBER)}}, ("response_format", "const"), "other"),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"enum": [NUMBER]}}}]},
            ("tools", 0, "function", "parameters", "enum", 0),
            "tool_definition",
        ),
    ],
)
def test_long_numbers_in_free_places_are_leaves(more, path, channel):
    by_path = {leaf.path: leaf for leaf in chat(**more).leaves}
    assert by_path[path].text.startswith(str(NUMBER))
    assert by_path[path].channel == channel


def test_short_numbers_and_those_with_a_meaning_are_none():
    assert {leaf.text for leaf in chat(metadata={"a": 12}, seed=NUMBER, n=2).leaves} == {"hello", "a"}


def test_an_answer_may_be_sent_back_as_clients_do():
    returned = {
        "role": "assistant",
        "content": "A",
        "refusal": None,
        "annotations": [{"type": "url_citation", "url_citation": {"url": "URL", "title": "TITLE"}}],
        "audio": None,
        "function_call": None,
        "tool_calls": None,
        "reasoning_content": None,
        "reasoning": "WHY",
    }
    call = chat(messages=[returned, *HELLO])
    seen = {leaf.text: leaf.channel for leaf in call.leaves}
    assert {"A", "URL", "TITLE", "WHY"} <= seen.keys()
    assert {seen[text] for text in ("A", "WHY")} == {"assistant"}
    assert {seen[text] for text in ("URL", "TITLE")} == {"document"}
    refused = chat(messages=[{**returned, "audio": {"id": "x"}}, *HELLO])
    assert (refused.code, refused.param) == ("field_invalid", "messages[0].audio")


VECTOR = base64.b64encode(array.array("f", [0.01 * n - 0.3 for n in range(64)]).tobytes()).decode()


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        (VECTOR, False),
        ("AKIAIOSFODNN7EXAMPLE", True),
        ("QUtJQUlPU0ZPRE5ON0VYQU1QTEVQQVNTV09SRCtBTkQvTU9SRVRIQVRJU1RIQVQ=", True),
        ("abcdefghijklmnopqrstuvwxyzABCDEF" * 4, True),
        (VECTOR[:-1] + " ", True),
    ],
)
def test_only_what_can_be_a_vector_goes_unread(text, seen):
    view = OpenAIEmbeddings().view({"data": [{"embedding": text}]})
    assert (text in {leaf.text for leaf in view.leaves}) is seen
