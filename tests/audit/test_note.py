from __future__ import annotations

import pytest

from sallyport.audit.note import Verifier, open_note, parse_vkey, sign_note, usable_name

# The example of Go's golang.org/x/mod/sumdb/note documentation.
GO_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def test_the_note_of_gos_documentation_opens() -> None:
    verifier = parse_vkey(GO_VKEY)
    assert verifier.name == "PeterNeumann"
    assert verifier.vkey == GO_VKEY
    assert open_note(GO_NOTE, verifier).startswith("If you think")


def test_a_signed_note_opens_with_its_key_only(signer, stranger) -> None:
    note = sign_note("hello\n3\n", "log.example/a", signer)
    assert open_note(note, Verifier("log.example/a", signer.public_key_bytes)) == "hello\n3\n"
    for other in (
        Verifier("log.example/b", signer.public_key_bytes),
        Verifier("log.example/a", stranger.public_key_bytes),
    ):
        with pytest.raises(ValueError, match="not signed"):
            open_note(note, other)


def test_lines_of_other_keys_are_ignored(signer, stranger) -> None:
    text = "hello\n"
    note = sign_note(text, "a", signer) + sign_note(text, "b", stranger).rpartition("\n\n")[2]
    assert open_note(note, Verifier("a", signer.public_key_bytes)) == text
    assert open_note(note, Verifier("b", stranger.public_key_bytes)) == text


@pytest.mark.parametrize("at", range(0, 110, 3))
def test_a_flipped_byte_is_found(signer, at: int) -> None:
    note = sign_note("origin\n12\nroot\n", "a", signer)
    data = bytearray(note.encode())
    data[at % len(data)] ^= 2
    with pytest.raises(ValueError, match=r"."):
        open_note(data.decode(errors="replace"), Verifier("a", signer.public_key_bytes))


@pytest.mark.parametrize(
    "text",
    ["", "a+b", "a+00000000+AA==", GO_VKEY.replace("c74f20a3", "c74f20a4"), "a b" + GO_VKEY[12:], "a+zz+!!"],
)
def test_what_is_not_a_vkey_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_vkey(text)


@pytest.mark.parametrize("note", ["", "text\n", "text\n\n— a AAAA", "text\n\nno dash\n"])
def test_what_is_not_a_note_is_refused(signer, note: str) -> None:
    with pytest.raises(ValueError, match=r"note"):
        open_note(note, Verifier("a", signer.public_key_bytes))


def test_names_with_plus_or_space_are_not_usable() -> None:
    assert usable_name("sallyport.local/x")
    assert not any(usable_name(name) for name in ("", "a b", "a+b", "a\tb"))
