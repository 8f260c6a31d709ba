from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sallyport.errors import CATALOGUE, Refusal
from sallyport.gateway.dialects.base import Options
from sallyport.gateway.dialects.responses import Responses
from sallyport.gateway.strict_json import KEY


def parse(options=Options(), **more):  # noqa: B008 - frozen
    document = {"model": "m", "input": "hello", **more}
    document = {name: value for name, value in document.items() if value is not ...}
    return Responses().parse(json.dumps(document).encode(), document, options)


def message(*parts, **more):
    return {"input": [{"role": "user", "content": list(parts), **more}]}


def item(**more):
    return {"input": [more]}


CALL = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
RESULT = {"type": "function_call_output", "call_id": "c", "output": "x"}
NESTED = {"type": "namespace", "name": "n", "description": "d"}
REFUSED = {
    "no model": ({"model": ...}, "field_invalid", "model"),
    "no input": ({"input": ...}, "field_invalid", "input"),
    "empty input": ({"input": ""}, "field_invalid", "input"),
    "no items": ({"input": []}, "field_invalid", "input"),
    "input number": ({"input": 5}, "field_invalid", "input"),
    "tokens": ({"input": [1, 2]}, "field_invalid", "input[0]"),
    "item text": ({"input": ["x"]}, "field_invalid", "input[0]"),
    "unknown field": ({"messages": []}, "field_unknown", "messages"),
    "store": ({"store": True}, "field_invalid", "store"),
    "previous": ({"previous_response_id": "r"}, "field_invalid", "previous_response_id"),
    "conversation": ({"conversation": "c"}, "field_invalid", "conversation"),
    "conversation object": ({"conversation": {"id": "c"}}, "field_invalid", "conversation"),
    "prompt": ({"prompt": {"id": "p"}}, "field_invalid", "prompt"),
    "background": ({"background": True}, "field_invalid", "background"),
    "context management": ({"context_management": [{"type": "compaction"}]}, "field_unknown", "context_management"),
    "stream_options alone": ({"stream_options": {}}, "field_invalid", "stream_options"),
    "stream_options unknown": ({"stream": True, "stream_options": {"x": 1}}, "field_unknown", "stream_options.x"),
    "logprobs streamed": ({"stream": True, "top_logprobs": 2}, "field_invalid", "top_logprobs"),
    "logprobs included": ({"stream": True, "include": ["message.output_text.logprobs"]}, "field_invalid", "include"),
    "truncation": ({"truncation": "most"}, "field_invalid", "truncation"),
    "no role": (item(content="x"), "content_uninspectable", "input[0]"),
    "role unknown": (item(role="root", content="x"), "field_invalid", "input[0].role"),
    "role null": (item(type="message", role=None, content="x"), "field_invalid", "input[0].role"),
    "role of a tool": (item(role="tool", content="x"), "field_invalid", "input[0].role"),
    "no content": (item(role="user"), "field_invalid", "input[0].content"),
    "content null": (item(role="user", content=None), "field_invalid", "input[0].content"),
    "content number": (item(role="user", content=5), "field_invalid", "input[0].content"),
    "unknown item field": (item(role="user", content="x", y=1), "field_unknown", "input[0].y"),
    "part text": (message("x"), "field_invalid", "input[0].content[0]"),
    "part without type": (message({"text": "x"}), "content_uninspectable", "input[0].content[0]"),
    "part type list": (message({"type": ["input_text"], "text": "x"}), "content_uninspectable", "input[0].content[0]"),
    "part without text": (message({"type": "input_text"}), "field_invalid", "input[0].content[0].text"),
    "part text number": (message({"type": "input_text", "text": 1}), "field_invalid", "input[0].content[0].text"),
    "part field": (message({"type": "input_text", "text": "x", "y": 1}), "field_unknown", "input[0].content[0].y"),
    "logprobs of old": (
        message({"type": "output_text", "text": "x", "logprobs": [{"token": "x"}]}),
        "field_invalid",
        "input[0].content[0].logprobs",
    ),
    "image": (message({"type": "input_image", "image_url": "u"}), "content_uninspectable", "input[0].content[0]"),
    "file": (message({"type": "input_file", "file_id": "f"}), "content_uninspectable", "input[0].content[0]"),
    "audio": (message({"type": "input_audio", "input_audio": {}}), "content_uninspectable", "input[0].content[0]"),
    "image of a tool": (
        {"input": [{**RESULT, "output": [{"type": "input_image", "image_url": "u"}]}]},
        "content_uninspectable",
        "input[0].output[0]",
    ),
    "call without arguments": ({"input": [{**CALL, "arguments": None}]}, "field_invalid", "input[0].arguments"),
    "call with an object": ({"input": [{**CALL, "arguments": {}}]}, "field_invalid", "input[0].arguments"),
    "call without a name": ({"input": [{**CALL, "name": ""}]}, "field_invalid", "input[0].name"),
    "result without call": (item(type="custom_tool_call_output", output="x"), "field_invalid", "input[0].call_id"),
    "result object": ({"input": [{**RESULT, "output": {}}]}, "field_invalid", "input[0].output"),
    "reasoning not sealed": (item(type="reasoning", encrypted_content="a b"), "field_invalid", "input[0].encrypted_content"),
    "reasoning of another part": (
        item(type="reasoning", summary=[{"type": "input_text", "text": "x"}]),
        "content_uninspectable",
        "input[0].summary[0]",
    ),
    "reference": (item(type="item_reference", id="m"), "field_invalid", "input[0]"),
    "compaction": (item(type="compaction", encrypted_content="x"), "content_uninspectable", "input[0]"),
    "unknown item": (item(type="dream"), "content_uninspectable", "input[0]"),
    "item type list": (item(type=["message"]), "content_uninspectable", "input[0]"),
    "item of a provider's tool": (item(type="web_search_call", id="w"), "provider_tool_refused", "input[0]"),
    "web search": ({"tools": [{"type": "web_search"}]}, "provider_tool_refused", "tools[0].type"),
    "mcp": ({"tools": [{"type": "mcp", "server_url": "u"}]}, "provider_tool_refused", "tools[0].type"),
    "shell": ({"tools": [{"type": "local_shell"}]}, "provider_tool_refused", "tools[0].type"),
    "tool text": ({"tools": ["x"]}, "field_invalid", "tools[0]"),
    "tool without type": ({"tools": [{"name": "f"}]}, "field_invalid", "tools[0]"),
    "tool unnamed": ({"tools": [{"type": "function"}]}, "field_invalid", "tools[0].name"),
    "tool of chat": ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "field_unknown", "tools[0].function"),
    "namespace without tools": ({"tools": [NESTED]}, "field_invalid", "tools[0].tools"),
    "tool in a namespace": ({"tools": [{**NESTED, "tools": [{"type": "web_search"}]}]}, "provider_tool_refused", "tools[0].tools[0].type"),
    "namespace in a namespace": ({"tools": [{**NESTED, "tools": [{**NESTED, "tools": []}]}]}, "provider_tool_refused", "tools[0].tools[0].type"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    more, code, param = REFUSED[name]
    refusal = parse(**more)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.param) == (code, param)
    assert refusal.code in CATALOGUE


