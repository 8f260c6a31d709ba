"""What a user sees first."""

from __future__ import annotations

import re

import pytest
from cli_verbs import VERBS

from sallyport import __version__

GROUPS = ["", "people", "audit"]
# Verbs whose exit code a script would look at, and the codes that their help names.
TELLS = {
    "up": {1, 78},
    "serve": {1, 78},
    "check": {78},
    "demo": {1, 3, 5},
    "login": {4, 5},
    "logout": {4},
    "whoami": {4},
    "models": {4},
    "token": {4},
    "explain": {0},
    "enrol": {4},
    "inspect": {1, 3},
    "inspect calibrate": {1, 4},
    "inspect false-alarm": {4},
    "inspect true-attack": {4},
    "inspect marks": {4},
    "inspect unmark": {4},
    "people list": {4},
    "audit verify": {1, 3},
    "audit key": {3},
    "audit show": {1, 3},
    "audit tail": {3},
    "audit prove": {1},
    "audit verify-receipt": {1},
    "audit export": {3},
    "audit content": {4},
}


@pytest.mark.parametrize("verb", [*GROUPS, *(verb.partition(" ")[2] for verb in VERBS)])
def test_help_fits_one_screen(run, verb):
    said = run(*verb.split(), "--help")
    lines = said.out.rstrip("\n").splitlines()
    assert said.code == 0
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("verb", GROUPS)
def test_no_verb_is_cut_in_the_list(run, verb):
    assert "..." not in run(*verb.split(), "--help").out.partition("Commands:")[2]


def test_every_verb_is_in_the_list_once(run):
    listed = run("--help").out.partition("Commands:")[2]
    names = [name for line in listed.splitlines() for name in line[2:].partition("  ")[0].split(", ") if name]
    assert sorted(names) == sorted({verb.split()[1] for verb in VERBS})


def test_a_verb_of_which_the_list_says_nothing_speaks_for_itself(run, monkeypatch):
    monkeypatch.setattr("sallyport.cli.app.TOGETHER", {})
    assert "logout   End the session at the door, and forget the key." in run("--help").out


@pytest.mark.parametrize("verb", TELLS)
def test_help_names_the_exit_codes_that_matter(run, verb):
    words = " ".join(run(*verb.split(), "--help").out.split())
    told = re.search(r"Exit code ([^.]*)\.", words)
    assert told
    assert {int(number) for number in re.findall(r"\b\d+\b", told[1])} == TELLS[verb]


def test_the_first_help_names_all_exit_codes(run):
    words = " ".join(run("--help").out.split())
    codes = re.search(r"Exit codes: (.*?)\.", words)[1]
    assert [int(code) for code in re.findall(r"\d+", codes)] == [0, 1, 2, 3, 4, 5, 78]


def test_version(run):
    assert run("--version").out == f"sallyport {__version__}\n"


@pytest.mark.parametrize(
    "verb", ["frobnicate", "audit frobnicate", "people frobnicate", "check", "audit tail -n many"]
)
def test_wrong_usage_exits_with_2(run, verb):
    said = run(*verb.split())
    assert said.code == 2
    assert "Error:" in said.err
    assert not said.out
