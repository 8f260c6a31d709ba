"""The key cache under storms, silence, hangs and lies. The clock is ours; no test waits."""

from __future__ import annotations

import asyncio
import json

import pytest

from sallyport.errors import Fault, Refusal
from sallyport.identity.discovery import FetchResult
from sallyport.identity.jwks import KeyLimits, KeyState, Plan, RemoteKeys, StaticKeys, plan
from sallyport.identity.keyset import KeySet, key_set
from sallyport.identity.providers import ProviderRules

ISSUER = "https://idp.example.com/oauth2/main"
RULES = ProviderRules(name="p", preset="okta", issuer=ISSUER, audience="api")
LIMITS = KeyLimits(seconds=0.05)
DISCOVERY = {"issuer": ISSUER, "jwks_uri": "https://idp.example.com/oauth2/main/keys"}


class Idp:
    """A provider whose answers can be made to fail, hang or lie."""

    def __init__(self, jwks: bytes) -> None:
        self.now = 1000.0
        self.jwks: object = FetchResult(200, jwks)
        self.discovery: object = FetchResult(200, json.dumps(DISCOVERY).encode())
        self.urls: list[str] = []
        self.gate: asyncio.Event | None = None

    async def __call__(self, url: str) -> FetchResult:
        self.urls.append(url)
        if self.gate is not None:
            await self.gate.wait()
        answer = self.discovery if "/.well-known/" in url else self.jwks
        if isinstance(answer, Exception):
            raise answer
        return answer

    def clock(self) -> float:
        return self.now

    @property
    def fetches(self) -> int:
        return sum(url.endswith("/keys") for url in self.urls)


@pytest.fixture
def idp(forge):
    return Idp(forge.jwks(forge.jwk("ec")))


@pytest.fixture
async def keys(idp):
    made = RemoteKeys(RULES, idp, idp.clock, LIMITS)
    yield made
    await made.stop()


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def kids(got: KeySet | Refusal) -> set[str]:
    assert isinstance(got, KeySet), got
    return set(got.by_kid)


def unavailable(got: KeySet | Refusal) -> bool:
    return isinstance(got, Refusal) and got.code == "identity_unavailable" and got.retry_after is not None


async def test_the_first_caller_fetches_and_the_rest_use_it(idp, keys) -> None:
    assert kids(await keys.keys("ec")) == {"ec"}
    assert kids(await keys.keys("ec")) == {"ec"}
    assert idp.urls == [ISSUER + "/.well-known/openid-configuration", DISCOVERY["jwks_uri"]]


async def test_callers_that_come_together_share_one_fetch(idp, keys) -> None:
    got = await asyncio.gather(*(keys.keys("ec") for _ in range(50)))
    assert all(kids(one) == {"ec"} for one in got)
    assert idp.fetches == 1


async def test_a_caller_that_goes_away_does_not_stop_the_fetch_of_others(idp, keys) -> None:
    idp.gate = asyncio.Event()
    first, second = (asyncio.create_task(keys.keys("ec")) for _ in range(2))
    await settle()
    first.cancel()
    await settle()
    idp.gate.set()
    assert kids(await second) == {"ec"}


async def test_a_storm_of_unknown_kids_causes_one_fetch_per_interval(idp, keys) -> None:
    await keys.keys("ec")
    for number in range(500):
        assert kids(await keys.keys(f"evil-{number}")) == {"ec"}
    assert idp.fetches == 1
    idp.now += 30
    for number in range(500):
        await keys.keys(f"more-{number}")
    assert idp.fetches == 2


async def test_a_kid_that_was_unknown_after_a_fetch_causes_no_other(idp, keys) -> None:
    await keys.keys("ec")
    idp.now += 30
    await keys.keys("gone")
    assert idp.fetches == 2
    idp.now += 31
    await keys.keys("gone")
    assert idp.fetches == 2
    idp.now += 30
    await keys.keys("gone")
    assert idp.fetches == 3


