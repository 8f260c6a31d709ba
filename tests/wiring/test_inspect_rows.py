"""Rows in, lines out: what a row may be, what is said of one that is none, and that no row stops the run."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sallyport.errors import CATALOGUE, DetectorFault, Fault
from sallyport.model import Finding
from sallyport.wiring.inspect_rows import (
    BadRow,
    Reading,
    Row,
    error_line,
    inspected,
    line_of,
    numbered,
    parsed,
)
from sallyport.wiring.inspecting import CHANNELS, Seen

READING = Reading(row_bytes=200, json_depth=8)
GOOD = {
    "text alone": ({"text": "a"}, Row(id=5, text="a", channel="user", roles=())),
    "an id": ({"id": "x", "text": "a"}, Row(id="x", text="a", channel="user", roles=())),
    "an id of nothing": ({"id": None, "text": "a"}, Row(id=5, text="a", channel="user", roles=())),
    "zero": ({"id": 0, "text": "a"}, Row(id=0, text="a", channel="user", roles=())),
    "an empty id": ({"id": "", "text": "a"}, Row(id="", text="a", channel="user", roles=())),
    "an odd id": ({"id": [1, {"a": None}], "text": "a"}, Row(id=[1, {"a": None}], text="a", channel="user", roles=())),
    "no text in it": ({"text": ""}, Row(id=5, text="", channel="user", roles=())),
    "a channel": ({"text": "a", "channel": "tool"}, Row(id=5, text="a", channel="tool", roles=())),
    "nulls": ({"text": "a", "channel": None, "role": None}, Row(id=5, text="a", channel="user", roles=())),
    "a role": ({"text": "a", "role": "analyst"}, Row(id=5, text="a", channel="user", roles=("analyst",))),
    "more members": ({"text": "a", "label": 1, "x": {}}, Row(id=5, text="a", channel="user", roles=())),
    "beyond the plane": ({"text": "\U0001f600e\u0301\r\n"}, Row(id=5, text="\U0001f600e\u0301\r\n", channel="user", roles=())),
}  # fmt: skip
BAD = {
    # name: (line, id, code, words of the message)
    "no JSON": (b"zz", 5, "json_invalid", "not valid JSON"),
    "half a line": (b'{"id": 1, "text": "a', 5, "json_invalid", "not valid JSON"),
    "two values": (b'{"id": 1, "text": "a"} {}', 5, "json_invalid", "not valid JSON"),
    "a list": (b'["a"]', 5, "field_invalid", "no JSON object"),
    "a string": (b'"a"', 5, "field_invalid", "no JSON object"),
    "null": (b"null", 5, "field_invalid", "no JSON object"),
    "no text": (b'{"id": 1}', 1, "field_invalid", "`text` is missing"),
    "null text": (b'{"id": 1, "text": null}', 1, "field_invalid", "`text` is no string"),
    "a number for a text": (b'{"id": 1, "text": 7}', 1, "field_invalid", "`text` is no string"),
    "an unknown channel": (b'{"id": 1, "text": "a", "channel": "users"}', 1, "field_invalid", "user, document, tool"),
    "an empty channel": (b'{"id": 1, "text": "a", "channel": ""}', 1, "field_invalid", "user, document, tool"),
    "a channel of output": (b'{"id": 1, "text": "a", "channel": "assistant"}', 1, "field_invalid", "user, document"),
    "a list for a channel": (b'{"id": 1, "text": "a", "channel": ["user"]}', 1, "field_invalid", "`channel`"),
    "a number for a role": (b'{"id": 1, "text": "a", "role": 7}', 1, "field_invalid", "`role`"),
    "a list of roles": (b'{"id": 1, "text": "a", "role": ["a"]}', 1, "field_invalid", "`role`"),
    "a member twice": (b'{"id": 1, "text": "a", "text": "b"}', 1, "json_duplicate", "twice"),
    "half a character": (b'{"id": 1, "text": "a\\ud83d"}', 1, "json_invalid", "lone surrogate"),
    "half an id": (b'{"id": "\\udc00", "text": "a"}', 5, "json_invalid", "not valid JSON"),
    "no number": (b'{"id": 1, "text": "a", "x": NaN}', 1, "json_invalid", "not valid JSON"),
    "no number for an id": (b'{"id": NaN, "text": "a"}', 5, "json_invalid", "not valid JSON"),
    "no UTF-8": (b'{"id": 1, "text": "\xff"}', 5, "json_invalid", "not valid JSON"),
    "a null byte": (b'{"id": 1, "text": "\x00"}', 5, "json_invalid", "not valid JSON"),
    "too deep": (b'{"id": 1, "text": "a", "x": ' + b"[" * 9 + b"]" * 9 + b"}", 1, "json_too_deep", "too deeply"),
    "far too deep": (b"[" * 100_000, 5, "body_too_large", "body_bytes"),
    "too long": (json.dumps({"id": 1, "text": "a" * 200}).encode(), 1, "body_too_large", "body_bytes"),
    "too long and no JSON": (b'{"id": 1, "text": "' + b"a" * 200, 5, "body_too_large", "body_bytes"),
    "too long and half": (b'{"id": 1, "text": "\\ud800' + b"a" * 200 + b'"}', 1, "body_too_large", "body_bytes"),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_a_row_is_read(name):
    document, expected = GOOD[name]
    for end in (b"", b"\n", b"\r\n", b" \t"):
        for ascii_only in (True, False):
            line = json.dumps(document, ensure_ascii=ascii_only).encode() + end
            assert parsed(line, 5, READING) == expected


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_with_a_row_is_said(name):
    line, identity, code, words = BAD[name]
    bad = parsed(line, 5, READING)
    assert isinstance(bad, BadRow)
    assert (bad.id, bad.code) == (identity, code)
    assert words in bad.message
    assert bad.code in CATALOGUE
    assert json.loads(error_line(bad)) == {"id": identity, "error": {"code": code, "message": bad.message}}


def test_what_a_row_does_not_say_the_options_say():
    reading = Reading(direction="output", channel="tool", role="analyst")
    assert parsed(b'{"text": "a"}', 1, reading) == Row(id=1, text="a", channel="tool", roles=("analyst",))
    row = parsed(b'{"text": "a", "channel": "assistant", "role": "clerk"}', 1, reading)
    assert row == Row(id=1, text="a", channel="assistant", roles=("clerk",))
    assert (
        parsed(b'{"text": "a", "channel": "user"}', 1, reading).message
        == "`channel` must be one of: assistant, tool."
    )


@given(st.binary(max_size=300))
def test_no_line_stops_the_run(line):
    row = parsed(line, 5, READING)
    if isinstance(row, Row):
        assert row.channel in CHANNELS["input"]
    else:
        assert json.loads(error_line(row))["error"]["code"] in CATALOGUE


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda x: st.lists(x) | st.dictionaries(st.text(), x),
    )
)
def test_no_id_stops_the_run(identity):
    row = parsed(json.dumps({"id": identity, "text": 7}).encode(), 5, READING)
    json.loads(error_line(row))


FILES = {
    "nothing": (b"", []),
    "one line": (b"a", [(1, b"a")]),
    "lines": (b"a\nb\n", [(1, b"a\n"), (2, b"b\n")]),
    "blank lines count": (b"\n \r\na\n\n\nb", [(3, b"a\n"), (6, b"b")]),
    "a byte order mark": (b"\xef\xbb\xbfa\n\xef\xbb\xbfb", [(1, b"a\n"), (2, b"\xef\xbb\xbfb")]),
    "a separator of lines is none": ("a\u2028b\n".encode(), [(1, "a\u2028b\n".encode())]),
    "an endless line is cut": (b"x" * 500 + b"\nb", [(1, b"x" * 81), (2, b"b")]),
    "an endless last line": (b"a\n" + b"x" * 500, [(1, b"a\n"), (2, b"x" * 81)]),
    "a line as long as is read": (b"x" * 80 + b"\nb", [(1, b"x" * 80 + b"\n"), (2, b"b")]),
    "a line one longer": (b"x" * 81 + b"\nb", [(1, b"x" * 81), (2, b"b")]),
}


@pytest.mark.parametrize("name", FILES)
def test_lines_are_numbered(name):
    data, lines = FILES[name]
    assert list(numbered(io.BytesIO(data), 10)) == lines


def finding(kind, action, score=1.0, start=0):
    return Finding(
        type=kind,
        start=start,
        end=start + 1,
        score=score,
        layer="rules",
        detector="secret-rule",
        action=action,
    )


def test_a_line_has_the_members_of_the_interface():
    seen = Seen(
        verdict="flag",
        score=0.5,
        findings=(finding("jailbreak", "flag", 0.5, 3), finding("x", "allow")),
        delivered="m",
    )
    line = json.loads(line_of(Row(id="a", text="t", channel="user", roles=()), seen, 1.23456))
    assert line == {
        "id": "a",
        "verdict": "flag",
        "score": 0.5,
        "findings": [{"type": "jailbreak", "start": 3, "end": 4, "score": 0.5, "layer": "rules"}],
        "masked": "m",
        "ms": 1.235,
    }


class Broken:
    def __init__(self, error):
        self.error = error

    async def look(self, *_):
        raise self.error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Fault("secret words", code="conversation_full"), "conversation_full"),
        (DetectorFault("secret words"), "inspection_failed"),
        (IndexError("secret words"), "stage_failed"),
        (RecursionError("secret words"), "stage_failed"),
    ],
)
async def test_a_text_that_was_not_inspected_is_never_allowed(error, code):
    row = Row(id=9, text="secret words", channel="user", roles=())
    line, good = await inspected(Broken(error), row, "input")
    assert not good
    assert json.loads(line) == {"id": 9, "error": {"code": code, "message": CATALOGUE[code].message}}
