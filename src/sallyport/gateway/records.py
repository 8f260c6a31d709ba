"""The log entries of a call. Pure: an exchange in, JSON values out.

No payload, no name, no plain digest of either: people appear as keyed digests, findings as counts by type.
"""

from __future__ import annotations

import functools
import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sallyport.errors import Refusal
from sallyport.gateway.exchange import Exchange
from sallyport.model import (
    Decision,
    Entry,
    Finding,
    Granted,
    Model,
    Origin,
    Principal,
    Shared,
    TlsFacts,
    Tool,
)

REMEMBERED = 2048  # combinations of caller, model and decision whose common members are kept


def intent(x: Exchange, *, pseudonym: Callable[[str], str], versions: Mapping[str, str]) -> Entry:
    """What is about to be sent, by whom and why it was allowed."""
    call, decision = x.call, x.decision
    assert call is not None
    shared = _of_intents(
        pseudonym,
        x.principal,
        x.model,
        x.device.id,
        x.tls,
        decision.policies if decision else (),
        decision.version if decision else "",
        call.surface,
        call.stream,
        call.uninspected,
        tuple(versions.items()),
    )
    own = {
        "request": x.request_id,
        "counts": {
            "choices": call.choices,
            "declared_tools": len(call.tools),
            "input_tokens_estimate": call.input_tokens_estimate,
        },
        "findings": _findings(x.findings),
        "conversation": pseudonym("conversation|" + x.conversation) if x.conversation else "",
        "timings": x.timings.copy(),
    }
    return Entry(shared, own)


@functools.lru_cache(maxsize=REMEMBERED)  # the arguments are everything that counts
def _of_intents(
    pseudonym: Callable[[str], str],
    principal: Principal | None,
    model: Model | None,
    device: str,
    tls: TlsFacts,
    policies: tuple[str, ...],
    policy_version: str,
    surface: str,
    stream: bool,
    uninspected: tuple[str, ...],
    versions: tuple[tuple[str, str], ...],
) -> Shared:
    members = {
        **_who("intent", pseudonym, principal, model, device),
        "surface": surface,
        "stream": stream,
        **({"uninspected": list(uninspected)} if uninspected else {}),
        "policies": list(policies),
        "policy_version": policy_version,
        "detectors": dict(versions),
        "tls": {"version": tls.version, "cipher": tls.cipher, "group": tls.group},
    }
    return Shared(members)


def outcome(x: Exchange, verdict: str, *, cost: float, commitment: str) -> Entry:
    """How it ended. `commitment` is SHA-256(opening || delivered bytes), hex."""
    usage, refused = x.usage, x.refusal
    shared = _of_outcomes(
        verdict, refused.code if refused else "", refused.stage if refused else "", x.upstream_status
    )
    own = {
        "request": x.request_id,
        "intent": x.intent.index if x.intent else None,
        "tokens": {
            "input": usage.input_tokens if usage else 0,
            "output": usage.output_tokens if usage else 0,
            "estimated": usage.estimated if usage else True,
        },
        "cost": cost,
        "findings": _findings(x.findings),
        "tools": [{"allowed": d.allowed, "policies": _policies(d)} for d in x.tool_decisions],
        "data": _data(x.data_decisions),
        "commitment": commitment,
        "timings": x.timings.copy(),
    }
    return Entry(shared, own)


@functools.lru_cache(maxsize=REMEMBERED)
def _of_outcomes(verdict: str, code: str, stage: str, upstream_status: int) -> Shared:
    members = {
        "kind": "outcome",
        "verdict": verdict,
        "code": code,
        "stage": stage,
        "upstream_status": upstream_status,
    }
    return Shared(members)


def refusal(x: Exchange, refused: Refusal, *, pseudonym: Callable[[str], str]) -> dict[str, Any]:
    """A call that went no further than one of our stages."""
    return {
        **_who("refusal", pseudonym, x.principal, x.model, x.device.id),
        "request": x.request_id,
        "surface": x.dialect.surface,
        **({"uninspected": list(x.call.uninspected)} if x.call and x.call.uninspected else {}),
        "code": refused.code,
        "stage": refused.stage,
        "verdict": refused.policy,
        "policies": _policies(x.decision),
        "policy_version": x.decision.version if x.decision else "",
        "findings": _findings(x.findings),
        "tls": {"version": x.tls.version, "cipher": x.tls.cipher, "group": x.tls.group},
        "timings": dict(x.timings),
    }


def _who(
    kind: str,
    pseudonym: Callable[[str], str],
    principal: Principal | None,
    model: Model | None,
    device: str,
) -> dict[str, Any]:
    grants = {"grants": [_grant(g) for g in principal.granted]} if principal and principal.granted else {}
    return {
        **grants,
        "kind": kind,
        "who": pseudonym(principal.id) if principal else "",
        "who_kind": principal.kind if principal else "",
        "session": pseudonym("session|" + principal.session) if principal and principal.session else "",
        "roles": list(principal.roles) if principal else [],
        "mfa": principal.mfa if principal else False,
        "device": pseudonym("device|" + device) if device else "",
        # A name that a caller made up may hold anything: only configured names are written.
        "model": model.name if model else "",
        "segment": model.segment if model else "",
        "environment": model.environment if model else "",
        "upstream": model.upstream if model else "",
    }


def _grant(granted: Granted) -> dict[str, Any]:
    return {"id": granted.id, "emergency": granted.emergency}


def _policies(decision: Decision | None) -> list[str]:
    return list(decision.policies) if decision else []


def _data(decisions: Mapping[tuple[str, Tool | None, str, Origin], Decision]) -> list[dict[str, Any]]:
    """What was decided about data. Tools have no names here: a caller makes these up."""
    if not decisions:
        return []
    counts = Counter(
        (action, kind, origin, made.allowed, made.policies)
        for (action, _, kind, origin), made in decisions.items()
    )
    return [
        {
            "action": action,
            "class": kind,
            "origin": origin,
            "allowed": allowed,
            "policies": list(policies),
            "count": count,
        }
        for (action, kind, origin, allowed, policies), count in sorted(counts.items())
    ]


def _findings(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    if not findings:
        return []
    counts = Counter((f.type, f.layer, f.detector, f.version, f.action) for f in findings)
    return [
        {
            "type": kind,
            "layer": layer,
            "detector": detector,
            "version": version,
            "action": action,
            "count": count,
        }
        for (kind, layer, detector, version, action), count in sorted(counts.items())
    ]


def commitment(opening: bytes, delivered: bytes) -> str:
    """Hex SHA-256(opening || delivered): what the outcome's leaf says was delivered."""
    return hashlib.sha256(opening + delivered).hexdigest()
