"""Stage 13: record how a call ended, before its last byte is delivered."""

from __future__ import annotations

from itertools import groupby

import orjson

from sallyport.errors import Refusal
from sallyport.gateway import records
from sallyport.gateway.dialects.base import TOKENS_PER_CHARACTER
from sallyport.gateway.exchange import Exchange, Withheld
from sallyport.gateway.ports import Rooms
from sallyport.gateway.respond import SECURITY_HEADERS, ids
from sallyport.model import HIDING, REFUSING, Appended, Finding, Granted, Leaf, Usage

GENERATED = frozenset({"id", "item_id", "call_id", "system_fingerprint"})
_OWNERS = {
    "response",
    "output",
    "item",
    "message",
    "content",
}  # what stands around the ids of an answer and of its items
CODES = {"step-up": "step_up_required", "quarantine": "quarantined"}
SPOKEN = {
    "topic": "the topic ",
    "harm": "what the content policy calls ",
}  # families of types, and how one is told


async def record(x: Exchange, rooms: Rooms, verdict: str, *, last: bytes = b"") -> None:
    """Settle the budget, seal what was said, append the outcome; durable on return. Raises LogFault.

    The commitment covers what was delivered, and `last`: the bytes that follow once the outcome is durable.
    """
    if x.outcome is not None or x.ending or x.intent is None or x.principal is None:
        return
    x.stage = "record_outcome"
    cost = settle(x, rooms)
    sealed = await rooms.sealer.seal(
        owner=x.principal.id,
        request=x.request_id,
        part="answer",
        text=_said(x, whole=verdict == "delivered"),
        values=x.vault.values() if x.vault else (),
    )
    delivered = x.delivered.copy()
    delivered.update(last)
    entry = records.outcome(x, verdict, cost=cost, commitment=delivered.hexdigest())
    x.ending = True
    try:
        x.outcome = await rooms.log.append(entry, sealed)
    except Exception:
        x.ending = False
        raise
    if not isinstance(x.outcome, Appended):
        raise TypeError("the log gave no receipt")


def settle(x: Exchange, rooms: Rooms) -> float:
    """Give back what was reserved and not used. Nothing was sent: nothing was used. Once per call.

    Returns what the call cost, in the money of the settings.
    """
    if x.reservation is None or x.model is None:
        return 0.0
    reservation, x.reservation = x.reservation, None
    if x.sent and x.usage is None and x.call is not None:
        x.usage = Usage(
            input_tokens=x.call.input_tokens_estimate,
            output_tokens=int(x.output_characters * TOKENS_PER_CHARACTER),
            estimated=True,
        )
    usage = x.usage if x.sent else None
    rooms.budgets.settle(reservation, usage)
    if usage is None:
        return 0.0
    millions = usage.input_tokens * x.model.input_price + usage.output_tokens * x.model.output_price
    return round(millions / 1_000_000, 9)


def _said(x: Exchange, *, whole: bool) -> bytes:
    """What the model wrote, as it wrote it, with the opening of the commitment. For sealing only.

    And what of it the caller did not get: all of it may be, where the answer was not delivered as a whole.
    """
    said = x.said
    if len(said) > 1:  # pieces of a stream, or several answers
        said = [
            (*place, "".join([text for _, _, text in texts]))
            for place, texts in groupby(sorted(said, key=_place), key=_place)
        ]
    answer = [{"choice": choice, "field": field, "text": text} for choice, field, text in said]
    withheld: list[Withheld] | None = x.withheld if whole else None
    return orjson.dumps({"answer": answer, "withheld": withheld, "opening": x.opening.hex()})


def _place(said: tuple[int, str, str]) -> tuple[int, str]:
    return said[0], said[1]


def answer_headers(x: Exchange, rooms: Rooms) -> list[tuple[str, str]]:
    """Headers of an answer: ids, the receipt of the intent, what was masked, the budget."""
    assert x.intent is not None
    assert x.principal is not None
    masked = sum(finding.action in HIDING for finding in x.findings)
    return [
        *SECURITY_HEADERS,
        *ids(x.request_id, x.dialect.wire),
        ("x-sallyport-receipt", x.intent.promise),
        ("x-sallyport-decision", "allow"),
        ("x-sallyport-masked", str(masked)),
        *rooms.budgets.headers(x.principal),
        *(_of_grants(x.principal.granted) if x.principal.granted else ()),
    ]


def _of_grants(granted: tuple[Granted, ...]) -> list[tuple[str, str]]:
    """What warns the caller of a grant's end, and marks a broken glass."""
    marks = [("x-sallyport-break-glass", g.id) for g in granted if g.emergency]
    return [("x-sallyport-granted-until", str(min(g.until for g in granted))), *marks]


def stops(finding: Finding, leaf: Leaf) -> bool:
    """Whether a finding in a string that cannot be masked ends the answer.

    A generated id looks like somebody's account number now and then (a hexadecimal one like an IBAN once in some
    twenty thousand), so of ids only what is never let out counts.
    """
    if finding.action in HIDING:
        return not (finding.layer == "identifiers" and _is_generated(leaf.path))
    return finding.action in REFUSING


def _is_generated(path: tuple[str | int, ...]) -> bool:
    """The id of the answer, of one of its items, or of a tool call; not whatever else somebody calls an id."""
    if path[-1] not in GENERATED:
        return False
    return "tool_calls" in path or all(type(part) is int or part in _OWNERS for part in path[:-1])


def output_blocked(finding: Finding, place: str) -> Refusal:
    """The answer held something that may not be delivered: its type, and where, no more."""
    return refused(
        finding, "output_blocked", place, f"The answer was stopped: it contains {_words(finding)}."
    )


def input_blocked(finding: Finding, place: str) -> Refusal:
    """What the caller is told of a blocked request: the type and the place, never the pattern or the value."""
    return refused(finding, "finding_blocked", place, f"Blocked: `{place}` contains {_words(finding)}.")


def refused(finding: Finding, code: str, place: str, message: str) -> Refusal:
    """A refusal for a finding. `code` is for those that no other action than `block` or `mask` decided on."""
    family, dot, name = finding.type.partition(".")
    spoken = dot and family in SPOKEN
    return Refusal(
        code=CODES.get(finding.action, code),
        message=finding.notice or message,
        param=place,
        policy=f"{family}/{name}" if spoken else f"finding/{finding.type}",
    )


def _words(finding: Finding) -> str:
    family, dot, name = finding.type.partition(".")
    return (
        f"{SPOKEN[family]}{name.replace('_', ' ')}"
        if dot and family in SPOKEN
        else finding.type.replace("_", " ")
    )
