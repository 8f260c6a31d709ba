"""The bounds that the door keeps. Sizes in bytes, times in seconds."""

from __future__ import annotations

from msgspec import Struct


class Limits(Struct, frozen=True, kw_only=True):
    """See `sallyport.settings.schema.Limits` for what each means."""

    header_bytes: int = 32_768
    body_bytes: int = 1_048_576
    body_seconds: float = 10.0
    json_depth: int = 32
    json_values: int = 50_000
    in_flight: int = 256
    stage_seconds: float = 5.0
    default_output_tokens: int = 4096
    keepalive_seconds: float = 10.0
    event_bytes: int = 1_048_576  # one event of a stream
    tick_seconds: float = 0.25  # how often a running stream is checked for revocation, silence and life
    allow_fields: frozenset[str] = frozenset()
    allow_provider_tools: frozenset[str] = frozenset()
    allow_uninspected: frozenset[str] = frozenset()
