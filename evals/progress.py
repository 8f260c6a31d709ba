"""How far a long run is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time

_WIDTH = 30
_EVERY = 20.0  # seconds between lines where nobody watches


class Progress:
    """Of `total` steps of one part; the first `done` were made by an earlier run."""

    def __init__(self, title: str, total: int, done: int = 0) -> None:
        self._title, self._total, self._from = title, total, done
        self._began = self._told = time.perf_counter()

    def at(self, done: int, note: str = "") -> None:
        """Tell that so many steps are done."""
        now = time.perf_counter()
        live = sys.stderr.isatty()
        if done < self._total and not live and now - self._told < _EVERY:
            return
        self._told = now
        made = max(done - self._from, 1)
        left = (now - self._began) / made * (self._total - done)
        filled = _WIDTH * done // self._total
        bar = "#" * filled + "." * (_WIDTH - filled)
        end = "\n" if done >= self._total or not live else "\r"
        sys.stderr.write(f"{self._title:<28} [{bar}] {done}/{self._total} {_minutes(left)} left {note}{end}")
        sys.stderr.flush()


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
