"""What one key says about another: names that must exist, addresses that must be safe."""

from __future__ import annotations

import difflib
from urllib.parse import SplitResult, urlsplit

from sallyport.errors import SettingsError
from sallyport.settings.schema import CONVERSES, ModelEntry, Provider, Requestable, Settings, Upstream

LEAST_SECONDS = 60  # of a grant


def is_loopback(url: str) -> bool:
    """Whether a URL's host is this machine."""
    return urlsplit(url).hostname in {"127.0.0.1", "::1", "localhost"}


def check_references(settings: Settings) -> None:
    """Raise SettingsError for the first reference or address that cannot be used."""
    segments = _unique("segments", [s.name for s in settings.segments])
    upstreams = _unique("upstreams", [u.name for u in settings.upstreams])
    kinds = {upstream.name: upstream.kind for upstream in settings.upstreams}
    _unique("models", [m.name for m in settings.models])
    _unique("identity.providers", [p.name for p in settings.identity.providers])
    for index, model in enumerate(settings.models):
        _known(f"models[{index}].segment", model.segment, segments)
        _known(f"models[{index}].upstream", model.upstream, upstreams)
        _check_surfaces(f"models[{index}].surfaces", model, kinds[model.upstream])
    for index, upstream in enumerate(settings.upstreams):
        _check_url(f"upstreams[{index}].base_url", upstream)
    for index, provider in enumerate(settings.identity.providers):
        _check_issuer(f"identity.providers[{index}].issuer", provider)
    for index, row in enumerate(settings.access.requestable):
        _check_requestable(f"access.requestable[{index}]", row, {m.name for m in settings.models})
    _unique(
        "access.requestable", [f"{r.role and 'role'}{r.role or r.model}" for r in settings.access.requestable]
    )
    if bool(settings.tls.certificate) != bool(settings.tls.key):
        raise SettingsError(
            "tls.certificate", "needs tls.key, and the other way round", "set both or neither"
        )


def _check_requestable(where: str, row: Requestable, models: set[str]) -> None:
    if bool(row.role) == bool(row.model):
        raise SettingsError(where, "needs exactly one of role and model", 'write role = "analyst"')
    if row.model:
        _known(f"{where}.model", row.model, models)
    if not row.eligible:
        raise SettingsError(f"{where}.eligible", "nobody could ask", "name a role")
    if not row.approvers or min(row.approvers.values()) < 1:
        raise SettingsError(
            f"{where}.approvers", "nobody would have to agree", "write { security-admin = 1 }"
        )
    if row.most_seconds < LEAST_SECONDS:
        raise SettingsError(f"{where}.most_seconds", "is too short to be used", f"at least {LEAST_SECONDS}")
    if min(row.extend_seconds, row.emergency_seconds) < 0:
        raise SettingsError(where, "a time is negative", "0 means not at all")


def _unique(where: str, names: list[str]) -> set[str]:
    for name in names:
        if names.count(name) > 1:
            raise SettingsError(where, f"the name {name!r} is given twice", "rename one")
    return set(names)


def _known(where: str, name: str, names: set[str]) -> None:
    if name not in names:
        near = difflib.get_close_matches(name, names, 1)
        raise SettingsError(
            where, f"{name!r} is not defined", f"did you mean {near[0]}?" if near else "define it"
        )


def _check_surfaces(where: str, model: ModelEntry, kind: str) -> None:
    served = {*CONVERSES[kind], *(("embeddings",) if kind == "openai" else ())}
    for surface in model.surfaces:
        if surface not in served:
            raise SettingsError(
                where,
                f"an upstream of kind {kind!r} has no {surface!r}",
                "choose of " + ", ".join(sorted(served)),
            )


def _check_url(where: str, upstream: Upstream) -> None:
    url = _split(where, upstream.base_url)
    if url.scheme not in {"http", "https"} or not url.hostname or url.username or url.query or url.fragment:
        raise SettingsError(
            where, "must be an http(s) address without credentials or query", "https://host/v1"
        )
    if url.scheme == "http" and not (is_loopback(upstream.base_url) or upstream.unsafe_http):
        raise SettingsError(where, "plain http leaves this machine", "use https, or set unsafe_http = true")


def _split(where: str, address: str) -> SplitResult:
    try:
        url = urlsplit(address)
        _ = url.port
    except ValueError:
        raise SettingsError(where, "is no address", "write https://host/path") from None
    return url


def _check_issuer(where: str, provider: Provider) -> None:
    url = _split(where, provider.issuer)
    if url.scheme == "https" and url.hostname:
        return
    if url.scheme == "http" and provider.unsafe_http and is_loopback(provider.issuer):
        return
    raise SettingsError(where, "must be https", "unsafe_http = true allows http on loopback, for tests")
