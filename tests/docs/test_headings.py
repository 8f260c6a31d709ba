"""What exists has its heading; what has a heading exists."""

from __future__ import annotations

import re
import tomllib

import pytest
from cli_verbs import VERBS
from settings_keys import keys

from sallyport.errors import CATALOGUE
from sallyport.gateway.own.tuning import MOST_SECONDS
from sallyport.inspection.calibrate import (
    LEAST_BUDGET,
    LEAST_CALLS,
    MOST_ALARMS,
    MOST_BUDGET,
    MOST_SHARE,
    ROLE_CALLERS,
)
from sallyport.inspection.thresholds import BLOCK_BOUNDS, FLAG_BOUNDS
from sallyport.settings import loads
from sallyport.wiring import routes
from sallyport.wiring.build import Deployment

HEADING = re.compile(r"^### (.+)$", re.MULTILINE)
MUST_BE_GIVEN = {"upstreams.base_url"}  # has a default only so that its check can name it


def sections(text: str) -> dict[str, str]:
    """Heading of the third level -> its text."""
    parts = re.split(r"^(#{2,3}) (.+)$", text, flags=re.MULTILINE)
    found = zip(parts[1::3], parts[2::3], parts[3::3], strict=True)
    return {heading: body for level, heading, body in found if level == "###"}


def served() -> set[str]:
    """Every route as its heading says it."""
    unopened = Deployment(loads(""), edge_secret="", worker=0)  # looked into only when a call comes
    exact, prefixes = routes.routes(unopened)
    parts = {"/v1/models": "{model}"}
    return {f"{route.method} {path}" for path, several in exact.items() for route in several} | {
        f"{route.method} {path}/{parts.get(path, '{request}')}" for path, route in prefixes.items()
    }


def test_settings(pages):
    assert sorted(HEADING.findall(pages["docs/settings.md"])) == sorted(key.path for key in keys())


@pytest.mark.parametrize("key", keys(), ids=lambda key: key.path)
def test_a_setting_says_its_default_and_its_words(pages, key):
    text = sections(pages["docs/settings.md"])[key.path]
    given = "" if key.path in MUST_BE_GIVEN else key.default
    assert (f"Default: `{given}`." if given else "Must be given.") in text
    assert all(f"`{word}`" in text for word in key.words)
    assert len(text.split()) > 4  # and what it means


def test_error_codes(pages):
    assert sorted(HEADING.findall(pages["docs/errors.md"])) == sorted(CATALOGUE)


@pytest.mark.parametrize("code", CATALOGUE)
def test_an_error_says_its_status_sentence_and_next_step(pages, code):
    text, spec = sections(pages["docs/errors.md"])[code], CATALOGUE[code]
    assert f"{spec.status} `{spec.type}`: *{spec.message}*" in text
    assert spec.next_step in text


def test_verbs(pages):
    assert sorted(HEADING.findall(pages["docs/cli.md"])) == sorted(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_names_exactly_its_options(pages, verb):
    text = sections(pages["docs/cli.md"])[verb]
    options = {name for p in VERBS[verb].params for name in p.opts if name.startswith("-")}
    assert set(re.findall(r"`(--?[a-z]+)`", text)) - {"--help"} >= options - {"--help"}
    named = {
        name
        for row in re.findall(r"^\| (`-.+?) \|", text, re.MULTILINE)
        for name in re.findall(r"`(.+?)`", row)
    }
    assert named == options - {"--help"}


def test_routes(pages):
    assert set(HEADING.findall(pages["docs/api.md"])) == served()


def test_runtime_dependencies(pages, root):
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    needed = {re.match(r"[a-z0-9-]+", line)[0] for line in project["dependencies"]}
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| (.+) \|$", pages["docs/dependencies.md"], re.MULTILINE)
    assert {name for name, _ in rows} == needed
    assert [name for name, _ in rows] == sorted(name for name, _ in rows)
    assert all(len(why.split()) > 2 for _, why in rows)


def test_the_guide_to_calibration(pages):
    """Its parts, and each bound that an operator relies on, as the code has it."""
    text = pages["docs/calibration.md"]
    parts = {"The round", "Two keys", "What is fitted", "What it cannot do", "Marks", "Where it is kept"}
    assert set(re.findall(r"^## (.+)$", text, re.MULTILINE)) == parts
    verbs = {verb.rpartition(" ")[2] for verb in VERBS if verb.startswith("sallyport inspect ")}
    assert {verb for verb in verbs if verb in text} == verbs
    words = " ".join(text.split())
    for low, high, layer in ((*FLAG_BOUNDS, "flag"), (*BLOCK_BOUNDS, "block")):
        assert f"{layer} threshold" in words
        assert f"between {low:.2f} and {high:.2f}" in words
    assert f"below {LEAST_BUDGET * 100:.2f} % and above {MOST_BUDGET * 100:.0f} % of calls" in words
    assert f"at most {MOST_SECONDS // 86_400})" in words
    assert (MOST_SHARE, MOST_ALARMS, LEAST_CALLS, ROLE_CALLERS) == (0.1, 1 / 3, 100, 3)
