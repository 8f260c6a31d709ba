"""Masking and inspection inside the arguments of a tool call: a JSON text whose strings are what matters.

Strings (names of members too) are decoded before they are looked at, so that JSON escapes hide nothing, and
only literals that change are written anew; all other bytes stay. A string that is itself JSON is entered, to
a depth of three. A text that is not strict JSON (RFC 8259, no member twice) is treated as plain text, and
values are spelled with JSON escapes in it.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import Any, NoReturn

from msgspec.structs import replace

from sallyport.inspection.holdback import Scan, whole
from sallyport.inspection.released import Released, Unmask, outside_own_tokens
from sallyport.inspection.tokens import placeholder
from sallyport.inspection.vault import MayHave, Vault
from sallyport.model import HIDING, REFUSING, Finding

DEPTH = 3
_LITERAL = re.compile(r'"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+\-]*')
_MAY_BE_JSON = ("{", "[", '"')


def _no_duplicates(members: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in members}) != len(members):
        raise ValueError("a member is named twice")


def _no_constant(_: str) -> NoReturn:
    raise ValueError("not a JSON number")


def is_json(text: str) -> bool:
    """Whether the text is one strict JSON value."""
    try:
        json.loads(
            text,
            object_pairs_hook=_no_duplicates,
            parse_constant=_no_constant,
            parse_int=lambda _: 0,
            parse_float=lambda _: 0.0,
        )
    except (ValueError, RecursionError):
        return False
    return True


def escaped(value: str) -> str:
    """The value as it stands inside a JSON string literal."""
    return _literal(value)[1:-1]


def _literal(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:  # a lone surrogate can only be written escaped
        return json.dumps(value)
    return json.dumps(value, ensure_ascii=False)


def edit_leaves(arguments: str, edit: Callable[[str, int, int], str]) -> str:
    """Each string or number of a strict JSON text as `edit(leaf, start, end)` gives it back.

    `start` and `end` are the literal's place in `arguments`. A number that changes becomes a string.
    """
    parts: list[str] = []
    at = 0
    for match in _LITERAL.finditer(arguments):
        source = match.group()
        leaf = json.loads(source) if source[0] == '"' else source
        edited = edit(leaf, match.start(), match.end())
        if edited != leaf:
            parts += (arguments[at : match.start()], _literal(edited))
            at = match.end()
    return "".join((*parts, arguments[at:])) if parts else arguments


def leaves(arguments: str, depth: int = DEPTH) -> list[str]:
    """All strings and numbers, decoded, also of JSON within strings; the text itself where it is not JSON."""
    if not is_json(arguments):
        return [arguments]
    found: list[str] = []

    def collect(leaf: str, _start: int, _end: int) -> str:
        found.extend(leaves(leaf, depth - 1) if _nested(leaf, depth) else [leaf])
        return leaf

    edit_leaves(arguments, collect)
    return found


def _nested(leaf: str, depth: int) -> bool:
    return depth > 0 and leaf.lstrip().startswith(_MAY_BE_JSON) and is_json(leaf)


def mask_arguments(
    vault: Vault, arguments: str, scan: Scan | None, depth: int = DEPTH, *, known: Sequence[Finding] = ()
) -> str:
    """The arguments with what is to be hidden as tokens and placeholders; the JSON stays valid.

    `scan` looks into each leaf. Without it the `known` findings of the whole must do: a literal that holds
    escapes is masked as a whole where one touches it.
    """
    across = _Across(scan(arguments) if scan else known)
    if not is_json(arguments):
        return vault.mask(arguments, across.masks)

    def edit(leaf: str, start: int, end: int) -> str:
        if scan and _nested(leaf, depth):
            return mask_arguments(vault, leaf, scan, depth - 1)
        touching = across.touching(start, end)
        found = _masks(scan(leaf)) if scan and leaf else []
        return vault.mask(
            leaf, found or _within(arguments[start:end], leaf, start, touching, whole=scan is not None)
        )

    return edit_leaves(arguments, edit)


class _Across:
    """Findings of a whole that are to be masked, as its leaves are met from left to right."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.masks = sorted(_masks(findings), key=lambda f: f.start)
        self._waiting = deque(self.masks)

    def touching(self, start: int, end: int) -> list[Finding]:
        """Those that lie in [start, end) at least in part. Each call begins where the last ended, or later."""
        while self._waiting and self._waiting[0].end <= start:
            self._waiting.popleft()
        here = takewhile(lambda f: f.start < end, self._waiting)
        return [f for f in here if f.end > start]


