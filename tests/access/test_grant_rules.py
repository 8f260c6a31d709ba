"""Who may do what with a grant: tables of the rules, and the matching of approvals."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sallyport.access.elevation import elevated, own, own_roles
from sallyport.access.grant_rules import (
    Terms,
    Wanted,
    approve,
    break_glass,
    deny,
    drop,
    extend,
    request,
    review,
)
from sallyport.access.grants import Assent, Grant, Requestable, satisfied, state
from sallyport.errors import Refusal
from sallyport.model import Granted, Principal

NOW, HOUR = 1_800_000_000, 3600
TERMS = Terms()
RULE = Requestable(
    kind="role",
    name="analyst",
    eligible=frozenset({"support-agent"}),
    approvers={"lead": 1},
    most_seconds=2 * HOUR,
    extend_seconds=HOUR,
    emergency_seconds=900,
)
RULES = {("role", "analyst"): RULE}
WANTED = Wanted(seconds=HOUR, reason="figures")


def who(name, *roles, age=60, **more):
    return Principal(
        id=f"local|{name}",
        roles=tuple(sorted(roles)),
        **{"mfa": True, "auth_time": NOW - age} | more,
    )


SAM, LEAD = who("sam", "support-agent"), who("lea", "lead")


def asked(rule=RULE, wanted=WANTED, by=SAM):
    return request(rule, by, wanted, grant_id="g-1", now=NOW, terms=TERMS)


def approved(rule=RULE, wanted=WANTED, at=NOW):
    return approve(asked(rule, wanted), rule, LEAD, now=at, terms=TERMS)


def code(result):
    return result.code if isinstance(result, Refusal) else "ok"


@pytest.mark.parametrize(
    ("rule", "by", "wanted", "expected"),
    [
        (RULE, SAM, WANTED, "ok"),
        (None, SAM, WANTED, "grant_not_requestable"),
        (RULE, LEAD, WANTED, "grant_not_requestable"),
        (RULE, SAM, replace(WANTED, seconds=2 * HOUR + 1), "field_invalid"),
        (RULE, SAM, replace(WANTED, seconds=59), "field_invalid"),
        (RULE, SAM, replace(WANTED, seconds=-HOUR), "field_invalid"),
        (RULE, SAM, replace(WANTED, reason=" . "), "field_invalid"),
        (RULE, SAM, replace(WANTED, reason="a" * 1001), "field_invalid"),
        (RULE, SAM, replace(WANTED, start=NOW - 1), "field_invalid"),
        (RULE, SAM, replace(WANTED, start=NOW + 31 * 86_400), "field_invalid"),
        (RULE, SAM, replace(WANTED, ticket="a\nb"), "field_invalid"),
        (replace(RULE, needs_ticket=True), SAM, WANTED, "field_invalid"),
        (replace(RULE, needs_ticket=True), SAM, replace(WANTED, ticket="T-1"), "ok"),
    ],
)
def test_a_request(rule, by, wanted, expected):
    assert code(asked(rule, wanted, by)) == expected


def test_a_granted_role_makes_nobody_eligible():
    lent = Granted(id="g-0", kind="role", name="support-agent", until=NOW + 9)
    assert code(asked(by=who("eve", "support-agent", granted=(lent,)))) == "grant_not_requestable"


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        (LEAD, "ok"),
        (SAM, "approval_refused"),
        (who("sam", "support-agent", "lead"), "approval_refused"),
        (who("dan", "support-agent"), "grant_unknown"),
        (who("bot", "lead", kind="workload"), "grant_unknown"),
        (who("lea", "lead", age=901), "step_up_required"),
        (who("lea", "lead", auth_time=0), "step_up_required"),
        (who("lea", "lead", auth_time=NOW + 3600), "step_up_required"),
        (who("lea", "lead", mfa=False), "step_up_required"),
        (
            who("lea", "lead", granted=(Granted(id="g", kind="role", name="lead", until=NOW + 9),)),
            "grant_unknown",
        ),
    ],
)
def test_an_approval(by, expected):
    assert code(approve(asked(), RULE, by, now=NOW, terms=TERMS)) == expected


def test_the_clock_runs_from_the_approval_or_from_a_later_start():
    late = approved(at=NOW + 500)
    assert (late.since, late.until) == (NOW + 500, NOW + 500 + HOUR)
    planned = approved(wanted=replace(WANTED, start=NOW + 7200), at=NOW + 500)
    assert (planned.since, planned.until) == (NOW + 7200, NOW + 7200 + HOUR)
    moments = {
        NOW + 501: "scheduled",
        NOW + 7200: "live",
        NOW + 7200 + HOUR - 1: "live",
        NOW + 7200 + HOUR: "expired",
    }
    assert {moment: state(planned, moment) for moment in moments} == moments


def test_a_request_that_nobody_answers_is_over():
    over = NOW + TERMS.answer_seconds
    assert (state(asked(), over - 1), state(asked(), over)) == ("pending", "unanswered")
    late = who("lea", "lead", auth_time=over)
    assert code(approve(asked(), RULE, late, now=over, terms=TERMS)) == "grant_over"


def test_nobody_counts_twice():
    rule = replace(RULE, approvers={"lead": 2})
    once = approve(asked(rule), rule, LEAD, now=NOW, terms=TERMS)
    assert once.since == 0
    assert code(approve(once, rule, LEAD, now=NOW, terms=TERMS)) == "approval_refused"
    assert approve(once, rule, who("max", "lead"), now=NOW, terms=TERMS).since == NOW


def test_the_end_comes_from_who_holds_it_or_who_may_approve():
    live = approved()
    assert state(deny(asked(), RULE, LEAD, now=NOW), NOW) == "denied"
    assert state(deny(live, RULE, who("lea", "lead", age=9999), now=NOW), NOW) == "revoked"
    assert code(deny(live, RULE, SAM, now=NOW)) == "approval_refused"
    assert code(deny(live, RULE, who("dan", "support-agent"), now=NOW)) == "grant_unknown"
    assert state(drop(live, SAM, now=NOW), NOW) == "dropped"
    assert code(drop(live, LEAD, now=NOW)) == "grant_unknown"
    for ended in (drop(live, SAM, now=NOW), deny(live, RULE, LEAD, now=NOW)):
        assert code(drop(ended, SAM, now=NOW)) == code(deny(ended, RULE, LEAD, now=NOW)) == "grant_over"
        assert code(approve(ended, RULE, LEAD, now=NOW, terms=TERMS)) == "grant_over"


def test_one_extension_with_the_same_approvals():
    live, more = approved(), replace(WANTED, seconds=600)
    wants = extend(live, RULE, SAM, more, now=NOW, terms=TERMS)
    assert wants.until == live.until
    assert code(extend(wants, RULE, SAM, more, now=NOW, terms=TERMS)) == "grant_exists"
    assert code(approve(wants, RULE, SAM, now=NOW, terms=TERMS)) == "approval_refused"
    longer = approve(wants, RULE, LEAD, now=NOW, terms=TERMS)
    assert longer.until == live.until + 600
    assert code(extend(longer, RULE, SAM, more, now=NOW, terms=TERMS)) == "grant_not_requestable"
    assert code(extend(live, RULE, LEAD, more, now=NOW, terms=TERMS)) == "grant_unknown"
    assert (
        code(extend(live, RULE, SAM, replace(more, seconds=HOUR + 1), now=NOW, terms=TERMS))
        == "field_invalid"
    )
    assert code(extend(live, RULE, SAM, more, now=live.until, terms=TERMS)) == "grant_over"
    assert (
        code(approve(wants, RULE, who("lea", "lead", auth_time=live.until), now=live.until, terms=TERMS))
        == "grant_over"
    )
    assert (
        code(extend(live, replace(RULE, extend_seconds=0), SAM, more, now=NOW, terms=TERMS))
        == "grant_not_requestable"
    )


def test_a_broken_glass_is_short_and_reviewed_by_two_others():
    short = replace(WANTED, seconds=600)
    broken = break_glass(RULE, SAM, short, grant_id="g", now=NOW, terms=TERMS)
    assert (state(broken, NOW), broken.emergency, broken.until) == ("live", True, NOW + 600)
    old = who("sam", "support-agent", age=901)
    assert code(break_glass(RULE, old, short, grant_id="g", now=NOW, terms=TERMS)) == "step_up_required"
    assert code(break_glass(RULE, SAM, WANTED, grant_id="g", now=NOW, terms=TERMS)) == "field_invalid"
    never = replace(RULE, emergency_seconds=0)
    assert code(break_glass(never, SAM, short, grant_id="g", now=NOW, terms=TERMS)) == "grant_not_requestable"
    assert code(extend(broken, RULE, SAM, short, now=NOW, terms=TERMS)) == "grant_not_requestable"
    said = {"justified": True, "now": NOW, "terms": TERMS}
    assert code(review(broken, RULE, SAM, **said)) == "approval_refused"
    assert code(review(approved(), RULE, LEAD, **said)) == "grant_over"
    once = review(broken, RULE, LEAD, **said)
    assert code(review(once, RULE, LEAD, **said)) == "approval_refused"
    twice = review(once, RULE, who("max", "lead"), **said)
    assert len(twice.reviews) == 2
    assert code(review(twice, RULE, who("kim", "lead"), **said)) == "grant_over"


ROLES = ("a", "b", "c")


@given(
    st.dictionaries(st.sampled_from(ROLES), st.integers(1, 2), min_size=1),
    st.lists(st.sets(st.sampled_from(ROLES)), max_size=5),
)
def test_approvals_count_as_every_way_of_placing_people_says(approvers, groups):
    assents = [Assent(f"p{i}", tuple(sorted(roles)), NOW) for i, roles in enumerate(groups)]
    places = [role for role, count in approvers.items() for _ in range(count)]
    possible = any(
        all(place in groups[person] for place, person in zip(places, order, strict=True))
        for order in itertools.permutations(range(len(groups)), len(places))
    )
    assert satisfied(approvers, assents) == possible
    assert not satisfied(approvers, [replace(assent, by="one") for assent in assents]) or len(places) == 1


def held(**more):
    return Grant(
        id="g-1", who="local|sam", kind="role", name="analyst", seconds=HOUR, asked=NOW, answer_by=NOW,
        reason="r", since=NOW, until=NOW + HOUR, **more,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("grant", "rules", "stopped", "roles", "now", "counts"),
    [
        (held(), RULES, frozenset(), ("support-agent",), NOW, True),
        (held(), RULES, frozenset(), ("support-agent",), NOW + HOUR, False),
        (held(), RULES, frozenset(), ("support-agent",), NOW - 1, False),
        (held(ended=NOW, ending="dropped"), RULES, frozenset(), ("support-agent",), NOW, False),
        (held(), RULES, frozenset({"g-1"}), ("support-agent",), NOW, False),  # locked
        (held(), {}, frozenset(), ("support-agent",), NOW, False),  # no longer offered
        (held(), RULES, frozenset(), ("trainee",), NOW, False),  # no longer eligible
        (held(), RULES, frozenset(), ("analyst", "support-agent"), NOW, False),  # has it anyway
    ],
)
def test_what_counts_now(grant, rules, stopped, roles, now, counts):
    base = who("sam", *roles)
    found, turn = elevated(base, [grant], rules, stopped, now)
    assert bool(found.granted) == counts
    assert own(found) == base
    assert own_roles(found) == base.roles
    assert ("analyst" in found.roles) == (counts or "analyst" in roles)
    if counts:
        assert turn == grant.until
