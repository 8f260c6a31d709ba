"""The log entries of a call: what many share is remembered, and nothing that it depends on is forgotten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from sallyport.audit.form import encode_entry
from sallyport.errors import Refusal
from sallyport.gateway import records
from sallyport.gateway.exchange import Exchange
from sallyport.model import Appended, Call, Decision, Device, Finding, Model, Principal, TlsFacts, Tool, Usage

PRINCIPAL = Principal(id="local|sam", roles=("a", "b"), session="s", mfa=True)
MODEL = Model(name="m", segment="seg", environment="prod", upstream="u", upstream_model="um")
CALL = Call(
    surface="chat",
    dialect="openai",
    model="m",
    stream=False,
    raw=b"",
    body={},
    leaves=(),
    input_tokens_estimate=3,
)
TLS = TlsFacts(version="TLSv1.3", cipher="c", group="g")
DECISION = Decision(allowed=True, policies=("p",), version="v")
FINDING = Finding(
    type="card", start=0, end=4, layer="identifiers", detector="luhn", version="1", action="mask"
)
INTENT = {
    "kind": "intent",
    "request": "req_1",
    "who": "<local|sam>",
    "who_kind": "person",
    "session": "<session|s>",
    "roles": ["a", "b"],
    "mfa": True,
    "device": "<device|d>",
    "model": "m",
    "segment": "seg",
    "environment": "prod",
    "upstream": "u",
    "surface": "chat",
    "stream": False,
    "counts": {"choices": 1, "declared_tools": 0, "input_tokens_estimate": 3},
    "policies": ["p"],
    "policy_version": "v",
    "detectors": {"inspection": "7"},
    "findings": [],
    "conversation": "<conversation|talk>",
    "tls": {"version": "TLSv1.3", "cipher": "c", "group": "g"},
    "timings": {"parse": 4},
}
FOUND = {
    "type": "card",
    "layer": "identifiers",
    "detector": "luhn",
    "version": "1",
    "action": "mask",
    "count": 2,
}


def pseudonym(subject: str) -> str:
    return f"<{subject}>"


def exchange(**changes: Any) -> Exchange:
    x = Exchange(request_id="req_1", headers=(), dialect=None, receive=None, out=None)  # type: ignore[arg-type]
    x.principal, x.model, x.device, x.tls = PRINCIPAL, MODEL, Device(id="d"), TLS
    x.call, x.decision = CALL, DECISION
    x.conversation, x.timings = "talk", {"parse": 4}
    for name, value in changes.items():
        setattr(x, name, value)
    return x


def intent(x: Exchange, names: Callable[[str], str] = pseudonym, version: str = "7") -> dict[str, Any]:
    return dict(records.intent(x, pseudonym=names, versions={"inspection": version}))


# One change to a call each, and the members of its intent that must show it.
CHANGES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"request_id": "req_2"}, {"request": "req_2"}),
    ({"principal": replace(PRINCIPAL, id="local|eve")}, {"who": "<local|eve>"}),
    ({"principal": replace(PRINCIPAL, kind="workload")}, {"who_kind": "workload"}),
    ({"principal": replace(PRINCIPAL, session="")}, {"session": ""}),
    ({"principal": replace(PRINCIPAL, roles=("a",))}, {"roles": ["a"]}),
    ({"principal": replace(PRINCIPAL, mfa=False)}, {"mfa": False}),
    ({"device": Device()}, {"device": ""}),
    ({"model": replace(MODEL, name="n")}, {"model": "n"}),
    ({"model": replace(MODEL, segment="t")}, {"segment": "t"}),
    ({"model": replace(MODEL, environment="dev")}, {"environment": "dev"}),
    ({"model": replace(MODEL, upstream="w")}, {"upstream": "w"}),
    ({"call": replace(CALL, surface="embeddings")}, {"surface": "embeddings"}),
    ({"call": replace(CALL, stream=True)}, {"stream": True}),
    (
        {"call": replace(CALL, choices=2, tools=("t",), input_tokens_estimate=9)},
        {"counts": {"choices": 2, "declared_tools": 1, "input_tokens_estimate": 9}},
    ),
    ({"decision": replace(DECISION, policies=("q", "r"))}, {"policies": ["q", "r"]}),
    ({"decision": replace(DECISION, version="w")}, {"policy_version": "w"}),
    ({"decision": None}, {"policies": [], "policy_version": ""}),
    ({"findings": [FINDING, FINDING]}, {"findings": [FOUND]}),
    ({"conversation": ""}, {"conversation": ""}),
    ({"tls": replace(TLS, version="1.2")}, {"tls": {"version": "1.2", "cipher": "c", "group": "g"}}),
    ({"tls": replace(TLS, cipher="k")}, {"tls": {"version": "TLSv1.3", "cipher": "k", "group": "g"}}),
    ({"tls": replace(TLS, group="h")}, {"tls": {"version": "TLSv1.3", "cipher": "c", "group": "h"}}),
    ({"timings": {}}, {"timings": {}}),
]


def test_an_intent_says_who_what_and_why() -> None:
    assert intent(exchange()) == INTENT


@pytest.mark.parametrize(("change", "shown"), CHANGES, ids=str)
def test_whatever_differs_between_two_calls_differs_in_their_intents(
    change: dict[str, Any], shown: dict[str, Any]
) -> None:
    assert intent(exchange()) == INTENT
    assert intent(exchange(**change)) == {**INTENT, **shown}


def test_the_versions_of_detectors_and_the_pseudonyms_of_another_deployment_are_seen() -> None:
    assert intent(exchange(), version="8") == {**INTENT, "detectors": {"inspection": "8"}}
    assert intent(exchange(), lambda subject: subject)["who"] == "local|sam"


def test_entries_of_alike_calls_share_their_members_and_keep_their_own() -> None:
    one, two = (
        records.intent(exchange(request_id=name), pseudonym=pseudonym, versions={}) for name in ("r1", "r2")
    )
    assert one.shared is two.shared
    assert b'"request":"r1"' in encode_entry(one, 1)
    assert b'"request":"r2"' in encode_entry(two, 1)


def test_an_entry_does_not_change_with_its_call() -> None:
    x = exchange()
    entry = records.intent(x, pseudonym=pseudonym, versions={"inspection": "7"})
    x.timings["mask"] = 5
    x.findings.append(FINDING)
    assert dict(entry) == INTENT


def test_an_outcome_says_how_it_ended() -> None:
    x = exchange(upstream_status=200, usage=Usage(input_tokens=3, output_tokens=2))
    x.intent = Appended(shard="s", index=7, leaf_hash=b"", promise="")
    expected = {
        "kind": "outcome",
        "request": "req_1",
        "intent": 7,
        "verdict": "delivered",
        "code": "",
        "stage": "",
        "upstream_status": 200,
        "tokens": {"input": 3, "output": 2, "estimated": False},
        "cost": 0.5,
        "findings": [],
        "tools": [],
        "data": [],
        "commitment": "c0",
        "timings": {"parse": 4},
    }
    assert records.outcome(x, "delivered", cost=0.5, commitment="c0") == expected
    x.refusal = Refusal(code="output_blocked", stage="inspect_output")
    x.upstream_status, x.tool_decisions = 502, [replace(DECISION, allowed=False)]
    tools = [Tool(name=name, arguments="", declared=True) for name in ("a", "b")]
    x.data_decisions = {("pass_to_tool", tool, "card", "caller"): DECISION for tool in tools}
    assert records.outcome(x, "refused", cost=0.5, commitment="c0") == {
        **expected,
        "verdict": "refused",
        "code": "output_blocked",
        "stage": "inspect_output",
        "upstream_status": 502,
        "tools": [{"allowed": False, "policies": ["p"]}],
        "data": [
            {
                "action": "pass_to_tool",
                "class": "card",
                "origin": "caller",
                "allowed": True,
                "policies": ["p"],
                "count": 2,
            }
        ],
    }
