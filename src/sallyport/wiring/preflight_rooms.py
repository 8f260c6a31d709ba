"""What the rooms will make of a configuration: who gets in, what they may do, what is looked for, where it goes."""

from __future__ import annotations

import re
import typing
from collections.abc import Callable, Iterator
from importlib.util import find_spec

from sallyport.access.room import AccessRoom
from sallyport.errors import SettingsError
from sallyport.gateway.upstream import HttpUpstreams
from sallyport.identity.providers import check_issuers, check_rules
from sallyport.inspection.canary import Canaries, runs
from sallyport.inspection.detector import TOPIC, TYPES
from sallyport.model import Channel
from sallyport.settings import Settings
from sallyport.settings.schema import ActionRule, Provider, Upstream
from sallyport.wiring import looking, translate
from sallyport.wiring.preflight_machine import certificates

_HOST = re.compile(r"(?:\*\.)?[\w\-]+(?:\.[\w\-]+)*|\[[0-9a-fA-F:.]+\]")
CHANNELS = (*typing.get_args(Channel), "*")


def models(settings: Settings) -> Iterator[SettingsError]:
    """Something to call, and nothing that nobody calls."""
    if not settings.models:
        yield SettingsError("models", "there is none, so no call can be answered", "add a [[models]] table")
    used = {model.upstream for model in settings.models}
    for upstream in settings.upstreams:
        if upstream.name not in used:
            yield SettingsError(
                f"upstreams.{upstream.name}", "no model uses it", "remove it, or name it in a model"
            )


def identity(settings: Settings) -> Iterator[SettingsError]:
    """Somebody can log in, and each provider's rules can be kept."""
    if not settings.identity.directory.enabled and not settings.identity.providers:
        yield SettingsError("identity", "nobody could log in", "enable the directory or add a provider")
    for provider in settings.identity.providers:
        where = f"identity.providers.{provider.name}"
        if not provider.roles:
            yield SettingsError(f"{where}.roles", "no claim maps to a role", "map a value to a role")
        yield from _provider(where, provider, settings.identity.token_bytes)
    check_issuers(
        [translate.provider_rules(p, settings.identity.token_bytes) for p in settings.identity.providers]
    )


def _provider(where: str, provider: Provider, token_bytes: int) -> Iterator[SettingsError]:
    try:
        check_rules(translate.provider_rules(provider, token_bytes))
        if provider.jwks_file:
            translate.static_keys(provider)
        if provider.ca_file:
            certificates(f"{where}.ca_file", provider.ca_file)
    except SettingsError as error:
        yield error
    for host in provider.jwks_hosts:
        if "/" in host:
            yield SettingsError(
                f"{where}.jwks_hosts", f"{host!r} is no host name", "leave out https:// and path"
            )


def access(settings: Settings) -> Iterator[SettingsError]:
    """Policies that can be read, and no name that means nothing."""
    room = AccessRoom.build(
        translate.policies_folder(settings),
        tuple(translate.models(settings).values()),
        {segment.name: segment.environment for segment in settings.segments},
        translate.budgets(settings),
        extend_default=settings.access.extend_default,
    )
    for name in room.unknown_names(looking.data_types(settings.inspection)):
        yield SettingsError(
            "access.policies", f"a policy names {name}, which does not exist", "correct the name"
        )
    for where, role in _roles(settings):
        if role not in room.roles:
            known = ", ".join(sorted(room.roles))
            yield SettingsError(where, f"no policy knows the role {role!r}", f"write one of: {known}")


def _roles(settings: Settings) -> Iterator[tuple[str, str]]:
    for provider in settings.identity.providers:
        for role in sorted(set(provider.roles.values())):
            yield f"identity.providers.{provider.name}.roles", role
    for index, budget in enumerate(settings.access.budgets):
        yield f"access.budgets[{index}].role", budget.role
    for index, row in enumerate(settings.access.requestable):
        for role in (*([row.role] if row.role else []), *row.eligible, *row.approvers):
            yield f"access.requestable[{index}]", role
    for index, rule in enumerate(settings.inspection.actions):
        if rule.role != "*":
            yield f"inspection.actions[{index}].role", rule.role
    for index, topic in enumerate(settings.inspection.topics):
        if topic.role != "*":
            yield f"inspection.topics[{index}].role", topic.role


