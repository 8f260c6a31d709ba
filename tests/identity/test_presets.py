"""Three dialects of claims, one principal, or a refusal with a reason."""

from __future__ import annotations

import base64
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sallyport.errors import Refusal, SettingsError
from sallyport.identity.jose import Claims
from sallyport.identity.presets import principal, session_id
from sallyport.identity.providers import (
    MfaRule,
    ProviderRules,
    check_issuers,
    check_rules,
    discovered_issuer,
    discovery_url,
    issuers,
    token_policy,
)
from sallyport.model import Principal

NOW = 1_800_000_000
TENANT = "11111111-2222-3333-4444-555555555555"
OTHER = "99999999-2222-3333-4444-555555555555"
OPENID = ProviderRules(
    name="o", issuer="https://idp.example", audience="api", roles={"g1": "support", "g2": "data"}
)
OKTA = ProviderRules(
    name="k", preset="okta", issuer="https://org.example/oauth2/main", audience="api", roles={"g1": "support"}
)
ENTRA = ProviderRules(
    name="e",
    preset="entra",
    issuer=f"https://login.microsoftonline.com/{TENANT}/v2.0",
    audience="00000000-aaaa-bbbb-cccc-000000000000",
    roles={"Agent": "support", "Admin": "admin"},
)
ME = {
    "openid": {
        "sub": "alice", "aud": "api", "client_id": "cli", "scope": "x", "groups": ["g1"],
        "amr": ["pwd", "mfa"], "sid": "s1", "auth_time": NOW - 60, "iat": NOW - 9,
    },
    "okta": {
        "sub": "alice@org.example", "uid": "00u1abc", "cid": "0oa1", "aud": "api", "scp": ["x"], "ver": 1,
        "groups": ["g1", "Everyone"], "acr": "urn:okta:loa:2fa:any", "jti": "AT.1", "iat": NOW - 9,
    },
    "entra": {
        "sub": "pairwise", "aud": "00000000-aaaa-bbbb-cccc-000000000000", "tid": TENANT, "oid": "oid-1",
        "scp": "access", "roles": ["Agent"], "acrs": ["c1"], "ver": "2.0", "uti": "u1", "azp": "cli",
        "preferred_username": "alice@org.example", "email": "root@org.example",
    },
}  # fmt: skip
RULES = {"openid": OPENID, "okta": OKTA, "entra": ENTRA}


def claims(preset: str, issuer: str = "", typ: str = "jwt", **over) -> Claims:
    values = {name: value for name, value in (ME[preset] | over).items() if value is not None}
    issuer = issuer or RULES[preset].issuer
    return Claims(
        issuer=issuer,
        subject=str(values.get("sub")),
        expires=NOW + 600,
        typ=typ,
        values={"iss": issuer, **values},
    )


def judged(preset: str, **over):
    return principal(claims(preset, **over), RULES[preset], NOW)


@pytest.mark.parametrize(
    ("preset", "identifier", "roles"),
    [
        ("openid", "https://idp.example|alice", ("support",)),
        ("okta", "https://org.example/oauth2/main|00u1abc", ("support",)),
        ("entra", f"https://login.microsoftonline.com/{TENANT}/v2.0|{TENANT}.oid-1", ("support",)),
    ],
)
def test_a_person_with_proof_of_mfa(preset, identifier, roles) -> None:
    person = judged(preset)
    assert isinstance(person, Principal)
    assert (person.id, person.roles, person.kind, person.mfa) == (identifier, roles, "person", True)
    assert person.expires == NOW + 600
    assert person.binding == ""


