"""Which policies can matter to an action in a segment. Cedar looks at every policy of its set, so fewer is faster.

Sound because only the scope is read, never a condition: a policy is left out only if its scope cannot hold.
Every `forbid` stays in every slice, whatever its scope.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import assert_never

from cedarpy import pst

from sallyport.access.policy_files import Policy


def slice_of(
    policies: Iterable[Policy], action: str, segment: str, homes: Mapping[str, str]
) -> tuple[Policy, ...]:
    """The policies that may hold for `action` on what is in `segment` ("" for what is in none).

    `homes` maps each model's name to its segment.
    """
    return tuple(
        p
        for p in policies
        if p.effect == "forbid"
        or (_action_may_be(p.node.action, action) and _resource_may_be(p.node.resource, segment, homes))
    )


def _action_may_be(constraint: pst.ActionConstraint, action: str) -> bool:
    match constraint:
        case pst.ScopeAny():
            return True
        case pst.ActionEq(entity):
            return entity.id == action
        case pst.ActionIn(entities):
            return any(e.id == action for e in entities)
        case _:
            assert_never(constraint)


def _resource_may_be(
    constraint: pst.PrincipalOrResourceConstraint, segment: str, homes: Mapping[str, str]
) -> bool:
    match constraint:
        case pst.ScopeAny() | pst.ScopeIs():
            return True
        case pst.ScopeEq(entity) | pst.ScopeIn(entity) | pst.ScopeIsIn(_, entity):
            return isinstance(entity, pst.Slot) or _may_hold(entity, segment, homes)
        case _:
            assert_never(constraint)


def _may_hold(entity: pst.EntityUid, segment: str, homes: Mapping[str, str]) -> bool:
    kind = entity.type.basename
    if kind == "Segment":
        return entity.id == segment
    if kind == "Model":
        return homes.get(entity.id, segment) == segment
    return True
