"""A slice decides as the whole does, whatever the policies and the request; and every forbid is in it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sallyport.access.engine import PolicyEngine
from sallyport.access.policy_files import PolicyText
from sallyport.access.request import ACTIONS, AccessRequest, evaluated
from sallyport.access.slices import slice_of
from sallyport.model import Datum, Model, Principal, TlsFacts, Tool

NS = "Sallyport::"
SEGMENTS = {"support": "prod", "analysis": "prod", "tuning": "dev"}
MODELS = tuple(
    Model(name=f"{s}-{n}", segment=s, environment=e, upstream="u", upstream_model="m")
    for s, e in SEGMENTS.items()
    for n in (1, 2)
)
ROLES = ("a", "b", "c")
OF = {
    "chat": "Model",
    "embed": "Model",
    "list_model": "Model",
    "use_tool": "Tool",
    "see": "DataClass",
    "pass_to_tool": "DataClass",
}


def entity(kind: str, name: str) -> str:
    return f'{NS}{kind}::"{name}"'


places = st.sampled_from(
    [
        *(entity("Segment", s) for s in SEGMENTS),
        *(entity("Environment", e) for e in ("prod", "dev")),
        *(entity("Model", m.name) for m in MODELS),
    ]
)
principals = st.one_of(
    st.sampled_from(["principal", f"principal is {NS}User", f"principal == {entity('User', 'sam')}"]),
    st.sampled_from(ROLES).map(lambda r: f"principal in {entity('Role', r)}"),
    st.sampled_from(ROLES).map(lambda r: f"principal is {NS}User in {entity('Role', r)}"),
)
actions = st.one_of(
    st.just("action"),
    st.sampled_from(sorted(OF)).map(lambda a: f"action == {entity('Action', a)}"),
    st.lists(st.sampled_from(sorted(OF)), min_size=1, max_size=3, unique=True).map(
        lambda found: "action in [" + ", ".join(entity("Action", a) for a in found) + "]"
    ),
)
resources = st.one_of(
    st.sampled_from(["resource", f"resource is {NS}Model", f"resource is {NS}Tool"]),
    places.map(lambda p: f"resource in {p}"),
    places.map(lambda p: f"resource is {NS}Tool in {p}"),
    places.map(lambda p: f"resource is {NS}Model in {p}"),
    st.sampled_from(MODELS).map(lambda m: f"resource == {entity('Model', m.name)}"),
    st.just(f"resource == {entity('Tool', 'mail')}"),
    st.just(f"resource == {entity('DataClass', 'card')}"),
    st.just(f"resource in {entity('DataFamily', 'financial')}"),
    places.map(lambda p: f"resource is {NS}DataClass in {p}"),
)
conditions = st.sampled_from(
    [
        "",
        "when { context.mfa }",
        'unless { context.tls.version == "TLSv1.3" }',
        "when { context.risk < 50 }",
        "when { context.risk + 9223372036854775800 > 0 }",  # errors when the risk is 8 or more
        f"when {{ principal in {entity('Role', 'c')} }}",
        f"when {{ resource in {entity('Segment', 'support')} }}",
        "when { principal.suspended }",
    ]
)
policies = st.tuples(
    st.sampled_from(["permit", "permit", "forbid"]), principals, actions, resources, conditions
)
requests = st.builds(
    AccessRequest,
    principal=st.builds(
        Principal,
        id=st.sampled_from(["sam", "kim"]),
        kind=st.sampled_from(["person", "workload"]),
        roles=st.lists(st.sampled_from(ROLES), unique=True).map(lambda r: tuple(sorted(r))),
        mfa=st.booleans(),
        suspended=st.booleans(),
    ),
    action=st.sampled_from(ACTIONS),
    model=st.one_of(st.none(), st.sampled_from(MODELS)),
    tool=st.sampled_from([None, Tool(name="mail", arguments="", declared=True)]),
    data=st.sampled_from([None, Datum(kind="card", origin="model"), Datum(kind="email", origin="caller")]),
    tls=st.sampled_from([TlsFacts(), TlsFacts(version="TLSv1.3")]),
    risk=st.sampled_from([0, 7, 8, 60]),
)


def valid(drawn: list[tuple[str, str, str, str, str]]) -> list[PolicyText]:
    """The drawn policies that the schema accepts: Cedar refuses those that could never hold."""
    texts = []
    for index, (effect, principal, action, resource, condition) in enumerate(drawn):
        text = PolicyText("f", f'@id("p{index}") {effect} ({principal}, {action}, {resource}) {condition};')
        try:
            PolicyEngine([text])
        except Exception:  # noqa: BLE001 whatever the validator says
            continue
        texts.append(text)
    return texts


@settings(max_examples=60, deadline=None)
@given(st.lists(policies, min_size=1, max_size=12), st.lists(requests, min_size=4, max_size=12))
def test_slice_decides_as_the_whole(drawn, asked) -> None:
    texts = valid(drawn)
    whole = PolicyEngine(texts, models=MODELS, segments=SEGMENTS, slice_above=1000)
    sliced = PolicyEngine(texts, models=MODELS, segments=SEGMENTS, slice_above=-1)
    for request in asked:
        assert sliced.decide(request, epoch=0) == whole.decide(request, epoch=0)
        relevant = sliced.relevant(evaluated(request))
        assert {p.id for p in whole.policies if p.effect == "forbid"} <= {p.id for p in relevant}


@pytest.fixture(scope="module")
def many() -> PolicyEngine:
    """Seventy policies, each for one role in one segment, and a forbid."""
    permits = [
        f'@id("p{i}") permit (principal in {entity("Role", f"r{i}")}, '
        f"action == {entity('Action', ('chat', 'embed')[i % 2])}, "
        f"resource in {entity('Segment', sorted(SEGMENTS)[i % 3])});"
        for i in range(70)
    ]
    guard = f'@id("guard") forbid (principal, action == {entity("Action", "embed")}, resource);'
    return PolicyEngine([PolicyText("f", "\n".join([*permits, guard]))], models=MODELS, segments=SEGMENTS)


def test_many_policies_are_sliced(many) -> None:
    request = AccessRequest(principal=Principal(id="sam", roles=("r0",)), action="chat", model=MODELS[2])
    seen = many.relevant(evaluated(request))
    assert len(many.policies) == 71
    assert 1 < len(seen) <= 13
    assert "guard" in {p.id for p in seen}
    assert many.decide(request, epoch=0).policies == ("p0",)


@pytest.mark.parametrize(
    ("scope", "kept"),
    [
        ("resource", True),
        (f"resource in {entity('Segment', 'support')}", True),
        (f"resource in {entity('Segment', 'tuning')}", False),
        (f"resource in {entity('Environment', 'dev')}", True),
        (f"resource == {entity('Model', 'support-1')}", True),
        (f"resource == {entity('Model', 'tuning-1')}", False),
        (f"resource == {entity('Model', 'not-ours')}", True),
        (f"resource is {NS}Model in {entity('Segment', 'tuning')}", False),
    ],
)
def test_what_a_slice_keeps(scope: str, kept: bool) -> None:
    homes = {m.name: m.segment for m in MODELS}
    for effect in ("permit", "forbid"):
        policies = PolicyEngine(
            [PolicyText("f", f'@id("p") {effect} (principal, action, {scope});')]
        ).policies
        assert bool(slice_of(policies, "chat", "support", homes)) is (kept or effect == "forbid")
