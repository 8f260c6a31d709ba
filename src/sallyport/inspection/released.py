"""What a guard lets out, and how parts of it are put together. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from sallyport.inspection import tokens
from sallyport.model import Finding

Unmask = Callable[[str], str]


class Released(Struct, frozen=True):
    """What may go out. `blocked` ends the text; `escaped` characters of that finding had gone out before.

    Offsets of findings count characters of what the model wrote, from its beginning.
    """

    text: str = ""
    findings: tuple[Finding, ...] = ()
    blocked: Finding | None = None
    escaped: int = 0


NOTHING = Released()


def blanked(text: str, start: int, end: int) -> str:
    """The text with blanks in the place of a part of it."""
    start, end = max(start, 0), min(end, len(text))
    return text[:start] + " " * (end - start) + text[end:]


def restored(unmask: Unmask, text: str) -> bool:
    """Whether something in the text is a token of the caller's."""
    return unmask(text) != text


def outside_own_tokens(
    text: str, findings: Sequence[Finding], unmask: Unmask, base: int = 0
) -> list[Finding]:
    """The findings that do not lie within a token of the caller: what stands for a value is not one.

    `base` is the offset of `text` in what the findings count in.
    """
    if not findings:
        return []
    own = [
        (start + base, end + base)
        for start, end in tokens.altered_likes(text)
        if restored(unmask, text[start:end])
    ]
    return [f for f in findings if not any(s <= f.start and f.end <= e for s, e in own)]


def joined(parts: list[Released]) -> Released:
    """Consecutive parts as one."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return NOTHING
    return Released(
        "".join(part.text for part in parts),
        tuple(finding for part in parts for finding in part.findings),
        parts[-1].blocked,
        parts[-1].escaped,
    )
