"""A bound token is met only by the connection of its certificate."""

from __future__ import annotations

import pytest

from sallyport.identity.binding import is_met
from sallyport.model import TlsFacts

DIGEST = bytes(range(32))
BINDING = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"


@pytest.mark.parametrize(
    ("presented", "met"),
    [
        (DIGEST.hex(), True),
        (DIGEST.hex().upper(), True),
        (bytes(32).hex(), False),
        ("", False),
        (BINDING, False),  # base64url where hex belongs
        (DIGEST.hex()[:-2], False),
        (DIGEST.hex() + "00", False),
        ("zz", False),
    ],
)
def test_hex_of_the_edge_against_base64url_of_the_token(presented, met) -> None:
    assert is_met(BINDING, TlsFacts(client_certificate_sha256=presented)) is met


def test_a_binding_of_other_characters_is_not_met() -> None:
    assert not is_met("é" * 43, TlsFacts(client_certificate_sha256=DIGEST.hex()))
