from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sallyport.errors import Refusal
from sallyport.gateway.strict_json import KEY, dotted, parse, strings

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)

REFUSED = {
    "empty": (b"", "json_invalid"),
    "not utf-8": (b'{"a":"\xff"}', "json_invalid"),
    "utf-16": ('{"a":1}'.encode("utf-16"), "json_invalid"),
    "byte order mark": (b"\xef\xbb\xbf{}", "json_invalid"),
    "trailing": (b"{} {}", "json_invalid"),
    "nan": (b'{"a":NaN}', "json_invalid"),
    "infinity": (b'{"a":Infinity}', "json_invalid"),
    "lone surrogate": (b'{"a":"\\ud800"}', "json_invalid"),
    "control character": (b'{"a":"\n"}', "json_invalid"),
    "comment": (b'{"a":1}//x', "json_invalid"),
    "trailing comma": (b'{"a":1,}', "json_invalid"),
    "duplicate": (b'{"a":1,"a":2}', "json_duplicate"),
    "duplicate deep": (b'{"a":[{"b":1,"c":2,"b":3}]}', "json_duplicate"),
    "duplicate by escape": (b'{"a":1,"\\u0061":2}', "json_duplicate"),
    "deep list": (b"[" * 40 + b"]" * 40, "json_too_deep"),
    "very deep list": (b"[" * 5000 + b"]" * 5000, "json_too_deep|json_invalid"),
    "deep object": (b'{"a":' * 40 + b"1" + b"}" * 40, "json_too_deep"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_two_readings_are_refused(name):
    raw, code = REFUSED[name]
    result = parse(raw, depth=32)
    assert isinstance(result, Refusal)
    assert result.code in code.split("|")


@given(JSON)
def test_valid_documents_are_read_as_they_are(document):
    try:
        raw = json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return
    assert parse(raw, depth=64) == document


PAIRS = st.lists(
    st.tuples(
        st.sampled_from(['"a"', '"\\u0061"', '"b"', '"a\\":"', '""']),
        st.sampled_from(
            ["1", '"x"', '"\\":"', '"a:"', '":"', "[]", '{"a":1}', '{"a":1,"a" :2}', '[{"b":"\\":"}]']
        ),
    ),
    max_size=5,
)


@given(PAIRS, st.sampled_from([":", " :", "\t:\n", "\r\n : "]))
def test_a_member_that_comes_twice_is_seen_whatever_stands_around_it(pairs, colon):
    raw = "{" + ",".join(f"{name}{colon}{value}" for name, value in pairs) + "}"
    names = [json.loads(name) for name, _ in pairs]
    twice = len(set(names)) < len(names) or any("a" in value and " :" in value for _, value in pairs)
    result = parse(raw.encode(), depth=32)
    assert isinstance(result, Refusal) == twice
    if twice:
        assert result.code == "json_duplicate"


def test_depth_counts_containers():
    assert parse(b"[[[1]]]", depth=3) == [[[1]]]
    assert isinstance(parse(b"[[[[1]]]]", depth=3), Refusal)


@given(JSON)
def test_strings_finds_every_string_and_every_name(document):
    found = [text for _, text in strings(document)]

    def count(value):
        if isinstance(value, str):
            return [value]
        if isinstance(value, list):
            return [s for item in value for s in count(item)]
        if isinstance(value, dict):
            return [s for name, item in value.items() for s in [name, *count(item)]]
        return []

    assert sorted(found) == sorted(count(document))


def test_paths_name_places_but_no_made_up_names():
    assert dotted(("messages", 2, "content")) == "messages[2].content"
    assert dotted(("messages", 0, "4111111111111111")) == "messages[0].?"
    assert dotted(("metadata", KEY, "4111111111111111")) == "metadata.?"


def test_the_name_given_twice_is_found_in_one_pass():
    """Counted for each name of a large object, it would take minutes."""
    names = [*range(90_000), 89_999]
    refused = parse(b"{" + b",".join(b'"%d":1' % name for name in names) + b"}", depth=4)
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.param) == ("json_duplicate", "89999")
