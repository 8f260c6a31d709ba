"""Names, dictionaries and patterns: what the settings ask inspection to look for beyond what it always does.

Pure: the files of dictionaries are read by a function that is given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from sallyport.errors import SettingsError
from sallyport.inspection.actions import ActionRow
from sallyport.inspection.detector import IDENTIFIERS, NAMES, SECRETS, TYPES
from sallyport.inspection.tagging import dictionaries, patterns
from sallyport.inspection.tagging.look import LookOptions
from sallyport.settings.schema import Dictionary, Inspection

Read = Callable[[str], bytes]  # the bytes of a file; raises SettingsError

# What each profile masks in what callers send: "health" all that HIPAA's Safe Harbor names and text can show.
PROFILES: dict[str, tuple[str, ...]] = {
    "standard": (),
    "personal": ("person", "street_address", "record_number"),
    "health": NAMES,
}
_OWN_TYPE = re.compile(r"[a-z][a-z0-9_]{0,31}")
_MOST_VALUES = 200_000


def own_types(given: Inspection) -> frozenset[str]:
    """Types of the dictionaries and patterns."""
    return frozenset([*(d.type for d in given.dictionaries), *(p.type for p in given.patterns)])


def data_types(given: Inspection) -> frozenset[str]:
    """Types that are personal data or secrets: the classes of data that policies decide about."""
    return frozenset((*IDENTIFIERS, *NAMES, *SECRETS)) | own_types(given)


def rows(given: Inspection) -> tuple[ActionRow, ...]:
    """Rows of actions behind those of the settings: the profile's, and masking for a tenant's own types."""
    own = sorted(own_types(given) - TYPES)
    return (
        *(ActionRow(type=kind, direction="input", action="mask") for kind in PROFILES[given.profile]),
        *(ActionRow(type=kind, action="mask") for kind in own),
    )


def look(given: Inspection, read: Read) -> LookOptions:
    """What is looked for: the names that some row acts on, and all dictionaries and patterns. Raises SettingsError."""
    named = {row.type for row in given.actions if row.direction != "output" and row.action != "allow"}
    return LookOptions(
        types=tuple(kind for kind in NAMES if kind in named or kind in PROFILES[given.profile]),
        dictionaries=tuple(
            dictionaries.Dictionary(type=its.type, values=_values(its, read)) for its in given.dictionaries
        ),
        patterns=tuple(
            patterns.Pattern(type=its.type, expression=its.expression, context=its.context)
            for its in given.patterns
        ),
    )


def problems(given: Inspection, read: Read) -> Iterator[SettingsError]:
    """What is wrong with dictionaries and patterns."""
    for index, its in enumerate(given.dictionaries):
        where = f"inspection.dictionaries[{index}]"
        yield from _type(f"{where}.type", its.type)
        try:
            values = _values(its, read)
        except SettingsError as error:
            yield error
            continue
        if not 0 < len(values) <= _MOST_VALUES:
            yield SettingsError(
                where, f"holds {len(values)} values", f"give 1 to {_MOST_VALUES}, in values or in a file"
            )
        for place, reason in dictionaries.problems(values):
            yield SettingsError(where, f"value {place + 1} {reason}", "remove it, or write it out")
    for index, pattern in enumerate(given.patterns):
        where = f"inspection.patterns[{index}]"
        yield from _type(f"{where}.type", pattern.type)
        compiled = patterns.Pattern(type=pattern.type, expression=pattern.expression, context=pattern.context)
        if reason := patterns.problem(compiled):
            yield SettingsError(f"{where}.expression", reason, "write an expression of RE2")


def _type(where: str, kind: str) -> Iterator[SettingsError]:
    if not _OWN_TYPE.fullmatch(kind) or (kind in TYPES and kind not in (*NAMES, *IDENTIFIERS)):
        yield SettingsError(
            where,
            f"{kind!r} cannot be the type of your own values",
            "write lower-case letters, digits and _, and no type that has a meaning of its own",
        )


def _values(its: Dictionary, read: Read) -> tuple[str, ...]:
    if not its.file:
        return its.values
    try:
        lines = read(its.file).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise SettingsError(its.file, "is not UTF-8", "save it as UTF-8") from None
    found = (line.strip() for line in lines)
    return (*its.values, *(line for line in found if line and not line.startswith("#")))
