"""Members of a stream's deltas that nobody knows: held until their choice has ended, then inspected together.

They may carry text in pieces, like the deltas that are known. Nothing in them is masked or restored: a finding
that blocks or masks ends the answer.
"""

from __future__ import annotations

from sallyport.errors import Refusal, UpstreamFault
from sallyport.gateway.dialects.base import Chunk, Member, StreamDialect
from sallyport.gateway.exchange import Exchange
from sallyport.gateway.outcome import output_blocked
from sallyport.gateway.ports import Inspection
from sallyport.gateway.stages import check_findings
from sallyport.gateway.strict_json import strings
from sallyport.model import STOPPING, Finding, Leaf

MOST_BYTES = 1_048_576  # of the events that they came in


class HeldMembers:
    """One for each streamed answer."""

    def __init__(self, inspection: Inspection, dialect: StreamDialect, x: Exchange) -> None:
        self._inspection, self._dialect, self._x = inspection, dialect, x
        self._held: dict[int, list[tuple[Chunk, Member]]] = {}
        self._size = 0

    def hold(self, chunk: Chunk, member: Member) -> None:
        """Keep it. Raises UpstreamFault where there is too much."""
        self._size += len(chunk.data)
        if self._size > MOST_BYTES:
            raise UpstreamFault("unknown members are too large", code="upstream_too_large")
        self._held.setdefault(member.choice, []).append((chunk, member))

    async def release(self, choice: int, out: list[bytes]) -> Refusal | None:
        """The events of an ended choice, appended to `out`; or why the answer ends."""
        held = self._held.pop(choice, None)
        if held is None:
            return None
        x = self._x
        texts = _texts(held)
        x.said += [(choice, name, text) for name, text in texts]
        x.output_characters += sum(len(text) for _, text in texts)
        leaves = tuple(Leaf(("choices", choice, "delta"), text, "assistant") for _, text in texts)
        found = check_findings(
            await self._inspection.inspect(leaves, "output", x.roles, system=x.system, segment=x.segment),
            leaves,
        )
        found = x.reader.judged(found)
        x.findings += found
        bad = next((finding for finding in found if finding.action in STOPPING), None) or self._sealed(held)
        if bad is not None:
            return output_blocked(bad, self._dialect.place(choice, ""))
        out += [self._dialect.member_event(chunk, member) for chunk, member in held]
        return None

    def _sealed(self, held: list[tuple[Chunk, Member]]) -> Finding | None:
        """What was planted, in what only the provider can read: its pieces are put together."""
        text = "".join([m.value for _, m in held if m.opaque])
        found = self._inspection.sealed((text,), self._x.roles, self._x.segment) if text else None
        if found is not None:
            self._x.findings.append(found)
        return found


def _texts(held: list[tuple[Chunk, Member]]) -> list[tuple[str, str]]:
    """What stands in one place of the members, put together, for each place. List indexes make no places."""
    places: dict[tuple[str, ...], list[str]] = {}
    for member in [member for _, member in held if not member.opaque]:
        for path, text in strings(member.value, (member.name,)):
            place = tuple(part for part in path if isinstance(part, str))
            places.setdefault(place, []).append(text)
    return [(".".join(place), "".join(texts)) for place, texts in places.items()]
