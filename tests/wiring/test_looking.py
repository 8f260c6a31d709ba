"""What the settings ask to be looked for, and what is wrong with what they ask."""

import pytest

from sallyport.errors import SettingsError
from sallyport.inspection.detector import NAMES
from sallyport.settings.schema import ActionRule, Dictionary, Inspection, Pattern
from sallyport.wiring import looking


def read(path):
    if path == "missing":
        raise SettingsError(path, "cannot be read: gone", "check the path")
    return {"names": "\ufeff# comment\nBlue Falcon\n\n Red Fox \n".encode(), "latin": b"\xff\xfe\xfa"}[path]


def test_by_default_nothing():
    assert looking.look(Inspection(), read).types == ()
    assert looking.rows(Inspection()) == ()


@pytest.mark.parametrize(
    ("profile", "types"),
    [("standard", ()), ("personal", ("person", "street_address", "record_number")), ("health", NAMES)],
)
def test_profiles(profile, types):
    given = Inspection(profile=profile)
    assert set(looking.look(given, read).types) == set(types)
    assert [(row.type, row.direction, row.action) for row in looking.rows(given)] == [
        (kind, "input", "mask") for kind in types
    ]


@pytest.mark.parametrize(
    ("rule", "types"),
    [
        (ActionRule(type="person", action="mask"), ("person",)),
        (ActionRule(type="person", action="mask", role="nurse"), ("person",)),
        (ActionRule(type="person", action="allow"), ()),
        (ActionRule(type="person", action="mask", direction="output"), ()),
        (ActionRule(type="*", action="block"), ()),
    ],
)
def test_a_rule_that_names_a_type_has_it_looked_for(rule, types):
    assert looking.look(Inspection(actions=(rule,)), read).types == types


def test_own_values_are_masked_and_read_from_files():
    given = Inspection(
        dictionaries=(Dictionary(type="project", values=("Green Owl",), file="names"),),
        patterns=(Pattern(type="badge", expression="B-[0-9]+"),),
    )
    assert looking.look(given, read).dictionaries[0].values == ("Green Owl", "Blue Falcon", "Red Fox")
    assert [(row.type, row.direction, row.action) for row in looking.rows(given)] == [
        ("badge", "*", "mask"),
        ("project", "*", "mask"),
    ]
    assert not list(looking.problems(given, read))


@pytest.mark.parametrize(
    ("given", "where", "what"),
    [
        (Dictionary(type="Project", values=("ab",)), "dictionaries[0].type", "cannot be the type"),
        (Dictionary(type="secret", values=("ab",)), "dictionaries[0].type", "cannot be the type"),
        (Dictionary(type="own"), "dictionaries[0]", "holds 0 values"),
        (Dictionary(type="own", values=("ab", "!")), "dictionaries[0]", "value 2 has no letter"),
        (Dictionary(type="own", file="missing"), "missing", "cannot be read"),
        (Dictionary(type="own", file="latin"), "latin", "is not UTF-8"),
        (Pattern(type="own", expression="(?<=a)b"), "patterns[0].expression", "perl operator"),
        (Pattern(type="own", expression="a*"), "patterns[0].expression", "empty text"),
    ],
)
def test_what_is_wrong_is_said(given, where, what):
    inspection = (
        Inspection(dictionaries=(given,)) if isinstance(given, Dictionary) else Inspection(patterns=(given,))
    )
    (problem,) = looking.problems(inspection, read)
    assert where in str(problem)
    assert what in str(problem)
