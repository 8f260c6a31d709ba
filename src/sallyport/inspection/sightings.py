"""What was seen in the views of a text, as sightings in the text itself: where, of which layer, with what evidence. Pure."""

from __future__ import annotations

from sallyport.inspection.detector import IDENTIFIERS, INSTRUCTIONS, NAMES, SECRETS
from sallyport.inspection.rules import Rule
from sallyport.inspection.spans import Span, byte_to_character
from sallyport.inspection.views import View

# Type of a finding -> the layer that sees it.
LAYERS = {
    **dict.fromkeys(IDENTIFIERS, "identifiers"),
    **dict.fromkeys(SECRETS, "secrets"),
    **dict.fromkeys(INSTRUCTIONS, "rules"),
    **dict.fromkeys(NAMES, "names"),
    "canary": "canary",
    "system_prompt_leak": "leak",
}


def located(view: View, data: bytes, spans: list[Span]) -> list[Span]:
    """Spans in bytes of a view as spans in characters of the original text."""
    if not spans:
        return spans
    table = byte_to_character(data, [o for s in spans for o in (s.start, s.end)])
    return [Span(s.type, *view.locate(table[s.start], table[s.end]), s.score, s.detector) for s in spans]


def combined(matches: list[tuple[Rule, int, int]]) -> list[Span]:
    """One sighting per type: the place and id of its strongest rule, the evidence of all its rules.

    The strongest type of a text carries the evidence of every rule that matched there.
    """
    best: dict[str, tuple[Rule, int, int]] = {}
    doubt: dict[str, float] = {}
    weights: dict[str, float] = {rule.id: rule.weight for rule, _, _ in matches}
    types = {rule.id: rule.type for rule, _, _ in matches}
    for match in matches:
        rule = match[0]
        if rule.type not in best or rule.weight > best[rule.type][0].weight:
            best[rule.type] = match
    for rule_id, weight in weights.items():
        doubt[types[rule_id]] = doubt.get(types[rule_id], 1.0) * (1.0 - weight)
    if not best:
        return []
    strongest = min(doubt, key=lambda name: (doubt[name], name))
    total = 1.0
    for value in doubt.values():
        total *= value
    doubt[strongest] = total
    return [
        Span(name, start, end, round(1.0 - doubt[name], 4), rule.id)
        for name, (rule, start, end) in best.items()
    ]