async def test_a_failed_fetch_teaches_nothing_about_a_kid(idp, keys, forge) -> None:
    await keys.keys("ec")
    idp.now += 30
    good, idp.jwks = FetchResult(200, forge.jwks(forge.jwk("ec2"))), FetchResult(500, b"")
    await keys.keys("ec2")
    idp.now += 30
    idp.jwks = good
    assert kids(await keys.keys("ec2")) == {"ec2"}


async def test_unknown_kids_are_remembered_in_bounded_space(idp, forge) -> None:
    keys = RemoteKeys(RULES, idp, idp.clock, KeyLimits(unknown_kids=5, interval=0))
    for number in range(50):
        await keys.keys(f"evil-{number}")
    assert len(keys._unknown) == 5


async def test_a_rotated_key_is_found(idp, keys, forge) -> None:
    await keys.keys("ec")
    idp.jwks = FetchResult(200, forge.jwks(forge.jwk("ec2")))
    idp.now += 30
    assert kids(await keys.keys("ec2")) == {"ec2"}


async def test_stale_keys_serve_while_one_fetch_runs_behind(idp, keys, forge) -> None:
    await keys.keys("ec")
    idp.now += 301
    idp.gate = asyncio.Event()
    idp.jwks = FetchResult(200, forge.jwks(forge.jwk("ec"), forge.jwk("rsa")))
    for _ in range(5):
        assert kids(await keys.keys("ec")) == {"ec"}
    idp.gate.set()
    await settle()
    assert kids(await keys.keys("ec")) == {"ec", "rsa"}
    assert idp.fetches == 2


FAULTS = [
    ("raises", Fault("x", code="identity_unavailable")),
    ("raises anything", RuntimeError("x")),
    ("404", FetchResult(404, b"{}")),
    ("redirect", FetchResult(302, b"")),
    ("no JSON", FetchResult(200, b"<html>")),
    ("empty", FetchResult(200, b'{"keys":[]}')),
    ("too many", FetchResult(200, json.dumps({"keys": [{}] * 65}).encode())),
    ("symmetric", FetchResult(200, b'{"keys":[{"kty":"oct","k":"c2VjcmV0","kid":"ec"}]}')),
    ("nonsense", None),
]


@pytest.mark.parametrize("fault", [row[1] for row in FAULTS], ids=[row[0] for row in FAULTS])
async def test_a_faulty_key_set_replaces_nothing_until_the_hard_limit(idp, keys, fault) -> None:
    await keys.keys("ec")
    idp.jwks = fault
    for _ in range(4):
        idp.now += 1800
        assert kids(await keys.keys("ec")) == {"ec"}
        await settle()
    idp.now += 1
    assert unavailable(await keys.keys("ec"))


@pytest.mark.parametrize("fault", [row[1] for row in FAULTS], ids=[row[0] for row in FAULTS])
async def test_without_any_keys_everyone_is_refused_and_fetches_stay_rare(idp, keys, fault) -> None:
    idp.jwks = fault
    for _ in range(100):
        assert unavailable(await keys.keys("ec"))
    assert idp.fetches == 1
    idp.now += 30
    assert unavailable(await keys.keys("ec"))
    assert idp.fetches == 2


