from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sallyport.gateway.json_edit import add_members, replace
from sallyport.gateway.strict_json import KEY, strings

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(JSON, st.sampled_from([None, 2]), st.booleans(), st.data())
def test_only_the_edited_string_changes(document, indent, ascii_only, data):
    raw_text = json.dumps(document, indent=indent, ensure_ascii=ascii_only)
    try:
        raw = raw_text.encode()
        orjson.loads(raw)
    except ValueError:
        assume(False)
    places = [path for path, _ in strings(document) if len(path) < 2 or path[-2] != KEY]
    assume(places)
    path = data.draw(st.sampled_from(places))
    edited = replace(raw, {path: "NEW"})
    expected = json.loads(raw_text)
    if not path:
        expected = "NEW"
    else:
        holder = expected
        for part in path[:-1]:
            holder = holder[part]
        holder[path[-1]] = "NEW"
    assert json.loads(edited) == expected
    # What stands before and after the edited literal is the same to the byte.
    start = next(i for i, (a, b) in enumerate(zip(raw + b"\0", edited + b"\1", strict=False)) if a != b)
    assert raw[:start] == edited[:start]


TABLE = [
    (b'{"a": 1.0e5 , "b":"x"}', {("b",): "y"}, b'{"a": 1.0e5 , "b":"y"}'),
    (b'{"a":{"b":[1,{"c":"x"}]},"c":"x"}', {("a", "b", 1, "c"): "z"}, b'{"a":{"b":[1,{"c":"z"}]},"c":"x"}'),
    (b'{"a":{"b":1},"c":2}', {("a",): {"n": True}}, b'{"a":{"n":true},"c":2}'),
    (b'{"a":[],"c":null}', {("c",): "v", ("a",): [1]}, b'{"a":[1],"c":"v"}'),
    (b'{"k\\"ey":"x","b":true}', {('k"ey',): "q"}, b'{"k\\"ey":"q","b":true}'),
    (b'{"a":-1.5E-3,"b":false}', {("a",): 7, ("b",): None}, b'{"a":7,"b":null}'),
]


@pytest.mark.parametrize(("raw", "edits", "expected"), TABLE)
def test_edits(raw, edits, expected):
    assert replace(raw, edits) == expected


def test_a_path_that_is_not_there_is_an_error():
    with pytest.raises(KeyError):
        replace(b'{"a":1}', {("b",): 2})


@pytest.mark.parametrize(
    ("raw", "expected"), [(b"{}", b'{"x":1}'), (b' { "a":1}', b' {"x":1, "a":1}'), (b"{ }", b'{"x":1 }')]
)
def test_members_are_added_in_front(raw, expected):
    assert add_members(raw, {"x": 1}) == expected
    assert json.loads(expected)["x"] == 1


def test_a_megabyte_of_trailing_space_is_passed_over_once():
    """Searched for tokens from each of its places, it would take hours."""
    space = b" \n" * 500_000
    assert replace(b'{"a":"x"}' + space, {("a",): "y"}) == b'{"a":"y"}' + space
