"""Policy files: sorted, validated, each policy with an @id; every error names file and line."""

from __future__ import annotations

import re

import cedarpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sallyport.access.policy_files import (
    DEFAULT_FOLDER,
    SCHEMA,
    PolicyText,
    default_texts,
    folder_texts,
    parse,
    statements,
)
from sallyport.access.request import ACTIONS
from sallyport.errors import SettingsError

OPEN = "permit (principal, action, resource)"
HANDLE = cedarpy.Schema.from_str(SCHEMA)

BAD = [
    (f"{OPEN};", 1, "has no @id"),
    (f'@id("") {OPEN};', 1, "has no @id"),
    (f'// a comment ; "\n\n@id("a")\n{OPEN};\n@id("b")\n\n{OPEN} when {{ context.mfaa }};', 5, "mfaa"),
    (f'@id("a") {OPEN};\n@id("b") {OPEN} when {{ context.mfa && }};', 2, "unexpected token"),
    (f'@id("a") {OPEN};\n\n@id("a") {OPEN};', 3, "is already at f.cedar:1"),
    (f'@id("a") {OPEN}', 1, "does not end"),
    ('@id("a") permit (principal == ?principal, action, resource);', 1, "template"),
    ('@id("a") permit (principal, action == Sallyport::Action::"chatt", resource);', 1, "chatt"),
    ('@id("a") permit (principal is Person, action, resource);', 1, "Person"),
    (f'@id("a") {OPEN} when {{ context.risk == "high" }};', 1, "Long and String"),
    (f'@id("a") {OPEN} when {{ context.purpose == "a;b }};', 1, "does not end"),
    (f'@id("a") {OPEN};;', 1, "unexpected token"),
    (f'@id("a") @id("b") {OPEN};', 1, "duplicate annotation"),
]


@pytest.mark.parametrize(("text", "line", "problem"), BAD)
def test_a_bad_policy_is_named_with_file_and_line(text: str, line: int, problem: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse([PolicyText("f.cedar", text)], HANDLE)
    assert caught.value.key == "access.policies"
    assert caught.value.problem.startswith(f"f.cedar:{line}: ")
    assert problem in caught.value.problem
    assert caught.value.fix


def test_a_duplicate_in_another_file_is_named_with_both() -> None:
    files = [PolicyText("a.cedar", f'\n@id("x") {OPEN};'), PolicyText("b.cedar", f'@id("x") {OPEN};')]
    with pytest.raises(SettingsError, match=r"b\.cedar:1: .* a\.cedar:2"):
        parse(files, HANDLE)


def test_a_folder_is_read_in_order(tmp_path) -> None:
    for name in ("20-b.cedar", "10-a.cedar", "30.cedar.off", "schema.cedarschema"):
        (tmp_path / name).write_text(f'@id("{name}") {OPEN};')
    policies = parse(folder_texts(tmp_path), HANDLE)
    assert [p.id for p in policies] == ["10-a.cedar", "20-b.cedar"]
    assert policies[0].file == str(tmp_path / "10-a.cedar")


def test_a_folder_without_policies_is_an_error(tmp_path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(SettingsError, match="holds no"):
            folder_texts(folder)
    (tmp_path / "x.cedar").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="readable UTF-8"):
        folder_texts(tmp_path)


piece = st.sampled_from(
    [
        f'@id("a") {OPEN};',
        '@id("b;") forbid (principal, action, resource) when { context.purpose == "x\\";//" };',
        f'@id("c")\n{OPEN}\nunless {{ context.mfa // not; "so\n}};',
        "// only ; a comment\n",
        "\n",
        " ",
    ]
)


@given(st.lists(piece, max_size=8))
def test_statements_are_the_policies_that_cedar_sees(pieces: list[str]) -> None:
    text = "\n".join(pieces)
    found = list(statements(PolicyText("f", text)))
    alone = [
        next(iter(cedarpy.policies_to_pst(statement).static_policies.values())) for _, statement in found
    ]
    whole = cedarpy.policies_to_pst(text).static_policies
    assert [p.clauses for p in alone] == [p.clauses for p in whole.values()]
    lines = text.split("\n")
    for line, statement in found:
        assert lines[line - 1].strip().startswith(statement.split("\n")[0][:8])


def test_the_default_policy_is_readable_and_complete() -> None:
    policies = parse(default_texts(), HANDLE)
    assert all(p.annotations.get("says") for p in policies), "each policy says what it does"
    assert all(p.file.startswith(str(DEFAULT_FOLDER)) for p in policies)
    spoken = re.findall(r"action ([\w, ]+) appliesTo", SCHEMA)
    assert {a.strip() for group in spoken for a in group.split(",")} == set(ACTIONS)
