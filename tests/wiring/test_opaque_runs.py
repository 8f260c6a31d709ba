"""A run that offers no place to cut it, in a stream of every wire: what becomes of it is an action like any other."""

from __future__ import annotations

import json

import door
import pytest
import pytest_asyncio
from msgspec.structs import replace
from surface_answers import ASKED, WRITTEN, encoded, events

from sallyport.settings import loads
from sallyport.wiring.inspecting import Inspector

pytestmark = pytest.mark.asyncio(loop_scope="module")

SETTINGS = loads("""
[inspection]
unsafe_learned_off = true
[[inspection.actions]]
type = "opaque_run"
role = "draws"
action = "flag"
[[inspection.actions]]
type = "opaque_run"
role = "reads"
action = "redact"
""")
LIMITS = replace(door.LIMITS, stage_seconds=30.0)
SURFACES = {
    "/v1/chat/completions": "chat",
    "/v1/responses": "responses",
    "/v1/completions": "completions",
    "/v1/messages": "messages",
}
RUN = "iVBORw0KGgoAAAANSUhEUgAA" * 300
TEXT = f"Here is the picture that was asked for: {RUN} and that is all there is to say of it."


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def guards():
    async with Inspector(SETTINGS) as one:
        yield one._guards


class World(door.World):
    """The door in process, with the real guards in it."""

    def __init__(self, guards, roles):
        super().__init__()
        self.inspection, self.principal = guards, replace(door.PRINCIPAL, roles=roles)

    async def identify(self, headers, tls):
        return self.principal

    def rooms(self):
        return replace(super().rooms(), inspection=self.inspection)


def told(data):
    """What a client puts together of the deltas."""
    texts = []
    for line in data.decode().split("\n"):
        if line.startswith("data: {"):
            event = json.loads(line[6:])
            delta = event.get("delta") or (event.get("choices") or [{}])[0]
            texts.append(delta if isinstance(delta, str) else _text(delta))
    return "".join(texts)


def _text(delta):
    inner = delta.get("delta", delta)
    return inner.get("content") or inner.get("text") or ""


@pytest.mark.parametrize("path", SURFACES)
@pytest.mark.parametrize("role", ["draws", "reads", "else"])
async def test_an_opaque_run_has_an_action_of_its_own(guards, path, role):
    world = World(guards, (role,))
    write = next(answer for kind, _, answer in WRITTEN[path]() if kind == "text")
    world.chunks = encoded(path, events(path, write(TEXT), 97))
    asked = {"model": "support-chat", "stream": True, **ASKED[path]}
    asked.pop("tools", None)
    out = await door.call(world, asked, surface=SURFACES[path], limits=LIMITS)
    outcome = world.entries[-1]
    found = [(f["type"], f["action"], f["count"]) for f in outcome["findings"]]
    if role == "else":
        assert outcome["code"] == "output_blocked"
        assert RUN[:100] not in out.data.decode()
        return
    assert outcome["verdict"] == "delivered"
    if role == "draws":
        assert told(out.data) == TEXT
        assert found == [("opaque_run", "flag", 1)]
    else:
        assert told(out.data).count("[OPAQUERUN]") == 1
        assert RUN[:100] not in out.data.decode()
        assert told(out.data).endswith("and that is all there is to say of it.")
