"""Just-in-time grants as values, and what state they are in at a moment. Pure: `now` comes in as seconds.

A grant is asked for, approved by others, runs from the approval (or from a later start), and ends by itself. Nothing has
to be written for it to end: its state follows from its times.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct

Kind = Literal["role", "model"]
State = Literal["pending", "unanswered", "scheduled", "live", "expired", "denied", "dropped", "revoked"]
OPEN: frozenset[State] = frozenset({"pending", "scheduled", "live"})
REVIEWERS = 2  # of each broken glass


class Requestable(Struct, frozen=True, kw_only=True):
    """What may be asked for, by whom, for how long, and who must agree. Times in seconds; 0: not at all."""

    kind: Kind
    name: str
    eligible: frozenset[str]  # roles, one of which the asker holds by themself
    approvers: Mapping[str, int]  # role -> how many of its holders must agree; all of these together
    most_seconds: int = 28_800
    extend_seconds: int = 0  # one extension by at most this
    emergency_seconds: int = 0  # by breaking the glass
    needs_ticket: bool = False


class Assent(Struct, frozen=True):
    """Somebody agreed. `roles`: the approvers' groups that they were in by themself, at that moment."""

    by: str
    roles: tuple[str, ...]
    at: int


class Review(Struct, frozen=True):
    """What somebody said of a broken glass afterwards."""

    by: str
    justified: bool
    at: int


class Grant(Struct, frozen=True, kw_only=True):
    """A request and what became of it. `since` and `until` are 0 as long as it is not approved."""

    id: str
    who: str
    kind: Kind
    name: str
    seconds: int
    asked: int
    answer_by: int
    reason: str
    ticket: str = ""
    start: int = 0  # not before; 0: from the approval
    assents: tuple[Assent, ...] = ()
    since: int = 0
    until: int = 0
    more: int = 0  # seconds of an extension that waits for its approval
    more_by: int = 0
    more_assents: tuple[Assent, ...] = ()
    extended: bool = False
    ended: int = 0
    ending: Literal["", "denied", "dropped", "revoked"] = ""
    emergency: bool = False
    reviews: tuple[Review, ...] = ()


def state(grant: Grant, now: int) -> State:
    """What the grant is at this moment."""
    if grant.ending:
        return grant.ending
    if not grant.since:
        return "pending" if now < grant.answer_by else "unanswered"
    if now < grant.since:
        return "scheduled"
    return "live" if now < grant.until else "expired"


def extension_open(grant: Grant, now: int) -> bool:
    """Whether an extension waits for approval."""
    return bool(grant.more) and now < grant.more_by and state(grant, now) == "live"


def satisfied(approvers: Mapping[str, int], assents: Iterable[Assent]) -> bool:
    """Whether N of group A *and* M of group B agreed, each person counted once and for one group only.

    A matching of people to needed places: who is in both groups fills the place that nobody else can.
    """
    places = [role for role, count in sorted(approvers.items()) for _ in range(count)]
    people = list({assent.by: assent for assent in assents}.values())
    filled: dict[int, int] = {}  # person -> place

    def fill(place: int, tried: set[int]) -> bool:
        for person, assent in enumerate(people):
            if places[place] not in assent.roles or person in tried:
                continue
            tried.add(person)
            if person not in filled or fill(filled[person], tried):
                filled[person] = place
                return True
        return False

    return bool(places) and all(fill(place, set()) for place in range(len(places)))
