"""What is configured about one OpenID provider, and the rules that follow from it. Pure.

`preset` says whose dialect of access tokens it speaks: "openid" (RFC 9068 and its relatives), "okta" (a custom
authorisation server), "entra" (Microsoft Entra ID). Entra's multi-tenant issuer is written with `common` or
`organizations` in the place of the tenant; the tenants whose people may come are listed, there is no "any".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal
from urllib.parse import urlsplit

from msgspec import Struct, field

from sallyport.errors import SettingsError
from sallyport.identity.jose import TOKEN_BYTES, TokenPolicy
from sallyport.identity.keyset import ALGORITHMS

Preset = Literal["openid", "okta", "entra"]
TENANT = "{tenantid}"
_MULTI_TENANT = ("common", "organizations", TENANT)
_GRAPH = frozenset({"00000003-0000-0000-c000-000000000000", "https://graph.microsoft.com"})
_ROLES_CLAIM: dict[Preset, str] = {"openid": "groups", "okta": "groups", "entra": "roles"}


class MfaRule(Struct, frozen=True, kw_only=True):
    """What proves a second factor: any one of these values. `max_age` seconds since `auth_time`."""

    acr: tuple[str, ...] = ()
    amr: tuple[str, ...] = ()
    acrs: tuple[str, ...] = ()
    max_age: int = 43_200


# RFC 8176 "mfa"; OpenID EAP "phr" and "phrh"; Okta's step-up values; Entra's authentication context c1
_MFA: dict[Preset, MfaRule] = {
    "openid": MfaRule(acr=("phr", "phrh"), amr=("mfa",)),
    "okta": MfaRule(acr=("urn:okta:loa:2fa:any", "phr", "phrh"), amr=("mfa",)),
    "entra": MfaRule(acrs=("c1",), amr=("mfa",)),  # amr: only in tokens of version 1.0
}


class ProviderRules(Struct, frozen=True, kw_only=True):
    """One provider as configured. `roles` maps a value of the claim to a role of ours; others are dropped."""

    name: str
    preset: Preset = "openid"
    issuer: str
    audience: str
    client_id: str = ""
    algorithms: tuple[str, ...] = ("RS256", "ES256", "PS256", "EdDSA")
    roles_claim: str = ""
    roles: dict[str, str] = field(default_factory=dict)
    tenants: tuple[str, ...] = ()
    mfa: MfaRule = MfaRule()
    leeway: int = 30
    guests: bool = False
    workloads: tuple[str, ...] = ()
    jwks_hosts: tuple[str, ...] = ()
    unsafe_http: bool = False
    token_bytes: int = TOKEN_BYTES

    @property
    def mfa_rule(self) -> MfaRule:
        """The configured proof, or the preset's where none is configured."""
        if self.mfa.acr or self.mfa.amr or self.mfa.acrs:
            return self.mfa
        known = _MFA[self.preset]
        return MfaRule(acr=known.acr, amr=known.amr, acrs=known.acrs, max_age=self.mfa.max_age)

    @property
    def role_claim(self) -> str:
        """The claim that holds groups or roles."""
        return self.roles_claim or _ROLES_CLAIM[self.preset]


def check_rules(rules: ProviderRules) -> None:
    """Refuse what can never be safe. Raises SettingsError."""
    where = f"identity.providers.{rules.name}"
    if unknown := set(rules.algorithms) - ALGORITHMS:
        raise SettingsError(f"{where}.algorithms", f"{min(unknown)!r} is not accepted", "use RS256")
    if not rules.algorithms or not rules.audience:
        raise SettingsError(where, "algorithms and audience must not be empty", "name them")
    if "" in (*rules.mfa.acr, *rules.mfa.amr, *rules.mfa.acrs):
        raise SettingsError(f"{where}.mfa", 'an empty value would be "proven" by its absence', "remove it")
    if rules.preset == "entra" and rules.audience.rstrip("/") in _GRAPH:
        raise SettingsError(
            f"{where}.audience",
            "tokens for Microsoft Graph cannot be verified",
            "use your own API's client id",
        )
    if is_multi_tenant(rules) and not rules.tenants:
        raise SettingsError(
            f"{where}.tenants", "the issuer is multi-tenant", "list the tenants that may come"
        )


def check_issuers(providers: Sequence[ProviderRules]) -> None:
    """Refuse two providers with one issuer. Raises SettingsError.

    A token's issuer must name one provider: of two, one would judge the other's tokens by its own audience, roles
    and proof of MFA.
    """
    owner: dict[str, str] = {}
    for rules in providers:
        for issuer in issuers(rules):
            if owner.setdefault(issuer, rules.name) != rules.name:
                raise SettingsError(
                    f"identity.providers.{rules.name}.issuer",
                    f"is the issuer of {owner[issuer]!r} too",
                    "write one provider for each issuer",
                )


def token_policy(rules: ProviderRules) -> TokenPolicy:
    """What the strict verifier asks of this provider's tokens."""
    return TokenPolicy(
        issuers=frozenset(issuers(rules)),
        audiences=frozenset({rules.audience}),
        algorithms=frozenset(rules.algorithms),
        audience_list=rules.preset != "entra",
        leeway=rules.leeway,
        token_bytes=rules.token_bytes,
    )


def is_multi_tenant(rules: ProviderRules) -> bool:
    """Whether the issuer stands for many tenants."""
    return rules.preset == "entra" and tenant_of(rules.issuer) in _MULTI_TENANT


def tenant_of(issuer: str) -> str:
    """The first segment of the issuer's path, where Entra puts the tenant."""
    return urlsplit(issuer).path.strip("/").split("/")[0]


def issuers(rules: ProviderRules) -> tuple[str, ...]:
    """Every `iss` that may appear, each to be matched exactly."""
    if not is_multi_tenant(rules):
        return (rules.issuer,)
    place = tenant_of(rules.issuer)
    return tuple(rules.issuer.replace(f"/{place}/", f"/{tenant}/", 1) for tenant in rules.tenants)


def discovery_url(rules: ProviderRules) -> str:
    """OpenID Connect Discovery 1.0 section 4."""
    issuer = rules.issuer.replace(f"/{TENANT}/", "/organizations/", 1)
    return issuer.rstrip("/") + "/.well-known/openid-configuration"


def discovered_issuer(rules: ProviderRules) -> str:
    """The issuer that the discovery document must name: Entra's template where it is multi-tenant."""
    if not is_multi_tenant(rules):
        return rules.issuer
    return rules.issuer.replace(f"/{tenant_of(rules.issuer)}/", f"/{TENANT}/", 1)
