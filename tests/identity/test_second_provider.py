"""A second real provider (Canaille, by pytest-iam), to show that we do not merely fit the first.

Its own access tokens have the shape of ID tokens: no scope, no client. They verify, and are refused, because
nothing tells them apart. Its key names no algorithm, so it is pinned to the one that is configured. With authlib's RFC 9068 generator it issues proper ones.
"""

from __future__ import annotations

import time

import pytest
from identity_iam import Iam

from sallyport.identity.fetch import ProviderHttp
from sallyport.identity.jose import Claims, verify
from sallyport.identity.jwks import RemoteKeys
from sallyport.identity.keyset import KeySet
from sallyport.identity.presets import principal
from sallyport.identity.providers import ProviderRules, token_policy

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def iam():
    server = Iam()
    yield server
    server.stop()


async def judged(iam, token: object, audience: str, algorithm: str = "RS256"):
    rules = ProviderRules(
        name="canaille",
        issuer=iam.issuer,
        audience=audience,
        client_id="cli",
        algorithms=(algorithm,),
        roles={"support-agents": "support"},
        unsafe_http=True,
    )
    http = ProviderHttp(unsafe_http=True)
    keys = await RemoteKeys(rules, http.get, time.monotonic).keys(None)
    await http.close()
    assert isinstance(keys, KeySet), keys
    claims = verify(str(token), keys, token_policy(rules), int(time.time()))
    return principal(claims, rules, int(time.time())) if isinstance(claims, Claims) else claims


async def test_a_token_of_rfc_9068_with_proof_of_mfa_is_accepted(iam) -> None:
    answer = await iam.sign_in("alice", rfc9068=True)
    person = await judged(iam, answer["access_token"], "api://sallyport")
    assert (person.id, person.mfa, person.roles) == (f"{iam.issuer}|alice", True, ("support",))


async def test_one_factor_is_refused(iam) -> None:
    answer = await iam.sign_in("bob", rfc9068=True)
    assert (await judged(iam, answer["access_token"], "api://sallyport")).code == "mfa_required"


async def test_another_audience_is_refused(iam) -> None:
    answer = await iam.sign_in("alice", rfc9068=True)
    assert (await judged(iam, answer["access_token"], "api://other")).code == "token_wrong_audience"


async def test_access_tokens_that_look_like_id_tokens_verify_and_are_refused(iam) -> None:
    answer = await iam.sign_in("alice", rfc9068=False)
    assert (await judged(iam, answer["access_token"], "cli", "RS512")).reason == "not_an_access_token"
    assert (await judged(iam, answer["access_token"], "cli")).reason == "alg"


async def test_an_id_token_is_refused(iam) -> None:
    answer = await iam.sign_in("alice", rfc9068=True)
    assert (await judged(iam, answer["id_token"], "cli", "RS512")).reason == "id_token"


async def test_an_opaque_refresh_token_is_refused(iam) -> None:
    answer = await iam.sign_in("alice", rfc9068=True)
    assert (await judged(iam, answer["refresh_token"], "cli")).code == "token_malformed"
