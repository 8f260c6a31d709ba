"""What a text is about, and what it would do: links out, hazards in code, harm, and the topics of the settings.

A part of the engine, on its gate and its views. None of it is evidence of an attack (see `score`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import cast

import msgspec

from sallyport.inspection import hazards, rules_harm, topics
from sallyport.inspection.egress import Egress
from sallyport.inspection.gate import GateBuilder
from sallyport.inspection.rules import Rule, RuleSet
from sallyport.inspection.spans import Span, disjoint
from sallyport.inspection.topics import Topic
from sallyport.inspection.urls import Hosts
from sallyport.model import Channel

MOST = 500  # findings of one rule in one text: then all of it is one finding
_AS_WRITTEN = frozenset(
    {"raw", "folded", "decoded"}
)  # views in which links and code can be what they look like
_LAYERS = {
    "egress_link": "egress",
    "egress_image": "egress",
    "dangerous_link": "egress",
    hazards.TYPE: "code",
}
_VERSION = hashlib.sha256(
    msgspec.json.encode((rules_harm.LEXICON, rules_harm.RULES, hazards.RULES), order="deterministic")
).hexdigest()[:8]


class Contents:
    """All of it, compiled. `topic_rows` and `hosts` come from the settings."""

    def __init__(self, topic_rows: tuple[Topic, ...], hosts: tuple[str, ...], gate: GateBuilder) -> None:
        self._egress = Egress(hosts, gate)
        rows = (*hazards.RULES, *rules_harm.RULES, *topics.rules(topic_rows))
        self._rules = RuleSet(rows, cast("Mapping[str, tuple[str, ...]]", rules_harm.LEXICON), gate)
        self.output_mask = self._egress.mask | self._rules.output_mask
        given = msgspec.json.encode((topic_rows, hosts), order="deterministic")
        self.version = _VERSION + (f".{hashlib.sha256(given).hexdigest()[:8]}" if topic_rows or hosts else "")

    @property
    def hosts(self) -> Hosts:
        """Where links may lead."""
        return self._egress.hosts

    def touch(
        self, data: bytes, hits: int, found: list[int] | None, channel: Channel, *, output: bool
    ) -> bool:
        """Whether anything may be found in a text, or in a part of it: what excuses one part counts for none."""
        if output and hits & self._egress.mask and self._egress.scan(data):
            return True
        return any(
            compiled.expression.search(data)
            for compiled in self._rules.applying(channel, output=output).candidates(hits, found)
        )

    def scan(self, data: bytes, kind: str, channel: Channel, hits: int, *, output: bool) -> list[Span]:
        """What is found in the bytes of one view."""
        written = kind in _AS_WRITTEN
        spans: list[Span] = []
        if (
            output and written and kind != "folded" and hits & self._egress.mask
        ):  # no browser folds a host's name
            spans += self._egress.scan(data)
        for compiled in self._rules.applying(channel, output=output).candidates(hits):
            if compiled.rule.type == hazards.TYPE and not written:
                continue
            matches = [
                Span(m.rule.type, m.start, m.end, m.rule.weight, m.rule.id) for m in compiled.matches(data)
            ]
            if len(matches) > MOST:
                matches = [
                    Span(
                        compiled.rule.type,
                        matches[0].start,
                        matches[-1].end,
                        compiled.rule.weight,
                        compiled.rule.id,
                    )
                ]
            spans += matches
        return spans


def joined(spans: Iterable[Span]) -> list[Span]:
    """Of each type the sightings without overlap, whatever views they were made on."""
    by_type: dict[str, list[Span]] = {}
    for span in spans:
        by_type.setdefault(span.type, []).append(span)
    return [one for several in by_type.values() for one in disjoint(several, {})]


def layer(kind: str) -> str:
    """The layer that findings of a type bear."""
    return _LAYERS.get(kind, "content")


def excused(rules: Iterable[Rule], hosts: Hosts) -> tuple[Rule, ...]:
    """The rules on links that carry data, without those that lead to an allowed host."""
    expression = hosts.expression()
    if not expression:
        return tuple(rules)
    return tuple(
        msgspec.structs.replace(rule, unless=expression) if rule.type == "exfiltration_link" else rule
        for rule in rules
    )
