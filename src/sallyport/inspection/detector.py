"""The plug-in point of inspection: what a detector is, and which finding types exist.

A detector says what it sees and where. What happens to a finding is decided in `actions`, never here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from sallyport.errors import DetectorFault
from sallyport.model import Channel, Direction, Finding

IDENTIFIERS = (
    "card",
    "iban",
    "ssn",
    "national_id",
    "phone",
    "email",
    "ip_address",
    "date_of_birth",
)
# Of the tagger and the rules beside it: looked for only where the settings ask for them.
NAMES = (
    "person",
    "street_address",
    "organisation",
    "location",
    "date",
    "record_number",
    "web_address",
    "age_over_89",
)
SECRETS = ("secret", "private_key", "sallyport_key")
INSTRUCTIONS = (
    "prompt_injection",
    "jailbreak",
    "system_prompt_extraction",
    "indirect_injection",
    "exfiltration_link",
)
LEAKS = ("canary", "system_prompt_leak")
EGRESS = ("egress_link", "egress_image", "dangerous_link")
CODE = ("hazardous_code",)
HARMS = (
    "harm.cyber",
    "harm.dangerous",
    "harm.drugs",
    "harm.harassment",
    "harm.misleading",
    "harm.self_harm",
    "harm.sexual_minors",
    "harm.weapons",
)
TOPIC = "topic."  # types of ours; what follows the point the settings say
STREAMS = ("opaque_run", "oversized_answer", "foreign_token")  # of the hold-back, not of a detector
TYPES = frozenset((*IDENTIFIERS, *NAMES, *SECRETS, *INSTRUCTIONS, *LEAKS, *EGRESS, *CODE, *HARMS, *STREAMS))
MAX_FINDINGS = 5000


@runtime_checkable
class Detector(Protocol):
    """Sees something in one text. Built by the factory that the settings name, in a process of its own."""

    @property
    def name(self) -> str:
        """Short and stable; becomes the `layer` of its findings."""

    @property
    def version(self) -> str:
        """Changes whenever a verdict may change."""

    def scan(self, text: str, channel: Channel, direction: Direction) -> Sequence[Finding]:
        """Findings with `start` and `end` in characters of `text`.

        `type` is one of `TYPES`, or "<name>.<anything>" for a type of its own. `leaf`, `layer`, `version`
        and `action` are set by us.
        """


def validated(findings: Sequence[Finding], text: str, name: str) -> Sequence[Finding]:
    """The findings of detector `name` if they can be true of `text`; otherwise raises `DetectorFault`."""
    if len(findings) > MAX_FINDINGS:
        raise DetectorFault(f"detector {name} returned {len(findings)} findings")
    for finding in findings:
        if finding.type not in TYPES and not finding.type.startswith(f"{name}."):
            raise DetectorFault(f"detector {name} returned an unknown type")
        if not 0 <= finding.start < finding.end <= len(text):
            raise DetectorFault(f"detector {name} returned a span outside the text")
        if not 0.0 <= finding.score <= 1.0:
            raise DetectorFault(f"detector {name} returned a score outside 0 to 1")
    return findings
