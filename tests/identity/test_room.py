"""The room as the pipeline sees it: headers in, principal or refusal out."""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64encode

import pytest

from sallyport.errors import Refusal
from sallyport.identity.jwks import StaticKeys
from sallyport.identity.keyset import key_set
from sallyport.identity.providers import ProviderRules
from sallyport.identity.room import IdentityRoom
from sallyport.model import Principal, TlsFacts

NOW = 1_800_000_000
ISSUER = "https://idp.example.com/oauth2/main"
RULES = ProviderRules(
    name="p",
    issuer=ISSUER,
    audience="api://sallyport",
    roles={"support": "support"},
    algorithms=("ES256", "RS256"),
)
SAM = Principal(id="local|sam", session="s", expires=NOW + 60)


class Feed:
    def __init__(self) -> None:
        self.number, self.is_fresh, self.gone = 1, True, set()

    def epoch(self) -> int:
        return self.number

    def fresh(self) -> bool:
        return self.is_fresh

    def revoked(self, principal: Principal) -> bool:
        return principal.id in self.gone

    def revoke(self, name: str) -> None:
        self.number += 1
        self.gone.add(name)


class Sessions:
    def __init__(self, answer: object = SAM) -> None:
        self.answer, self.asked = answer, []

    async def lookup(self, key: str) -> object:
        self.asked.append(key)
        return self.answer


class CountingKeys(StaticKeys):
    """Counts, and can be made to wait in the middle of a verification."""

    def __init__(self, keys) -> None:
        super().__init__(keys)
        self.asked = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def keys(self, kid):
        self.asked += 1
        await self.gate.wait()
        return await super().keys(kid)


class House:
    def __init__(self, forge, **room) -> None:
        self.now = float(NOW)
        self.feed, self.sessions = Feed(), Sessions()
        self.keys = CountingKeys(key_set(forge.jwks(), RULES.algorithms))
        given = {"providers": [(RULES, self.keys)], "sessions": self.sessions, "feed": self.feed} | room
        self.room = IdentityRoom(clock=lambda: self.now, **given)

    async def ask(self, token: str, tls: TlsFacts = TlsFacts()):  # noqa: B008 frozen
        return await self.room.identify([(b"authorization", b"Bearer " + token.encode())], tls)


@pytest.fixture
def house(forge):
    return House(forge)


async def test_a_token_is_verified_once_and_then_known(house, forge) -> None:
    token = forge.token()
    first = await house.ask(token)
    assert (first.id, first.roles, first.mfa) == (f"{ISSUER}|alice", ("support",), True)
    assert await house.ask(token) is first
    assert house.keys.asked == 1


async def test_the_same_credential_by_another_carrier(house, forge) -> None:
    token = forge.token().encode()
    for name in (b"x-api-key", b"api-key"):
        assert isinstance(await house.room.identify([(name, token)], TlsFacts()), Principal)


async def test_it_is_verified_again_after_the_cache_time(house, forge) -> None:
    token = forge.token()
    await house.ask(token)
    house.now += 60
    await house.ask(token)
    assert house.keys.asked == 2


async def test_a_cached_token_still_expires(house, forge) -> None:
    token = forge.token(forge.claims(exp=NOW + 5))
    assert isinstance(await house.ask(token), Principal)
    house.now += 35
    assert (await house.ask(token)).code == "token_expired"


async def test_a_cached_token_does_not_outlive_the_age_of_its_proof(house, forge) -> None:
    token = forge.token(forge.claims(auth_time=NOW - 43_195))
    assert isinstance(await house.ask(token), Principal)
    house.now += 36
    assert (await house.ask(token)).code == "mfa_required"


async def test_a_revocation_ends_a_cached_token_at_once(house, forge) -> None:
    token = forge.token()
    caller = await house.ask(token)
    assert house.room.still_valid(caller)
    house.feed.revoke(caller.id)
    assert (await house.ask(token)).code == "token_revoked"
    assert not house.room.still_valid(caller)


async def test_a_revocation_during_the_verification_is_seen(house, forge) -> None:
    token = forge.token()
    house.keys.gate.clear()
    asking = asyncio.create_task(house.ask(token))
    await asyncio.sleep(0)
    house.feed.revoke(f"{ISSUER}|alice")
    house.keys.gate.set()
    assert (await asking).code == "token_revoked"


async def test_a_result_is_stamped_with_the_epoch_from_before_its_verification(house, forge) -> None:
    token = forge.token()
    house.keys.gate.clear()
    asking = asyncio.create_task(house.ask(token))
    await asyncio.sleep(0)
    house.feed.revoke("somebody else")
    house.keys.gate.set()
    assert isinstance(await asking, Principal)
    house.feed.gone.add(f"{ISSUER}|alice")  # the feed knew only half when it was asked
    assert (await house.ask(token)).code == "token_revoked"
    assert house.keys.asked == 2


