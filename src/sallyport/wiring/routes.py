"""The table of routes: path, method, who answers, and whether the caller must be identified first."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sallyport.gateway.app import Handler, Route
from sallyport.gateway.dialects.anthropic_messages import AnthropicCount, AnthropicMessages
from sallyport.gateway.dialects.completions import Completions
from sallyport.gateway.dialects.openai_chat import OpenAIChat
from sallyport.gateway.dialects.openai_embeddings import OpenAIEmbeddings
from sallyport.gateway.dialects.responses import Responses
from sallyport.gateway.exchange import Exchange
from sallyport.gateway.own.base import Work

if TYPE_CHECKING:
    from sallyport.wiring.build import Deployment

OWN = "/sallyport/v1"
CHAT = OpenAIChat()
Choose = Callable[["Deployment"], Work]

# Path, method, what answers, identified first. Before its lifespan a deployment has no parts: they are looked up per call.
TABLE: tuple[tuple[str, str, Choose, bool], ...] = (
    ("/v1/models", "GET", lambda d: d.models.all, True),
    (f"{OWN}/explain", "POST", lambda d: d.models.explain, True),
    (f"{OWN}/providers", "GET", lambda d: d.signing_in.providers, False),
    (f"{OWN}/login", "POST", lambda d: d.signing_in.login, False),
    (f"{OWN}/enrol", "POST", lambda d: d.signing_in.enrol, False),
    (f"{OWN}/enrol/finish", "POST", lambda d: d.signing_in.enrol_finish, False),
    (f"{OWN}/logout", "POST", lambda d: d.signing_in.logout, False),
    (f"{OWN}/refresh", "POST", lambda d: d.signing_in.refresh, False),
    (f"{OWN}/whoami", "GET", lambda d: d.signing_in.whoami, True),
    (f"{OWN}/people", "GET", lambda d: d.administration.list, True),
    (f"{OWN}/people", "POST", lambda d: d.administration.act, True),
    (f"{OWN}/calibration", "POST", lambda d: d.reviews.calibration, True),
    (f"{OWN}/marks", "GET", lambda d: d.reviews.list, True),
    (f"{OWN}/marks", "POST", lambda d: d.reviews.act, True),
    (f"{OWN}/access", "GET", lambda d: d.grants.list, True),
    (f"{OWN}/access", "POST", lambda d: d.grants.act, True),
    (f"{OWN}/health", "GET", lambda d: d.health.check, False),
)
# What only the built-in directory can answer: where it is not enabled, these do not exist.
OF_DIRECTORY = frozenset(
    f"{OWN}/{path}" for path in ("login", "enrol", "enrol/finish", "logout", "refresh", "people")
)
PREFIXES: tuple[tuple[str, str, Choose], ...] = (
    ("/v1/models", "GET", lambda d: d.models.one),
    (f"{OWN}/receipts", "GET", lambda d: d.receipts.receipt),
    (f"{OWN}/records", "POST", lambda d: d.receipts.content),
)


def routes(deployment: Deployment) -> tuple[dict[str, tuple[Route, ...]], dict[str, Route]]:
    """Routes by exact path, and by the path before a last part."""

    async def guarded(x: Exchange) -> None:
        await deployment.pipeline.run(x)

    exact: dict[str, tuple[Route, ...]] = {
        "/v1/chat/completions": (Route("POST", CHAT, guarded),),
        "/v1/responses": (Route("POST", Responses(), guarded),),
        "/v1/completions": (Route("POST", Completions(), guarded),),
        "/v1/embeddings": (Route("POST", OpenAIEmbeddings(), guarded),),
        "/v1/messages": (Route("POST", AnthropicMessages(), guarded),),
        "/v1/messages/count_tokens": (Route("POST", AnthropicCount(), guarded),),
    }
    enabled = deployment.settings.identity.directory.enabled
    for path, method, choose, identified in TABLE:
        if path in OF_DIRECTORY and not enabled:
            continue
        route = Route(method, CHAT, _own(deployment, choose, identified=identified))
        exact[path] = (*exact.get(path, ()), route)
    return exact, {path: Route(method, CHAT, _own(deployment, choose)) for path, method, choose in PREFIXES}


def _own(deployment: Deployment, choose: Choose, *, identified: bool = True) -> Handler:
    async def handler(x: Exchange) -> None:
        await deployment.desk.serve(x, choose(deployment), identified=identified)

    return handler
