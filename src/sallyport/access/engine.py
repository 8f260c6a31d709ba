"""The policy engine: one request in, one decision out, and deny whenever anything is not as it should be.

Cedar *skips* a policy that errors, also a `forbid`, and says Allow. So a decision allows only if Cedar says
Allow, with no diagnostics at all, and names a `permit` of ours as its reason. Synchronous, without I/O.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence

import cedarpy
import orjson
from cedarpy import pst

from sallyport.access.cache import CAPACITY, DecisionCache
from sallyport.access.policy_files import SCHEMA, Policy, PolicyText, parse
from sallyport.access.request import ACTIONS, AccessRequest, Evaluated, evaluated
from sallyport.access.situation import (
    context,
    model_entities,
    principal_uid,
    request_entities,
    resource_uid,
    uid,
)
from sallyport.access.slices import slice_of
from sallyport.errors import SettingsError
from sallyport.model import Decision, Model

SLICE_ABOVE = 50  # policies; Cedar's cost is linear in them
_CULPRIT = re.compile(r"while evaluating policy `([^`]*)`")


class PolicyEngine:
    """Built once from texts. Raises SettingsError for policies or models that cannot be used."""

    def __init__(
        self,
        texts: Iterable[PolicyText],
        *,
        models: Sequence[Model] = (),
        segments: Mapping[str, str] | None = None,
        schema: str = SCHEMA,
        slice_above: int = SLICE_ABOVE,
        cache_capacity: int = CAPACITY,
    ) -> None:
        self._schema = cedarpy.Schema.from_str(schema)
        self.policies = parse(texts, self._schema)
        self._order = {p.id: index for index, p in enumerate(self.policies)}
        self.version = _version(schema, self.policies)
        self.roles = frozenset(role for p in self.policies for role in p.roles)
        self.models = _placed(models, segments or {})
        self._homes = {name: m.segment for name, m in self.models.items()}
        self._bases = {name: self._entities(model_entities(m)) for name, m in self.models.items()}
        self._no_model = self._entities([])
        self._whole = _handle(self.policies) if len(self.policies) <= slice_above else None
        self._slices: dict[tuple[str, str], cedarpy.PolicySet] = {}
        self._cache = DecisionCache(cache_capacity)

    def decide(self, request: AccessRequest, *, epoch: int) -> Decision:
        """The decision. Never raises: whatever fails denies, with the reason in `errors`."""
        try:
            facts = evaluated(request)
            key = (facts, self.version, epoch)
            known = self._cache.get(key)
            if known is not None:
                return known
            decision = self._judge(facts)
            self._cache.put(key, decision)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 a panic of the engine is no Exception, and must deny too
            return self._unusable(f"engine: {type(error).__name__}")
        return decision

    def named(self, identifiers: Iterable[str]) -> tuple[Policy, ...]:
        """The policies of these ids, in the order of the files. Raises KeyError for an id that is not ours."""
        return tuple(self.policies[index] for index in sorted(self._order[i] for i in identifiers))

    def relevant(self, facts: Evaluated) -> tuple[Policy, ...]:
        """The policies that can matter to these facts; all of them where there are few."""
        if self._whole is not None:
            return self.policies
        return slice_of(self.policies, facts.action, self._segment(facts), self._homes)

    def _judge(self, facts: Evaluated) -> Decision:
        base = self._base(facts)
        if base is None:
            return self._unusable("request: the model is not one of ours")
        delta = orjson.dumps(request_entities(facts, self.roles)).decode()
        result = cedarpy.is_authorized(
            {
                "principal": principal_uid(facts.principal),
                "action": uid("Action", facts.action),
                "resource": resource_uid(facts),
                "context": orjson.dumps(context(facts)).decode(),
            },
            self._policy_set(facts),
            base.with_added_json_str(delta),
            self._schema,
        )
        return self._verdict(result)

    def _verdict(self, result: cedarpy.AuthzResult) -> Decision:
        decision, errors = result.decision, result.diagnostics.errors
        if errors or decision is cedarpy.Decision.NoDecision:
            return self._unusable(*(_without_values(e) for e in errors or ["no decision"]))
        reasons = self.named(result.diagnostics.reasons)
        permitted = bool(reasons) and all(p.effect == "permit" for p in reasons)
        return Decision(
            allowed=decision is cedarpy.Decision.Allow and permitted,
            policies=tuple(p.id for p in reasons),
            version=self.version,
        )

    def _unusable(self, *errors: str) -> Decision:
        return Decision(allowed=False, errors=errors, version=self.version)

    def _base(self, facts: Evaluated) -> cedarpy.Entities | None:
        """Model, segment and environment, parsed once; None for a model that was not registered just so."""
        model = facts.model
        if model is None:
            return self._no_model
        return self._bases[model.name] if self.models.get(model.name) == model else None

    def _policy_set(self, facts: Evaluated) -> cedarpy.PolicySet:
        if self._whole is not None:
            return self._whole
        key = (facts.action, self._segment(facts))
        if key[0] not in ACTIONS:
            raise ValueError("unknown action")
        if key not in self._slices:
            self._slices[key] = _handle(slice_of(self.policies, *key, self._homes))
        return self._slices[key]

    @staticmethod
    def _segment(facts: Evaluated) -> str:
        return "" if facts.model is None else facts.model.segment

    def _entities(self, entities: list[dict[str, object]]) -> cedarpy.Entities:
        return cedarpy.Entities.from_json_str(orjson.dumps(entities).decode(), self._schema)


def _placed(models: Sequence[Model], segments: Mapping[str, str]) -> dict[str, Model]:
    """Models by name, each in the environment of its segment. Raises SettingsError."""
    for index, model in enumerate(models):
        environment = segments.get(model.segment)
        if environment is None:
            raise SettingsError(
                f"models[{index}].segment", f"{model.segment!r} is not defined", "define the segment"
            )
        if environment != model.environment:
            raise SettingsError(
                f"models[{index}].segment",
                f"{model.name!r} says environment {model.environment!r}, its segment {environment!r}",
                "a model lives in the environment of its segment",
            )
    return {m.name: m for m in models}


def _handle(policies: Iterable[Policy]) -> cedarpy.PolicySet:
    nodes = pst.FrozenMap({p.id: p.node for p in policies})
    return cedarpy.PolicySet.from_pst(pst.PolicySet(pst.FrozenMap(), nodes, ()))


def _version(schema: str, policies: Iterable[Policy]) -> str:
    """SHA-256 (hex) over the schema and every policy's text, each behind its length."""
    digest = hashlib.sha256()
    for text in (schema, *(p.text for p in policies)):
        data = text.encode()
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()


def _without_values(error: str) -> str:
    """Cedar's errors quote values of the request, which may be personal. Ours name the policy."""
    culprit = _CULPRIT.search(error)
    return f"{culprit[1]}: could not be evaluated" if culprit else "request: does not fit the schema"