async def test_a_stale_feed_refuses_everybody_and_cuts_streams(house, forge) -> None:
    token = forge.token()
    caller = await house.ask(token)
    house.feed.is_fresh = False
    for credential in (token, "sp_key"):
        refusal = await house.ask(credential)
        assert (refusal.code, refusal.spec.status) == ("revocation_stale", 503)
    assert not house.room.still_valid(caller)
    assert house.sessions.asked == []


async def test_a_feed_that_goes_stale_during_the_verification_refuses(house, forge) -> None:
    house.keys.gate.clear()
    asking = asyncio.create_task(house.ask(forge.token()))
    await asyncio.sleep(0)
    house.feed.is_fresh = False
    house.keys.gate.set()
    assert (await asking).code == "revocation_stale"


async def test_an_expired_token_does_not_cut_a_running_stream(house, forge) -> None:
    caller = await house.ask(forge.token(forge.claims(exp=NOW + 1)))
    house.now += 600
    assert house.room.still_valid(caller)


async def test_refusals_are_not_cached(house, forge) -> None:
    token = forge.token(forge.claims(nbf=NOW + 40))
    assert (await house.ask(token)).reason == "nbf"
    house.now += 20
    assert isinstance(await house.ask(token), Principal)


async def test_opaque_keys_go_to_the_directory_every_time(house) -> None:
    assert await house.ask("sp_key") is SAM
    assert await house.ask("sp_key") is SAM
    assert house.sessions.asked == ["sp_key", "sp_key"]
    house.feed.revoke(SAM.id)
    assert (await house.ask("sp_key")).code == "token_revoked"


async def test_without_a_directory_opaque_keys_are_refused(forge) -> None:
    assert (await House(forge, sessions=None).ask("sp_key")).reason == "no_directory"


@pytest.mark.parametrize("answer", [None, "sam", {"id": "sam"}, True])
async def test_a_directory_that_answers_nonsense_lets_nobody_in(house, answer) -> None:
    house.sessions.answer = answer
    assert (await house.ask("sp_key")).reason == "no_principal"


async def test_a_suspended_person_is_refused(house) -> None:
    house.sessions.answer = Principal(id="local|sam", suspended=True)
    assert (await house.ask("sp_key")).code == "principal_suspended"


@pytest.mark.parametrize(
    ("make", "code", "reason"),
    [
        (lambda _: "hello", "token_malformed", "parts"),
        (lambda f: f.token(b"x"), "token_malformed", "claims_json"),
        (lambda f: f.token(f.claims(iss="https://evil.example")), "token_invalid", "issuer"),
        (lambda f: f.token(f.claims(iss=[ISSUER])), "token_invalid", "issuer"),
        (lambda f: f.token(f.claims(iss=None)), "token_invalid", "issuer"),
        (lambda f: f.token(kid=["ec"]), "token_invalid", "kid"),
        (lambda f: f.token(f.claims(aud="x")), "token_wrong_audience", "audience"),
        (lambda f: f.token(f.claims(amr=["pwd"])), "mfa_required", "mfa_not_proven"),
        (lambda f: f.token(f.claims(cnf={"jkt": "x"})), "token_binding_failed", "cnf"),
    ],
)
async def test_what_is_refused(house, forge, make, code, reason) -> None:
    refusal = await house.ask(make(forge))
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.reason) == (code, reason)


async def test_only_configured_issuers_cause_any_work(house, forge) -> None:
    await house.ask(forge.token(forge.claims(iss="https://evil.example")))
    assert house.keys.asked == 0


async def test_a_certificate_bound_token_needs_its_certificate_each_time(house, forge) -> None:
    digest = bytes(range(32))
    bound = urlsafe_b64encode(digest).rstrip(b"=").decode()
    token = forge.token(forge.claims(cnf={"x5t#S256": bound}))
    mine, other = (TlsFacts(client_certificate_sha256=value.hex()) for value in (digest, bytes(32)))
    for _ in range(2):
        assert (await house.ask(token, mine)).binding == bound
        assert (await house.ask(token, other)).code == "token_binding_failed"
        assert (await house.ask(token)).code == "token_binding_failed"


async def test_start_and_stop_reach_every_source(house) -> None:
    await house.room.start()
    await house.room.stop()


@pytest.mark.parametrize("token", [b"a b", b"t\xc3\xa9k", b"t\x00k", b"sp_a b", b"sp_\xff", b"a,Bearer b"])
async def test_a_credential_of_other_characters_is_refused_before_it_is_read(house, token) -> None:
    refused = await house.room.identify([(b"authorization", b"Bearer " + token)], TlsFacts())
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.reason) == ("token_malformed", "characters")
