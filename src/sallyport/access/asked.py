"""What may be asked about access, as it comes over the wire: one shape for each act, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from sallyport.access.locks import Scope
from sallyport.errors import Refusal

Id = Annotated[str, Meta(min_length=1, max_length=64)]
Name = Annotated[str, Meta(max_length=256)]
Words = Annotated[str, Meta(max_length=1000)]


class Base(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="action"):
    """All acts."""


class Request(Base, frozen=True, kw_only=True, tag="request"):
    """A role or a model for a limited time. `kind` may be left out where the name says it."""

    name: Name
    seconds: int
    reason: Words
    kind: Literal["", "role", "model"] = ""
    ticket: Name = ""
    start: int = 0


class BreakGlass(Base, frozen=True, kw_only=True, tag="break-glass"):
    """The same at once, without approval, with a review afterwards."""

    name: Name
    seconds: int
    reason: Words
    kind: Literal["", "role", "model"] = ""
    ticket: Name = ""


class Approve(Base, frozen=True, kw_only=True, tag="approve"):
    """One approval."""

    id: Id


class Deny(Base, frozen=True, kw_only=True, tag="deny"):
    """The end of somebody else's request or grant."""

    id: Id
    reason: Words = ""


class Drop(Base, frozen=True, kw_only=True, tag="drop"):
    """The end of one's own."""

    id: Id


class Extend(Base, frozen=True, kw_only=True, tag="extend"):
    """More time."""

    id: Id
    seconds: int
    reason: Words


class ReviewGlass(Base, frozen=True, kw_only=True, tag="review"):
    """What one thinks of a broken glass."""

    id: Id
    justified: bool
    reason: Words = ""


class PutLock(Base, frozen=True, kw_only=True, tag="lock"):
    """Nobody uses this for now. `seconds` 0: until it is lifted."""

    scope: Scope
    reason: Words
    name: Name = ""
    seconds: Annotated[int, Meta(ge=0, le=31_622_400)] = 0


class LiftLock(Base, frozen=True, kw_only=True, tag="unlock"):
    """The end of a lock."""

    id: Id


Asked = Request | BreakGlass | Approve | Deny | Drop | Extend | ReviewGlass | PutLock | LiftLock
# Act -> the action that policies decide on.
ACTION_OF: Mapping[type, str] = {
    Request: "request_access",
    BreakGlass: "break_glass",
    Approve: "approve_access",
    Deny: "approve_access",
    Drop: "request_access",
    Extend: "request_access",
    ReviewGlass: "approve_access",
    PutLock: "manage_locks",
    LiftLock: "manage_locks",
}


def asked(document: Mapping[str, Any]) -> Asked | Refusal:
    """The act that a document asks for."""
    try:
        found: Asked = msgspec.convert(document, type=Asked)
    except msgspec.ValidationError as error:
        # Its text may quote the value; where it was is all that is told.
        _, _, place = str(error).rpartition("`$.")
        return Refusal(
            code="field_invalid", param=place.rstrip("`")[:64] if place != str(error) else "action"
        )
    return found
