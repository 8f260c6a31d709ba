"""The access room: may they, what to tell them if not, and why.

It decides on verified values only; who the principal is and what the device is were settled before.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from sallyport.access.budgets import Account, BudgetLimit, BudgetState, check_budgets, limits_for, state
from sallyport.access.data_classes import FAMILIES, OTHER
from sallyport.access.elevation import Rules, own_roles
from sallyport.access.engine import PolicyEngine
from sallyport.access.grants import Requestable
from sallyport.access.ledger import BudgetLedger
from sallyport.access.policy_files import DEFAULT_FOLDER, Policy, default_texts, folder_texts, names_in
from sallyport.access.request import NO_DEVICE, NO_TLS, AccessRequest, evaluated
from sallyport.access.situation import (
    Entity,
    context,
    model_entities,
    principal_uid,
    request_entities,
    resource_uid,
    uid,
)
from sallyport.errors import Refusal
from sallyport.model import Decision, Device, Granted, Model, Principal, TlsFacts

DEFAULT_DENY = "default-deny"
# What a model serves -> the action that uses it.
SURFACES = {
    "chat": "chat",
    "messages": "chat",
    "responses": "chat",
    "completions": "chat",
    "embeddings": "embed",
}
ASK_FOR, ASK_SECONDS = "2h", 7200
_NO_MODEL = "where no model of the settings is"
_LACKING = {
    **dict.fromkeys(("Environment", "Segment", "Model"), _NO_MODEL),
    "DataClass": "which is no finding type",
    "DataFamily": "which is no family of data",
}
MOST_ROLES = 32  # that are tried for a refusal; each costs a decision


class PolicyNote(Struct, frozen=True, kw_only=True):
    """A policy that determined a decision, and where to read it."""

    id: str
    effect: Literal["permit", "forbid"]
    file: str
    line: int
    annotations: dict[str, str]


class Explanation(Struct, frozen=True, kw_only=True):
    """Everything about one decision, for the principal it concerns and those who may see it."""

    decision: Decision
    policies: tuple[
        PolicyNote, ...
    ]  # determining; empty: denied because nothing permitted it, or by an error
    considered: int  # number of policies that were evaluated
    entities: tuple[Entity, ...]  # as Cedar got them
    request: dict[str, Any]  # principal, action and resource, as Cedar got them
    context: dict[str, Any]
    would_allow: tuple[str, ...]  # roles that would each by itself make it allowed; empty if it is
    budget: BudgetState


class AccessRoom:
    """One per process. `build` reads the policies; everything after is synchronous and in memory."""

    def __init__(
        self,
        engine: PolicyEngine,
        budgets: Sequence[BudgetLimit] = (),
        ledger: BudgetLedger | None = None,
        requestable: Rules | None = None,
    ) -> None:
        self._engine, self._budgets, self._ledger = engine, tuple(budgets), ledger
        self._requestable = requestable or {}

    @classmethod
    def build(
        cls,
        policies_folder: Path | None,
        models: Sequence[Model],
        segments: Mapping[str, str],
        budgets: Sequence[BudgetLimit] = (),
        *,
        extend_default: bool = False,
        ledger: BudgetLedger | None = None,
        requestable: Rules | None = None,
    ) -> AccessRoom:
        """The room for a configuration. Raises SettingsError with file, line and fix.

        A folder of policies replaces the default policy, or with `extend_default` is added to it. `segments`
        maps each segment to its environment. `ledger` lets `explain` show what is used of the budgets; `requestable`
        says what may be asked for, so that a refusal proposes only that.
        """
        check_budgets(budgets)
        own = () if policies_folder is None else folder_texts(policies_folder)
        texts = (*default_texts(), *own) if extend_default or policies_folder is None else own
        return cls(PolicyEngine(texts, models=models, segments=segments), budgets, ledger, requestable)

    @property
    def version(self) -> str:
        """SHA-256 of schema and policies, hex."""
        return self._engine.version

    @property
    def roles(self) -> frozenset[str]:
        """The roles that a policy names. Others have no effect."""
        return self._engine.roles

    @property
    def policies(self) -> tuple[Policy, ...]:
        """All policies, in the order of the files."""
        return self._engine.policies

    def unknown_names(self, data_classes: Collection[str] = ()) -> tuple[str, ...]:
        """What policies of the own folder name and the settings lack: a `forbid` with a typing error is open.

        `data_classes` are those that the settings look for.
        """
        models = self._engine.models.values()
        known = {
            "Environment": {m.environment for m in models},
            "Segment": {m.segment for m in models},
            "Model": {m.name for m in models},
            "DataClass": {*data_classes},
            "DataFamily": {*FAMILIES, OTHER},
        }
        return tuple(
            f'{p.file}:{p.line}: @id("{p.id}") names {kind} "{name}", {_LACKING[kind]}'
            for p in self.policies
            if Path(p.file).parent != DEFAULT_FOLDER
            for kind, names in known.items()
            for name in sorted(names_in(p.node, kind) - names)
        )

    def authorise(self, request: AccessRequest, *, epoch: int = 0) -> Decision:
        """The decision. Never raises. `epoch`: the revocation epoch that the facts were read at."""
        return self._engine.decide(request, epoch=epoch)

    def refusal(self, decision: Decision, request: AccessRequest) -> Refusal:
        """What a denied caller is told: which policy, and what helps; never a policy's text."""
        if decision.errors:
            return Refusal(code="policy_unavailable")
        forbid = next((p for p in self._engine.named(decision.policies) if p.effect == "forbid"), None)
        policy = DEFAULT_DENY if forbid is None else forbid.id
        helps = self._what_helps(request)
        if helps is not None:
            command = f"sallyport access request {shlex.quote(helps.name)} --for {_asked(helps.most_seconds)}"
            return Refusal(code="access_denied", policy=policy, next_step=f"Run: {command}", command=command)
        advice = "" if forbid is None else forbid.annotations.get("advice", "")
        return Refusal(code="access_denied", policy=policy, next_step=advice or "Ask your administrator.")

    def visible_models(
        self,
        principal: Principal,
        device: Device = NO_DEVICE,
        tls: TlsFacts = NO_TLS,
        now: int = 0,
        *,
        epoch: int = 0,
    ) -> tuple[Model, ...]:
        """The models that this principal may see and use on at least one surface, as things are now."""

        def may(action: str, model: Model) -> bool:
            request = AccessRequest(
                principal=principal,
                action=action,
                model=model,
                device=device,
                tls=tls,
                surface="models",
                now=now,
            )
            return self.authorise(request, epoch=epoch).allowed

        return tuple(
            m
            for m in self._engine.models.values()
            if may("list_model", m) and any(may(SURFACES[s], m) for s in m.surfaces if s in SURFACES)
        )

    def explain(self, request: AccessRequest, *, epoch: int = 0) -> Explanation:
        """The decision with its reasons, what was evaluated, and what would change it.

        Raises KeyError or ValueError for a request that names no resource or principal of the schema.
        """
        facts = evaluated(request)
        decision = self.authorise(request, epoch=epoch)
        about_model = [] if facts.model is None else model_entities(facts.model)
        return Explanation(
            decision=decision,
            policies=tuple(_note(p) for p in self._engine.named(decision.policies)),
            considered=len(self._engine.relevant(facts)),
            entities=(*request_entities(facts, self.roles), *about_model),
            request={
                "principal": principal_uid(facts.principal),
                "action": uid("Action", facts.action),
                "resource": resource_uid(facts),
            },
            context=context(facts),
            would_allow=() if decision.allowed else tuple(self._roles_that_allow(request)),
            budget=self._budget(request),
        )

    def _what_helps(self, request: AccessRequest) -> Requestable | None:
        """The first thing that the principal may ask for and that would make the request allowed."""
        mine = set(own_roles(request.principal))
        open_to = [rule for rule in self._requestable.values() if not rule.eligible.isdisjoint(mine)]
        if not open_to:
            return None
        by_role = {rule.name: rule for rule in open_to if rule.kind == "role"}
        role = next(self._roles_that_allow(request, MOST_ROLES, by_role.keys()), None)
        if role is not None:
            return by_role[role]
        return next((rule for rule in open_to if self._model_helps(rule, request)), None)

    def _model_helps(self, rule: Requestable, request: AccessRequest) -> bool:
        if rule.kind != "model" or request.model is None or rule.name != request.model.name:
            return False
        granted = Granted(id="", kind="model", name=rule.name, until=request.now + rule.most_seconds)
        who = replace(request.principal, granted=(*request.principal.granted, granted))
        return self._engine.decide(replace(request, principal=who), epoch=0).allowed

    def _roles_that_allow(
        self, request: AccessRequest, most: int | None = None, among: Collection[str] | None = None
    ) -> Iterator[str]:
        """Roles that would each, added to those the principal has, make the request allowed."""
        permits = (p for p in self._engine.relevant(evaluated(request)) if p.effect == "permit")
        named = {role for p in permits for role in p.roles if among is None or role in among}
        for role in islice(sorted(named - set(request.principal.roles)), most):
            roles = tuple(sorted((*request.principal.roles, role)))
            asked = replace(request, principal=replace(request.principal, roles=roles))
            if self._engine.decide(asked, epoch=0).allowed:
                yield role

    def _budget(self, request: AccessRequest) -> BudgetState:
        if self._ledger is not None:
            return self._ledger.state(request.principal)
        return state(Account(0), limits_for(self._budgets, request.principal.roles), request.now)


def _asked(most_seconds: int) -> str:
    """The time that a refusal proposes: two hours, or as long as possible."""
    return ASK_FOR if most_seconds >= ASK_SECONDS else f"{most_seconds // 60}m"


def _note(policy: Policy) -> PolicyNote:
    return PolicyNote(
        id=policy.id,
        effect=policy.effect,
        file=policy.file,
        line=policy.line,
        annotations=policy.annotations,
    )
