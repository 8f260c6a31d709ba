"""What a caller might write where no text is looked for on Anthropic's wire."""

from __future__ import annotations

import orjson
import pytest

from sallyport.errors import Refusal
from sallyport.gateway.dialects.anthropic_messages import AnthropicCount
from sallyport.gateway.dialects.base import Options
from sallyport.model import Call

SEARCH = "web_search_20250305"
CARD = 4111111111111111


def read(options: Options = Options(), **more) -> Call | Refusal:  # noqa: B008 - frozen
    document = {"model": "m", "messages": [{"role": "user", "content": "hello"}], **more}
    raw = orjson.dumps(document)
    return AnthropicCount().parse(raw, orjson.loads(raw), options)


def of(call: Call | Refusal) -> dict[str, str]:
    assert isinstance(call, Call)
    return {leaf.text: leaf.channel for leaf in call.leaves}


@pytest.mark.parametrize(
    ("member", "value", "param"),
    [
        ("cache_control", {"type": "ephemeral", "note": "4111 1111 1111 1111"}, "cache_control.note"),
        ("cache_control", {"type": "4111 1111 1111 1111"}, "cache_control.type"),
        ("cache_control", "4111 1111 1111 1111", "cache_control"),
        ("name", {"a": 1}, "name"),
        ("name", 7, "name"),
    ],
)
def test_a_provider_s_own_tool_hides_nothing_where_no_text_is_looked_for(member, value, param) -> None:
    allowed = Options(provider_tools=frozenset({SEARCH}))
    refused = read(allowed, tools=[{"type": SEARCH, "name": "web_search", member: value}])
    assert isinstance(refused, Refusal)
    assert (refused.code in {"field_invalid", "field_unknown"}, refused.param) == (True, f"tools[0].{param}")


def test_a_provider_s_own_tool_may_have_members_of_its_own_and_they_are_read() -> None:
    allowed = Options(provider_tools=frozenset({SEARCH}))
    tool = {"type": SEARCH, "name": "web_search", "max_uses": CARD, "allowed_domains": ["example.com"]}
    call = read(allowed, tools=[tool])
    assert of(call)["example.com"] == of(call)[str(CARD)] == "tool_definition"
    assert call.tools == ("web_search",)
    assert isinstance(read(tools=[tool]), Refusal)


@pytest.mark.parametrize(
    "block",
    [
        {"type": "text", "text": "x", "citations": [{"start_char_index": CARD}]},
        {
            "type": "document",
            "source": {"type": "text", "media_type": "text/plain", "data": "x"},
            "citations": {"enabled": CARD},
        },
    ],
)
def test_a_long_number_in_a_block_is_read(block) -> None:
    leaves = of(read(messages=[{"role": "user", "content": [block]}]))
    assert leaves[str(CARD)] == "document"


def test_only_what_a_model_thought_is_taken_for_signed() -> None:
    thought = [{"type": "thinking", "thinking": "<CARD_bcdfghjkmn_1>", "signature": "c2ln"}]
    call = read(
        messages=[{"role": "assistant", "content": thought}],
        tools=[{"name": "t", "input_schema": {"properties": {"thinking": "x"}}}],
        output_config={"thinking": "x"},
    )
    assert isinstance(call, Call)
    assert call.signed == {("messages", 0, "content", 0, "thinking")}