REFUSED = [
    ("openid", {"amr": ["pwd"]}, "mfa_required", "mfa_not_proven"),
    ("openid", {"amr": None}, "mfa_required", "mfa_not_proven"),
    ("openid", {"amr": "mfa"}, "token_invalid", "authentication_claims"),
    ("openid", {"amr": ["pwd", 1]}, "token_invalid", "authentication_claims"),
    ("openid", {"acr": ["phr"]}, "token_invalid", "authentication_claims"),
    ("openid", {"auth_time": NOW - 43_231}, "mfa_required", "mfa_not_proven"),
    ("openid", {"auth_time": NOW + 31}, "token_invalid", "auth_time"),
    ("openid", {"auth_time": "1"}, "token_invalid", "auth_time"),
    ("openid", {"auth_time": None, "amr": None, "acr": "PHR"}, "mfa_required", "mfa_not_proven"),
    ("openid", {"groups": None}, "roles_unknown", "roles_claim"),
    ("openid", {"groups": "g1"}, "roles_unknown", "roles_claim"),
    ("openid", {"groups": ["g1", 2]}, "roles_unknown", "roles_claim"),
    ("openid", {"groups": {"g1": True}}, "roles_unknown", "roles_claim"),
    ("openid", {"scope": None, "client_id": None, "azp": "api"}, "token_invalid", "not_an_access_token"),
    ("openid", {"sub": "cli", "amr": None}, "mfa_required", "mfa_not_proven"),  # a name that a person chose
    ("openid", {"cnf": {"jkt": "x" * 43}}, "token_binding_failed", "cnf"),
    ("openid", {"cnf": {"jkt": "x" * 43, "x5t#S256": "x" * 43}}, "token_binding_failed", "cnf"),
    ("openid", {"cnf": {}}, "token_binding_failed", "cnf"),
    ("openid", {"cnf": "x"}, "token_binding_failed", "cnf"),
    ("openid", {"cnf": {"x5t#S256": "short"}}, "token_binding_failed", "cnf"),
    ("openid", {"cnf": {"x5t#S256": None}}, "token_binding_failed", "cnf"),
    ("openid", {"cnf": {"jwk": {}}}, "token_binding_failed", "cnf"),
    ("okta", {"acr": "urn:okta:loa:1fa:any"}, "mfa_required", "mfa_not_proven"),
    ("okta", {"acr": "urn:okta:loa:2fa:any:ifpossible"}, "mfa_required", "mfa_not_proven"),
    ("okta", {"acr": None, "amr": ["pwd", "otp"]}, "mfa_required", "mfa_not_proven"),
    ("okta", {"aud": "https://org.example/oauth2/main"}, "token_invalid", "okta_org_server"),
    ("okta", {"aud": ["api", "https://org.example/oauth2/main"]}, "token_invalid", "okta_org_server"),
    ("okta", {"cid": None}, "token_invalid", "not_an_access_token"),
    ("okta", {"scp": "x"}, "token_invalid", "not_an_access_token"),
    ("okta", {"uid": ["00u"]}, "token_invalid", "uid"),
    ("okta", {"uid": ""}, "token_invalid", "uid"),
    ("okta", {"uid": "0oa1", "cid": "0oa1", "sub": "0oa1", "acr": None}, "mfa_required", "mfa_not_proven"),
    ("okta", {"groups": None}, "roles_unknown", "roles_claim"),
    ("entra", {"acrs": None}, "mfa_required", "mfa_not_proven"),
    ("entra", {"acrs": ["c2"]}, "mfa_required", "mfa_not_proven"),
    ("entra", {"acrs": "c1"}, "token_invalid", "authentication_claims"),
    ("entra", {"acrs": None, "amr": ["pwd"]}, "mfa_required", "mfa_not_proven"),
    ("entra", {"tid": OTHER}, "token_invalid", "tenant"),
    ("entra", {"tid": None}, "token_invalid", "tid_oid"),
    ("entra", {"oid": None}, "token_invalid", "tid_oid"),
    ("entra", {"oid": "a|b"}, "token_invalid", "tid_oid"),
    ("entra", {"oid": ["a"]}, "token_invalid", "tid_oid"),
    ("entra", {"scp": None}, "token_invalid", "not_an_access_token"),  # an ID token
    ("entra", {"scp": ["x"]}, "token_invalid", "scp"),
    ("entra", {"idtyp": "app"}, "token_invalid", "not_an_access_token"),  # scp and idtyp=app contradict
    ("entra", {"idtyp": "APP", "scp": None}, "token_invalid", "not_an_access_token"),
    ("entra", {"idp": f"https://sts.windows.net/{OTHER}/"}, "principal_refused", "guest"),
    ("entra", {"idp": "live.com"}, "principal_refused", "guest"),
    ("entra", {"idp": ["x"]}, "principal_refused", "guest"),
    ("entra", {"acct": 1}, "principal_refused", "guest"),
    ("entra", {"acct": [1]}, "principal_refused", "guest"),
    ("entra", {"roles": None}, "roles_unknown", "roles_claim"),
    ("entra", {"roles": None, "_claim_names": {"groups": "src1"}}, "roles_unknown", "roles_claim"),
    ("entra", {"_claim_names": {"roles": "src1"}}, "roles_unknown", "group_overage"),
]  # fmt: skip


