"""The engine denies whenever anything is not as it should be: the fail-open traps of Cedar, one by one."""

from __future__ import annotations

import cedarpy
import msgspec
import pytest

from sallyport.access import engine as engine_module
from sallyport.access.engine import PolicyEngine
from sallyport.access.policy_files import SCHEMA, PolicyText, default_texts
from sallyport.access.request import evaluated
from sallyport.access.situation import request_entities
from sallyport.errors import SettingsError
from sallyport.model import Device, TlsFacts, Tool

PERMIT = '@id("open") permit (principal, action, resource);'
NOW = 1_800_000_000
OVERFLOWS = (
    '@id("shut") forbid (principal, action, resource) when { context.risk + 9223372036854775807 > 0 };'
)


@pytest.fixture
def build(models, segments):
    def make(*texts: str, **options):
        files = [PolicyText(f"{i}.cedar", t) for i, t in enumerate(texts)]
        return PolicyEngine(files, models=models, segments=segments, **options)

    return make


def test_deny_without_any_policy_that_permits(build, ask, model) -> None:
    decision = build("").decide(ask("analyst", "chat", model("support")), epoch=0)
    assert (decision.allowed, decision.policies, decision.errors) == (False, (), ())


def test_a_forbid_that_errors_denies(build, ask, model) -> None:
    """Cedar itself says Allow here: the premise of the whole rule, so it is asserted too."""
    engine = build(PERMIT, OVERFLOWS)
    raw = cedarpy.is_authorized(
        {"principal": 'U::"a"', "action": 'A::"b"', "resource": 'R::"c"', "context": {"risk": 1}},
        f"{PERMIT}\n{OVERFLOWS}",
        [],
    )
    assert raw.decision is cedarpy.Decision.Allow
    assert raw.diagnostics.errors

    decision = engine.decide(ask("analyst", "chat", model("support"), risk=1), epoch=0)
    assert not decision.allowed
    assert decision.errors == ("shut: could not be evaluated",)
    assert engine.decide(ask("analyst", "chat", model("support"), risk=0), epoch=0).allowed is False
    assert build(PERMIT).decide(ask("analyst", "chat", model("support"), risk=1), epoch=0).allowed


def test_a_permit_that_errors_denies_too(build, ask, model) -> None:
    engine = build(PERMIT, OVERFLOWS.replace("forbid", "permit").replace("shut", "odd"))
    decision = engine.decide(ask("analyst", "chat", model("support"), risk=1), epoch=0)
    assert (decision.allowed, decision.errors) == (False, ("odd: could not be evaluated",))


def test_errors_name_the_policy_and_quote_no_value(build, ask, person, model) -> None:
    who = person("analyst", id="local|margaret", amr=("pwd",))
    shut = OVERFLOWS.replace("context.risk", "context.mfa_age")
    decision = build(PERMIT, shut).decide(ask(who, "chat", model("support")), epoch=0)
    assert not decision.allowed
    assert "margaret" not in str(decision)
    assert "10" not in str(decision.errors)


@pytest.mark.parametrize(
    "change",
    [
        {"risk": "high"},
        {"risk": 2**70},
        {"stream": 1},
        {"purpose": None},
        {"tls": None},
        {"surface": b"chat"},
        {"device": Device(id="d", attested="yes", posture_age=3)},
        {"purpose": "\ud800"},
        {"now": "today"},
    ],
    ids=repr,
)
def test_a_broken_context_denies_with_an_error(build, ask, model, change) -> None:
    decision = build(PERMIT).decide(ask("analyst", "chat", model("support"), **change), epoch=0)
    assert not decision.allowed
    assert decision.errors


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "robot"},
        {"suspended": "no"},
        {"suspended": 0},
        {"id": None},
        {"id": 7},
        {"roles": ["analyst"]},
        {"roles": None},
        {"amr": "otp", "mfa": "yes"},
        {"mfa": 1},
        {"acr": None},
        {"binding": None, "issuer": None},
    ],
    ids=repr,
)
def test_a_broken_principal_denies_with_an_error(build, ask, person, model, change) -> None:
    guard = '@id("guard") forbid (principal, action, resource) when { principal.suspended };'
    request = ask(person("analyst", **change), "chat", model("support"))
    if "suspended" not in change:  # alone, a broken attribute that no policy reads must deny as well
        assert build(PERMIT).decide(request, epoch=0).errors
    decision = build(PERMIT, guard).decide(request, epoch=0)
    assert not decision.allowed
    assert decision.errors


