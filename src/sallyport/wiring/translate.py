"""The words of the settings in the words of each room. Pure, but for reading the files that settings name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec import structs

from sallyport.access.budgets import BudgetLimit
from sallyport.access.grant_rules import Terms
from sallyport.access.grants import Requestable
from sallyport.errors import SettingsError
from sallyport.gateway.limits import Limits
from sallyport.gateway.upstream_target import Target
from sallyport.identity.keyset import KeySet, key_set
from sallyport.identity.providers import MfaRule, ProviderRules
from sallyport.identity.session_rules import SessionRules
from sallyport.identity.strict import Malformed
from sallyport.inspection.actions import ActionRow
from sallyport.inspection.detector import TOPIC
from sallyport.inspection.room import PlugInOptions, RoomOptions
from sallyport.inspection.topics import Topic as Subject
from sallyport.inspection.topics import problem
from sallyport.model import Model
from sallyport.settings.schema import CONVERSES, Provider, Settings, Topic, Upstream
from sallyport.settings.schema import Requestable as RequestableRow
from sallyport.wiring import looking

KEY_HEADERS = {"openai": "authorization", "anthropic": "x-api-key"}
LEAST_CANARY = 16  # characters of a key below which it would be found in ordinary text


def models(settings: Settings) -> dict[str, Model]:
    """Models by the name that callers use."""
    environments = {segment.name: segment.environment for segment in settings.segments}
    kinds = {upstream.name: upstream.kind for upstream in settings.upstreams}
    return {
        entry.name: Model(
            name=entry.name,
            segment=entry.segment,
            environment=environments[entry.segment],
            upstream=entry.upstream,
            upstream_model=entry.upstream_model or entry.name,
            surfaces=entry.surfaces or CONVERSES[kinds[entry.upstream]],
            input_price=entry.input_price,
            output_price=entry.output_price,
        )
        for entry in settings.models
    }


def targets(settings: Settings) -> dict[str, Target]:
    """Upstreams by name."""
    return {upstream.name: target(upstream) for upstream in settings.upstreams}


def target(upstream: Upstream) -> Target:
    """One upstream with its key. Raises SettingsError for a file that cannot be read."""
    key = upstream.api_key.reveal() if upstream.api_key else ""
    key_header = upstream.key_header.lower() or KEY_HEADERS[upstream.kind]
    bearer = key_header == "authorization"
    return Target(
        name=upstream.name,
        base_url=upstream.base_url,
        kind=upstream.kind,
        key_header=key_header,
        key=f"Bearer {key}" if key and bearer else key,
        query=upstream.query,
        ca_pem=read_file(upstream.ca_file) if upstream.ca_file else b"",
        connect_seconds=upstream.connect_seconds,
        first_byte_seconds=upstream.first_byte_seconds,
        idle_seconds=upstream.idle_seconds,
        total_seconds=upstream.total_seconds,
        answer_bytes=upstream.answer_bytes,
    )


def limits(settings: Settings) -> Limits:
    """The bounds of the door."""
    given, gateway = settings.server.limits, settings.gateway
    return Limits(
        header_bytes=given.header_bytes,
        body_bytes=given.body_bytes,
        body_seconds=given.body_seconds,
        json_depth=given.json_depth,
        json_values=given.json_values,
        in_flight=given.in_flight,
        stage_seconds=given.stage_seconds,
        default_output_tokens=settings.access.default_output_tokens,
        keepalive_seconds=gateway.keepalive_seconds,
        allow_fields=frozenset(gateway.allow_fields),
        allow_provider_tools=frozenset(gateway.allow_provider_tools),
        allow_uninspected=frozenset(gateway.allow_uninspected),
    )


def provider_rules(provider: Provider, token_bytes: int) -> ProviderRules:
    """What the identity room must know of a provider."""
    shared = set(ProviderRules.__struct_fields__) & set(Provider.__struct_fields__) - {"mfa"}
    given = {name: getattr(provider, name) for name in shared}
    return ProviderRules(**given, mfa=MfaRule(**structs.asdict(provider.mfa)), token_bytes=token_bytes)


def static_keys(provider: Provider) -> KeySet:
    """The key set of a provider's `jwks_file`. Raises SettingsError."""
    try:
        return key_set(read_file(provider.jwks_file), provider.algorithms)
    except Malformed as error:
        raise SettingsError(
            provider.jwks_file, f"is no usable key set ({error})", "put a JWK set there"
        ) from None


