"""As a program, `python -m sallyport.stores.upgrade FILE`: opens a state database once, which brings it up to date."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from sallyport.stores.sqlite import SqliteStateStore


async def _open_once(path: Path) -> None:
    await (await SqliteStateStore.open(path)).close()


if __name__ == "__main__":
    asyncio.run(_open_once(Path(sys.argv[1])))
