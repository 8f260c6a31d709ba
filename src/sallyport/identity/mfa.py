"""Is a second factor proven, and if not, how does the client get there. Pure.

Proof is a claim that was checked, never what was asked for: providers return a lower `acr` than requested
without an error (OpenID Connect Core 1.0 section 3.1.2.1, "voluntary"). Sources: RFC 8176 (`amr`), RFC 9470
(step-up challenge), Entra's authentication contexts (`acrs`) and claims challenge.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from orjson import dumps

from sallyport.errors import Refusal
from sallyport.identity.jose import numeric_date
from sallyport.identity.providers import MfaRule
from sallyport.identity.refusals import challenge, refuse


class Authentication(Struct, frozen=True, kw_only=True):
    """How a person authenticated, as the claims say. `proven` only if one of the rule's values is there."""

    acr: str = ""
    amr: tuple[str, ...] = ()
    auth_time: int = 0
    proven: bool = False


def authentication(
    values: Mapping[str, Any], rule: MfaRule, now: int, leeway: int
) -> Authentication | Refusal:
    """Read `acr`, `amr`, `acrs` and `auth_time`; refuses wrong types rather than to guess."""
    acr, amr, acrs = values.get("acr", ""), values.get("amr", []), values.get("acrs", [])
    if not isinstance(acr, str) or not _strings(amr) or not _strings(acrs):
        return refuse("token_invalid", "authentication_claims")
    auth_time = numeric_date(values["auth_time"]) if "auth_time" in values else 0
    if auth_time is None or auth_time > now + leeway:
        return refuse("token_invalid", "auth_time")
    fresh = not auth_time or now - auth_time <= rule.max_age + leeway
    proven = acr in rule.acr or not set(rule.amr).isdisjoint(amr) or not set(rule.acrs).isdisjoint(acrs)
    return Authentication(acr=acr, amr=tuple(amr), auth_time=auth_time, proven=proven and fresh)


def step_up(rule: MfaRule, *, entra: bool) -> Refusal:
    """`mfa_required` with the challenge that a client needs to come back with proof."""
    base = refuse("mfa_required", "mfa_not_proven")
    wanted = rule.acrs if entra and rule.acrs else rule.acr
    parameters = {
        "error": "insufficient_user_authentication",
        "error_description": "A second factor must be proven",
        **({"acr_values": " ".join(wanted)} if wanted else {}),
        "max_age": str(rule.max_age),
    }
    headers = [("www-authenticate", challenge(parameters))]
    if entra and rule.acrs:
        headers.append(("www-authenticate", _claims_challenge(rule.acrs[0])))
    return Refusal(code=base.code, reason=base.reason, headers=tuple(headers))


def _claims_challenge(context: str) -> str:
    asked = dumps({"access_token": {"acrs": {"essential": True, "value": context}}})
    return challenge({"error": "insufficient_claims", "claims": b64encode(asked).decode()})


def _strings(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
