"""One worker for all cells of the coverage matrix, before an upstream that counts its calls."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hostile import ANTHROPIC, HostileUpstream, Worker
from surface_answers import ALLOWING

PATIENT = "[identity]\nfeed_seconds = 30.0\n"  # on a machine with much else to do

PERMIT = """
@id("scientists-send-anything")
permit (
  principal in Sallyport::Role::"data-scientist",
  action == Sallyport::Action::"send_uninspected",
  resource in Sallyport::Segment::"support"
);
"""


@pytest.fixture(scope="session")
def covered(tmp_path_factory):
    upstream = HostileUpstream()
    state = tmp_path_factory.mktemp("coverage") / "state"
    policies = tmp_path_factory.mktemp("policies")
    (policies / "unread.cedar").write_text(PERMIT)
    more = (
        PATIENT
        + f'[access]\npolicies = "{policies}"\nextend_default = true\n'
        + ALLOWING
        + ANTHROPIC.format(port=upstream.port, state=state)
    )
    worker = Worker(state, upstream.port, more)
    yield SimpleNamespace(worker=worker, upstream=upstream)
    worker.stop()
    upstream.stop()
