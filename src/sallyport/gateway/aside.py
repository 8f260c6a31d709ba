"""Long pure work beside the event loop, so that one large body does not hold up everybody else.

A thread of the same interpreter: what it reads need not travel, and the loop gets its turn after `_TURN_SECONDS`. There
is one such thread for all calls: however many large bodies come, the loop has to share with one.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
_TURN_SECONDS = 0.0005
_THREAD = ThreadPoolExecutor(1, thread_name_prefix="aside")
_usual = sys.getswitchinterval()
_under_way = 0


async def aside(work: Callable[[], T]) -> T:
    """What `work` returns or raises. It must touch nothing that others change."""
    global _under_way  # noqa: PLW0603 - the interpreter has one switch interval
    _under_way += 1
    sys.setswitchinterval(_TURN_SECONDS)
    try:
        return await asyncio.get_running_loop().run_in_executor(_THREAD, work)
    finally:
        _under_way -= 1
        if not _under_way:
            sys.setswitchinterval(_usual)
