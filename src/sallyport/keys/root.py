"""The root key: it wraps the keys of the key ring and nothing else. Here, as a file.

Whoever has this file and the state database can read every sealed record; docs/keys.md says how to keep it.
"""

from __future__ import annotations

import hmac
import os
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from sallyport.errors import SettingsError
from sallyport.keys.envelope import KEY, NONCE, Random, cipher, unwrap, wrap
from sallyport.stores.files import own_folder, refuse_shared, write_once


class RootKey(Protocol):
    """What the key ring needs of a root key, wherever that lives."""

    @property
    def id(self) -> str:
        """A public name of this key, derived from it: another key has another name."""

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """Encrypt a key of 32 bytes, bound to `context`."""

    def unwrap(self, blob: bytes, context: bytes) -> bytes:
        """The key again. Errors: `KeyFault` for another root, another context or a changed byte."""


class FileRoot:
    """A root key of 32 random bytes in a file of mode 0600."""

    def __init__(self, key: bytes, random: Random = os.urandom) -> None:
        self._cipher, self._random = cipher(key), random
        self.id = hmac.digest(key, b"sallyport root key id", "sha256")[:8].hex()

    def __repr__(self) -> str:
        """Never the key."""
        return f"FileRoot({self.id})"

    @classmethod
    def load(cls, path: Path) -> FileRoot:
        """Read the file. Errors: `SettingsError` if it is missing, open to others, or not 32 bytes."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise SettingsError(
                str(path), "the root key cannot be read", "restore the file from its backup"
            ) from error
        with os.fdopen(descriptor, "rb") as file:
            refuse_shared(path, os.fstat(descriptor))
            key = file.read(KEY + 1)
        if len(key) != KEY:
            raise SettingsError(
                str(path), "it is not a root key of 32 bytes", "restore the file from its backup"
            )
        return cls(key)

    @classmethod
    def create(cls, path: Path) -> FileRoot:
        """Make the file, whole or not at all; where another process was first, read that one's."""
        own_folder(path.parent)
        try:
            with suppress(FileExistsError):
                write_once(path, os.urandom(KEY))
        except OSError as error:
            raise SettingsError(str(path), f"the root key cannot be written: {error.strerror}") from error
        return cls.load(path)

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """Encrypt a key of 32 bytes, bound to `context`."""
        return wrap(self._cipher, self._random(NONCE), key, context)

    def unwrap(self, blob: bytes, context: bytes) -> bytes:
        """The key again. Errors: `KeyFault`."""
        return unwrap(self._cipher, blob, context)


def open_root(path: Path, *, in_use: bool) -> FileRoot:
    """The root key of a deployment: made at the first start, and never again.

    Args:
        path: The key file.
        in_use: Whether the state store already holds keys (`keyring.in_use`). Then a missing file is an error, because
            a new root key would open none of them.
    """
    if path.exists() or path.is_symlink():
        return FileRoot.load(path)
    if in_use:
        raise SettingsError(
            str(path),
            "the root key is missing, but the state store holds keys that it wraps",
            "restore the file from its backup, or start over with an empty state folder",
        )
    return FileRoot.create(path)
