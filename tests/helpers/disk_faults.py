"""A disk that fails on command: a small library that is loaded before the C library, and small file systems."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

/* Whether the file `name` is in the control folder and `fd` lies under the folder that is to fail. */
static int fails(int fd, const char *name) {
    const char *control = getenv("DISK_FAULTS"), *under = getenv("DISK_FAULTS_UNDER");
    char path[4096], link[64];
    if (!control || !under) return 0;
    snprintf(path, sizeof path, "%s/%s", control, name);
    if (access(path, F_OK)) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0) return 0;
    path[n] = 0;
    return !strncmp(path, under, strlen(under));
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int fdatasync(int fd) {
    if (fails(fd, "sync")) { errno = EIO; return -1; }
    return REAL(fdatasync)(fd);
}
int fsync(int fd) {
    if (fails(fd, "sync")) { errno = EIO; return -1; }
    return REAL(fsync)(fd);
}
#define WRITES(name, parameters, arguments) \
    ssize_t name parameters { \
        if (fails(fd, "write")) { errno = EIO; return -1; } \
        if (fails(fd, "space")) { errno = ENOSPC; return -1; } \
        return REAL(name) arguments; \
    }
WRITES(write, (int fd, const void *data, size_t size), (fd, data, size))
WRITES(pwritev, (int fd, const struct iovec *io, int n, off_t at), (fd, io, n, at))
WRITES(pwritev64, (int fd, const struct iovec *io, int n, off64_t at), (fd, io, n, at))
/* A sync that fails tells so at the write itself where RWF_DSYNC asks for both. */
ssize_t pwritev2(int fd, const struct iovec *io, int n, off_t at, int flags) {
    if (fails(fd, "write") || (flags && fails(fd, "sync"))) { errno = EIO; return -1; }
    if (fails(fd, "space")) { errno = ENOSPC; return -1; }
    return REAL(pwritev2)(fd, io, n, at, flags);
}
ssize_t pwritev64v2(int fd, const struct iovec *io, int n, off64_t at, int flags) {
    if (fails(fd, "write") || (flags && fails(fd, "sync"))) { errno = EIO; return -1; }
    if (fails(fd, "space")) { errno = ENOSPC; return -1; }
    return REAL(pwritev64v2)(fd, io, n, at, flags);
}
"""
HAS_COMPILER = shutil.which("gcc") is not None


class DiskFaults:
    """Faults of all writes below a folder. `environment` is for the processes that are to suffer them."""

    def __init__(self, folder: Path, under: Path):
        source, self.preloaded, self.control = folder / "faults.c", folder / "faults.so", folder / "faults"
        source.write_text(SOURCE)
        self.control.mkdir()
        subprocess.run(
            ["gcc", "-shared", "-fPIC", "-O1", "-o", self.preloaded, source, "-ldl"],
            check=True,
            capture_output=True,
        )
        self.environment = {
            "LD_PRELOAD": str(self.preloaded),
            "DISK_FAULTS": str(self.control),
            "DISK_FAULTS_UNDER": str(under),
        }

    def begin(self, what: str):
        """From now on "write", "sync" (EIO) or "space" (ENOSPC) fails."""
        (self.control / what).touch()

    def end(self):
        for path in self.control.iterdir():
            path.unlink()


class SmallDisk:
    """A file system of its own (tmpfs, needs root) that can be filled to the last byte."""

    def __init__(self, place: Path, size: int):
        self.place = place
        place.mkdir(parents=True, mode=0o700, exist_ok=True)
        options = f"size={size},mode=0700"
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "none", place], check=True, capture_output=True
        )

    def free(self) -> int:
        status = os.statvfs(self.place)
        return status.f_bavail * status.f_frsize

    def fill(self, leave: int = 0):
        """Take all space but `leave` bytes."""
        with (self.place / "ballast").open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, self.free() - leave)

    def empty(self):
        (self.place / "ballast").unlink()

    def unmount(self):
        subprocess.run(["umount", self.place], check=True)


def can_mount(folder: Path) -> bool:
    """Whether this user may mount a file system."""
    try:
        SmallDisk(folder / "probe", 65_536).unmount()
    except (OSError, subprocess.CalledProcessError):
        return False
    return True