@pytest.mark.parametrize("value", ["secret-value", {"secret-value": 1}, ["secret-value"]])
@pytest.mark.parametrize("name", ["store", "previous_response_id", "temperature", "tools", "input"])
def test_a_refusal_never_holds_the_value(name, value):
    answer = parse(**{name: value})
    assert not isinstance(answer, Refusal) or "secret-value" not in answer.message


ALLOWED = {
    "plain": {},
    "empty options": dict.fromkeys(
        ("store", "background", "previous_response_id", "conversation", "prompt", "tools", "instructions", "metadata")
    ),
    "message without type": message({"type": "input_text", "text": "x"}),
    "old answer": message({"type": "output_text", "text": "x", "annotations": [], "logprobs": []}, id="m", status="completed"),
    "what codex says of an item": item(role="user", content="x", internal_chat_message_metadata_passthrough={"turn_id": "t"}),
    "a result that nobody called for": item(type="function_call_output", output="x", name="clock", namespace="host"),
    "reasoning of others": item(type="reasoning", summary=[], content=None, encrypted_content="a+/_-=="),
    "custom": {"input": [{"type": "custom_tool_call", "call_id": "c", "name": "f", "input": "x", "status": "completed"}]},
    "custom result": {"input": [{"type": "custom_tool_call_output", "call_id": "c", "output": "x"}]},
    "everything of an agent": {
        "client_metadata": {"thread": "t"}, "instructions": "i", "tool_choice": "auto", "parallel_tool_calls": False, "store": False, "stream": True,
        "reasoning": {"effort": "high", "summary": "auto"}, "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "k", "text": {"verbosity": "low"}, "service_tier": "auto", "stream_options": {"include_obfuscation": False},
    },
}  # fmt: skip


