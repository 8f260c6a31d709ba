"""The device grant as a transcript: what is asked, how long is waited, what comes of it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sallyport.errors import Fault, Refusal
from sallyport.identity.device_grant import (
    DeviceCode,
    DeviceGrant,
    Tokens,
    Wait,
    read_device_code,
    read_tokens,
)
from sallyport.identity.discovery import FetchResult

CODE = {
    "device_code": "secret-device-code",
    "user_code": "ABCD-EFGH",
    "verification_uri": "https://idp.example/device",
    "expires_in": 600,
    "interval": 5,
}
TOKENS = {
    "access_token": "secret-access",
    "token_type": "Bearer",
    "expires_in": 300,
    "refresh_token": "secret-r",
}
AWAY = Fault(code="identity_unavailable")


def ok(**values) -> FetchResult:
    return FetchResult(200, json.dumps({k: v for k, v in values.items() if v is not None}).encode())


def error(name: object, status: int = 400) -> FetchResult:
    return FetchResult(status, json.dumps({"error": name}).encode())


class Provider:
    """Answers one by one; writes down what was asked and how long was waited."""

    def __init__(self, *answers: FetchResult | Fault) -> None:
        self.answers, self.now, self.transcript = list(answers), 0.0, []

    async def post(self, url: str, form) -> FetchResult:
        self.transcript.append((url.rsplit("/", 1)[1], dict(form)))
        answer = self.answers.pop(0)
        if isinstance(answer, Fault):
            raise answer
        return answer

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.transcript.append(seconds)

    def grant(self, **over) -> DeviceGrant:
        given_ = {"post": self.post, "sleep": self.sleep, "clock": lambda: self.now} | over
        return DeviceGrant("cli", **given_)

    @property
    def waits(self) -> list[float]:
        return [entry for entry in self.transcript if isinstance(entry, float)]


async def poll(*answers, expires: float = 600.0):
    provider = Provider(*answers)
    code = DeviceCode(
        device_code="d", user_code="u", verification_uri="https://x", expires=expires, interval=5
    )
    return await provider.grant().poll("https://idp.example/token", code), provider


async def test_from_code_to_tokens() -> None:
    provider = Provider(ok(**CODE), error("authorization_pending"), ok(**TOKENS))
    grant = provider.grant(resource="api://sallyport")
    code = await grant.start("https://idp.example/device_authorization", ["openid", "x"], login_hint="ann")
    assert (code.user_code, code.verification_uri, code.interval) == (
        "ABCD-EFGH",
        CODE["verification_uri"],
        5,
    )
    tokens = await grant.poll("https://idp.example/token", code)
    assert (tokens.access_token, tokens.refresh_token, tokens.expires_in) == (
        "secret-access",
        "secret-r",
        300,
    )
    assert provider.transcript == [
        ("device_authorization", {"client_id": "cli", "resource": "api://sallyport", "scope": "openid x", "login_hint": "ann"}),
        5.0,
        ("token", provider.transcript[2][1]),
        5.0,
        ("token", {
            "client_id": "cli", "resource": "api://sallyport", "device_code": "secret-device-code",
            "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
        }),
    ]  # fmt: skip


async def test_slow_down_adds_five_seconds_each_time() -> None:
    tokens, provider = await poll(
        error("slow_down"), error("slow_down"), error("authorization_pending"), ok(**TOKENS)
    )
    assert isinstance(tokens, Tokens)
    assert provider.waits == [5, 10, 15, 15]


async def test_an_answer_that_does_not_come_doubles_the_interval() -> None:
    tokens, provider = await poll(AWAY, AWAY, ok(**TOKENS))
    assert isinstance(tokens, Tokens)
    assert provider.waits == [5, 10, 20]


async def test_nothing_is_asked_after_the_code_has_expired() -> None:
    refusal, provider = await poll(*[error("authorization_pending")] * 9, expires=21)
    assert (refusal.code, refusal.reason) == ("login_failed", "expired_token")
    assert provider.waits == [5, 5, 5, 5]


@pytest.mark.parametrize(
    ("answer", "code", "reason"),
    [
        (error("access_denied"), "login_failed", "access_denied"),
        (error("expired_token"), "login_failed", "expired_token"),
        (error("invalid_grant"), "login_failed", "invalid_grant"),
        (error("anything\x1b[2J"), "login_failed", "refused_by_provider"),
        (error(["slow_down"]), "login_failed", "refused_by_provider"),
        (FetchResult(500, b"<html>"), "login_failed", "refused_by_provider"),
        (FetchResult(200, b"<html>"), "identity_unavailable", "token_type"),
        (ok(**TOKENS | {"token_type": "DPoP"}), "identity_unavailable", "token_type"),
        (ok(**TOKENS | {"token_type": None}), "identity_unavailable", "token_type"),
        (ok(**TOKENS | {"access_token": None}), "identity_unavailable", "token_answer"),
        (ok(**TOKENS | {"access_token": "a\r\nx: y"}), "identity_unavailable", "token_answer"),
        (ok(**TOKENS | {"refresh_token": 7}), "identity_unavailable", "token_answer"),
        (FetchResult(200, b'{"token_type":"Bearer","access_token":"a","access_token":"b"}'), "identity_unavailable", "token_type"),
    ],
)  # fmt: skip
async def test_how_it_ends_badly(answer, code, reason) -> None:
    refusal, _ = await poll(answer)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.reason) == (code, reason)
    assert "\x1b" not in refusal.message


@pytest.mark.parametrize(
    "over",
    [
        {"device_code": None},
        {"user_code": None},
        {"user_code": "\x1b]0;x\x07"},
        {"user_code": "A" * 65},
        {"user_code": ["A"]},
        {"verification_uri": "http://idp.example/device"},
        {"verification_uri": "javascript:alert(1)"},
        {"verification_uri": "https://idp.example/\u202e"},
        {"verification_uri_complete": "file:///etc/passwd"},
        {"verification_uri_complete": 1},
        {"expires_in": None},
        {"expires_in": 0},
        {"expires_in": True},
        {"expires_in": 10**9},
        {"interval": 0},
        {"interval": 3600},
        {"interval": "5"},
    ],
)
def test_a_device_code_that_cannot_be_shown(over) -> None:
    assert read_device_code(ok(**CODE | over), 0, unsafe_http=False).reason == "device_answer"


async def test_a_provider_that_is_away_or_refuses() -> None:
    assert (await Provider(AWAY).grant().start("https://x/d", [])).code == "identity_unavailable"
    assert (
        await Provider(error("invalid_client", 401)).grant().start("https://x/d", [])
    ).code == "login_failed"


async def test_refresh() -> None:
    provider = Provider(ok(**TOKENS), error("invalid_grant"), AWAY, error("slow_down"))
    outcomes = [await provider.grant().refresh("https://x/token", "secret-r") for _ in range(4)]
    assert isinstance(outcomes[0], Tokens)
    assert [refusal.reason for refusal in outcomes[1:]] == ["invalid_grant", "token_endpoint", "token_answer"]


def test_secrets_are_not_in_a_repr() -> None:
    shown = repr(read_device_code(ok(**CODE), 0, unsafe_http=False)) + repr(read_tokens(ok(**TOKENS)))
    assert "secret" not in shown
    assert "ABCD-EFGH" in shown


@given(st.sampled_from([200, 400, 401, 500]), st.binary(max_size=60))
def test_any_answer_is_judged(status, body) -> None:
    assert isinstance(read_tokens(FetchResult(status, body)), Refusal | Tokens | Wait)
    assert isinstance(read_device_code(FetchResult(status, body), 0, unsafe_http=False), Refusal | DeviceCode)
