"""What people do about access: ask, agree, refuse, lock. Gathers, lets the rules decide, and acts.

Whether the policies let somebody do such a thing at all is asked before, and every act is in the log before it counts.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from sallyport.access import grant_rules
from sallyport.access.asked import (
    ACTION_OF,
    Approve,
    Asked,
    BreakGlass,
    Deny,
    Drop,
    Extend,
    LiftLock,
    PutLock,
    Request,
    ReviewGlass,
    asked,
)
from sallyport.access.elevation import own_roles
from sallyport.access.grant_book import GrantBook
from sallyport.access.grant_rules import Terms, Wanted, is_approver
from sallyport.access.grants import REVIEWERS, Grant, Requestable, extension_open, state
from sallyport.access.locks import Lock
from sallyport.errors import Refusal
from sallyport.model import Principal


class Noted(Struct, frozen=True, kw_only=True):
    """What the log is told of an act before it counts. `reason` is sealed beside it, never in it."""

    action: str
    id: str
    about: str  # whom it concerns, "" for nobody
    reason: str
    details: dict[str, Any]


Write = Callable[[Noted], Awaitable[None]]


class AccessService:
    """One per worker. `names` says which locks can exist: scope -> names."""

    def __init__(
        self,
        book: GrantBook,
        *,
        terms: Terms,
        random: Callable[[int], bytes],
        names: Mapping[str, Collection[str]],
    ) -> None:
        self._book, self._terms, self._random, self._names = book, terms, random, names

    read = staticmethod(asked)

    @staticmethod
    def action_of(ask: Asked) -> str:
        """The action that policies decide on."""
        return ACTION_OF[type(ask)]

    def listing(self, who: Principal, *, locks: bool) -> dict[str, Any]:
        """What the caller can ask for, has, and may decide about; the locks for those who manage them."""
        now, rules = self._book.now(), self._book.rules
        seen = [g for g in self._book.all if g.who == who.id or is_approver(rules.get((g.kind, g.name)), who)]
        mine = [r for r in rules.values() if not r.eligible.isdisjoint(own_roles(who))]
        return {
            "grants": [shown(g, now) for g in sorted(seen, key=lambda g: (g.asked, g.id))],
            "requestable": [_offered(rule) for rule in mine],
            "locks": [asdict(lock) for lock in self._book.locks] if locks else [],
        }

    async def act(self, ask: Asked, who: Principal, write: Write) -> dict[str, Any] | Refusal:
        """Do it. The answer is the grant or the lock as it is then."""
        if isinstance(ask, PutLock):
            return await self._lock(ask, who, write)
        if isinstance(ask, LiftLock):
            return await self._unlock(ask, who, write)
        if isinstance(ask, Request | BreakGlass):
            return await self._request(ask, who, write)
        return await self._change(ask, who, write)

    async def _request(
        self, ask: Request | BreakGlass, who: Principal, write: Write
    ) -> dict[str, Any] | Refusal:
        rule = self._rule(ask.kind, ask.name)
        start = ask.start if isinstance(ask, Request) else 0
        wanted = Wanted(
            seconds=ask.seconds, reason=ask.reason.strip(), ticket=ask.ticket.strip(), start=start
        )
        make = grant_rules.request if isinstance(ask, Request) else grant_rules.break_glass
        made = make(rule, who, wanted, grant_id=self._id("g"), now=self._book.now(), terms=self._terms)
        if isinstance(made, Refusal):
            return made
        told = dict(rule.approvers) if rule is not None else {}
        refused = await self._book.add(made, self._noting(ask, write, wanted.reason, approvers=told))
        return refused or shown(made, self._book.now())

    async def _change(
        self, ask: Approve | Deny | Drop | Extend | ReviewGlass, who: Principal, write: Write
    ) -> dict[str, Any] | Refusal:
        reason = getattr(ask, "reason", "").strip()
        more = {"justified": ask.justified} if isinstance(ask, ReviewGlass) else {}
        note = self._noting(ask, write, reason, **more)
        changed = await self._book.change(ask.id, lambda grant: self._judged(ask, grant, who), note)
        return changed if isinstance(changed, Refusal) else shown(changed, self._book.now())

    def _judged(
        self, ask: Approve | Deny | Drop | Extend | ReviewGlass, grant: Grant, who: Principal
    ) -> Grant | Refusal:
        now, terms = self._book.now(), self._terms
        rule = self._book.rules.get((grant.kind, grant.name))
        match ask:
            case Approve():
                return grant_rules.approve(grant, rule, who, now=now, terms=terms)
            case Deny():
                return grant_rules.deny(grant, rule, who, now=now)
            case Drop():
                return grant_rules.drop(grant, who, now=now)
            case Extend():
                wanted = Wanted(seconds=ask.seconds, reason=ask.reason.strip())
                return grant_rules.extend(grant, rule, who, wanted, now=now, terms=terms)
            case ReviewGlass():
                return grant_rules.review(grant, rule, who, justified=ask.justified, now=now, terms=terms)

    async def _lock(self, ask: PutLock, who: Principal, write: Write) -> dict[str, Any] | Refusal:
        known = self._names.get(ask.scope)
        if ask.scope == "grant":
            known = {grant.id for grant in self._book.all}
        if (known is not None and ask.name not in known) or (ask.scope == "user" and not ask.name):
            return Refusal(code="grant_unknown", message=f"There is no such {ask.scope} to be locked.")
        if ask.scope == "user" and ask.name == who.id:
            return Refusal(code="approval_refused", message="Nobody locks themself out.")
        now = self._book.now()
        until = now + ask.seconds if ask.seconds else 0
        lock = Lock(
            id=self._id("l"),
            scope=ask.scope,
            name=ask.name,
            reason=ask.reason,
            by=who.id,
            at=now,
            until=until,
        )
        about = lock.name if lock.scope == "user" else ""
        named = {} if about else {"name": lock.name}
        details = {"scope": lock.scope, "until": until, **named}
        await write(Noted(action="lock.set", id=lock.id, about=about, reason=ask.reason, details=details))
        await self._book.put_lock(lock)
        return asdict(lock)

    async def _unlock(self, ask: LiftLock, who: Principal, write: Write) -> dict[str, Any] | Refusal:
        lock = next((k for k in self._book.locks if k.id == ask.id), None)
        if lock is None:
            return Refusal(code="grant_unknown")
        if not grant_rules.fresh(who, self._book.now(), self._terms):
            return Refusal(code="step_up_required")
        about = lock.name if lock.scope == "user" else ""
        details = {"scope": lock.scope}
        await write(Noted(action="lock.lift", id=lock.id, about=about, reason="", details=details))
        if not await self._book.lift_lock(lock.id):
            return Refusal(code="grant_unknown")
        return asdict(lock)

    def _rule(self, kind: str, name: str) -> Requestable | None:
        kinds = (kind,) if kind else ("role", "model")
        return next((r for k in kinds if (r := self._book.rules.get((k, name))) is not None), None)

    def _id(self, letter: str) -> str:
        return f"{letter}-{self._random(8).hex()}"

    def _noting(
        self, ask: Asked, write: Write, reason: str, **more: Any
    ) -> Callable[[Grant], Awaitable[None]]:
        action = f"grant.{type(ask).__struct_config__.tag}"

        async def note(grant: Grant) -> None:
            facts = {
                name: getattr(grant, name)
                for name in ("kind", "name", "seconds", "since", "until", "emergency")
            }
            details = {**facts, "state": state(grant, self._book.now()), **more}
            await write(Noted(action=action, id=grant.id, about=grant.who, reason=reason, details=details))

        return note


def shown(grant: Grant, now: int) -> dict[str, Any]:
    """A grant as its holder and its approvers see it."""
    return {
        "id": grant.id,
        "who": grant.who,
        "kind": grant.kind,
        "name": grant.name,
        "state": state(grant, now),
        "seconds": grant.seconds,
        "asked": grant.asked,
        "answer_by": grant.answer_by,
        "start": grant.start,
        "since": grant.since,
        "until": grant.until,
        "reason": grant.reason,
        "ticket": grant.ticket,
        "approvals": [{"by": a.by, "at": a.at} for a in grant.assents],
        "extension": {
            "seconds": grant.more,
            "approvals": [{"by": a.by, "at": a.at} for a in grant.more_assents],
        }
        if extension_open(grant, now)
        else None,
        "emergency": grant.emergency,
        "to_review": grant.emergency and len(grant.reviews) < REVIEWERS,
        "reviews": [{"by": r.by, "justified": r.justified, "at": r.at} for r in grant.reviews],
    }


def _offered(rule: Requestable) -> dict[str, Any]:
    return {
        "kind": rule.kind,
        "name": rule.name,
        "seconds": rule.most_seconds,
        "extend_seconds": rule.extend_seconds,
        "emergency_seconds": rule.emergency_seconds,
        "needs_ticket": rule.needs_ticket,
        "approvers": dict(rule.approvers),
    }