def offered(settings: Settings) -> list[dict[str, Any]]:
    """What a terminal must know to log in with a provider; none of it is secret."""
    return [
        {
            "name": p.name,
            "preset": p.preset,
            "issuer": p.issuer,
            "audience": p.audience,
            "client_id": p.client_id,
            "scopes": list(p.scopes),
            "resource": p.resource,
            "unsafe_http": p.unsafe_http,
        }
        for p in settings.identity.providers
        if p.client_id
    ]


def session_rules(settings: Settings) -> SessionRules:
    """How long keys and sessions live."""
    directory = settings.identity.directory
    return SessionRules(
        key_seconds=directory.key_seconds,
        session_seconds=directory.session_seconds,
        idle_seconds=directory.idle_seconds,
    )


def budgets(settings: Settings) -> tuple[BudgetLimit, ...]:
    """What each role may use."""
    return tuple(BudgetLimit(**structs.asdict(budget)) for budget in settings.access.budgets)


def requestable(settings: Settings) -> dict[tuple[str, str], Requestable]:
    """What may be had for a limited time, by kind and name."""
    rows = [_requestable(row) for row in settings.access.requestable]
    return {(row.kind, row.name): row for row in rows}


def _requestable(row: RequestableRow) -> Requestable:
    return Requestable(
        kind="role" if row.role else "model",
        name=row.role or row.model,
        eligible=frozenset(row.eligible),
        approvers=row.approvers,
        most_seconds=row.most_seconds,
        extend_seconds=row.extend_seconds,
        emergency_seconds=row.emergency_seconds,
        needs_ticket=row.needs_ticket,
    )


def terms(settings: Settings) -> Terms:
    """What holds for all grants."""
    given = settings.access
    return Terms(answer_seconds=given.answer_seconds, mfa_seconds=given.approver_mfa_seconds)


def inspection(settings: Settings) -> RoomOptions:
    """What the detectors look for. Provider keys are canaries: no answer may carry one."""
    given = settings.inspection
    keys = tuple(
        upstream.api_key.reveal()
        for upstream in settings.upstreams
        if upstream.api_key and len(upstream.api_key.reveal()) >= LEAST_CANARY
    )
    return RoomOptions(
        actions=(
            *(ActionRow(**structs.asdict(rule)) for rule in given.actions),
            *(_row_of(topic) for topic in given.topics),
            *looking.rows(given),
        ),
        look=looking.look(given, read_file),
        canaries=(*given.canaries, *keys),
        topics=topics(given.topics),
        notices={TOPIC + topic.name: topic.message for topic in given.topics if topic.message},
        egress_hosts=given.egress_hosts,
        plug_ins=tuple(PlugInOptions(**structs.asdict(plug_in)) for plug_in in given.plug_ins),
        seconds=given.seconds,
        inline_characters=given.inline_characters,
        workers=given.workers,
        learned=not given.unsafe_learned_off,
        learned_seconds=given.learned_seconds,
    )


def topics(given: Sequence[Topic]) -> tuple[Subject, ...]:
    """What the detectors look for of the topics. Raises SettingsError for one that cannot be looked for."""
    made = []
    names = [topic.name for topic in given]
    for index, topic in enumerate(given):
        subject = Subject(
            name=topic.name,
            words=(*topic.words, *topic.phrases),
            expressions=topic.expressions,
            direction=topic.direction,
        )
        wrong = "the name is given twice" if names.count(topic.name) > 1 else problem(subject)
        if wrong:
            raise SettingsError(f"inspection.topics[{index}]", wrong, "see docs/settings.md")
        made.append(subject)
    return tuple(made)


def _row_of(topic: Topic) -> ActionRow:
    """Whom a topic concerns, and what happens then."""
    return ActionRow(
        type=TOPIC + topic.name,
        direction=topic.direction,
        segment=topic.segment,
        role=topic.role,
        action=topic.action,
    )


def policies_folder(settings: Settings) -> Path | None:
    """Where the policies are; None for the package's."""
    return Path(settings.access.policies).expanduser() if settings.access.policies else None


def read_file(path: str) -> bytes:
    """The bytes of a file that the settings name. Raises SettingsError."""
    try:
        return Path(path).expanduser().read_bytes()
    except OSError as error:
        raise SettingsError(
            path, f"cannot be read: {error.strerror}", "check the path and its rights"
        ) from None