@pytest.mark.parametrize("action", ["", "Chat", "delete", 'chat", "x'])
def test_an_unknown_action_denies(build, ask, model, action) -> None:
    for options in ({}, {"slice_above": 0}):
        decision = build(PERMIT, **options).decide(ask("analyst", action, model("support")), epoch=0)
        assert not decision.allowed
        assert decision.errors


def test_an_unknown_principal_is_still_an_entity_with_attributes(build, ask, person, model) -> None:
    """With an entity missing, Cedar would skip a forbid that reads its attributes."""
    guard = '@id("guard") forbid (principal, action, resource) when { principal.suspended };'
    stranger = person(id='nobody"\n::\\', suspended=True)
    decision = build(PERMIT, guard).decide(ask(stranger, "chat", model("support")), epoch=0)
    assert (decision.allowed, decision.policies, decision.errors) == (False, ("guard",), ())


def test_a_model_that_is_not_registered_just_so_denies(build, ask, model) -> None:
    real = model("support")
    for changed in (
        msgspec.structs.replace(real, environment="dev"),
        msgspec.structs.replace(real, segment="tuning"),
        msgspec.structs.replace(real, name="other"),
        msgspec.structs.replace(real, upstream="elsewhere"),
    ):
        decision = build(PERMIT).decide(ask("analyst", "chat", changed), epoch=0)
        assert (decision.allowed, decision.errors) == (False, ("request: the model is not one of ours",))
    assert not build(PERMIT).decide(ask("analyst", "chat", None), epoch=0).allowed


class Panic(BaseException):
    """What a panic of the native engine derives from."""


@pytest.mark.parametrize("error", [RuntimeError, MemoryError, RecursionError, Panic])
def test_an_engine_that_fails_denies_and_recovers(build, ask, model, monkeypatch, error) -> None:
    engine, request = build(PERMIT), ask("analyst", "chat", model("support"))

    def fails(*_args: object) -> None:
        raise error("local|sam")

    with monkeypatch.context() as broken:
        broken.setattr(engine_module.cedarpy, "is_authorized", fails)
        decision = engine.decide(request, epoch=0)
    assert (decision.allowed, decision.errors) == (False, (f"engine: {error.__name__}",))
    assert engine.decide(request, epoch=0).allowed


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"decision": "NoDecision", "diagnostics": {}},
        {"decision": "Allow", "diagnostics": {}},
        {"decision": "Allow", "diagnostics": {"reason": []}},
        {"decision": "Allow", "diagnostics": {"reason": ["stranger"]}},
        {"decision": "Allow", "diagnostics": {"reason": ["shut"]}},
        {"decision": "Allow", "diagnostics": {"reason": ["open", "shut"]}},
        {"decision": "Allow", "diagnostics": {"reason": ["open"], "errors": ["x"]}},
        {"decision": "allow", "diagnostics": {"reason": ["open"]}},
        {"decision": "Deny", "diagnostics": {"reason": ["open"]}},
    ],
    ids=repr,
)
def test_an_engine_that_lies_denies(build, ask, model, monkeypatch, answer) -> None:
    engine = build(PERMIT, '@id("shut") forbid (principal, action, resource) when { context.risk > 50 };')
    monkeypatch.setattr(engine_module.cedarpy, "is_authorized", lambda *_: cedarpy.AuthzResult(answer))
    assert not engine.decide(ask("analyst", "chat", model("support")), epoch=0).allowed


def test_unknown_roles_are_dropped_and_known_ones_are_those_that_policies_name(
    build, ask, person, model
) -> None:
    permit = '@id("a") permit (principal in Sallyport::Role::"a", action, resource);'
    forbid = (
        '@id("b") forbid (principal, action, resource) when { principal in [Sallyport::Role::"b", '
        'Sallyport::Role::"c"] };'
    )
    engine = build(permit, forbid)
    assert engine.roles == {"a", "b", "c"}
    assert engine.decide(ask(person("a", "zz"), "chat", model("support")), epoch=0).allowed
    for role in ("b", "c"):
        assert engine.decide(ask(person("a", role), "chat", model("support")), epoch=0).policies == ("b",)


