"""The file adapter: every write, sync and rename of the audit room goes through here.

It is the seam at which tests inject short writes, EIO and ENOSPC. Files are 0600, folders 0700.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
UNSUPPORTED = {errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS}
AHEAD = (
    1024 * 1024
)  # bytes of zeros behind the end of a file that grows, at most, and where they begin to pay
LEAST_AHEAD = 64 * 1024
SPARE = 64 * AHEAD  # below so much free space nothing is written ahead


class Files:
    """What the disk can do. Errors are OSError, and nothing is retried."""

    def __init__(self) -> None:
        self._dsync = getattr(os, "RWF_DSYNC", 0)

    def folder(self, path: Path) -> None:
        """Make a folder and its parents, and make the new names durable."""
        if not path.is_dir():
            self.folder(path.parent)
            path.mkdir(mode=0o700, exist_ok=True)
            self.sync_folder(path.parent)

    def open(self, path: Path) -> int:
        """A descriptor for reading and writing; the file is made if it is not there."""
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def write(self, fd: int, data: memoryview, offset: int, flags: int) -> int:
        """One write; it may be short."""
        return os.pwritev(fd, [data], offset, flags)

    def sync(self, fd: int) -> None:
        """Make what was written durable."""
        os.fdatasync(fd)

    def sync_folder(self, path: Path) -> None:
        """Make the names in a folder durable."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def rename(self, source: Path, target: Path) -> None:
        """Replace a file atomically."""
        source.rename(target)

    def truncate(self, fd: int, length: int) -> None:
        """Cut a file, durably."""
        os.ftruncate(fd, length)
        self.sync(fd)

    def free(self, path: Path | int) -> int:
        """Bytes that this user may still write where this file or folder is."""
        status = os.statvfs(path)
        return status.f_bavail * status.f_frsize

    def append(self, fd: int, data: bytes, offset: int) -> None:
        """Write all of it, durably: one write with RWF_DSYNC, or a write and one fdatasync."""
        try:
            self._write_all(fd, data, offset, self._dsync)
        except OSError as error:
            # A file system that does not know the flag says so before it writes anything.
            if not self._dsync or error.errno not in UNSUPPORTED:
                raise
            self._dsync = 0
            self._write_all(fd, data, offset, 0)
        if not self._dsync:
            self.sync(fd)

    def put(self, fd: int, data: bytes, offset: int) -> None:
        """Write all of it, without waiting for the disk."""
        self._write_all(fd, data, offset, 0)

    def replace(self, path: Path, data: bytes, *, durable: bool) -> None:
        """Write a file beside, then rename it: readers see the old one or the new one, whole."""
        self.folder(path.parent)
        beside = path.with_name(path.name + ".new")
        fd = self.open(beside)
        try:
            os.ftruncate(fd, 0)
            self._write_all(fd, data, 0, 0)
            if durable:
                self.sync(fd)
        finally:
            os.close(fd)
        self.rename(beside, path)

    def _write_all(self, fd: int, data: bytes, offset: int, flags: int) -> None:
        view = memoryview(data)
        while view:
            written = self.write(fd, view, offset, flags)
            if written == 0:
                raise OSError(errno.EIO, "the disk took nothing")
            view, offset = view[written:], offset + written


class Tail:
    """The end of a file that batches are appended to. Not safe for use by more than one thread.

    The file is written ahead with as many zeros as it has grown, within limits. A batch that overwrites them changes
    neither the size nor the blocks of the file, which halves what its sync costs. What is read stops at the zeros.
    """

    def __init__(self, files: Files, fd: int, offset: int) -> None:
        self._files, self.fd, self.offset = files, fd, offset
        self._began = self._written = offset

    def append(self, data: bytes) -> None:
        """Write all of it, durably. Raises OSError; then nothing may be appended any more."""
        end = self.offset + len(data)
        if end > self._written and end - self._began > LEAST_AHEAD:
            self._write_ahead(end + min(end - self._began, AHEAD))
        self._files.append(self.fd, data, self.offset)
        self.offset = end

    def _write_ahead(self, end: int) -> None:
        if self._files.free(self.fd) < SPARE:
            return
        start = max(self._written, self.offset)
        self._written = end
        try:
            self._files.put(self.fd, bytes(end - start), start)
        except OSError as error:
            if error.errno not in NO_SPACE:
                raise
            return  # a limit that `free` does not know, as a quota: zeros alone are missing, the batch may still fit
        self._files.sync(self.fd)

    def trim(self) -> None:
        """Cut the zeros."""
        if self._written > self.offset:
            self._files.truncate(self.fd, self.offset)
            self._written = self.offset

    def close(self) -> None:
        """Close the file. Closing twice does nothing."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


@contextmanager
def locked(path: Path, *, wait: bool) -> Iterator[None]:
    """Hold a lock file (flock) while in the block. Raises BlockingIOError if held elsewhere and not waiting."""
    fd = lock(path, wait=wait)
    try:
        yield
    finally:
        os.close(fd)


def lock(path: Path, *, wait: bool = False) -> int:
    """Take a lock file (flock); closing the descriptor, or the death of the process, releases it."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        os.close(fd)
        raise
    return fd
