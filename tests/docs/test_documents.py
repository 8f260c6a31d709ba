"""No document speaks of what is not there, and none of the machine that it was written on."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest
from cli_verbs import VERBS
from settings_keys import keys

from sallyport.errors import CATALOGUE
from sallyport.settings import load

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
TABLES = {path.rpartition(".")[0].split(".")[0] for path in (key.path for key in keys())} - {""}


def code(text: str) -> list[str]:
    """Everything between backticks, blocks included."""
    blocks = re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)
    rest = re.sub(r"```\w*\n.*?```", "", text, flags=re.DOTALL)
    return [*re.findall(r"`([^`\n]+)`", rest), *(line for block in blocks for line in block.splitlines())]


def anchors(text: str) -> set[str]:
    """The ids that headings get."""
    titles = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", title.lower())).strip("-") for title in titles}


def test_verbs_that_documents_mention_exist(pages):
    words = {" ".join(verb.split()[:n]) for verb in VERBS for n in (2, 3)}
    groups = {verb.rpartition(" ")[0] for verb in VERBS} - {"sallyport"}
    for page, text in pages.items():
        for line in code(text):
            for verb, sub in re.findall(r'(?<!["\w-])sallyport ([a-z]+)(?: ([a-z-]+))?', line):
                name = f"sallyport {verb}"
                assert name in words | groups, f"{page}: {line}"
                if name in groups and sub and not sub.startswith("-"):
                    assert f"{name} {sub}" in words, f"{page}: {line}"


def test_settings_that_documents_mention_exist(pages):
    known = {key.path for key in keys()}
    known |= {path.rpartition(".")[0] for path in known} | {
        path.rsplit(".", 2)[0] for path in known if path.count(".") > 1
    }
    file_like = re.compile(r"\.(py|md|toml|json|db|pem|key|wal|cedar|cedarschema|service|sock|txt|log|in)$")
    for page, text in pages.items():
        for word in re.findall(r"`([a-z_0-9]+(?:\.[a-z_0-9]+)+)`", text):
            if word.split(".")[0] in TABLES and not file_like.search(word):
                assert word in known, f"{page}: {word}"


def test_error_codes_that_documents_mention_exist(pages):
    """A word in backticks that looks like a code and shares its beginning with one must be one."""
    kinds = {code.split("_")[0] for code in CATALOGUE if "_" in code}
    types = {spec.type for spec in CATALOGUE.values()}
    other = {key.path.rpartition(".")[2] for key in keys()}
    for page in ("README.md", "SECURITY.md", "docs/errors.md", "docs/api.md", "docs/cli.md"):
        for word in re.findall(r"`([a-z]+_[a-z_]+)`", pages[page]):
            if word.split("_")[0] in kinds:
                assert word in {*CATALOGUE, *other, *types}, f"{page}: {word}"


def test_files_that_documents_mention_exist(pages, root):
    place = re.compile(r"`((?:src|tests|docs|scripts|vectors|packaging|requirements|bench)/[\w./-]+)`")
    for page, text in pages.items():
        for path in place.findall(text.replace("ROOM/test_FILE", "docs/test_documents")):
            assert (root / path).exists(), f"{page}: {path}"


def test_internal_links_resolve(pages, root):
    for page, text in pages.items():
        for target in LINK.findall(text):
            if target.startswith(("http://", "https://", "mailto:")):
                continue
            path, _, anchor = target.partition("#")
            file = ((root / page).parent / path).resolve() if path else root / page
            assert file.exists(), f"{page}: {target}"
            if anchor:
                assert anchor in anchors(file.read_text(encoding="utf-8")), f"{page}: {target}"


def test_every_page_is_reached_from_the_index(pages, root):
    linked = {target.partition("#")[0] for target in LINK.findall(pages["docs/index.md"])}
    for page in pages:
        if page.startswith("docs/") and page != "docs/index.md" and not page.startswith("docs/adr/0"):
            assert page.removeprefix("docs/") in linked, page


def test_no_document_knows_this_machine(pages, root):
    texts = {**pages, "sallyport.example.toml": (root / "sallyport.example.toml").read_text()}
    for page, text in texts.items():
        for place in (Path.home(), root):
            assert place == Path("/") or f"{place}/" not in text, f"{page} names {place}"


def test_the_tests_that_claims_rest_on_exist(pages, root):
    claims = pages["SECURITY.md"].partition("## Claims")[2]
    rows = [line for line in claims.splitlines() if line.startswith("| ") and not line.startswith("| claim")]
    assert len(rows) > 20
    for row in rows:
        held = re.findall(r"`(tests/[\w/.-]+)`", row.split("|")[2])
        assert held, row
        assert all((root / path).is_file() and "def test_" in (root / path).read_text() for path in held), row


def test_the_two_commands_of_the_readme(pages, root):
    block = pages["README.md"].partition("```sh\n")[2].partition("```")[0]
    scripts = [shlex.split(line, comments=True)[0] for line in block.splitlines()]
    assert scripts == ["scripts/run", "scripts/test"]
    assert all(os.access(root / script, os.X_OK) for script in scripts)


@pytest.fixture
def example(root, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "a-key-for-the-example")
    return root / "sallyport.example.toml"


def test_the_example_loads(example):
    loaded = load(example)
    assert loaded.models[0].name == "support-chat"


def test_the_example_has_every_key_in_its_table_with_a_comment(example):
    table, shown, comment = "", {}, False
    for line in example.read_text().splitlines():
        if line.startswith("["):
            table = line.strip("[]") + "."
        elif match := re.match(r"(\w+) = (.+)$", line):
            shown[table + match[1]] = match[2]
            assert comment, line
        comment = line.startswith("#")
    assert list(shown) == [*dict.fromkeys(shown)]
    assert set(shown) == {key.path for key in keys()}


def test_values_that_the_example_does_not_call_examples_are_the_defaults(example):
    text = example.read_text()
    for key in keys():
        if key.default:
            name = key.path.rpartition(".")[2]
            blocks = re.findall(rf"((?:^#.*\n)+){name} = (.+)$", text, re.MULTILINE)
            assert any(
                value == key.default or "(example)" in " ".join(why.split("\n# ")) for why, value in blocks
            ), key
