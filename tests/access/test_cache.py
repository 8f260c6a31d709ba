"""A cached decision is found only for the very same facts: any changed attribute is another key."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sallyport.access.cache import DecisionCache
from sallyport.access.engine import PolicyEngine
from sallyport.access.policy_files import PolicyText
from sallyport.access.request import AccessRequest, evaluated, minutes
from sallyport.access.situation import context, request_entities
from sallyport.model import Datum, Decision, Device, Model, Principal, TlsFacts, Tool

WHO = Principal(
    id="local|sam",
    kind="person",
    issuer="local",
    roles=("analyst",),
    mfa=True,
    amr=("otp", "pwd"),
    acr="aal2",
    auth_time=999_400,
    session="s1",
    expires=1_003_600,
    binding="jkt",
)
WHERE = Model(
    name="m", segment="support", environment="prod", upstream="u", upstream_model="um", input_price=1.0
)
REQUEST = AccessRequest(
    principal=WHO,
    action="use_tool",
    model=WHERE,
    tool=Tool(name="mail", arguments="{}", declared=True),
    data=Datum(kind="card", origin="context"),
    device=Device(id="d", attested=True, compliant=True, posture_age=600),
    tls=TlsFacts(
        version="TLSv1.3", cipher="c", group="g", client_certificate_sha256="ab", client_san="spiffe://a"
    ),
    surface="chat",
    stream=True,
    risk=10,
    purpose="help",
    self_owned=True,
    tainted=True,
    now=1_000_000,
)


def another(value: Any) -> Any:
    """A value of the same type that is not this one."""
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 7_000
        case str():
            return value + "x"
        case tuple():
            return (*value, "x")
        case _:
            raise TypeError(value)


def mutations(value: msgspec.Struct, path: tuple[str, ...] = ()) -> list[tuple[str, msgspec.Struct]]:
    """(name, copy with that one attribute changed) for every attribute at any depth."""
    found = []
    for name in value.__struct_fields__:
        inner = getattr(value, name)
        if isinstance(inner, msgspec.Struct):
            found += [
                (where, msgspec.structs.replace(value, **{name: changed}))
                for where, changed in mutations(inner, (*path, name))
            ]
        else:
            changed = msgspec.structs.replace(value, **{name: another(inner)})
            found.append((".".join((*path, name)), changed))
    return found


# not evaluated: what a tool is called with is no fact of the policy language (yet)
IGNORED = {"tool.arguments"}
MUTATIONS = [(name, request) for name, request in mutations(REQUEST) if name not in IGNORED]


@pytest.mark.parametrize(("name", "changed"), MUTATIONS, ids=[name for name, _ in MUTATIONS])
def test_any_changed_attribute_is_another_key(name: str, changed: AccessRequest) -> None:
    assert evaluated(changed) != evaluated(REQUEST)
    cache = DecisionCache()
    cache.put((evaluated(REQUEST), "v", 1), Decision(allowed=True))
    assert cache.get((evaluated(REQUEST), "v", 1))
    assert cache.get((evaluated(changed), "v", 1)) is None


@pytest.mark.parametrize("part", ["tool", "model", "data"])
def test_an_absent_part_is_another_key(part: str) -> None:
    assert evaluated(msgspec.structs.replace(REQUEST, **{part: None})) != evaluated(REQUEST)


def test_what_is_not_evaluated_is_not_in_what_cedar_reads() -> None:
    for name, changed in mutations(REQUEST):
        if name in IGNORED:
            ours, theirs = evaluated(REQUEST), evaluated(changed)
            assert (context(ours), request_entities(ours, {"analyst"})) == (
                context(theirs),
                request_entities(theirs, {"analyst"}),
            )


@given(st.data())
def test_what_cedar_reads_differs_only_where_the_key_differs(data: st.DataObject) -> None:
    """Cedar's input is a function of the key: equal keys, equal input."""

    def request() -> AccessRequest:
        return msgspec.structs.replace(
            REQUEST,
            principal=msgspec.structs.replace(
                WHO,
                auth_time=data.draw(st.integers(0, 1_000_100)),
                suspended=data.draw(st.booleans()),
                roles=data.draw(st.sampled_from([(), ("analyst",), ("analyst", "other")])),
            ),
            device=Device(
                id=data.draw(st.sampled_from(["", "d"])), posture_age=data.draw(st.integers(-1, 200))
            ),
            now=data.draw(st.integers(1_000_000, 1_000_100)),
        )

    one, other = request(), request()
    seen = [(context(evaluated(r)), request_entities(evaluated(r), {"analyst"})) for r in (one, other)]
    if evaluated(one) == evaluated(other):
        assert seen[0] == seen[1]


