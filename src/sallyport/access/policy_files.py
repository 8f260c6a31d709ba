"""Cedar files to policies, each with its id, file and line. Raises SettingsError that names the place."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import cedarpy
from cedarpy import pst
from msgspec import Struct

from sallyport.errors import SettingsError

KEY = "access.policies"
DEFAULT_FOLDER = Path(__file__).with_name("policies")
SCHEMA = (DEFAULT_FOLDER / "schema.cedarschema").read_text(encoding="utf-8")


class PolicyText(Struct, frozen=True):
    """One file: its name as a person should read it, and its content."""

    file: str
    text: str


class Policy(Struct, frozen=True, kw_only=True):
    """One policy of a file. `node` is its syntax tree, renamed to its @id; `roles` are those it names."""

    id: str
    effect: Literal["permit", "forbid"]
    file: str
    line: int
    text: str
    annotations: dict[str, str]
    roles: frozenset[str]
    node: pst.Template


def default_texts() -> tuple[PolicyText, ...]:
    """The default policy of the package."""
    return folder_texts(DEFAULT_FOLDER)


def folder_texts(folder: Path) -> tuple[PolicyText, ...]:
    """All *.cedar of a folder, by name. Raises SettingsError if there is none or one cannot be read."""
    files = sorted(folder.glob("*.cedar"))
    if not files:
        raise SettingsError(
            KEY, f"{folder} holds no *.cedar file", 'name a folder with policies, or "" for the default'
        )
    try:
        return tuple(PolicyText(file=str(f), text=f.read_text(encoding="utf-8")) for f in files)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(KEY, f"{folder}: {error}", "make every *.cedar file readable UTF-8") from error


def parse(texts: Iterable[PolicyText], schema: cedarpy.Schema) -> tuple[Policy, ...]:
    """Every policy of the files, in order, each valid against the schema. Raises SettingsError."""
    found: dict[str, Policy] = {}
    for source in texts:
        for line, text in statements(source):
            policy = _policy(source.file, line, text, schema)
            if policy.id in found:
                first = found[policy.id]
                raise _wrong(
                    source.file,
                    line,
                    f'@id("{policy.id}") is already at {first.file}:{first.line}',
                    "give every policy an @id of its own",
                )
            found[policy.id] = policy
    return tuple(found.values())


def statements(source: PolicyText) -> Iterator[tuple[int, str]]:
    """(first line, text) of each policy: what ends with `;` outside strings and comments.

    Parsing them one by one is what gives every error its line; Cedar's own errors carry none.
    """
    line, start = 1, 1
    text: list[str] = []
    for piece, where in _pieces(source.text):
        if not text and piece.isspace():
            line += piece.count("\n")
            continue
        if not text:
            start = line
        text.append(piece)
        line += piece.count("\n")
        if piece == ";" and where == "code":
            yield start, "".join(text)
            text = []
    if text:
        raise _wrong(source.file, start, "the policy does not end", "end it with ;")


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """Comments dropped; strings whole, with their escapes; every other character by itself."""
    position = 0
    while position < len(text):
        if text.startswith("//", position):
            line_end = text.find("\n", position)
            position = len(text) if line_end < 0 else line_end
        elif text[position] == '"':
            end = position + 1
            while end < len(text) and text[end] != '"':
                end += 2 if text[end] == "\\" else 1
            yield text[position : end + 1], "string"
            position = end + 1
        else:
            yield text[position], "code"
            position += 1


def _policy(file: str, line: int, text: str, schema: cedarpy.Schema) -> Policy:
    try:
        parsed = cedarpy.policies_to_pst(text)
    except ValueError as error:
        raise _wrong(file, line, str(error), "correct the Cedar syntax") from error
    if len(parsed.static_policies) != 1:
        raise _wrong(file, line, "a template decides nothing by itself", "name the principal and resource")
    node = next(iter(parsed.static_policies.values()))
    identifier = node.annotations.get("id", "")
    if not identifier:
        raise _wrong(file, line, "the policy has no @id", 'write @id("a-name") above it')
    checked = cedarpy.validate_policies(text, schema)
    if not checked:
        problem = checked.errors[0].error.removeprefix("for policy `policy0`, ")
        raise _wrong(file, line, f'@id("{identifier}"): {problem}', "see schema.cedarschema for the names")
    return Policy(
        id=identifier,
        effect=node.effect,
        file=file,
        line=line,
        text=text,
        annotations=dict(node.annotations),
        roles=names_in(node, "Role"),
        node=dataclasses.replace(node, id=identifier),
    )


def names_in(node: pst.Template, kind: str) -> frozenset[str]:
    """Ids of the entities of a kind ("Role", "Segment", ...) that a policy names anywhere."""
    return frozenset(u.id for u in pst.entity_uids(node) if u.type.basename == kind)


def _wrong(file: str, line: int, problem: str, fix: str) -> SettingsError:
    return SettingsError(KEY, f"{file}:{line}: {problem}", fix)
