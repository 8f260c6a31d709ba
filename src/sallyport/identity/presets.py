"""From verified claims to a principal, in the three dialects that providers speak. Pure.

- openid: RFC 9068. Without `typ: at+jwt` an access token must say so otherwise wherever its audience could be a
  client, because that is what an ID token looks like. A workload is a client in `workloads` whose `sub` is its own `client_id`; the list is needed
  because a person may be able to choose that name (RFC 9068 section 5).
- okta: `uid` is who (the login in `sub` may be given to another person later), `cid` the client. Tokens of the
  org authorisation server are Okta's own and are refused.
- entra: `tid` and `oid` are who, never an e-mail address or `upn`. `idtyp=app` is a workload. Guests are refused
  unless allowed. A group overage is refused: no groups in the token is not the same as no membership, and the
  address that the token offers instead is never followed.

A person needs a proven second factor; a workload does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from sallyport.errors import Refusal
from sallyport.identity.binding import binding_of
from sallyport.identity.jose import SUBJECT_CHARACTERS, Claims
from sallyport.identity.mfa import Authentication, authentication, step_up
from sallyport.identity.providers import ProviderRules, tenant_of
from sallyport.identity.refusals import refuse
from sallyport.model import Principal

_ACCESS = frozenset({"scope", "scp", "client_id", "typ"})  # "typ": Keycloak's, judged by the verifier
_IDENTIFIER = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


def principal(claims: Claims, rules: ProviderRules, now: int) -> Principal | Refusal:
    """Who a verified token stands for, with roles and proof of MFA; or why it stands for nobody."""
    who = _WHO[rules.preset](claims, rules)
    if isinstance(who, Refusal):
        return who
    identifier, workload = who
    bound = binding_of(claims.values)
    if isinstance(bound, Refusal):
        return bound
    roles = mapped_roles(claims.values, rules)
    if isinstance(roles, Refusal):
        return roles
    proof = _proof(claims.values, rules, now, workload=workload)
    if isinstance(proof, Refusal):
        return proof
    return Principal(
        id=f"{claims.issuer}|{identifier}",
        kind="workload" if workload else "person",
        issuer=claims.issuer,
        roles=roles,
        mfa=proof.proven,
        amr=proof.amr,
        acr=proof.acr,
        auth_time=proof.auth_time,
        session=session_of(claims),
        expires=claims.expires,
        binding=bound,
    )


def openid(claims: Claims, rules: ProviderRules) -> tuple[str, bool] | Refusal:
    """`sub`, and whether it is a workload."""
    values = claims.values
    to_client = rules.audience == rules.client_id or values.get("azp") in _audiences(values)
    if to_client and claims.typ != "at+jwt" and not _ACCESS & values.keys():
        return refuse("token_invalid", "not_an_access_token")
    client = values.get("client_id", values.get("azp"))
    return claims.subject, client == claims.subject and claims.subject in rules.workloads


def okta(claims: Claims, _: ProviderRules) -> tuple[str, bool] | Refusal:
    """`uid`, else `sub`, and whether it is a workload."""
    values = claims.values
    client, uid = values.get("cid"), values.get("uid", claims.subject)
    if claims.issuer in _audiences(values):
        return refuse("token_invalid", "okta_org_server")
    named = isinstance(client, str) or claims.typ == "at+jwt"
    if not named or not isinstance(values.get("scp", []), list):
        return refuse("token_invalid", "not_an_access_token")
    if not _identifier(uid, "@+"):
        return refuse("token_invalid", "uid")
    return uid, "uid" not in values and client == claims.subject


def entra(claims: Claims, rules: ProviderRules) -> tuple[str, bool] | Refusal:
    """`tid.oid`, and whether it is a workload."""
    values = claims.values
    tenant, person = values.get("tid"), values.get("oid")
    if not _identifier(tenant) or not _identifier(person):
        return refuse("token_invalid", "tid_oid")
    home = tenant_of(claims.issuer)
    if (home and home != tenant) or ((rules.tenants or not home) and tenant not in rules.tenants):
        return refuse("token_invalid", "tenant")
    workload = values.get("idtyp") == "app"
    if workload == ("scp" in values):
        return refuse("token_invalid", "not_an_access_token")
    if not workload and not isinstance(values["scp"], str):
        return refuse("token_invalid", "scp")
    if not rules.guests and _is_guest(values, claims.issuer):
        return refuse("principal_refused", "guest")
    return f"{tenant}.{person}", workload


def mapped_roles(values: Mapping[str, Any], rules: ProviderRules) -> tuple[str, ...] | Refusal:
    """Our roles for the values of the roles claim, sorted. Without a mapping no claim is needed, or believed."""
    if not rules.roles:
        return ()
    claim = rules.role_claim
    if claim in _mapping(values.get("_claim_names")) or (claim == "groups" and values.get("hasgroups")):
        return refuse("roles_unknown", "group_overage")
    given = values.get(claim)
    if not isinstance(given, list) or not all(isinstance(value, str) for value in given):
        return refuse("roles_unknown", "roles_claim")
    return tuple(sorted({rules.roles[value] for value in given if value in rules.roles}))


def session_of(claims: Claims) -> str:
    """The id of the session, or of the token where it names none. Never a part of the token itself."""
    values = claims.values
    if isinstance(sid := values.get("sid"), str) and sid:
        return session_id(claims.issuer, sid)
    token = values.get("jti", values.get("uti", (claims.subject, values.get("iat"), claims.expires)))
    return session_id(claims.issuer, f"token:{token}")


def session_id(issuer: str, sid: str) -> str:
    """What a provider's `sid` is called here, so that its logout token can name the same session."""
    return sha256(f"{issuer}|{sid}".encode()).hexdigest()[:32]


def _proof(
    values: Mapping[str, Any], rules: ProviderRules, now: int, *, workload: bool
) -> Authentication | Refusal:
    if workload:
        return Authentication()
    rule = rules.mfa_rule
    proof = authentication(values, rule, now, rules.leeway)
    if isinstance(proof, Authentication) and not proof.proven:
        return step_up(rule, entra=rules.preset == "entra")
    return proof


def _is_guest(values: Mapping[str, Any], issuer: str) -> bool:
    home = (issuer, f"https://sts.windows.net/{values['tid']}/")
    return values.get("idp", issuer) not in home or values.get("acct", 0) not in (0, "0")


def _identifier(value: object, also: str = "") -> bool:
    return (
        isinstance(value, str)
        and 0 < len(value) <= SUBJECT_CHARACTERS
        and _IDENTIFIER.issuperset(set(value) - set(also))
    )


def _audiences(values: Mapping[str, Any]) -> list[Any]:
    audience = values["aud"]
    return audience if isinstance(audience, list) else [audience]


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


_WHO = {"openid": openid, "okta": okta, "entra": entra}
