"""Who may do what with a grant. Pure: a grant and the facts in, the changed grant or a refusal out.

The rules, in the order in which they are asked:
1. What is not in the settings cannot be had; who has none of the eligible roles by themself cannot ask.
2. Nobody approves, denies or reviews what is their own, and nobody counts twice. Only roles of one's own count, never
   granted ones: otherwise two people could lift each other.
3. What gives access needs a fresh second factor of the approver (of the asker, where the glass is broken). What takes it
   away does not.
4. The clock runs from the last needed approval, or from a later start; an extension is asked for once.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from sallyport.access.elevation import own_roles
from sallyport.access.grants import (
    OPEN,
    REVIEWERS,
    Assent,
    Grant,
    Requestable,
    Review,
    extension_open,
    satisfied,
    state,
)
from sallyport.errors import Refusal
from sallyport.model import Principal

LEAST_SECONDS = 60
MOST_AHEAD = 30 * 86_400  # of a start
REASON, TICKET = 1000, 128  # characters


class Terms(Struct, frozen=True, kw_only=True):
    """What holds for all grants. Seconds."""

    answer_seconds: int = 86_400  # a request that nobody answered for so long is over
    mfa_seconds: int = 900  # age of an approver's second factor, at most


class Wanted(Struct, frozen=True, kw_only=True):
    """What somebody asks for. `start`: seconds since the epoch, 0 for now."""

    seconds: int
    reason: str
    ticket: str = ""
    start: int = 0


def request(
    rule: Requestable | None, who: Principal, wanted: Wanted, *, grant_id: str, now: int, terms: Terms
) -> Grant | Refusal:
    """A new request."""
    problem = _may_ask(rule, who)
    if problem is not None or rule is None:
        return problem or _not_requestable()
    problem = _unfit(wanted, rule.most_seconds, now)
    if problem is not None:
        return problem
    if rule.needs_ticket and not wanted.ticket:
        return Refusal(code="field_invalid", param="ticket", message="A ticket is needed for this.")
    return Grant(
        id=grant_id,
        who=who.id,
        kind=rule.kind,
        name=rule.name,
        seconds=wanted.seconds,
        asked=now,
        answer_by=now + terms.answer_seconds,
        reason=wanted.reason,
        ticket=wanted.ticket,
        start=wanted.start,
    )


def break_glass(
    rule: Requestable | None, who: Principal, wanted: Wanted, *, grant_id: str, now: int, terms: Terms
) -> Grant | Refusal:
    """Access at once, without approval; two others review it afterwards."""
    if rule is not None and not rule.emergency_seconds:
        return _not_requestable()
    if not fresh(who, now, terms):
        return Refusal(code="step_up_required")
    most = rule.emergency_seconds if rule is not None else 0
    problem = _may_ask(rule, who) or _unfit(wanted, most, now)
    if problem is not None or rule is None:
        return problem or _not_requestable()
    return Grant(
        id=grant_id,
        who=who.id,
        kind=rule.kind,
        name=rule.name,
        seconds=wanted.seconds,
        asked=now,
        answer_by=now,
        reason=wanted.reason,
        ticket=wanted.ticket,
        since=now,
        until=now + wanted.seconds,
        emergency=True,
    )


def approve(
    grant: Grant, rule: Requestable | None, by: Principal, *, now: int, terms: Terms
) -> Grant | Refusal:
    """One more approval of a request, or of an extension. The last needed one starts the clock."""
    problem = _may_judge(grant, rule, by)
    if problem is not None or rule is None:
        return problem or _not_requestable()
    if not fresh(by, now, terms):
        return Refusal(code="step_up_required")
    assent = Assent(by.id, _groups(rule, by), now)
    if state(grant, now) == "pending":
        assents = (*grant.assents, assent)
        if any(a.by == by.id for a in grant.assents):
            return _twice()
        since = max(now, grant.start) if satisfied(rule.approvers, assents) else 0
        return replace(grant, assents=assents, since=since, until=since + grant.seconds if since else 0)
    if extension_open(grant, now):
        assents = (*grant.more_assents, assent)
        if any(a.by == by.id for a in grant.more_assents):
            return _twice()
        if not satisfied(rule.approvers, assents):
            return replace(grant, more_assents=assents)
        until = grant.until + grant.more
        return replace(grant, more_assents=assents, until=until, more=0, extended=True)
    return Refusal(code="grant_over")


def deny(grant: Grant, rule: Requestable | None, by: Principal, *, now: int) -> Grant | Refusal:
    """The end of a request, or of a grant that runs. One approver is enough."""
    problem = _may_judge(grant, rule, by)
    if problem is not None:
        return problem
    if state(grant, now) not in OPEN:
        return Refusal(code="grant_over")
    return replace(grant, ended=now, ending="revoked" if grant.since else "denied")


def drop(grant: Grant, who: Principal, *, now: int) -> Grant | Refusal:
    """The holder wants it no more."""
    if grant.who != who.id:
        return Refusal(code="grant_unknown")
    if state(grant, now) not in OPEN:
        return Refusal(code="grant_over")
    return replace(grant, ended=now, ending="dropped")


def extend(
    grant: Grant, rule: Requestable | None, who: Principal, wanted: Wanted, *, now: int, terms: Terms
) -> Grant | Refusal:
    """Ask for more time, once, while it runs. It needs the same approvals as the request did."""
    if grant.who != who.id:
        return Refusal(code="grant_unknown")
    if state(grant, now) != "live":
        return Refusal(code="grant_over")
    if rule is None or not rule.extend_seconds or grant.extended or grant.emergency:
        return Refusal(code="grant_not_requestable", message="This grant cannot be extended (any more).")
    problem = _may_ask(rule, who) or _unfit(wanted, rule.extend_seconds, now)
    if problem is not None:
        return problem
    if extension_open(grant, now):
        return Refusal(code="grant_exists")
    return replace(grant, more=wanted.seconds, more_by=now + terms.answer_seconds, more_assents=())


def review(
    grant: Grant, rule: Requestable | None, by: Principal, *, justified: bool, now: int, terms: Terms
) -> Grant | Refusal:
    """What an approver says of a broken glass. It takes two."""
    problem = _may_judge(grant, rule, by)
    if problem is not None:
        return problem
    if not grant.emergency or len(grant.reviews) >= REVIEWERS:
        return Refusal(code="grant_over")
    if not fresh(by, now, terms):
        return Refusal(code="step_up_required")
    if any(r.by == by.id for r in grant.reviews):
        return _twice()
    return replace(grant, reviews=(*grant.reviews, Review(by.id, justified, now)))


def fresh(who: Principal, now: int, terms: Terms) -> bool:
    """Whether the second factor was proven a short while ago. An unknown or future time is not fresh."""
    return who.mfa and 0 < who.auth_time <= now + LEAST_SECONDS and now - who.auth_time <= terms.mfa_seconds


def is_approver(rule: Requestable | None, who: Principal) -> bool:
    """Whether this person's word counts for it."""
    return rule is not None and who.kind == "person" and bool(_groups(rule, who))