@pytest.mark.parametrize(("preset", "over", "code", "reason"), REFUSED)
def test_who_is_refused(preset, over, code, reason) -> None:
    refusal = judged(preset, **over)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.reason) == (code, reason)
    assert (refusal.spec.status == 401) == any(name == "www-authenticate" for name, _ in refusal.headers)


GROUPS = ProviderRules(
    name="e",
    preset="entra",
    issuer=ENTRA.issuer,
    audience=ENTRA.audience,
    roles_claim="groups",
    roles={"g1": "x"},
)


@pytest.mark.parametrize(
    "over",
    [
        {
            "_claim_names": {"groups": "src1"},
            "_claim_sources": {"src1": {"endpoint": "https://graph.windows.net/x"}},
        },
        {"hasgroups": True},
        {"hasgroups": "true"},
        {"groups": ["g1"], "_claim_names": {"groups": "src1"}},
    ],
)
def test_a_group_overage_is_never_taken_for_no_membership(over) -> None:
    refusal = principal(claims("entra", **over), GROUPS, NOW)
    assert (refusal.code, refusal.reason) == ("roles_unknown", "group_overage")
    assert "graph" not in repr(refusal)


def test_a_token_for_a_client_must_say_that_it_is_an_access_token() -> None:
    shared = ProviderRules(name="o", issuer=OPENID.issuer, audience="api", client_id="api")
    bare = {"scope": None, "client_id": None}
    assert principal(claims("openid", **bare), shared, NOW).reason == "not_an_access_token"
    for evidence in ({"scope": "x"}, {"client_id": "api"}, {"typ": "at+jwt"}):
        typ = evidence.pop("typ", "jwt")
        assert isinstance(principal(claims("openid", typ=typ, **bare | evidence), shared, NOW), Principal)
    assert isinstance(principal(claims("openid", **bare), OPENID, NOW), Principal)


def test_an_entra_issuer_without_a_tenant_in_its_path_needs_the_list() -> None:
    bare = {"name": "e", "preset": "entra", "issuer": "https://idp.example", "audience": ENTRA.audience}
    one = claims("entra", issuer="https://idp.example")
    assert isinstance(principal(one, ProviderRules(**bare, tenants=(TENANT,)), NOW), Principal)
    assert principal(one, ProviderRules(**bare, tenants=(OTHER,)), NOW).reason == "tenant"
    assert principal(one, ProviderRules(**bare), NOW).reason == "tenant"


def test_without_a_mapping_no_claim_gives_a_role() -> None:
    bare = ProviderRules(name="o", issuer=OPENID.issuer, audience="api")
    assert principal(claims("openid", groups=["admin"]), bare, NOW).roles == ()
    assert principal(claims("openid", groups=None), bare, NOW).roles == ()


