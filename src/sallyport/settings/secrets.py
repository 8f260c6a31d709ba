"""Secrets are written by reference, and resolved here and nowhere else."""

from __future__ import annotations

import os
from pathlib import Path

from sallyport.errors import SettingsError


class Secret:
    """A secret resolved from a reference. Its value never shows in repr, str, errors or dumps."""

    __slots__ = ("_value", "ref")

    def __init__(self, ref: str, value: str) -> None:
        self.ref, self._value = ref, value

    def reveal(self) -> str:
        """The value itself. Call this at the last moment."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({self.ref!r})"


def resolve(ref: str) -> Secret:
    """Resolve `env:NAME` or `file:/path`. Raises `SettingsError`; the error never holds the value."""
    scheme, _, rest = ref.partition(":")
    if scheme == "env" and rest:
        value = os.environ.get(rest)
        if value is None:
            raise SettingsError(ref, "the environment has no such variable", f"export {rest}=...")
        return Secret(ref, value)
    if scheme == "file" and rest:
        return Secret(ref, _read_secret_file(Path(rest).expanduser()))
    raise SettingsError("secret", "must be a reference, not a value", "write env:NAME or file:/path")


def _read_secret_file(path: Path) -> str:
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"file:{path}", f"cannot be read: {type(error).__name__}", "check the path"
        ) from None
    if mode & 0o077:
        raise SettingsError(f"file:{path}", "is readable by others", f"chmod 600 {path}")
    return text
