"""`GET /v1/models`, `GET /v1/models/NAME`, and why a call is allowed or not."""

from __future__ import annotations

from typing import Any

from sallyport.errors import Refusal
from sallyport.gateway import stages
from sallyport.gateway.exchange import Exchange
from sallyport.gateway.own.base import Desk, texts, wire_of
from sallyport.model import Model, Principal

_NO_ENDS = {"first_id": None, "last_id": None}
_UNKNOWN_DATE = "1970-01-01T00:00:00Z"  # as that API says where it does not know


class ModelList:
    """Models as far as the caller may use them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def all(self, x: Exchange) -> dict[str, Any]:
        """The list, in the shape of the caller's wire. It is never so long that it would come in pages."""
        if wire_of(x) == "openai":
            return {"object": "list", "data": [_shown(model) for model in self._visible(x)]}
        data = [_as_anthropic(model) for model in self._visible(x)]
        ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else _NO_ENDS
        return {"data": data, "has_more": False, **ends}

    async def one(self, x: Exchange) -> dict[str, Any] | Refusal:
        """One model. One that the caller may not use does not exist for them."""
        found = next((model for model in self._visible(x) if model.name == x.target), None)
        shown = _shown if wire_of(x) == "openai" else _as_anthropic
        return shown(found) if found else Refusal(code="model_unknown", param="model")

    def _visible(self, x: Exchange) -> list[Model]:
        principal = stages.expect(x.principal, Principal)
        return list(self._desk.rooms.access.visible_models(principal, x.device, x.tls))

    async def explain(self, x: Exchange) -> Any:
        """The whole decision for a call of the caller's own, with the policies' names."""
        document = await self._desk.document(x)
        given = document if isinstance(document, Refusal) else texts(document, "model", "surface")
        if isinstance(given, Refusal):
            return given
        x.model = self._desk.rooms.models.get(given["model"])
        if x.model is None or given["surface"] not in stages.ACTIONS:
            return Refusal(code="model_unknown", param="model")
        denied = self._desk.may(x, "explain", self_owned=True)
        if denied is not None:
            return denied
        return self._desk.rooms.access.explain(stages.question(x, stages.ACTIONS[given["surface"]]))


def _shown(model: Model) -> dict[str, Any]:
    return {
        "id": model.name,
        "object": "model",
        "created": 0,
        "owned_by": model.owner,
        "segment": model.segment,
        "environment": model.environment,
        "surfaces": list(model.surfaces),
    }


def _as_anthropic(model: Model) -> dict[str, Any]:
    return {
        "type": "model",
        "id": model.name,
        "display_name": model.name,
        "created_at": _UNKNOWN_DATE,
        "lifecycle": "active",
        "segment": model.segment,
        "environment": model.environment,
        "surfaces": list(model.surfaces),
    }
