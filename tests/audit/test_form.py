"""What is encoded from a form has the bytes that it has without one."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sallyport.audit.entry import CALL, encode
from sallyport.audit.form import encode_entry, form_of, named
from sallyport.errors import LogFault
from sallyport.model import Entry, Shared

NAMES = sorted(CALL - {"request", "who", "model", "findings"})
texts = st.text(max_size=8)
leaves = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | texts
json_values = leaves | st.lists(leaves, max_size=3) | st.dictionaries(texts, leaves, max_size=3)
findings = st.lists(st.fixed_dictionaries({"type": texts, "count": st.integers(0, 9)}), max_size=2)
MUST = {"kind": "intent", "request": "r", "who": "w", "model": "m"}


@st.composite
def alike(draw: st.DrawFn) -> tuple[dict[str, object], list[dict[str, object]]]:
    """Shared members, and the own members of several entries: the same names each time, other values."""
    names = draw(st.sets(st.sampled_from(NAMES), max_size=8))
    own = draw(st.sets(st.sampled_from([*sorted(names), *sorted(MUST)])))
    shared = {**{n: draw(json_values) for n in sorted(names)}, **MUST}
    values = [{n: "intent" if n == "kind" else draw(json_values) for n in sorted(own)} for _ in range(3)]
    if draw(st.booleans()):
        values = [{**value, "findings": draw(findings)} for value in values]
    return shared, values


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(alike(), st.none() | st.binary(max_size=40), st.integers(0, 2**48))
def test_the_bytes_are_those_of_the_plain_encoding(
    case: tuple[dict[str, object], list[dict[str, object]]], payload: bytes | None, now: int
) -> None:
    shared = Shared(case[0])
    for own in case[1]:
        data = encode_entry(Entry(shared, own), now, payload)
        assert data == encode({**case[0], **own}, now, payload)
        assert data == encode(Entry(shared, own), now, payload)
        assert orjson.loads(data)["v"] == 1


def test_a_form_is_made_once_and_used(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = Shared({"kind": "intent", "who": "w", "model": "m"})
    encode_entry(Entry(shared, {"request": "r"}), 1, b"sealed")
    form = shared.form
    monkeypatch.setattr("sallyport.audit.form.encode", None)
    assert b'"request":"other"' in encode_entry(Entry(shared, {"request": "other"}), 2, b"sealed")
    assert shared.form is form


@pytest.mark.parametrize(
    "own",
    [
        {"request": "r", "prompt": "never"},
        {"request": "r", "findings": [{"type": "card", "text": "4111"}]},
        {"request": "r", "findings": "card"},
        {"request": "r", "findings": None},
        {"request": "r", "findings": ["card"]},
        {"request": "r", "counts": {1: 2}},
        {"request": "r", "counts": object()},
        {"request": "r" * 66_000},
        {},
    ],
)
def test_what_is_outside_of_the_schema_is_refused_with_a_form_too(own: dict[str, object]) -> None:
    shared = Shared({"kind": "intent", "who": "w", "model": "m"})
    good = {"request": "r", "findings": [], "counts": {}}
    for names in (own.keys(), good.keys()):  # a form for just these members, and another one
        encode_entry(
            Entry(shared, {name: good.get(name, "") for name in names & good.keys()} | {"request": ""}), 1
        )
        with pytest.raises(LogFault) as faster:
            encode_entry(Entry(shared, own), 1)
        with pytest.raises(LogFault) as plain:
            encode(Entry(shared, own), 1)
        assert faster.value.detail == plain.value.detail


@pytest.mark.parametrize("name", ["v", "time", "payload_sha256"])
def test_there_is_no_form_where_what_is_added_is_a_member(name: str) -> None:
    assert form_of(Shared({name: 1}), {}, payload=True) is None
    assert form_of(Shared({}), {name: 1}, payload=True) is None


def test_each_kind_is_held_to_its_own_schema() -> None:
    shared = Shared({"request": "r", "code": "c", "action": "a"})
    encode_entry(Entry(shared, {"kind": "admin"}), 1)
    with pytest.raises(LogFault):
        encode_entry(Entry(shared, {"kind": "refusal"}), 1)


def test_kind_and_request_are_found_wherever_they_are() -> None:
    for shared, own in (
        ({"kind": "k"}, {"request": "r"}),
        ({"kind": "no", "request": "no"}, {"kind": "k", "request": "r"}),
        ({"kind": "k", "request": "r"}, {}),
    ):
        assert named(Entry(Shared(shared), own)) == named({**shared, **own}) == ("k", "r")
    assert named({"kind": "beat"}) == named(Entry(Shared({"kind": "beat"}), {})) == ("beat", "")
