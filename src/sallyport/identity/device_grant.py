"""Sign in on a device without a browser of its own (RFC 8628), for `sallyport login`.

`read_device_code` and `read_tokens` decide; `DeviceGrant` asks, waits and asks again: never more often than the
provider's interval, five seconds more after each `slow_down` (section 3.5), twice as long after each answer that
did not come, and not at all once the code has expired. What the provider wants shown on a terminal is judged
first, because it is text of another machine. Secrets do not appear in a repr.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import Enum
from http import HTTPStatus
from typing import Any

from msgspec import Struct

from sallyport.errors import Fault, Refusal
from sallyport.identity.discovery import FetchResult, is_safe
from sallyport.identity.strict import Malformed, json_object

Post = Callable[[str, Mapping[str, str]], Awaitable[FetchResult]]
GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_INTERVALS = range(1, 61)
_LIVES = range(1, 3601)
_SLOWER = 5
_SENTENCES = {
    "access_denied": "The sign-in was declined.",
    "expired_token": "The code has expired.",
    "invalid_grant": "The session at the identity provider has ended.",
}


class DeviceCode(Struct, frozen=True, kw_only=True):
    """What to show, and until when (seconds of the clock) it counts."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str = ""
    expires: float
    interval: int = 5

    def __repr__(self) -> str:
        return f"DeviceCode(user_code={self.user_code!r}, expires={self.expires})"


class Tokens(Struct, frozen=True, kw_only=True):
    """What the provider issued. `expires_in` seconds, 0 if it did not say."""

    access_token: str
    refresh_token: str = ""
    expires_in: int = 0

    def __repr__(self) -> str:
        return f"Tokens(expires_in={self.expires_in})"


class Wait(Enum):
    """The person has not finished."""

    PENDING = "authorization_pending"
    SLOW_DOWN = "slow_down"


class DeviceGrant:
    """One sign-in. `post` sends a form, `sleep` and `clock` are in seconds."""

    def __init__(
        self,
        client_id: str,
        *,
        post: Post,
        sleep: Callable[[float], Awaitable[None]],
        clock: Callable[[], float],
        resource: str = "",
        unsafe_http: bool = False,
    ) -> None:
        self._post, self._sleep, self._clock = post, sleep, clock
        self._unsafe_http = unsafe_http
        self._common = {"client_id": client_id, **({"resource": resource} if resource else {})}

    async def start(
        self, device_authorization_endpoint: str, scopes: Sequence[str], **also: str
    ) -> DeviceCode | Refusal:
        """Ask for a code (section 3.1). `also` are further parameters of the authorisation request."""
        form = {**self._common, "scope": " ".join(scopes), **also}
        now = self._clock()
        try:
            result = await self._post(device_authorization_endpoint, form)
        except Fault:
            return _unreadable("device_endpoint")
        return read_device_code(result, now, unsafe_http=self._unsafe_http)

    async def poll(self, token_endpoint: str, code: DeviceCode) -> Tokens | Refusal:
        """Wait for the person (sections 3.4 and 3.5)."""
        form = {**self._common, "grant_type": GRANT, "device_code": code.device_code}
        interval = float(code.interval)
        while self._clock() + interval < code.expires:
            await self._sleep(interval)
            try:
                answer = read_tokens(await self._post(token_endpoint, form))
            except Fault:
                interval *= 2
                continue
            if not isinstance(answer, Wait):
                return answer
            interval += _SLOWER if answer is Wait.SLOW_DOWN else 0
        return _failed("expired_token")

    async def refresh(self, token_endpoint: str, refresh_token: str) -> Tokens | Refusal:
        """New tokens for a refresh token (RFC 6749 section 6)."""
        form = {**self._common, "grant_type": "refresh_token", "refresh_token": refresh_token}
        try:
            answer = read_tokens(await self._post(token_endpoint, form))
        except Fault:
            return _unreadable("token_endpoint")
        return _unreadable("token_answer") if isinstance(answer, Wait) else answer


def read_device_code(result: FetchResult, now: float, *, unsafe_http: bool) -> DeviceCode | Refusal:
    """Judge the answer of the device authorisation endpoint (section 3.2)."""
    values = _object(result)
    if result.status != HTTPStatus.OK:
        return _failed(str(values.get("error", "")))
    life, interval = values.get("expires_in"), values.get("interval", 5)
    complete = values.get("verification_uri_complete", "")
    usable = (
        _visible(values.get("device_code"), 4096)
        and _visible(values.get("user_code"), 64)
        and _address(values.get("verification_uri"), unsafe_http=unsafe_http)
        and (complete == "" or _address(complete, unsafe_http=unsafe_http))
        and type(life) is int
        and life in _LIVES
        and type(interval) is int
        and interval in _INTERVALS
    )
    if not usable:
        return _unreadable("device_answer")
    return DeviceCode(
        device_code=values["device_code"],
        user_code=values["user_code"],
        verification_uri=values["verification_uri"],
        verification_uri_complete=complete,
        expires=now + values["expires_in"],
        interval=interval,
    )


def read_tokens(result: FetchResult) -> Tokens | Wait | Refusal:
    """Judge the answer of the token endpoint (RFC 6749 section 5, RFC 8628 section 3.5)."""
    values = _object(result)
    if result.status == HTTPStatus.OK:
        return _tokens(values)
    error = values.get("error")
    if error in (Wait.PENDING.value, Wait.SLOW_DOWN.value):
        return Wait(error)
    return _failed(error if isinstance(error, str) else "")


def _tokens(values: Mapping[str, Any]) -> Tokens | Refusal:
    access, refresh, life = (
        values.get("access_token"),
        values.get("refresh_token", ""),
        values.get("expires_in", 0),
    )
    token_type = values.get("token_type")
    if not (isinstance(token_type, str) and token_type.lower() == "bearer"):
        return _unreadable("token_type")
    if not _visible(access, 16_384) or not (refresh == "" or _visible(refresh, 16_384)):
        return _unreadable("token_answer")
    seconds = life if type(life) is int and life > 0 else 0
    return Tokens(access_token=values["access_token"], refresh_token=refresh, expires_in=seconds)


def _object(result: FetchResult) -> dict[str, Any]:
    try:
        return json_object(result.body)
    except Malformed:
        return {}


def _visible(value: object, limit: int) -> bool:
    """Printable ASCII only: it goes to a terminal, or into a header."""
    return isinstance(value, str) and 0 < len(value) <= limit and value.isascii() and value.isprintable()


def _address(value: object, *, unsafe_http: bool) -> bool:
    return isinstance(value, str) and _visible(value, 2048) and is_safe(value, unsafe_http=unsafe_http)


def _failed(error: str) -> Refusal:
    known = error if error in _SENTENCES else "refused_by_provider"
    sentence = _SENTENCES.get(error, "The identity provider refused the sign-in.")
    return Refusal(code="login_failed", message=sentence, next_step="Run: sallyport login", reason=known)


def _unreadable(reason: str) -> Refusal:
    return Refusal(code="identity_unavailable", reason=reason)