def inspection(settings: Settings) -> Iterator[SettingsError]:
    """Rules that match something, canaries that can be seen, detectors that are there."""
    given = settings.inspection
    for index, rule in enumerate(given.actions):
        where = f"inspection.actions[{index}]"
        yield from _action(where, rule, _kinds(settings), {p.name for p in given.plug_ins})
        yield from _segment(f"{where}.segment", rule.segment, settings)
    for index, topic in enumerate(given.topics):
        yield from _segment(f"inspection.topics[{index}].segment", topic.segment, settings)
    for index, host in enumerate(given.egress_hosts):
        if not _HOST.fullmatch(host):
            yield SettingsError(
                f"inspection.egress_hosts[{index}]",
                f"{host!r} is no host name",
                "write name.example or *.name.example",
            )
    for index, canary in enumerate(given.canaries):
        if not runs(canary):
            yield SettingsError(
                f"inspection.canaries[{index}]",
                "is too short to be recognised",
                "use 8 letters and digits or more",
            )
    names = [plug_in.name for plug_in in given.plug_ins]
    for plug_in in given.plug_ins:
        where = f"inspection.plug_ins.{plug_in.name}"
        if names.count(plug_in.name) > 1:
            yield SettingsError(where, "the name is given twice", "rename one")
        if not _is_there(plug_in.factory):
            yield SettingsError(
                f"{where}.factory",
                f"{plug_in.factory!r} cannot be found",
                "write module:function of an installed module",
            )
    wrong = list(looking.problems(given, translate.read_file))
    yield from wrong
    if not wrong:
        Canaries(translate.inspection(settings).canaries)


def _kinds(settings: Settings) -> set[str]:
    """What the rows of actions may name, but for the types of plug-ins."""
    topics = {TOPIC + topic.name for topic in settings.inspection.topics}
    return {*TYPES, *topics, *looking.own_types(settings.inspection), "*", "harm.*", TOPIC + "*"}


def _action(where: str, rule: ActionRule, kinds: set[str], plug_ins: set[str]) -> Iterator[SettingsError]:
    if rule.type not in kinds and rule.type.partition(".")[0] not in plug_ins:
        yield SettingsError(
            f"{where}.type",
            f"no detector finds {rule.type!r}",
            "write one of: " + ", ".join(sorted(kinds - {"*"})),
        )
    if rule.channel not in CHANNELS:
        yield SettingsError(
            f"{where}.channel",
            f"there is no channel {rule.channel!r}",
            "write one of: " + ", ".join(CHANNELS),
        )


def _segment(where: str, name: str, settings: Settings) -> Iterator[SettingsError]:
    known = [segment.name for segment in settings.segments]
    if name not in ("*", *known):
        yield SettingsError(where, f"{name!r} is not defined", "write one of: " + ", ".join(("*", *known)))


def _is_there(factory: str) -> bool:
    module, _, name = factory.partition(":")
    try:
        return bool(name) and find_spec(module) is not None
    except Exception:  # noqa: BLE001 - a package above it may do anything when it is imported
        return False


def upstreams(settings: Settings) -> Iterator[SettingsError]:
    """Model servers that can be called with what is written."""
    for upstream in settings.upstreams:
        yield from _upstream(f"upstreams.{upstream.name}", upstream)


def _upstream(where: str, upstream: Upstream) -> Iterator[SettingsError]:
    if upstream.api_key is not None and not upstream.api_key.reveal():
        yield SettingsError(f"{where}.api_key", f"{upstream.api_key.ref} is empty", "put the key there")
    if upstream.query.startswith("?"):
        yield SettingsError(f"{where}.query", "begins with a question mark", "leave it out")
    if upstream.ca_file:
        certificates(f"{where}.ca_file", upstream.ca_file)
    try:
        HttpUpstreams({upstream.name: translate.target(upstream)})
    except ValueError:  # its text may hold the key
        yield SettingsError(
            f"{where}.api_key", "key and key_header make no header", "one line of ASCII, and a header's name"
        )


CHECKS: tuple[tuple[str, Callable[[Settings], Iterator[SettingsError]]], ...] = (
    ("models", models), ("identity", identity), ("access", access), ("inspection", inspection), ("upstreams", upstreams),
)  # fmt: skip
