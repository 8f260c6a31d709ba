"""An OpenID provider of the settings as the identity room takes it."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack

from sallyport.identity.jwks import KeySource, RemoteKeys, StaticKeys
from sallyport.identity.providers import ProviderRules
from sallyport.settings.schema import Provider
from sallyport.wiring import translate


def source(provider: Provider, token_bytes: int, opened: AsyncExitStack) -> tuple[ProviderRules, KeySource]:
    """Its rules, and where its keys come from. Raises SettingsError."""
    rules = translate.provider_rules(provider, token_bytes)
    if provider.jwks_file:
        return rules, StaticKeys(translate.static_keys(provider))
    from sallyport.identity.fetch import ProviderHttp  # noqa: PLC0415 - 8 MB, which keys from a file do not need

    pem = translate.read_file(provider.ca_file) if provider.ca_file else b""
    http = ProviderHttp(ca_pem=pem, unsafe_http=provider.unsafe_http)
    opened.push_async_callback(http.close)
    return rules, RemoteKeys(rules, http.get, time.monotonic)
