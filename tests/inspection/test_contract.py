from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import pytest

from sallyport.errors import DetectorFault
from sallyport.inspection import hazards
from sallyport.inspection.contract import check, main
from sallyport.inspection.detector import TYPES, Detector, validated
from sallyport.inspection.rules_catalogue import RULES
from sallyport.inspection.secrets import FORMATS
from sallyport.model import Finding

PAGE = Path(__file__).parents[2] / "docs" / "detectors.md"


class Good:
    name = "good"
    version = "1"

    def scan(self, text: str, channel: str, direction: str) -> Sequence[Finding]:
        at = text.find("card")
        return [Finding(type="good.card", start=at, end=at + 4)] if at >= 0 else []


class Nameless:
    version = "1"

    def scan(self, text: str, channel: str, direction: str) -> Sequence[Finding]:
        return []


class Fickle(Good):
    count = itertools.count()

    def scan(self, text: str, channel: str, direction: str) -> Sequence[Finding]:
        return [Finding(type="card", start=0, end=1)] if text and next(self.count) % 2 else []


class Outside(Good):
    def scan(self, text: str, channel: str, direction: str) -> Sequence[Finding]:
        return [Finding(type="card", start=0, end=len(text) + 1)]


class Raising(Good):
    def scan(self, text: str, channel: str, direction: str) -> Sequence[Finding]:
        return [Finding(type="card", start=0, end=1)] if text[0] == "x" else []


def test_a_good_detector_keeps_the_contract() -> None:
    assert isinstance(Good(), Detector)
    assert check(Good()) == []


@pytest.mark.parametrize(
    ("detector", "says"),
    [(Nameless(), "lacks"), (Fickle(), "differ"), (Outside(), "outside"), (Raising(), "IndexError")],
)
def test_each_breach_is_named(detector: object, says: str) -> None:
    assert any(says in problem for problem in check(detector))


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main("sallyport.inspection.wire:Reply") == 1
    assert "lacks" in capsys.readouterr().out


@pytest.mark.parametrize(
    "finding",
    [
        Finding(type="made_up", start=0, end=1),
        Finding(type="other.x", start=0, end=1),
        Finding(type="card", start=-1, end=1),
        Finding(type="card", start=1, end=1),
        Finding(type="card", start=0, end=4),
        Finding(type="card", start=0, end=1, score=1.5),
        Finding(type="card", start=0, end=1, score=float("nan")),
    ],
)
def test_a_lie_is_a_fault(finding: Finding) -> None:
    with pytest.raises(DetectorFault):
        validated((finding,), "abc", "good")


def headings() -> set[str]:
    return {line.lstrip("# ").strip("`") for line in PAGE.read_text().splitlines() if line.startswith("#")}


@pytest.mark.parametrize("kind", sorted(TYPES))
def test_every_finding_type_has_its_heading(kind: str) -> None:
    assert kind in headings()


def test_every_rule_family_and_secret_format_is_on_the_page() -> None:
    text = PAGE.read_text()
    assert [f.id for f in FORMATS if f"`{f.id}`" not in text] == []
    assert [rule.id for rule in hazards.RULES if f"`{rule.id}`" not in text] == []
    assert [r.id for r in RULES if f"`{r.id.split('-')[0]}-" not in text] == []