def test_unmapped_values_are_dropped_and_roles_are_sorted() -> None:
    assert judged("openid", groups=["g2", "root", "g1", "g2"]).roles == ("data", "support")
    assert judged("openid", groups=[]).roles == ()


def test_home_users_are_no_guests_and_guests_come_only_where_allowed() -> None:
    assert isinstance(judged("entra", idp=f"https://sts.windows.net/{TENANT}/", acct=0), Principal)
    open_house = ProviderRules(
        name="e", preset="entra", issuer=ENTRA.issuer, audience=ENTRA.audience, guests=True
    )
    guest = principal(claims("entra", idp="live.com", acct=1), open_house, NOW)
    assert isinstance(guest, Principal)


def test_workloads_need_no_mfa() -> None:
    app = judged("entra", idtyp="app", scp=None, acrs=None)
    assert (app.kind, app.mfa, app.roles) == ("workload", False, ("support",))
    service = judged("okta", sub="0oa1", uid=None, acr=None)
    assert (service.kind, service.mfa) == ("workload", False)
    listed = ProviderRules(name="o", issuer=OPENID.issuer, audience="api", workloads=("cli",))
    machine = principal(claims("openid", sub="cli", amr=None), listed, NOW)
    assert (machine.kind, machine.mfa) == ("workload", False)
    assert (
        principal(claims("openid", sub="cli", client_id="other", amr=None), listed, NOW).code
        == "mfa_required"
    )


def test_the_challenge_is_that_of_rfc_9470() -> None:
    [(name, value)] = judged("okta", acr="urn:okta:loa:1fa:any").headers
    assert name == "www-authenticate"
    assert value.startswith('Bearer realm="sallyport", error="insufficient_user_authentication"')
    assert 'acr_values="urn:okta:loa:2fa:any phr phrh"' in value
    assert 'max_age="43200"' in value


def test_entra_clients_get_a_claims_challenge_too() -> None:
    first, second = (value for _, value in judged("entra", acrs=None).headers)
    assert 'error="insufficient_user_authentication"' in first
    assert 'acr_values="c1"' in first
    assert 'error="insufficient_claims"' in second
    asked = base64.b64decode(re.search(r'claims="([^"]+)"', second)[1])
    assert json.loads(asked) == {"access_token": {"acrs": {"essential": True, "value": "c1"}}}


def test_what_is_configured_replaces_the_preset() -> None:
    strict = ProviderRules(
        name="o", issuer=OPENID.issuer, audience="api", mfa=MfaRule(acr=("phrh",), max_age=60)
    )
    assert principal(claims("openid"), strict, NOW).code == "mfa_required"
    assert isinstance(principal(claims("openid", acr="phrh"), strict, NOW), Principal)
    assert principal(claims("openid", acr="phrh", auth_time=NOW - 91), strict, NOW).code == "mfa_required"


def test_the_session_is_named_as_a_logout_token_would_name_it() -> None:
    assert judged("openid").session == session_id(OPENID.issuer, "s1")
    assert judged("openid", sid=None, jti="s1").session != session_id(OPENID.issuer, "s1")
    assert judged("openid", sid=None, jti="a").session != judged("openid", sid=None, jti="b").session
    assert len(judged("openid", sid=None, iat=None).session) == 32


def test_a_token_may_be_bound_to_a_certificate() -> None:
    assert judged("openid", cnf={"x5t#S256": "x" * 43}).binding == "x" * 43


COMMON = ProviderRules(
    name="e",
    preset="entra",
    issuer="https://login.microsoftonline.com/common/v2.0",
    audience="api",
    tenants=(TENANT,),
)


