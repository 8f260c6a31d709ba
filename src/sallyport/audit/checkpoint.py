"""C2SP tlog-checkpoint: origin, size and root of a log, as the text of a signed note. Pure."""

from __future__ import annotations

from base64 import b64encode

from msgspec import Struct

from sallyport.audit.encoding import exact_base64
from sallyport.audit.merkle import HASH_BYTES
from sallyport.audit.note import Signer, Verifier, open_note, sign_note

LINES = 3


class Checkpoint(Struct, frozen=True):
    """A tree head."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"


def sign_checkpoint(checkpoint: Checkpoint, signer: Signer) -> str:
    """The signed note; the key carries the origin as its name, as the specification asks."""
    return sign_note(checkpoint.text, checkpoint.origin, signer)


def parse_checkpoint(text: str) -> Checkpoint:
    """The tree head of a note's text. Extension lines are allowed and ignored. Raises ValueError."""
    lines = text.split("\n")
    if len(lines) <= LINES or not lines[0]:
        raise ValueError("not a checkpoint")
    origin, size, root = lines[:LINES]
    if not (size.isascii() and size.isdigit()) or str(int(size)) != size:
        raise ValueError("the checkpoint's size is not a number")
    raw = exact_base64(root)
    if len(raw) != HASH_BYTES:
        raise ValueError("the checkpoint's root is not a hash")
    return Checkpoint(origin, int(size), raw)


def open_checkpoint(note: str, origin: str, key: bytes) -> Checkpoint:
    """The tree head of a note that the key of this log has signed. Raises ValueError."""
    checkpoint = parse_checkpoint(open_note(note, Verifier(origin, key)))
    if checkpoint.origin != origin:
        raise ValueError("the checkpoint belongs to another log")
    return checkpoint
