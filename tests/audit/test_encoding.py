"""Base64 has one spelling per value; everything else is refused."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sallyport.audit.encoding import exact_base64, exact_base64url


@given(st.binary(max_size=80))
def test_the_canonical_form_is_read(data: bytes) -> None:
    assert exact_base64(b64encode(data).decode()) == data
    assert exact_base64url(urlsafe_b64encode(data).rstrip(b"=").decode()) == data


@given(st.binary(min_size=1, max_size=40), st.data())
def test_another_text_is_never_the_same_bytes(data: bytes, draw: st.DataObject) -> None:
    for encode, decode in (
        (b64encode(data).decode(), exact_base64),
        (urlsafe_b64encode(data).rstrip(b"=").decode(), exact_base64url),
    ):
        at = draw.draw(st.integers(0, len(encode) - 1))
        other = encode[:at] + draw.draw(st.characters(max_codepoint=0x2FF)) + encode[at + 1 :]
        try:
            assert (decode(other) == data) == (other == encode)
        except ValueError:
            assert other != encode


@pytest.mark.parametrize("text", ["AB==", "AA=", "AA", "A A=", "AA==\n", "AA==AA==", "A-==", "é==="])
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        exact_base64(text)


@pytest.mark.parametrize("text", ["AB", "AA==", "AA\n", "A", "A+", "A.A", "é"])
def test_other_spellings_of_base64url_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        exact_base64url(text)
