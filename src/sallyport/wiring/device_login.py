"""Logging in with an identity provider from a terminal: the device authorisation grant (RFC 8628)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

from sallyport.errors import Fault, Refusal, SettingsError
from sallyport.identity.device_grant import DeviceGrant
from sallyport.identity.discovery import Discovery, read_discovery
from sallyport.identity.fetch import ProviderHttp
from sallyport.identity.providers import ProviderRules, discovery_url
from sallyport.identity.strict import Malformed

DEFAULT_SECONDS = 300  # of a token whose provider does not say


async def log_in(
    offered: Mapping[str, Any], show: Callable[[str, str], None], *, hint: str = ""
) -> tuple[str, int]:
    """An access token and when it expires. `offered` is what the door says of a provider, `hint` whom to expect.

    Raises SettingsError with what went wrong and the next step.
    """
    unsafe_http = bool(offered["unsafe_http"])
    http = ProviderHttp(unsafe_http=unsafe_http)
    try:
        found = await _discover(http, offered, unsafe_http=unsafe_http)
        grant = DeviceGrant(
            offered["client_id"],
            post=http.post,
            sleep=asyncio.sleep,
            clock=time.time,
            resource=offered["resource"],
            unsafe_http=unsafe_http,
        )
        also = {"login_hint": hint} if hint else {}
        code = await grant.start(found.device_authorization_endpoint, offered["scopes"], **also)
        if isinstance(code, Refusal):
            raise _failed(offered, code)
        show(code.verification_uri_complete or code.verification_uri, code.user_code)
        tokens = await grant.poll(found.token_endpoint, code)
        if isinstance(tokens, Refusal):
            raise _failed(offered, tokens)
        return tokens.access_token, int(time.time()) + (tokens.expires_in or DEFAULT_SECONDS)
    finally:
        await http.close()


async def _discover(http: ProviderHttp, offered: Mapping[str, Any], *, unsafe_http: bool) -> Discovery:
    names = ("name", "preset", "issuer", "audience")
    rules = ProviderRules(**{name: offered[name] for name in names}, unsafe_http=unsafe_http)
    try:
        found = read_discovery((await http.get(discovery_url(rules))).body, rules)
    except (Malformed, Fault):
        raise SettingsError(
            offered["issuer"], "its discovery document cannot be used", "try again later"
        ) from None
    if not (found.device_authorization_endpoint and found.token_endpoint and offered["client_id"]):
        raise SettingsError(
            offered["name"],
            "has no device login",
            "enable the device grant there, and set client_id at the door",
        )
    return found


def _failed(offered: Mapping[str, Any], refusal: Refusal) -> SettingsError:
    return SettingsError(offered["name"], refusal.message or refusal.spec.message, "run: sallyport login")
