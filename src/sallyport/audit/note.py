r"""C2SP signed notes: a text, an empty line, signature lines. Ed25519 (algorithm byte 0x01). Pure.

A key is named; its id is the first four bytes of SHA-256(name || "\n" || 0x01 || public key). A
verifier key string (vkey) is `<name>+<key id in hex>+<base64 of 0x01 || public key>`, as in Go's `note`.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Struct

from sallyport.audit.encoding import exact_base64

ED25519 = b"\x01"
DASH = "\u2014 "  # the specification's em dash and space
SIGNATURE_BYTES = 64


class Signer(Protocol):
    """An Ed25519 key (RFC 8032), held elsewhere."""

    @property
    def public_key_bytes(self) -> bytes:
        """The 32 bytes of the public key."""

    def sign(self, data: bytes, /) -> bytes:
        """The 64 bytes of a signature."""


class Verifier(Struct, frozen=True):
    """A named public key."""

    name: str
    key: bytes  # 32 bytes

    @property
    def id(self) -> bytes:
        """The four bytes that a signature line starts with."""
        return sha256(self.name.encode() + b"\n" + ED25519 + self.key).digest()[:4]

    @property
    def vkey(self) -> str:
        """The verifier key string."""
        return f"{self.name}+{self.id.hex()}+{b64encode(ED25519 + self.key).decode()}"


def parse_vkey(text: str) -> Verifier:
    """The verifier of a vkey string. Raises ValueError."""
    name, _, rest = text.partition("+")
    identity, _, data = rest.partition("+")
    raw = exact_base64(data)
    if not usable_name(name) or raw[:1] != ED25519 or len(raw) != 1 + 32:
        raise ValueError("not an Ed25519 verifier key")
    verifier = Verifier(name, raw[1:])
    if verifier.id.hex() != identity:
        raise ValueError("the key id does not belong to the key")
    return verifier


def usable_name(name: str) -> bool:
    """Whether a key may be called so: not empty, no white space, no plus."""
    return bool(name) and "+" not in name and not any(c.isspace() for c in name)


def sign_note(text: str, name: str, signer: Signer) -> str:
    """The signed note. `text` ends with a line feed."""
    verifier = Verifier(name, signer.public_key_bytes)
    signature = b64encode(verifier.id + signer.sign(text.encode())).decode()
    return f"{text}\n{DASH}{name} {signature}\n"


def open_note(note: str, verifier: Verifier) -> str:
    """The text of a note that this key has signed. Raises ValueError; lines of other keys are ignored."""
    text, separator, lines = note.rpartition("\n\n")
    text += "\n"
    if not separator or not lines.endswith("\n"):
        raise ValueError("not a signed note")
    if not any(_signed(line, text, verifier) for line in lines[:-1].split("\n")):
        raise ValueError("the note is not signed by the expected key")
    return text


def verify_signature(key: bytes, signature: bytes, data: bytes) -> bool:
    """One Ed25519 verification."""
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def _signed(line: str, text: str, verifier: Verifier) -> bool:
    name, _, encoded = line.removeprefix(DASH).partition(" ")
    try:
        raw = exact_base64(encoded)
    except ValueError:
        return False
    if not line.startswith(DASH) or name != verifier.name or raw[:4] != verifier.id:
        return False
    return len(raw) == 4 + SIGNATURE_BYTES and verify_signature(verifier.key, raw[4:], text.encode())