@pytest.mark.parametrize("name", ALLOWED)
def test_allowed(name):
    assert not isinstance(parse(**ALLOWED[name]), Refusal)


def test_what_the_settings_allow():
    options = Options(
        fields=frozenset({"responses.moderation"}),
        provider_tools=frozenset({"web_search", "local_shell"}),
    )
    search = {"type": "web_search_call", "id": "w", "action": {"query": "canary"}}
    call = parse(
        options,
        moderation={"a": "b"},
        tools=[{"type": "web_search"}, {"type": "local_shell"}],
        input=[search],
    )
    assert call.tools == ("builtin:local_shell",)
    leaf = next(leaf for leaf in call.leaves if leaf.text == "canary")
    assert (leaf.path, leaf.channel) == (("input", 0, "action", "query"), "tool_result")
    assert isinstance(parse(tools=[{"type": "web_search"}]), Refusal)
    assert isinstance(parse(options, tools=[{**NESTED, "tools": [{"type": "web_search"}]}]), Refusal)


def test_every_string_has_its_channel():
    schema = {"type": "object", "properties": {"card": {"description": "which"}}}
    call = parse(
        instructions="S",
        input=[
            {"role": "developer", "content": "D"},
            {"role": "user", "content": [{"type": "input_text", "text": "U"}]},
            {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "R"}], "encrypted_content": "QQ"},
            {"role": "assistant", "content": [{"type": "output_text", "text": "A", "annotations": [{"url": "N"}]}]},
            {**CALL, "arguments": "G"},
            {**RESULT, "output": [{"type": "input_text", "text": "T"}]},
            {"type": "custom_tool_call", "call_id": "c2", "name": "h", "input": "I"},
            {"type": "custom_tool_call_output", "call_id": "c2", "output": "O"},
        ],
        tools=[
            {"type": "function", "name": "f", "description": "E", "parameters": schema},
            {"type": "custom", "name": "h", "format": {"type": "grammar", "definition": "L"}},
            {**NESTED, "tools": [{"type": "function", "name": "g"}]},
        ],
        metadata={"key": "M"},
        user="W",
    )  # fmt: skip
    channels = {leaf.text: leaf.channel for leaf in call.leaves}
    expected = {
        "system": "SD", "user": "U", "assistant": "RA", "document": "N", "tool_arguments": "GI", "tool_result": "TO",
        "tool_definition": "ELgnd", "other": "MW",
    }  # fmt: skip
    assert {c: channels.get(c) for letters in expected.values() for c in letters} == {
        c: channel for channel, letters in expected.items() for c in letters
    }
    names = {leaf.text: leaf.channel for leaf in call.leaves if KEY in leaf.path}
    assert (names["card"], names["key"], names["url"]) == ("tool_definition", "other", "document")
    assert not {"QQ", "input_text", "summary_text", "function", "namespace"} & channels.keys()
    assert call.tools == ("f", "h", "n.g")


def test_long_numbers_are_text():
    call = parse(
        metadata={"n": 4111111111111111},
        tools=[{"type": "function", "name": "f", "parameters": {"enum": [4012888888881881]}}],
    )
    assert {("4111111111111111", "other"), ("4012888888881881", "tool_definition")} <= {
        (leaf.text, leaf.channel) for leaf in call.leaves
    }


@pytest.mark.parametrize(
    ("given", "sent"), [({}, False), ({"store": None}, False), ({"store": False}, False)]
)
def test_nothing_is_stored(given, sent):
    call = parse(**given)
    out = Responses().outgoing(call, "real", {("input",): "masked"})
    assert json.loads(out) == {"model": "real", "input": "masked", "store": sent}


@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.sampled_from(["message", "user", "function_call"])),
        lambda inner: st.one_of(
            st.lists(inner, max_size=4),
            st.dictionaries(
                st.one_of(st.text(max_size=3), st.sampled_from(["type", "role", "content", "name", "output", "tools"])), inner, max_size=4
            ),
        ),
        max_leaves=15,
    ),
    st.sampled_from(["input", "tools", "include", "text", "metadata", "stream_options"]),
)  # fmt: skip
def test_no_document_makes_it_stumble(value, name):
    call = parse(**{name: value})
    if not isinstance(call, Refusal):
        for leaf in call.leaves:
            assert isinstance(leaf.text, str)
