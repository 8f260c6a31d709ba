"""Where the files of a deployment are, below its state folder."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from sallyport.settings import Settings


class Places(Struct, frozen=True, kw_only=True):
    """Paths. The state folder and the folders in it are for our own user only (0700)."""

    state: Path
    database: Path
    root_key: Path
    authority: Path
    audit: Path
    sockets: Path
    origin: Path  # the log's name, made at the first start

    @classmethod
    def of(cls, settings: Settings) -> Places:
        """The places of a configuration."""
        state = settings.state
        root = settings.keys.root.removeprefix("file:")
        return cls(
            state=state,
            database=state / "state.db",
            root_key=Path(root).expanduser() if root else state / "keys" / "root.key",
            authority=state / "ca",
            audit=settings.audit_directory,
            sockets=state / "run",
            origin=state / "origin",
        )
