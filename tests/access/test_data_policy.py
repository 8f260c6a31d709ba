"""Who may see which class of data, and which tool may have it: the default policy, and policies of one's own."""

from __future__ import annotations

from itertools import product

import pytest

from sallyport.access.data_classes import FAMILIES, OTHER, family_of
from sallyport.access.engine import PolicyEngine
from sallyport.access.policy_files import PolicyText
from sallyport.access.request import AccessRequest
from sallyport.access.room import AccessRoom
from sallyport.inspection.detector import IDENTIFIERS, NAMES, SECRETS
from sallyport.model import Datum, TlsFacts, Tool

CLASSES = ("card", "email", "person", "secret", "project_name")
ORIGINS = ("caller", "context", "model")
MAIL = Tool(name="mail", arguments="", declared=True)


def test_every_class_has_a_family() -> None:
    assert {*IDENTIFIERS, *NAMES, *SECRETS} == {name for names in FAMILIES.values() for name in names}
    assert family_of("project_name") == family_of("theirs.word") == OTHER


@pytest.mark.parametrize("role", ["support-agent", "janitor", "data-viewer"])
def test_who_sees_what_by_default(room, ask, model, role) -> None:
    for kind, origin in product(CLASSES, ORIGINS):
        asked = ask(role, "see", model("support"), data=Datum(kind=kind, origin=origin))
        shown = role == "data-viewer" and kind != "secret"
        assert room.authorise(asked).allowed is (shown if origin == "model" else True)
    secret = ask(role, "see", model("support"), data=Datum(kind="secret", origin="model"))
    assert room.authorise(secret).policies == ("guard-secret-data",)


@pytest.mark.parametrize("role", ["support-agent", "janitor", "data-viewer"])
def test_what_a_tool_gets_by_default(room, ask, model, role) -> None:
    for kind, origin in product(CLASSES, ORIGINS):
        asked = ask(role, "pass_to_tool", model("support"), tool=MAIL, data=Datum(kind=kind, origin=origin))
        assert room.authorise(asked).allowed is (origin == "caller")


def test_the_guards_hold_for_data_too(room, ask, person, model) -> None:
    data = Datum(kind="email", origin="caller")
    for action in ("see", "pass_to_tool"):
        for who in (person("analyst", mfa=False), person("analyst", suspended=True)):
            assert not room.authorise(ask(who, action, model("support"), data=data, tool=MAIL)).allowed
        old = ask("analyst", action, model("support"), data=data, tool=MAIL, tls=TlsFacts(version="TLSv1.2"))
        assert room.authorise(old).policies == ("guard-prod-tls",)
        nothing = room.authorise(ask("analyst", action, model("support"), tool=MAIL))
        assert not nothing.allowed
        assert nothing.errors, "without a class there is no question"


POLICIES = """
@id("see") permit (principal, action == Sallyport::Action::"see", resource);
@id("cards") forbid (principal, action, resource in Sallyport::DataFamily::"financial")
when { context.surface != "chat" };
@id("mail") permit (principal in Sallyport::Role::"r", action == Sallyport::Action::"pass_to_tool",
  resource == Sallyport::DataClass::"email") when { context.tool.name == "mail" && context.data.origin != "model" };
@id("tuning") permit (principal, action == Sallyport::Action::"pass_to_tool", resource in Sallyport::Segment::"tuning");
"""


@pytest.mark.parametrize("above", [0, 50], ids=["sliced", "whole"])
def test_policies_speak_of_class_family_segment_sink_origin_and_role(models, person, model, above) -> None:
    engine = PolicyEngine(
        [PolicyText("f", POLICIES)],
        models=models,
        segments={"support": "prod", "analysis": "prod", "tuning": "dev"},
        slice_above=above,
    )

    def may(action, kind, origin="context", tool=None, role="r", segment="support", surface="chat"):
        request = AccessRequest(
            principal=person(role),
            action=action,
            model=model(segment),
            tool=tool,
            data=Datum(kind=kind, origin=origin),
            surface=surface,
        )
        return engine.decide(request, epoch=0).allowed

    assert may("see", "card")
    assert not may("see", "card", surface="messages")
    assert may("see", "email", surface="messages")
    assert may("pass_to_tool", "email", tool=MAIL)
    assert not may("pass_to_tool", "email", tool=MAIL, origin="model")
    assert not may("pass_to_tool", "email", tool=MAIL, role="s")
    assert not may("pass_to_tool", "phone", tool=MAIL)
    assert not may("pass_to_tool", "email", tool=Tool(name="post", arguments="", declared=True))
    assert may("pass_to_tool", "phone", segment="tuning")


def test_a_class_or_family_with_a_typing_error_is_named(tmp_path, models) -> None:
    (tmp_path / "own.cedar").write_text(
        '@id("a") forbid (principal, action, resource == Sallyport::DataClass::"crad");\n'
        '@id("b") forbid (principal, action, resource in Sallyport::DataFamily::"finance");\n'
        '@id("c") forbid (principal, action, resource == Sallyport::DataClass::"project_name");\n'
    )
    room = AccessRoom.build(tmp_path, models, {"support": "prod", "analysis": "prod", "tuning": "dev"})
    names = room.unknown_names({"card", "project_name"})
    assert [name.split(":", 1)[1] for name in names] == [
        '1: @id("a") names DataClass "crad", which is no finding type',
        '2: @id("b") names DataFamily "finance", which is no family of data',
    ]
