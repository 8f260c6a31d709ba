"""argon2id off the event loop, with a bound on memory and on what may wait.

Parameters: m = 64 MiB, t = 3 (RFC 9106 section 4, second recommended option, with one lane: a lane is a thread
of ours, not a cost of the attacker's). Above glibc's largest mmap threshold (32 MiB) the memory goes back to the
system after each use; 19 MiB (OWASP's minimum) stays resident in every thread that used it once.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

T = TypeVar("T")
MEMORY_KIB, PASSES = 65_536, 3
SALT_BYTES, HASH_BYTES = 16, 32
NICE = 10


class Passwords:
    """Hashes and verifies. At most `threads` at once, `waiting` more in line; the rest is turned away by `full`."""

    def __init__(
        self,
        random: Callable[[int], bytes],
        *,
        memory_kib: int = MEMORY_KIB,
        passes: int = PASSES,
        threads: int = 1,
        waiting: int = 32,
    ) -> None:
        self._hasher = PasswordHasher(
            time_cost=passes, memory_cost=memory_kib, parallelism=1, hash_len=HASH_BYTES, salt_len=SALT_BYTES
        )
        self._random, self._waiting, self._busy = random, waiting + threads, 0
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="argon2", initializer=_step_back)
        self._decoy = _decoy(random, memory_kib, passes)

    def full(self, *, reserved: bool) -> bool:
        """Whether the line is full. As much again is `reserved` for those with a right one-time code."""
        return self._busy >= self._waiting * (2 if reserved else 1)

    async def hash(self, password: bytes) -> str:
        """A PHC string with a fresh salt."""
        return await self._run(lambda: self._hasher.hash(password, salt=self._random(SALT_BYTES)))

    async def verify(self, encoded: str, password: bytes | None) -> bool:
        """Whether the password is right. Without a hash ("") or a password, the same work ends in False."""
        right = await self._run(lambda: self.check(encoded or self._decoy, password or b""))
        return right and bool(encoded) and password is not None

    def check(self, encoded: str, password: bytes) -> bool:
        """One argon2 verification, here and now."""
        try:
            return self._hasher.verify(encoded, password)
        except (VerificationError, InvalidHashError):
            return False

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        # Counted until the thread is through, not until the caller is: a caller who hangs up frees no memory.
        self._count(1)
        future = self._pool.submit(work)
        future.add_done_callback(lambda _: self._count(-1))
        return await asyncio.wrap_future(future)

    def _count(self, by: int) -> None:
        with self._lock:
            self._busy += by


def _step_back() -> None:
    """Let calls go first on a busy machine: on Linux a thread has its own priority (setpriority(2), "Notes")."""
    thread = threading.get_native_id()
    with contextlib.suppress(OSError):  # a sandbox may forbid it
        os.setpriority(os.PRIO_PROCESS, thread, max(NICE, os.getpriority(os.PRIO_PROCESS, thread)))


def _decoy(random: Callable[[int], bytes], memory_kib: int, passes: int) -> str:
    """A well-formed hash that no password has: unknown names cost what known ones do."""
    salt, digest = (base64.b64encode(random(size)).rstrip(b"=").decode() for size in (SALT_BYTES, HASH_BYTES))
    return f"$argon2id$v=19$m={memory_kib},t={passes},p=1${salt}${digest}"
