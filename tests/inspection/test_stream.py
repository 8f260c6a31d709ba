from __future__ import annotations

import json

import pytest
from inspection_streams import CANARY, CARD, NONCE, scan, unmask, vault

from sallyport.inspection.released import Released
from sallyport.inspection.stream import BUFFERS, StreamGuard
from sallyport.model import Tool

TOKEN = f"<CARD_{NONCE}_1>"


def guard(**options: object) -> StreamGuard:
    return StreamGuard(scan, unmask, **options)  # type: ignore[arg-type]


def test_each_choice_and_each_text_has_its_own_hold_back() -> None:
    its = guard()
    got = dict.fromkeys([(0, "content"), (1, "content"), (0, "reasoning_content")], "")
    for char in f"So {TOKEN} it is, as it was told to us.":
        for choice, field in got:
            got[choice, field] += its.feed_text(choice, field, char).text
    for choice, field in got:
        got[choice, field] += its.finish_text(choice, field).text
    assert set(got.values()) == {f"So {CARD} it is, as it was told to us."}
    assert its.held == 0


def test_tool_calls_are_held_until_they_are_whole() -> None:
    its = guard(declared=["pay"])
    its.feed_text(0, "content", "I shall pay now. ")
    arguments = json.dumps({"card": TOKEN, "note": "paid"})
    for n, char in enumerate(arguments):
        assert its.feed_tool(0, 1, "" if n else "call_b", "" if n else "pay", char).text == ""
    its.feed_tool(0, 0, "call_a", "other", "{}")
    assert its.held > len(arguments)
    released, tools = its.finish(0)
    assert "I shall pay now. ".endswith(released.text)
    assert tools == [
        Tool(name="other", arguments="{}", declared=False),
        Tool(name="pay", arguments=json.dumps({"card": CARD, "note": "paid"}), declared=True),
    ]
    assert its.tool_ids(0) == [(0, "call_a"), (1, "call_b")]
    assert its.finish(1)[1] == []


def test_what_a_tool_may_see_is_decided_per_tool() -> None:
    filled = vault()
    its = guard(
        unmask_tool=lambda name, text, write: filled.unmask(text, lambda _kind, _origin: name == "pay", write)
    )
    its.feed_tool(0, 0, "a", "pay", f'["{TOKEN}"]')
    its.feed_tool(0, 1, "b", "post", f'["{TOKEN}"]')
    its.feed_tool(0, 2, "c", "pay", f'["{TOKEN}", ')
    assert [t.arguments for t in its.finish(0)[1]] == [f'["{CARD}"]', f'["{TOKEN}"]', f'["{CARD}", ']


def test_findings_of_tools_are_reported_and_redacted() -> None:
    its = guard()
    its.feed_tool(0, 0, "a", "pay", f'["{CARD}"]')
    released, (tool,) = its.finish(0)
    assert [f.type for f in released.findings] == ["card"]
    assert tool.arguments == '["[CARD]"]'


def test_a_block_ends_everything() -> None:
    its = guard()
    its.feed_tool(0, 0, "a", "pay", f'["{CANARY}"]')
    its.feed_tool(0, 1, "b", "pay", "[]")
    its.feed_text(1, "content", "some words ")
    released, tools = its.finish(0)
    assert released.blocked is not None
    assert released.blocked.type == "canary"
    assert tools == []
    assert its.feed_text(1, "content", "and more words that would go out ").blocked == its.blocked
    assert its.finish_text(1).text == ""
    assert its.finish(1)[1] == []
    assert its.feed_tool(0, 2, "c", "pay", "").blocked is not None


def test_a_block_in_a_text_ends_the_other_texts() -> None:
    its = guard()
    its.feed_text(1, "content", "some words that wait")
    assert its.feed_text(0, "content", f"{CANARY} and more of the words ").blocked is not None
    assert its.finish(1)[0].text == ""


def test_held_tool_arguments_are_bounded() -> None:
    its = guard(tool_characters=1000)
    assert its.feed_tool(0, 0, "a", "pay", "x" * 900).blocked is None
    out = its.feed_tool(0, 1, "b", "pay", "x" * 900)
    assert out.blocked is not None
    assert out.blocked.type == "oversized_answer"
    assert its.finish(0)[1] == []


def test_empty_pieces_are_bounded_too() -> None:
    its = guard(tool_characters=1000)
    assert any(its.feed_tool(0, 0, "a", "pay", "").blocked for _ in range(1001))


@pytest.mark.parametrize("kind", ["text", "tool"])
def test_the_number_of_buffers_is_bounded(kind: str) -> None:
    its = guard()

    def feed(n: int) -> Released:
        return its.feed_text(n, "content", "x") if kind == "text" else its.feed_tool(0, n, "", "", "x")

    outs = [feed(n) for n in range(BUFFERS + 1)]
    assert [out.blocked is not None for out in outs] == [False] * BUFFERS + [True]