def test_a_role_that_no_policy_names_never_reaches_cedar(build, ask, person) -> None:
    facts = evaluated(ask(person("a", "zz"), "read_log"))
    assert request_entities(facts, {"a", "b"})[0]["parents"] == [{"type": "Sallyport::Role", "id": "a"}]


READS = {
    "context.mfa": {"principal": {"mfa": False}},
    "context.mfa_age <= 10": {"now": NOW + 3600},
    'context.kind == "person"': {"principal": {"kind": "workload"}},
    'context.amr.contains("otp")': {"principal": {"amr": ("pwd",)}},
    'context.acr == ""': {"principal": {"acr": "x"}},
    "context.device.known": {"device": Device()},
    "context.device.attested": {"device": Device(id="d", compliant=True, posture_age=30)},
    "context.device.compliant": {"device": Device(id="d", attested=True, posture_age=30)},
    "context.device.posture_age == 1": {"device": Device(id="d", attested=True, compliant=True)},
    'context.tls.version == "TLSv1.3"': {"tls": TlsFacts()},
    'context.tls.cipher != ""': {"tls": TlsFacts(version="TLSv1.3")},
    'context.tls.group == "X25519MLKEM768"': {"tls": TlsFacts(group="x25519")},
    'context.surface == "chat"': {"surface": "models"},
    "!context.stream": {"stream": True},
    "context.risk == 0": {"risk": 1},
    'context.tool.name == "mail"': {"tool": Tool(name="pay", arguments="", declared=True)},
    "context.tool.declared": {"tool": Tool(name="mail", arguments="", declared=False)},
    "!context.tool.tainted": {"tainted": True},
    'context.purpose == ""': {"purpose": "x"},
    "!context.self": {"self_owned": True},
    "!principal.suspended": {"principal": {"suspended": True}},
    "!principal.bound": {"principal": {"binding": "jkt"}},
    'principal.issuer == "local"': {"principal": {"issuer": "https://idp"}},
    'principal.id == "local|sam"': {"principal": {"id": "local|kim"}},
    'principal in Sallyport::Role::"a"': {"principal": {"roles": ("b",)}},
    "principal is Sallyport::User": {"principal": {"kind": "workload"}},
    'resource == Sallyport::Tool::"mail"': {"tool": Tool(name="pay", arguments="", declared=True)},
    'resource in Sallyport::Segment::"support"': {"segment": "tuning"},
    'resource in Sallyport::Environment::"prod"': {"segment": "tuning"},
    'resource in Sallyport::Model::"support-model"': {"segment": "analysis"},
}


@pytest.mark.parametrize("condition", READS)
def test_a_policy_reads_each_attribute(build, ask, person, model, condition) -> None:
    """The condition holds for the one request, and not for the other, which differs in that attribute alone."""
    text = '@id("p") permit (principal, action == Sallyport::Action::"use_tool", resource) when { %s };'
    engine, change = build(text % condition), dict(READS[condition])
    facts = {
        "tool": Tool(name="mail", arguments="", declared=True),
        "device": Device(id="d", attested=True, compliant=True, posture_age=30),
    }
    assert engine.decide(ask(person("a"), "use_tool", model("support"), **facts), epoch=0).allowed
    who, segment = person("a", **change.pop("principal", {})), change.pop("segment", "support")
    other = engine.decide(ask(who, "use_tool", model(segment), **(facts | change)), epoch=0)
    assert (other.allowed, other.errors) == (False, ())


def test_the_version_is_of_schema_and_policies(build) -> None:
    texts = [t.text for t in default_texts()]
    version = build(*texts).version
    assert version == build(*texts).version
    assert len(bytes.fromhex(version)) == 32
    assert build(*texts, '@id("x") forbid (principal, action, resource);').version != version
    assert build(*texts, schema=SCHEMA + "\n").version != version


def test_models_must_live_in_the_environment_of_their_segment(models, segments) -> None:
    with pytest.raises(SettingsError, match=r"models\[0\].segment"):
        PolicyEngine([], models=models, segments={**segments, "support": "dev"})
    with pytest.raises(SettingsError, match="define the segment"):
        PolicyEngine([], models=models, segments={})
