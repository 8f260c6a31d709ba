"""The import table of the house, as data. A room imports `model`, `errors`, its own files and `stores`."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "sallyport"
ROOMS = {p.name for p in SOURCE.iterdir() if p.is_dir() and (p / "__init__.py").exists()}
FREE = {"model", "errors"}  # every room may import these
TABLE: dict[str, set[str]] = {
    "model": set(),
    "errors": set(),
    "settings": {"errors"},
    "stores": set(),
    "gateway": set(),
    "identity": {"stores"},
    "access": {"stores"},
    "inspection": {"stores"},
    "audit": {"stores"},
    "keys": {"stores"},
    "segments": {"stores"},
    "cli": {"settings", "wiring", "serving", "audit", "stores", "__init__"},
    "wiring": ROOMS | {"settings"},
    "serving": {"settings", "wiring", "gateway", "keys", "segments", "stores"},
    "__main__": {"cli"},
    "__init__": set(),
}
FILES = sorted(SOURCE.rglob("*.py"))


def place(file: Path) -> str:
    first = file.relative_to(SOURCE).parts[0]
    return first.removesuffix(".py")


def imported(file: Path) -> set[str]:
    """Top-level places of ours that a file imports, at any depth, also under TYPE_CHECKING and in functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {
                ([*a.name.split("."), "__init__"])[1]
                for a in node.names
                if a.name.split(".")[0] == "sallyport"
            }
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative imports hide the room they reach"
            parts = (node.module or "").split(".")
            if parts[0] == "sallyport":
                found |= {parts[1]} if len(parts) > 1 else {a.name for a in node.names}
    return {"__init__" if name == "__version__" else name for name in found}


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(SOURCE)))
def test_a_room_imports_only_what_the_table_allows(file: Path) -> None:
    home = place(file)
    assert home in TABLE, f"{home} has no row in the table of the house"
    allowed = TABLE[home] | FREE | {home}
    if home == "model":
        allowed = {"model"}
    assert imported(file) <= allowed


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(SOURCE)))
def test_a_file_stays_one_room(file: Path) -> None:
    assert len(file.read_text().splitlines()) <= 400


def test_only_settings_reads_the_environment() -> None:
    readers = {place(f) for f in FILES if "os.environ" in f.read_text() or "getenv(" in f.read_text()}
    assert readers <= {"settings"}
