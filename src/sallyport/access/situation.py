"""From the evaluated value to what Cedar reads: entities, request, context. Pure, and from nothing else."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sallyport.access.data_classes import family_of
from sallyport.access.request import ON_DATA, ON_DEPLOYMENT, ON_LOG, USE_MODEL, Evaluated
from sallyport.model import Model, Principal

NAMESPACE = "Sallyport"
LOG, DEPLOYMENT = "audit", "sallyport"
PRINCIPALS = {"person": "User", "workload": "Workload"}

Uid = dict[str, str]
Entity = dict[str, Any]


def uid(kind: str, name: str) -> Uid:
    """An entity's identifier. The structured form takes any characters."""
    return {"type": f"{NAMESPACE}::{kind}", "id": name}


def principal_uid(principal: Principal) -> Uid:
    """Raises KeyError for a kind that the schema does not know."""
    return uid(PRINCIPALS[principal.kind], principal.id)


def resource_uid(facts: Evaluated) -> Uid:
    """What the action is done to. Raises ValueError where it is missing or the action is unknown."""
    if facts.action in USE_MODEL:
        if facts.model is None:
            raise ValueError("a model is needed")
        return uid("Model", facts.model.name)
    if facts.action == "use_tool":
        return uid("Tool", facts.tool)
    if facts.action in ON_DATA:
        if not facts.data_class:
            raise ValueError("a class of data is needed")
        return uid("DataClass", facts.data_class)
    if facts.action in ON_LOG:
        return uid("Log", LOG)
    if facts.action in ON_DEPLOYMENT:
        return uid("Deployment", DEPLOYMENT)
    raise ValueError("unknown action")


def model_entities(model: Model) -> list[Entity]:
    """A model in its segment in its environment."""
    segment, environment = uid("Segment", model.segment), uid("Environment", model.environment)
    attributes = {"owner": model.owner, "surfaces": list(model.surfaces)}
    return [
        {"uid": uid("Model", model.name), "attrs": attributes, "parents": [segment]},
        {"uid": segment, "attrs": {}, "parents": [environment]},
        {"uid": environment, "attrs": {}, "parents": []},
    ]


def request_entities(facts: Evaluated, roles: Collection[str]) -> list[Entity]:
    """The principal, always, with those of its roles that a policy names; and the tool, or the class of data.

    An unknown principal would be allowed what everyone is allowed, with its attributes unread.
    """
    who = facts.principal
    attributes = {
        "id": who.id,
        "issuer": who.issuer,
        "bound": who.binding != "",
        "suspended": who.suspended,
    }
    parents = [uid("Role", role) for role in who.roles if role in roles]
    found: list[Entity] = [{"uid": principal_uid(who), "attrs": attributes, "parents": parents}]
    home = [] if facts.model is None else [uid("Model", facts.model.name)]
    if facts.action in ON_DATA:
        family = uid("DataFamily", family_of(facts.data_class))
        name = {"name": facts.data_class}
        found.append({"uid": resource_uid(facts), "attrs": name, "parents": [family, *home]})
    if facts.action == "use_tool":
        found.append({"uid": uid("Tool", facts.tool), "attrs": {"name": facts.tool}, "parents": home})
    return found


def context(facts: Evaluated) -> dict[str, Any]:
    """The context record: every attribute, always."""
    who, device, tls = facts.principal, facts.device, facts.tls
    return {
        "mfa": who.mfa,
        "mfa_age": facts.mfa_age,
        "kind": who.kind,
        "amr": list(who.amr),
        "acr": who.acr,
        "device": {
            "known": device.id != "",
            "attested": device.attested,
            "compliant": device.compliant,
            "posture_age": device.posture_age,
        },
        "tls": {"version": tls.version, "cipher": tls.cipher, "group": tls.group},
        "surface": facts.surface,
        "stream": facts.stream,
        "risk": facts.risk,
        "tool": {"name": facts.tool, "declared": facts.declared, "tainted": facts.tainted},
        "uninspected": facts.uninspected,
        "data": {"name": facts.data_class, "origin": facts.origin},
        "purpose": facts.purpose,
        "self": facts.self_owned,
        "granted": [f"{g.kind}:{g.name}" for g in who.granted],
        "granted_model": any(g.kind == "model" and g.name == _name(facts.model) for g in who.granted),
        "granted_until": min((g.until for g in who.granted), default=-1),
        "emergency": any(g.emergency for g in who.granted),
    }


def _name(model: Model | None) -> str:
    return "" if model is None else model.name
