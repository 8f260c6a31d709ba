"""`GET /v1/models`, `GET /v1/models/NAME`, and why a call is allowed or not."""

from __future__ import annotations

from typing import Any

from sallyport.errors import Refusal
from sallyport.gateway import stages
from sallyport.gateway.exchange import Exchange
from sallyport.gateway.own.base import Desk, texts
from sallyport.model import Model, Principal

ACTIONS = {"chat": "chat", "embeddings": "embed"}


class ModelList:
    """Models as far as the caller may use them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def all(self, x: Exchange) -> dict[str, Any]:
        """The list, in OpenAI's shape."""
        return {"object": "list", "data": [_shown(model) for model in self._visible(x)]}

    async def one(self, x: Exchange) -> dict[str, Any] | Refusal:
        """One model. One that the caller may not use does not exist for them."""
        found = next((model for model in self._visible(x) if model.name == x.target), None)
        return _shown(found) if found else Refusal(code="model_unknown", param="model")

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
        if x.model is None or given["surface"] not in ACTIONS:
            return Refusal(code="model_unknown", param="model")
        denied = self._desk.may(x, "explain", self_owned=True)
        if denied is not None:
            return denied
        return self._desk.rooms.access.explain(stages.question(x, ACTIONS[given["surface"]]))


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
