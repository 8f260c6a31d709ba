"""Masking and inspection inside the arguments of a tool call: a JSON text whose strings are what matters.

Strings (names of members too) are decoded before they are looked at, so that JSON escapes hide nothing, and
only literals that change are written anew; all other bytes stay. A string that is itself JSON is entered, to
a depth of three. A text that is not strict JSON (RFC 8259, no member twice) is treated as plain text, and
values are spelled with JSON escapes in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from msgspec.structs import replace

from sallyport.inspection.holdback import Released, Scan, Unmask, outside_own_tokens, whole
from sallyport.inspection.tokens import label_of
from sallyport.inspection.vault import MaySee, Vault
from sallyport.model import Finding

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


def mask_arguments(vault: Vault, arguments: str, scan: Scan, depth: int = DEPTH) -> str:
    """The arguments with all findings whose action is `mask` as tokens; the JSON stays valid."""
    if not is_json(arguments):
        return vault.mask(arguments, scan(arguments))
    across = _masks(scan(arguments))

    def edit(leaf: str, start: int, end: int) -> str:
        if _nested(leaf, depth):
            return mask_arguments(vault, leaf, scan, depth - 1)
        found = _masks(scan(leaf)) if leaf else []
        if not found and leaf:
            found = [replace(f, start=0, end=len(leaf)) for f in across if f.start < end and start < f.end]
        return vault.mask(leaf, found)

    return edit_leaves(arguments, edit)


def unmask_arguments(vault: Vault, arguments: str, may_see: MaySee, depth: int = DEPTH) -> str:
    """The arguments with this conversation's tokens as values, where the tool may see their types."""
    if not is_json(arguments):
        return vault.unmask(arguments, may_see, escaped)

    def edit(leaf: str, _start: int, _end: int) -> str:
        if _nested(leaf, depth):
            return unmask_arguments(vault, leaf, may_see, depth - 1)
        return vault.unmask(leaf, may_see)

    return edit_leaves(arguments, edit)


def inspect_arguments(
    arguments: str,
    scan: Scan,
    unmask: Unmask,
    unmask_plain: Unmask | None = None,
    depth: int = DEPTH,
) -> Released:
    """What a model wrote as arguments, as it may be delivered: like a text, but leaf by leaf.

    A blocked finding anywhere, also one that is only seen across leaves (`"password": "..."`), blocks the
    whole. A masked finding across leaves empties the leaves that it touches. Offsets of findings count in
    the leaf where they were made. `unmask_plain` is for arguments that are not JSON: it spells values `escaped`.
    """
    across = outside_own_tokens(arguments, scan(arguments), unmask)
    blocked = _first_block(across)
    if blocked is not None:
        return Released(findings=tuple(across), blocked=blocked)
    if not is_json(arguments):
        return _leaf(arguments, scan, unmask_plain or unmask)
    found: list[Finding] = []

    def edit(leaf: str, start: int, end: int) -> str:
        if _nested(leaf, depth):
            out = inspect_arguments(leaf, scan, unmask, unmask_plain, depth - 1)
        else:
            out = _leaf(leaf, scan, unmask)
        found.extend(out.findings)
        touching = [f for f in _masks(across) if f.start < end and start < f.end]
        if touching and out.text == leaf and out.blocked is None:
            found.extend(touching)
            return f"[{label_of(touching[0].type)}]"
        return out.text

    text = edit_leaves(arguments, edit)
    blocked = _first_block(found)
    return Released("" if blocked else text, tuple(found), blocked)


def _leaf(leaf: str, scan: Scan, unmask: Unmask) -> Released:
    """A leaf is there as a whole: nothing has to be assumed of what may follow."""
    endless = len(leaf) + 1
    return whole(leaf, scan, unmask, bound=endless, open_token=endless)


def _masks(findings: Sequence[Finding]) -> list[Finding]:
    return [f for f in findings if f.action == "mask"]


def _first_block(findings: Sequence[Finding]) -> Finding | None:
    return next((f for f in findings if f.action == "block"), None)
