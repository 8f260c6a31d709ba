"""Strict decoding: one spelling, one meaning. Hostile cases are in the table of test_jose.py."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sallyport.identity.strict import Malformed, base64url, json_object


@given(st.binary())
def test_what_is_encoded_canonically_comes_back(data) -> None:
    assert base64url(urlsafe_b64encode(data).rstrip(b"=")) == data


@given(st.binary())
def test_no_two_texts_mean_the_same_bytes(text) -> None:
    try:
        data = base64url(text)
    except Malformed:
        return
    assert urlsafe_b64encode(data).rstrip(b"=") == text


SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e15, 1e15) | st.text()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), VALUES, max_size=4))
def test_an_ordinary_object_is_read_as_everyone_reads_it(value) -> None:
    assert json_object(json.dumps(value, ensure_ascii=False).encode()) == value


@given(
    st.binary(max_size=60)
    | st.text(alphabet='{}[]":,.eE+-0123456789truefalsn \\u', max_size=40).map(str.encode)
)
def test_anything_else_is_malformed(data) -> None:
    try:
        value = json_object(data)
    except Malformed:
        return
    assert json.loads(data) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("\ufeff{}", "json"),
        ("{}{}", "json"),
        ('{"a":1,}', "json"),
        ("{'a':1}", "json"),
        ('{"a":01}', "json"),
        ('{"a":+1}', "json"),
        ('{"a":-Infinity}', "json"),
        ('{"a":"\n"}', "json"),
        ('{"a":"\\ud800"}', "json"),
        ('{"a":1,"\\u0061":2}', "json_duplicate"),
        ('{"a":{"b":1,"b":1}}', "json_duplicate"),
        ('{"a":123456789012345678901}', "json_number"),
        ('{"a":1e19}', "json_number"),
        ('{"a":' + "[" * 16 + "]" * 16 + "}", "json_depth"),
        ("null", "json_not_object"),
    ],
)
def test_what_is_refused(text, reason) -> None:
    with pytest.raises(Malformed, match=f"^{reason}$"):
        json_object(text.encode())
