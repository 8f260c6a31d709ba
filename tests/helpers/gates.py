"""The gate of one set of expressions is compiled once a run, and loaded from its dump where another test builds it."""

from __future__ import annotations

from functools import wraps

import hyperscan

from sallyport.inspection import gate


def compile_once() -> None:
    """From here on, in this process. It is what a worker does with the gates that another one compiled."""
    dumps: dict[str, bytes] = {}
    compiled = gate._compiled

    @wraps(compiled)
    def once(expressions: list[tuple[bytes, bool]]) -> hyperscan.Database:
        key = repr(expressions)
        if key in dumps and (database := gate._loaded(dumps[key])):
            return database
        database = compiled(expressions)
        dumps[key] = bytes(hyperscan.dumpb(database))
        return database

    gate._compiled = once
