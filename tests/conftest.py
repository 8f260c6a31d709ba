"""Shared helpers live in tests/helpers and are imported by name.

Properties draw the same cases in every run, so that a run says something about the change before it and nothing about luck.
`scripts/test --explore` draws new ones each time: run it to find what nobody has thought of. A busy machine is no failure, so
none has a deadline.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent / "helpers"))

settings.register_profile("fixed", derandomize=True, database=None, deadline=None)
settings.register_profile("explore", derandomize=False, print_blob=True, deadline=None)
settings.load_profile("explore" if os.environ.get("SALLYPORT_EXPLORE") else "fixed")

import gates  # noqa: E402 - in tests/helpers

gates.compile_once()
