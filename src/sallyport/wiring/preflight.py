"""Everything that can be known of a configuration before it starts: read, resolved, built, but nothing served."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

from sallyport.access.room import AccessRoom
from sallyport.errors import Fault, SettingsError
from sallyport.gateway.upstream import HttpUpstreams
from sallyport.inspection.engine import Engine, EngineOptions
from sallyport.settings import Settings, load, unsafe_switches
from sallyport.wiring import translate
from sallyport.wiring.places import Places


def preflight(path: Path) -> tuple[list[SettingsError], list[str]]:
    """All problems that can be found, and the `unsafe_` switches that are set."""
    try:
        settings = load(path)
    except SettingsError as error:
        return [error], []
    problems = [problem for check in CHECKS for problem in _run(check, settings)]
    return problems, unsafe_switches(settings)


def _run(check: Callable[[Settings], Iterator[SettingsError]], settings: Settings) -> Iterator[SettingsError]:
    try:
        yield from check(settings)
    except SettingsError as error:
        yield error
    except Fault as fault:
        yield SettingsError(check.__name__.strip("_"), fault.detail or fault.code)


def _models(settings: Settings) -> Iterator[SettingsError]:
    if not settings.models:
        yield SettingsError("models", "there is none, so no call can be answered", "add a [[models]] table")
    used = {model.upstream for model in settings.models}
    for upstream in settings.upstreams:
        if upstream.name not in used:
            yield SettingsError(
                f"upstreams.{upstream.name}", "no model uses it", "remove it, or name it in a model"
            )


def _identity(settings: Settings) -> Iterator[SettingsError]:
    if not settings.identity.directory.enabled and not settings.identity.providers:
        yield SettingsError("identity", "nobody could log in", "enable the directory or add a provider")
    for provider in settings.identity.providers:
        if not (provider.mfa.acr or provider.mfa.amr or provider.mfa.acrs) and provider.preset == "openid":
            yield SettingsError(
                f"identity.providers.{provider.name}.mfa",
                "nothing counts as a second factor",
                "set acr or amr",
            )
        if not provider.roles:
            yield SettingsError(
                f"identity.providers.{provider.name}.roles", "no claim maps to a role", "map one"
            )
        if provider.jwks_file:
            translate.static_keys(provider)
        translate.provider_rules(provider, settings.identity.token_bytes)


def _access(settings: Settings) -> Iterator[SettingsError]:
    room = AccessRoom.build(
        translate.policies_folder(settings),
        tuple(translate.models(settings).values()),
        {segment.name: segment.environment for segment in settings.segments},
        translate.budgets(settings),
        extend_default=settings.access.extend_default,
    )
    for name in room.unknown_names():
        yield SettingsError(
            "access.policies", f"a policy names {name}, which does not exist", "correct the name"
        )
    for provider in settings.identity.providers:
        for role in sorted(set(provider.roles.values()) - room.roles):
            yield SettingsError(
                f"identity.providers.{provider.name}.roles", f"no policy knows the role {role!r}"
            )


def _inspection(settings: Settings) -> Iterator[SettingsError]:
    Engine(EngineOptions(canaries=translate.inspection(settings).canaries))
    yield from ()


def _upstreams(settings: Settings) -> Iterator[SettingsError]:
    HttpUpstreams(translate.targets(settings))
    for upstream in settings.upstreams:
        if upstream.api_key is None:
            continue
        if not upstream.api_key.reveal():
            yield SettingsError(f"upstreams.{upstream.name}.api_key", "is empty", "put the key there")


def _tls(settings: Settings) -> Iterator[SettingsError]:
    for name in ("certificate", "key", "client_ca"):
        if value := getattr(settings.tls, name):
            translate.read_file(value)
    yield from ()


def _state(settings: Settings) -> Iterator[SettingsError]:
    places = Places.of(settings)
    if places.state.exists() and places.state.stat().st_mode & 0o077:
        yield SettingsError(
            str(places.state), "others can enter the state folder", f"chmod 700 {places.state}"
        )
    socket_path = places.sockets / "worker-00.sock"
    if len(str(socket_path).encode()) >= 107:  # noqa: PLR2004 - sockaddr_un
        yield SettingsError("server.state", "the path is too long for a Unix socket", "choose a shorter one")


def _listen(settings: Settings) -> Iterator[SettingsError]:
    host, _, port = settings.server.listen.rpartition(":")
    if not port.isdigit() or not host:
        yield SettingsError("server.listen", "must be ADDRESS:PORT", "write 127.0.0.1:8443")
        return
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), int(port)))
        except OSError as error:
            yield SettingsError(
                "server.listen",
                f"cannot be bound: {error.strerror}",
                "choose another port, or stop who has it",
            )


CHECKS: tuple[Callable[[Settings], Iterator[SettingsError]], ...] = (
    _models, _identity, _access, _inspection, _upstreams, _tls, _state, _listen,
)  # fmt: skip
