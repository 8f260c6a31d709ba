"""The default policy, as a table of who may do what, and by brute force over every combination."""

from __future__ import annotations

import itertools

import pytest

from sallyport.access.request import ACTIONS
from sallyport.model import Device, TlsFacts, Tool

ROLES = ("support-agent", "analyst", "data-scientist", "security-admin", "janitor")
SEGMENTS = ("support", "analysis", "tuning")
CHAT = {
    "support-agent": {"support"},
    "analyst": {"support", "analysis"},
    "data-scientist": {"support", "analysis", "tuning"},
    "security-admin": set(),
    "janitor": set(),
}
TOOL = Tool(name="lookup", arguments="{}", declared=True)
ADMIN = {"read_log", "read_content", "export_log", "manage_people", "explain", "calibrate", "mark_finding"}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("segment", SEGMENTS)
def test_models_by_role(room, ask, model, role, segment) -> None:
    def may(action, **changes):
        return room.authorise(ask(role, action, model(segment), **changes)).allowed

    assert may("chat") is (segment in CHAT[role])
    assert may("list_model") is (segment in CHAT[role])
    assert may("use_tool", tool=TOOL) is (segment in CHAT[role])
    assert may("embed") is (role == "data-scientist")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("action", sorted(ADMIN))
def test_administration_by_role(room, ask, role, action) -> None:
    assert room.authorise(ask(role, action, purpose="incident 7")).allowed is (role == "security-admin")


@pytest.mark.parametrize("role", [*ROLES, ""])
def test_everyone_reads_and_explains_what_is_their_own(room, ask, role) -> None:
    for action in ("read_content", "explain"):
        assert room.authorise(ask(role, action, self_owned=True)).allowed
    for action in ("read_log", "export_log", "manage_people"):
        assert room.authorise(ask(role, action, self_owned=True)).allowed is (role == "security-admin")


def test_nobody_judges_a_call_of_their_own(room, ask) -> None:
    assert room.authorise(ask("security-admin", "mark_finding")).allowed
    assert room.authorise(ask("security-admin", "mark_finding", self_owned=True)).policies == (
        "guard-own-mark",
    )


def test_a_calibration_needs_a_purpose(room, ask) -> None:
    for own in (False, True):
        asked = ask("security-admin", "calibrate", self_owned=own)
        assert room.authorise(asked).policies == ("guard-purpose-calibration",)


def test_content_of_others_needs_a_purpose(room, ask) -> None:
    for action in ("read_content", "export_log"):
        decision = room.authorise(ask("security-admin", action))
        assert not decision.allowed
        assert decision.policies == ("guard-purpose",)
    assert room.authorise(ask("security-admin", "read_content", self_owned=True)).allowed


@pytest.mark.parametrize(
    ("version", "allowed"), [("TLSv1.3", True), ("", True), ("TLSv1.2", False), ("tlsv1.3", False)]
)
def test_prod_needs_tls_13_where_the_edge_saw_the_connection(room, ask, model, version, allowed) -> None:
    request = ask("data-scientist", "chat", model("support"), tls=TlsFacts(version=version))
    assert room.authorise(request).allowed is allowed
    elsewhere = ask("data-scientist", "chat", model("tuning"), tls=TlsFacts(version=version))
    assert room.authorise(elsewhere).allowed


def test_an_undeclared_tool_is_refused(room, ask, model) -> None:
    stray = Tool(name="lookup", arguments="{}", declared=False)
    decision = room.authorise(ask("analyst", "use_tool", model("support"), tool=stray))
    assert decision.policies == ("guard-undeclared-tool",)
    assert not decision.allowed
    assert not room.authorise(ask("analyst", "use_tool", None, tool=TOOL)).allowed


def test_a_tool_of_prod_is_bound_by_the_rules_of_prod(room, ask, model) -> None:
    request = ask("analyst", "use_tool", model("support"), tool=TOOL, tls=TlsFacts(version="TLSv1.2"))
    assert room.authorise(request).policies == ("guard-prod-tls",)


def test_a_workload_proves_no_second_factor(room, ask, person, model) -> None:
    robot = person("analyst", kind="workload", mfa=False)
    assert room.authorise(ask(robot, "chat", model("support"))).allowed
    for action in ADMIN:
        asked = ask(person("security-admin", kind="workload", mfa=False), action, purpose="incident 7")
        assert room.authorise(asked).allowed is (action in {"read_log", "export_log"})
    suspended = person("analyst", kind="workload", suspended=True)
    assert room.authorise(ask(suspended, "chat", model("support"))).policies == ("guard-suspended",)


def every_situation():
    """Every combination of everything else that a request may say."""
    devices = (Device(), Device(id="d"), Device(id="d", attested=True, compliant=True, posture_age=5))
    tls = (TlsFacts(), TlsFacts(version="TLSv1.2"), TlsFacts(version="TLSv1.3"))
    tools = (None, TOOL, Tool(name="lookup", arguments="{}", declared=False))
    flags = list(itertools.product((False, True), repeat=2))
    return list(itertools.product(devices, tls, tools, ("", "incident 7"), flags))


@pytest.mark.parametrize("step", [25, pytest.param(5, marks=pytest.mark.slow)])
@pytest.mark.parametrize("change", [{"mfa": False}, {"suspended": True}], ids=["no-mfa", "suspended"])
def test_no_combination_reaches_anything(room, ask, person, models, change, step) -> None:
    """A person without a second factor, or suspended, may do nothing, whatever else holds."""
    subsets = [c for n in range(len(ROLES) + 1) for c in itertools.combinations(ROLES, n)]
    situations = every_situation()
    for index, (roles, action, resource) in enumerate(itertools.product(subsets, ACTIONS, (*models, None))):
        who = person(*roles, amr=("hwk", "otp"), acr="phr", **change)
        # no step has a factor in common with 36, so every action and model meets every situation
        for device, tls, tool, purpose, (own, tainted) in situations[index % step :: step]:
            request = ask(
                who, action, resource, device=device, tls=tls, tool=tool, purpose=purpose,
                self_owned=own, tainted=tainted,
            )  # fmt: skip
            assert not room.authorise(request).allowed, request


def test_a_role_never_lifts_a_forbid(room, ask, person, model) -> None:
    for roles in itertools.chain.from_iterable(itertools.combinations(ROLES, n) for n in range(6)):
        request = ask(person(*roles, mfa=False), "chat", model("support"))
        assert room.authorise(request).policies == ("guard-mfa",)


def test_a_situation_holds_what_the_policies_read(room, ask, model) -> None:
    """The premise of the brute force: with a second factor, some of those combinations do reach a model."""
    allowed = [
        room.authorise(
            ask("analyst", "chat", model("support"), device=d, tls=t, tool=tool, purpose=p)
        ).allowed
        for d, t, tool, p, _ in every_situation()
    ]
    assert 0 < sum(allowed) < len(allowed)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("kind", ["image", "audio", "file", "stored"])
def test_nobody_sends_what_nobody_can_look_into(room, ask, model, role, kind) -> None:
    for segment in SEGMENTS:
        assert not room.authorise(ask(role, "send_uninspected", model(segment), uninspected=kind)).allowed