@pytest.mark.parametrize(
    "lie",
    [
        {"issuer": ISSUER + "/"},
        {"issuer": "https://evil.example"},
        {"issuer": [ISSUER]},
        {"issuer": None},
        {"jwks_uri": "https://evil.example/keys"},
        {"jwks_uri": "http://idp.example.com/keys"},
        {"jwks_uri": "https://idp.example.com:444/keys"},
        {"jwks_uri": "https://idp.example.com@evil.example/keys"},
        {"jwks_uri": "https://idp.example.com.evil.example/keys"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": "https://idp.example.com:x/keys"},
        {"jwks_uri": ["https://idp.example.com/keys"]},
        {"jwks_uri": "http://127.0.0.1:1/keys"},
        {"jwks_uri": None},
        {"token_endpoint": "http://evil.example"},
    ],
)
async def test_a_lying_discovery_document_is_not_followed(idp, keys, lie) -> None:
    idp.discovery = FetchResult(
        200, json.dumps({k: v for k, v in (DISCOVERY | lie).items() if v is not None}).encode()
    )
    assert unavailable(await keys.keys("ec"))
    assert idp.urls == [ISSUER + "/.well-known/openid-configuration"]


async def test_key_hosts_can_be_listed(idp) -> None:
    rules = ProviderRules(name="p", issuer=ISSUER, audience="api", jwks_hosts=("keys.example",))
    idp.discovery = FetchResult(
        200, json.dumps(DISCOVERY | {"jwks_uri": "https://keys.example/keys"}).encode()
    )
    assert kids(await RemoteKeys(rules, idp, idp.clock, LIMITS).keys("ec")) == {"ec"}


async def test_a_hanging_provider_holds_nobody_for_longer_than_the_limit(idp, keys) -> None:
    idp.gate = asyncio.Event()
    got = await asyncio.gather(*(keys.keys("ec") for _ in range(20)))
    assert all(unavailable(one) for one in got)
    assert len(idp.urls) == 1


async def test_a_fetch_that_hung_is_over_and_the_next_one_may_succeed(idp, keys) -> None:
    idp.gate = asyncio.Event()
    assert unavailable(await keys.keys("ec"))
    idp.gate = None
    idp.now += 30
    assert kids(await keys.keys("ec")) == {"ec"}


@pytest.mark.parametrize("status", [201, 204, 301, 400, 500])
async def test_a_key_set_under_another_status_than_200_is_not_read(idp, keys, status) -> None:
    idp.jwks = FetchResult(status, idp.jwks.body)
    assert unavailable(await keys.keys("ec"))


async def test_discovery_is_read_again_after_a_failure(idp, keys) -> None:
    await keys.keys("ec")
    idp.now += 301
    idp.jwks = FetchResult(500, b"")
    await keys.keys("ec")
    await settle()
    moved = "https://idp.example.com/new/keys"
    idp.discovery = FetchResult(200, json.dumps(DISCOVERY | {"jwks_uri": moved}).encode())
    idp.now += 30
    await keys.keys("ec")
    await settle()
    assert idp.urls[-2:] == [ISSUER + "/.well-known/openid-configuration", moved]


async def test_start_fetches_ahead_and_stop_ends_it(idp) -> None:
    idp.gate = asyncio.Event()
    keys = RemoteKeys(RULES, idp, idp.clock, LIMITS)
    await keys.start()
    await settle()
    assert len(idp.urls) == 1
    await keys.stop()
    assert keys._task.done()


async def test_static_keys_are_what_the_file_says(forge) -> None:
    held = key_set(forge.jwks(), ("ES256",))
    static = StaticKeys(held)
    await static.start()
    assert await static.keys("anything") is held
    await static.stop()


HELD = KeySet({"ec": None}, None)


@pytest.mark.parametrize(
    ("age", "attempted", "in_flight", "kid", "unknown", "expected"),
    [
        (10, 10, False, "ec", False, Plan.USE),
        (10, 10, False, None, False, Plan.USE),
        (301, 301, False, "ec", False, Plan.REFRESH),
        (301, 10, False, "ec", False, Plan.USE),  # the last attempt failed a moment ago
        (7201, 7201, False, "ec", False, Plan.WAIT),
        (7201, 10, False, "ec", False, Plan.REFUSE),
        (7201, 1, True, "ec", False, Plan.WAIT),
        (40, 40, False, "new", False, Plan.WAIT),
        (40, 40, False, "new", True, Plan.USE),
        (10, 10, False, "new", False, Plan.USE),
        (10, 1, True, "new", False, Plan.WAIT),
    ],
)
def test_the_plan(age, attempted, in_flight, kid, unknown, expected) -> None:
    state = KeyState(keys=HELD, fetched=10_000 - age, attempted=10_000 - attempted, in_flight=in_flight)
    assert plan(state, kid, 10_000, KeyLimits(), unknown=unknown) is expected
