"""The log entries of a call. Pure: an exchange in, JSON values out.

No payload, no name, no plain digest of either: people appear as keyed digests, findings as counts by type.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sallyport.errors import Refusal
from sallyport.gateway.exchange import Exchange
from sallyport.model import Decision, Finding


def intent(x: Exchange, *, pseudonym: Callable[[str], str], versions: Mapping[str, str]) -> dict[str, Any]:
    """What is about to be sent, by whom and why it was allowed."""
    assert x.call is not None
    return {
        **_who(x, "intent", pseudonym),
        "surface": x.call.surface,
        "stream": x.call.stream,
        "counts": {
            "choices": x.call.choices,
            "declared_tools": len(x.call.tools),
            "input_tokens_estimate": x.call.input_tokens_estimate,
        },
        "policies": _policies(x.decision),
        "policy_version": x.decision.version if x.decision else "",
        "detectors": dict(versions),
        "findings": _findings(x.findings),
        "conversation": pseudonym("conversation|" + x.conversation) if x.conversation else "",
        "tls": {"version": x.tls.version, "cipher": x.tls.cipher, "group": x.tls.group},
        "timings": dict(x.timings),
    }


def outcome(x: Exchange, verdict: str, *, cost: float, commitment: str) -> dict[str, Any]:
    """How it ended. `commitment` is SHA-256(opening || delivered bytes), hex."""
    usage = x.usage
    return {
        "kind": "outcome",
        "request": x.request_id,
        "intent": x.intent.index if x.intent else None,
        "verdict": verdict,
        "code": x.refusal.code if x.refusal else "",
        "stage": x.refusal.stage if x.refusal else "",
        "upstream_status": x.upstream_status,
        "tokens": {
            "input": usage.input_tokens if usage else 0,
            "output": usage.output_tokens if usage else 0,
            "estimated": usage.estimated if usage else True,
        },
        "cost": cost,
        "findings": _findings(x.findings),
        "tools": [{"allowed": d.allowed, "policies": _policies(d)} for d in x.tool_decisions],
        "commitment": commitment,
        "timings": dict(x.timings),
    }


def refusal(x: Exchange, refused: Refusal, *, pseudonym: Callable[[str], str]) -> dict[str, Any]:
    """A call that went no further than one of our stages."""
    return {
        **_who(x, "refusal", pseudonym),
        "surface": x.dialect.surface,
        "code": refused.code,
        "stage": refused.stage,
        "verdict": refused.policy,
        "policies": _policies(x.decision),
        "policy_version": x.decision.version if x.decision else "",
        "findings": _findings(x.findings),
        "tls": {"version": x.tls.version, "cipher": x.tls.cipher, "group": x.tls.group},
        "timings": dict(x.timings),
    }


def _who(x: Exchange, kind: str, pseudonym: Callable[[str], str]) -> dict[str, Any]:
    principal, model = x.principal, x.model
    return {
        "kind": kind,
        "request": x.request_id,
        "who": pseudonym(principal.id) if principal else "",
        "who_kind": principal.kind if principal else "",
        "session": pseudonym("session|" + principal.session) if principal and principal.session else "",
        "roles": list(principal.roles) if principal else [],
        "mfa": principal.mfa if principal else False,
        "device": pseudonym("device|" + x.device.id) if x.device.id else "",
        # A name that a caller made up may hold anything: only configured names are written.
        "model": model.name if model else "",
        "segment": model.segment if model else "",
        "environment": model.environment if model else "",
        "upstream": model.upstream if model else "",
    }


def _policies(decision: Decision | None) -> list[str]:
    return list(decision.policies) if decision else []


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
