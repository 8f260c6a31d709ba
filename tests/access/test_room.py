"""What a denied caller is told, what a caller sees, and what an explanation holds."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from sallyport.access import engine as engine_module
from sallyport.access.budgets import BudgetLimit
from sallyport.access.grants import Requestable
from sallyport.access.ledger import BudgetLedger
from sallyport.access.room import AccessRoom
from sallyport.errors import SettingsError
from sallyport.model import TlsFacts, Tool


@pytest.mark.parametrize(
    ("roles", "action", "segment", "policy", "role"),
    [
        (("support-agent",), "chat", "analysis", "default-deny", "analyst"),
        (("support-agent",), "chat", "tuning", "default-deny", "data-scientist"),
        (("analyst",), "embed", "support", "default-deny", "data-scientist"),
        (("security-admin",), "chat", "support", "default-deny", "analyst"),
        ((), "chat", "support", "default-deny", None),  # nobody without a role may ask
        (("analyst",), "read_log", None, "default-deny", None),  # a role that nobody may ask for
        ((), "export_log", None, "guard-purpose", None),
        (("analyst",), "use_tool", "support", "guard-undeclared-tool", None),
    ],
)
def test_a_refusal_names_the_policy_and_the_role_that_helps(
    room, ask, person, model, roles, action, segment, policy, role
) -> None:
    request = ask(person(*roles), action, segment and model(segment))
    refusal = room.refusal(room.authorise(request), request)
    assert (refusal.code, refusal.spec.status, refusal.policy) == ("access_denied", 403, policy)
    command = f"sallyport access request {role} --for 2h" if role else ""
    assert refusal.command == command
    advice = {"guard-purpose": "State a purpose, with --purpose."}
    assert refusal.next_step == (f"Run: {command}" if role else advice.get(policy, "Ask your administrator."))
    if role:
        helped = msgspec.structs.replace(request, principal=person(*roles, role))
        assert room.authorise(helped).allowed, "what is proposed helps"


def test_a_model_is_proposed_where_it_may_be_asked_for_and_no_longer_than_that(room, ask, model) -> None:
    request = ask("trainee", "chat", model("tuning"))
    refusal = room.refusal(room.authorise(request), request)
    assert refusal.command == "sallyport access request tuning-model --for 30m"
    other = ask("trainee", "chat", model("analysis"))
    assert room.refusal(room.authorise(other), other).command == ""


def test_a_role_is_not_proposed_where_a_forbid_stands(room, ask, person, model) -> None:
    request = ask(person(mfa=False), "chat", model("support"))
    refusal = room.refusal(room.authorise(request), request)
    assert (refusal.policy, refusal.command) == ("guard-mfa", "")
    assert refusal.next_step == "Run: sallyport login", "the advice of the policy's author"


def test_a_refusal_shows_no_rule_and_no_person(room, ask, person, model) -> None:
    for request in (
        ask(person("support-agent", id="local|margaret"), "chat", model("tuning")),
        ask(person("analyst", id="local|margaret", suspended=True), "chat", model("support")),
        ask(
            person("analyst", id="local|margaret"), "chat", model("support"), tls=TlsFacts(version="TLSv1.2")
        ),
    ):
        told = str(room.refusal(room.authorise(request), request))
        for secret in ("margaret", "permit", "forbid", "context", "when", ".cedar", "TLSv1.3"):
            assert secret not in told


def test_an_engine_without_an_answer_is_503(room, ask, model, monkeypatch) -> None:
    def fails(*_args: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(engine_module.cedarpy, "is_authorized", fails)
    request = ask("analyst", "chat", model("support"), risk=77)
    refusal = room.refusal(room.authorise(request), request)
    assert (refusal.code, refusal.spec.status) == ("policy_unavailable", 503)


@pytest.mark.parametrize(
    ("role", "seen"),
    [
        ("support-agent", {"support"}),
        ("analyst", {"support", "analysis"}),
        ("data-scientist", {"support", "analysis", "tuning"}),
        ("security-admin", set()),
        ("janitor", set()),
    ],
)
def test_visible_models(room, person, role, seen) -> None:
    assert {m.segment for m in room.visible_models(person(role))} == seen
    assert room.visible_models(person(role, mfa=False)) == ()
    assert room.visible_models(person(role, suspended=True)) == ()


def test_a_model_must_be_listed_and_used_to_be_visible(models, segments, person, tmp_path) -> None:
    embed_only = msgspec.structs.replace(models[0], surfaces=("embeddings",))
    room = AccessRoom.build(None, [embed_only], segments)
    assert room.visible_models(person("analyst")) == ()
    assert room.visible_models(person("data-scientist")) == (embed_only,)
    (tmp_path / "a.cedar").write_text(
        '@id("list") permit (principal, action == Sallyport::Action::"list_model", resource);'
    )
    assert AccessRoom.build(tmp_path, models, segments).visible_models(person("analyst")) == ()
    (tmp_path / "a.cedar").write_text(
        '@id("chat") permit (principal, action == Sallyport::Action::"chat", resource);'
    )
    assert AccessRoom.build(tmp_path, models, segments).visible_models(person("analyst")) == ()


def test_an_explanation_holds_everything_evaluated(room, ask, model) -> None:
    request = ask(
        "analyst", "use_tool", model("support"), tool=Tool(name="mail", arguments="{}", declared=True)
    )
    told = room.explain(request)
    assert told.decision.allowed
    assert [p.id for p in told.policies] == ["analyst-chat-support"]
    note = told.policies[0]
    assert note.file.endswith("20-roles.cedar")
    assert 'Role::"analyst"' in "\n".join(
        Path(note.file).read_text().splitlines()[note.line - 1 : note.line + 3]
    )
    assert note.annotations["says"]
    assert told.request["resource"] == {"type": "Sallyport::Tool", "id": "mail"}
    assert {e["uid"]["type"] for e in told.entities} == {
        f"Sallyport::{kind}" for kind in ("User", "Tool", "Model", "Segment", "Environment")
    }
    assert told.context["tool"] == {"name": "mail", "declared": True, "tainted": False}
    assert told.context["mfa_age"] == 10
    assert told.would_allow == ()
    assert msgspec.json.encode(told), "it can be shown"


def test_an_explanation_of_a_denial_names_the_roles_that_would_allow(room, ask, model) -> None:
    told = room.explain(ask("security-admin", "chat", model("support")))
    assert not told.decision.allowed
    assert told.policies == ()
    assert told.would_allow == ("analyst", "data-scientist", "support-agent")


async def test_an_explanation_shows_the_budget(models, segments, ask, person, model, store, clock) -> None:
    budgets = [BudgetLimit(role="analyst", tokens_per_day=1000, money_per_day=1.0)]
    without = AccessRoom.build(None, models, segments, budgets).explain(
        ask("analyst", "chat", model("support"))
    )
    assert (without.budget.tokens_used, without.budget.tokens_limit) == (0, 1000)

    ledger = BudgetLedger(store, clock, budgets)
    await ledger.start()
    ledger.reserve(person("analyst"), model("support"), input_tokens=100, output_tokens=50, choices=2)
    room = AccessRoom.build(None, models, segments, budgets, ledger=ledger)
    told = room.explain(ask("analyst", "chat", model("support"))).budget
    assert (told.tokens_used, told.tokens_limit, told.money_limit) == (200, 1000, 1.0)
    await ledger.close()


def test_a_folder_replaces_or_extends_the_default(models, segments, ask, model, tmp_path) -> None:
    (tmp_path / "a.cedar").write_text(
        '@id("janitors") permit (principal in Sallyport::Role::"janitor", action, resource);'
    )
    replaced = AccessRoom.build(tmp_path, models, segments)
    extended = AccessRoom.build(tmp_path, models, segments, extend_default=True)
    assert [p.id for p in replaced.policies] == ["janitors"]
    assert replaced.roles == {"janitor"}
    for room, analyst in ((replaced, False), (extended, True)):
        assert room.authorise(ask("janitor", "chat", model("support"))).policies == ("janitors",)
        assert room.authorise(ask("analyst", "chat", model("support"))).allowed is analyst
    assert replaced.version != extended.version


def test_bad_policies_and_budgets_stop_the_start(models, segments, tmp_path) -> None:
    (tmp_path / "a.cedar").write_text("permit (principal, action, resource);")
    with pytest.raises(SettingsError, match=r"a\.cedar:1: the policy has no @id"):
        AccessRoom.build(tmp_path, models, segments)
    with pytest.raises(SettingsError, match="negative"):
        AccessRoom.build(None, models, segments, [BudgetLimit(role="a", tokens_per_day=-1)])
    with pytest.raises(SettingsError, match="already"):
        AccessRoom.build(None, models, segments, [BudgetLimit(role="a")] * 2)


def test_names_that_the_settings_lack_are_found(models, segments, tmp_path) -> None:
    (tmp_path / "a.cedar").write_text(
        """@id("ok") permit (principal, action, resource in Sallyport::Environment::"prod");
        @id("typo") forbid (principal, action, resource)
        when { resource in Sallyport::Environment::"production" || resource in Sallyport::Segment::"suport" };"""
    )
    found = AccessRoom.build(tmp_path, models, segments).unknown_names()
    assert [f.split(": ", 1)[1][:29] for f in found] == [
        '@id("typo") names Environment',
        '@id("typo") names Segment "su',
    ]
    assert found[0].startswith(f"{tmp_path}/a.cedar:2: ")
    few = AccessRoom.build(None, models[:1], segments)
    assert few.unknown_names() == (), "the default policy speaks of more than a company may have"


def test_a_refusal_asks_for_a_bounded_number_of_roles(
    models, segments, ask, model, tmp_path, monkeypatch
) -> None:
    (tmp_path / "a.cedar").write_text(
        "".join(
            f'@id("p{i}") permit (principal in Sallyport::Role::"r{i:03}", action, resource) when {{ context.risk > 90 }};'
            for i in range(60)
        )
    )
    rules = {
        ("role", f"r{i:03}"): Requestable(
            kind="role", name=f"r{i:03}", eligible=frozenset({"r000"}), approvers={"r001": 1}
        )
        for i in range(60)
    }
    room, asked = AccessRoom.build(tmp_path, models, segments, requestable=rules), []
    decide = room._engine.decide
    monkeypatch.setattr(room._engine, "decide", lambda r, *, epoch: asked.append(r) or decide(r, epoch=epoch))
    request = ask("r000", "chat", model("support"))
    refusal = room.refusal(decide(request, epoch=0), request)
    assert refusal.command == ""
    assert len(asked) == 32