def test_version_and_epoch_are_in_the_key() -> None:
    cache = DecisionCache()
    cache.put((evaluated(REQUEST), "v", 1), Decision(allowed=True))
    assert cache.get((evaluated(REQUEST), "w", 1)) is None
    assert cache.get((evaluated(REQUEST), "v", 2)) is None


@given(st.lists(st.integers(0, 50), max_size=200), st.integers(1, 8))
def test_bounded(risks: list[int], capacity: int) -> None:
    cache = DecisionCache(capacity)
    for risk in risks:
        key = (evaluated(msgspec.structs.replace(REQUEST, risk=risk)), "v", 0)
        if cache.get(key) is None:
            cache.put(key, Decision(allowed=True))
        assert cache.get(key)
        assert len(cache) <= capacity


def test_errors_and_long_texts_are_not_kept() -> None:
    cache = DecisionCache()
    cache.put((evaluated(REQUEST), "v", 0), Decision(allowed=False, errors=("x",)))
    long = msgspec.structs.replace(REQUEST, purpose="p" * 300)
    cache.put((evaluated(long), "v", 0), Decision(allowed=True))
    assert len(cache) == 0


def test_a_decision_is_asked_for_again_when_facts_or_epoch_change(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = PolicyEngine(
        [PolicyText("f", '@id("a") permit (principal, action, resource) when { context.risk < 50 };')],
        models=[WHERE],
        segments={"support": "prod"},
    )
    asked = []
    judge = engine._judge
    monkeypatch.setattr(engine, "_judge", lambda facts: asked.append(facts) or judge(facts))

    def decide(request: AccessRequest, epoch: int = 0) -> tuple[bool, int]:
        return engine.decide(request, epoch=epoch).allowed, len(asked)

    later = msgspec.structs.replace(REQUEST, now=REQUEST.now - 1)
    assert decide(REQUEST) == (True, 1)
    assert decide(REQUEST) == (True, 1)
    assert decide(later) == (True, 1), "the same minute"
    assert decide(msgspec.structs.replace(REQUEST, risk=60)) == (False, 2)
    assert decide(REQUEST, epoch=1) == (True, 3)


@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_ages_are_rounded_up_and_in_order(one: int, other: int) -> None:
    assert minutes(one) * 60 >= one, "an age is never understated"
    assert minutes(one) <= one / 60 + 60
    if one <= other:
        assert minutes(one) <= minutes(other)


@pytest.mark.parametrize(
    ("auth_time", "age"),
    [(0, -1), (-5, -1), (1_000_000, 0), (999_999, 1), (999_940, 1), (1_000_060, 0), (1_000_061, -1)],
)
def test_the_age_of_the_second_factor(auth_time: int, age: int) -> None:
    who = msgspec.structs.replace(WHO, auth_time=auth_time)
    assert evaluated(msgspec.structs.replace(REQUEST, principal=who)).mfa_age == age


def test_a_clock_with_fractions_gives_whole_minutes() -> None:
    age = evaluated(msgspec.structs.replace(REQUEST, now=1_000_000.9)).mfa_age
    assert (age, type(age)) == (10, int)