def _within(
    literal: str, leaf: str, start: int, findings: Sequence[Finding], *, whole: bool
) -> list[Finding]:
    """Findings of the whole as findings of a leaf; all of the leaf (`whole`) also where its literal holds escapes."""
    quoted = literal[:1] == '"'
    exact = not whole and literal == (f'"{leaf}"' if quoted else leaf)
    shift = start + quoted
    places = [
        (f, max(f.start - shift, 0), min(f.end - shift, len(leaf))) if exact else (f, 0, len(leaf))
        for f in findings
    ]
    return [replace(f, start=first, end=last) for f, first, last in places if first < last]


def unmask_arguments(vault: Vault, arguments: str, may_have: MayHave, depth: int = DEPTH) -> str:
    """The arguments with this conversation's tokens as values, where the tool may have their types."""
    if not is_json(arguments):
        return vault.unmask(arguments, may_have, escaped)

    def edit(leaf: str, _start: int, _end: int) -> str:
        if _nested(leaf, depth):
            return unmask_arguments(vault, leaf, may_have, depth - 1)
        return vault.unmask(leaf, may_have)

    return edit_leaves(arguments, edit)


def inspect_arguments(
    arguments: str,
    scan: Scan | None,
    unmask: Unmask,
    unmask_plain: Unmask | None = None,
    depth: int = DEPTH,
    *,
    known: Sequence[Finding] = (),
) -> Released:
    """What a model wrote as arguments, as it may be delivered: like a text, but leaf by leaf.

    A blocked finding anywhere, also one that is only seen across leaves (`"password": "..."`), blocks the
    whole. A masked finding across leaves is blotted out in the leaves that it touches. Offsets of findings count in
    the leaf where they were made. `unmask_plain` is for arguments that are not JSON: it spells values `escaped`.
    Without `scan` the `known` findings of the whole must do.
    """
    found_across = outside_own_tokens(arguments, scan(arguments) if scan else known, unmask)
    blocked = _first_block(found_across)
    if blocked is not None:
        return Released(findings=tuple(found_across), blocked=blocked)
    across = _Across(found_across)
    if not is_json(arguments):
        plain = unmask_plain or unmask
        return _leaf(arguments, scan, plain) if scan else _written(arguments, across.masks, plain)
    found: list[Finding] = []

    def edit(leaf: str, start: int, end: int) -> str:
        if scan and _nested(leaf, depth):
            out = inspect_arguments(leaf, scan, unmask, unmask_plain, depth - 1)
        else:
            out = _leaf(leaf, scan, unmask) if scan else Released(unmask(leaf))
        found.extend(out.findings)
        touching = across.touching(start, end)
        if touching and not out.findings and out.blocked is None:
            here = _within(arguments[start:end], leaf, start, touching, whole=scan is not None)
            found.extend(here)
            return _written(leaf, here, unmask).text
        return out.text

    text = edit_leaves(arguments, edit)
    blocked = _first_block(found)
    return Released("" if blocked else text, tuple(found), blocked)


def _written(text: str, findings: Sequence[Finding], unmask: Unmask) -> Released:
    """The text with its findings blotted out, in order, and the caller's tokens restored in between."""
    parts: list[str] = []
    at = 0
    for finding in findings:
        if finding.start >= at:
            parts += (unmask(text[at : finding.start]), placeholder(finding.type))
        at = max(at, finding.end)
    return Released("".join((*parts, unmask(text[at:]))), tuple(findings))


def _leaf(leaf: str, scan: Scan, unmask: Unmask) -> Released:
    """A leaf is there as a whole: nothing has to be assumed of what may follow."""
    endless = len(leaf) + 1
    return whole(leaf, scan, unmask, bound=endless, open_token=endless)


def _masks(findings: Sequence[Finding]) -> list[Finding]:
    return [f for f in findings if f.action in HIDING]


def _first_block(findings: Sequence[Finding]) -> Finding | None:
    return next((f for f in findings if f.action in REFUSING), None)
