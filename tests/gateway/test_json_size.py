"""How much a body holds, judged without reading it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sallyport.gateway.json_size import AT_ONCE, has_more, is_quick

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='a,:[{"\\\n\u00e9'),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(alphabet=',:{"\\'), inner, max_size=4)
    ),
    max_leaves=30,
)


def signs(value) -> int:
    """What stands between values outside of strings, from the document itself."""
    if isinstance(value, dict):
        return 1 + max(0, len(value) - 1) + len(value) + sum(map(signs, value.values()))
    if isinstance(value, list):
        return (1 if value == [] else 1 + len(value) - 1) + sum(map(signs, value))
    return 0


@given(JSON, st.integers(0, 60), st.booleans())
def test_only_what_is_outside_of_strings_counts(value, limit, ascii_only):
    raw = json.dumps(value, ensure_ascii=ascii_only).encode()
    assert has_more(raw, limit) is (signs(value) > limit)


@pytest.mark.parametrize(
    "raw", [b"", b'"', b'"\\', b'{"a":"b', b"[" * 20, b'"\\"' * 20, b"\xff,\xff", b'"a" "b'], ids=repr
)
def test_any_bytes_may_come(raw):
    assert has_more(raw, 1000) is False
    assert is_quick(raw)


def test_a_text_is_one_value_however_long_it_is():
    raw = json.dumps({"text": "a, b: [c] {d} " * 50_000}).encode()
    assert not has_more(raw, 3)
    assert not is_quick(raw)


def test_many_values_are_not_read_at_once():
    assert is_quick(json.dumps([0] * AT_ONCE).encode())
    assert not is_quick(json.dumps(["ab"] * 2 * AT_ONCE).encode())