def test_a_multi_tenant_issuer_stands_for_the_listed_tenants_only() -> None:
    mine = f"https://login.microsoftonline.com/{TENANT}/v2.0"
    assert issuers(COMMON) == (mine,)
    assert discovery_url(COMMON).startswith("https://login.microsoftonline.com/common/v2.0/.well-known/")
    assert discovered_issuer(COMMON) == "https://login.microsoftonline.com/{tenantid}/v2.0"
    assert isinstance(principal(claims("entra", issuer=mine, roles=None), COMMON, NOW), Principal)
    theirs = f"https://login.microsoftonline.com/{OTHER}/v2.0"
    assert principal(claims("entra", issuer=theirs, tid=OTHER), COMMON, NOW).reason == "tenant"
    assert principal(claims("entra", issuer=mine, tid=OTHER), COMMON, NOW).reason == "tenant"
    template = ProviderRules(
        name="e", preset="entra", issuer=discovered_issuer(COMMON), audience="api", tenants=(TENANT,)
    )
    assert issuers(template) == (mine,)
    assert "/organizations/v2.0/" in discovery_url(template)


@pytest.mark.parametrize(
    ("over", "key"),
    [
        ({"issuer": COMMON.issuer, "preset": "entra"}, "tenants"),
        ({"audience": "https://graph.microsoft.com/", "preset": "entra"}, "audience"),
        ({"audience": "00000003-0000-0000-c000-000000000000", "preset": "entra"}, "audience"),
        ({"audience": ""}, "identity.providers.x"),
        ({"algorithms": ()}, "identity.providers.x"),
        ({"algorithms": ("HS256",)}, "algorithms"),
        ({"algorithms": ("none",)}, "algorithms"),
        ({"mfa": MfaRule(acr=("phr", ""))}, "mfa"),
        ({"mfa": MfaRule(amr=("",))}, "mfa"),
        ({"mfa": MfaRule(acrs=("",))}, "mfa"),
    ],
)
def test_what_can_never_be_safe_is_refused_at_start(over, key) -> None:
    given_rules = {"name": "x", "issuer": ENTRA.issuer, "audience": "api"} | over
    with pytest.raises(SettingsError, match=key):
        check_rules(ProviderRules(**given_rules))


def test_an_issuer_belongs_to_one_provider() -> None:
    one = ProviderRules(name="one", issuer="https://idp.example", audience="a")
    two = ProviderRules(name="two", issuer="https://idp.example", audience="b", roles={"x": "admin"})
    check_issuers([one])
    with pytest.raises(SettingsError, match=r"identity\.providers\.two\.issuer"):
        check_issuers([one, two])
    many = ProviderRules(name="e", preset="entra", issuer=COMMON.issuer, audience="api", tenants=(TENANT,))
    with pytest.raises(SettingsError, match=r"identity\.providers\.e\.issuer"):
        check_issuers([ProviderRules(name="home", issuer=issuers(many)[0], audience="api"), many])


def test_the_entra_policy_takes_no_list_of_audiences() -> None:
    assert not token_policy(ENTRA).audience_list
    assert token_policy(OKTA).audience_list


NONSENSE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)


@given(
    st.sampled_from(sorted(RULES)),
    st.dictionaries(
        st.sampled_from(
            [
                "tid",
                "oid",
                "idtyp",
                "idp",
                "acct",
                "scp",
                "roles",
                "groups",
                "_claim_names",
                "hasgroups",
                "acr",
                "amr",
                "acrs",
                "auth_time",
                "cnf",
                "sid",
                "jti",
                "uti",
                "uid",
                "cid",
                "client_id",
                "azp",
                "scope",
                "iat",
            ]
        ),
        NONSENSE,
        max_size=5,
    ),
)
def test_nonsense_in_claims_never_raises(preset, over) -> None:
    judged(preset, **over)


@given(st.sampled_from(sorted(RULES)), st.lists(st.text(max_size=4)), st.lists(st.text(max_size=4)))
def test_only_mapped_roles_ever_appear(preset, first, second) -> None:
    claim = RULES[preset].role_claim
    got = judged(preset, **{claim: [*first, *RULES[preset].roles, *second]})
    assert set(got.roles) == set(RULES[preset].roles.values())