def _groups(rule: Requestable, who: Principal) -> tuple[str, ...]:
    return tuple(role for role in own_roles(who) if role in rule.approvers)


def _may_ask(rule: Requestable | None, who: Principal) -> Refusal | None:
    if rule is None or rule.eligible.isdisjoint(own_roles(who)):
        return _not_requestable()
    return None


def _may_judge(grant: Grant, rule: Requestable | None, by: Principal) -> Refusal | None:
    if grant.who == by.id:
        return Refusal(code="approval_refused", message="Nobody decides about their own access.")
    if not is_approver(rule, by):
        # Not even whether it exists.
        return Refusal(code="grant_unknown")
    return None


def _unfit(wanted: Wanted, most: int, now: int) -> Refusal | None:
    if not LEAST_SECONDS <= wanted.seconds <= most:
        minutes = f"{LEAST_SECONDS // 60} to {most // 60} minutes"
        return Refusal(code="field_invalid", param="seconds", message=f"Possible are {minutes}.")
    if not any(c.isalnum() for c in wanted.reason) or len(wanted.reason) > REASON:
        return Refusal(code="field_invalid", param="reason", message=f"Say why, in 1 to {REASON} characters.")
    if len(wanted.ticket) > TICKET or not wanted.ticket.isprintable():
        return Refusal(code="field_invalid", param="ticket")
    if wanted.start and not now <= wanted.start <= now + MOST_AHEAD:
        return Refusal(code="field_invalid", param="start", message="The start must be in the next 30 days.")
    return None


def _not_requestable() -> Refusal:
    return Refusal(code="grant_not_requestable")


def _twice() -> Refusal:
    return Refusal(code="approval_refused", message="Nobody counts twice.")
