"""What one life of a process leaves to the next: an anonymous file in memory that is filled once.

The parent makes it and hands its descriptor to each life. Once filled, nobody can change it any more (F_ADD_SEALS of
fcntl(2)): a life that fills it before it sees anything of a caller's cannot be made to leave something else there.
"""

from __future__ import annotations

import fcntl
import os

_SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL


class Shelf:
    """The file with this descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def make(cls, name: str) -> Shelf:
        """An empty one. `name` is for people who look at /proc."""
        return cls(os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING))

    def fileno(self) -> int:
        """The descriptor, as of a file."""
        return self._descriptor

    def close(self) -> None:
        """Forget the content, unless another process has the descriptor."""
        os.close(self._descriptor)

    def get(self) -> bytes:
        """The content; empty as long as nobody has filled the shelf to the end."""
        if fcntl.fcntl(self._descriptor, fcntl.F_GET_SEALS) & _SEALS != _SEALS:
            return b""
        return os.pread(self._descriptor, os.fstat(self._descriptor).st_size, 0)

    def fill(self, content: bytes) -> None:
        """Put the content there for good. Of a shelf that is full already it stays as it is."""
        if self.get():
            return
        os.truncate(self._descriptor, 0)
        rest, at = memoryview(content), 0
        while at < len(rest):
            at += os.pwrite(self._descriptor, rest[at:], at)
        fcntl.fcntl(self._descriptor, fcntl.F_ADD_SEALS, _SEALS)
