"""From a principal and its running grants to the principal that is decided about. Pure.

The result is part of the value that a decision is cached under, so a grant that came or went is another question.
A granted right counts only as long as its holder is still eligible by roles of their own, under the settings of now.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from sallyport.access.grants import Grant, Requestable, state
from sallyport.model import Granted, Principal

Rules = Mapping[tuple[str, str], Requestable]  # (kind, name) ->
FOREVER = 1 << 62


def own_roles(principal: Principal) -> tuple[str, ...]:
    """The roles that the principal has without any grant."""
    if not principal.granted:
        return principal.roles
    lent = {g.name for g in principal.granted if g.kind == "role"}
    return tuple(role for role in principal.roles if role not in lent)


def own(principal: Principal) -> Principal:
    """The principal without its grants."""
    return replace(principal, roles=own_roles(principal), granted=()) if principal.granted else principal


def elevated(
    principal: Principal, grants: Iterable[Grant], rules: Rules, stopped: frozenset[str], now: int
) -> tuple[Principal, int]:
    """The principal with what its grants give now, and until when that stays so. `stopped`: ids of locked grants."""
    counting, turn = [], FOREVER
    for grant in grants:
        found = state(grant, now)
        if found == "scheduled":
            turn = min(turn, grant.since)
        if found == "live" and grant.id not in stopped and _counts(grant, rules, principal):
            counting.append(grant)
            turn = min(turn, grant.until)
    if not counting:
        return principal, turn
    lent = {g.name for g in counting if g.kind == "role"}
    granted = tuple(
        Granted(id=g.id, kind=g.kind, name=g.name, until=g.until, emergency=g.emergency) for g in counting
    )
    roles = tuple(sorted({*principal.roles, *lent}))
    return replace(principal, roles=roles, granted=granted), turn


def _counts(grant: Grant, rules: Rules, principal: Principal) -> bool:
    rule = rules.get((grant.kind, grant.name))
    if rule is None or rule.eligible.isdisjoint(principal.roles):
        return False
    return grant.kind == "model" or grant.name not in principal.roles
