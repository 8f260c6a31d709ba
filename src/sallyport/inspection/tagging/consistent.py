"""The parts of a name wherever they stand alone: "Anna" and "Schmidt" once "Anna Schmidt" was seen, in all texts of a call.

Pure. A part has its own token, the same each time (see `vault`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sallyport.inspection.tagging.words import WORD
from sallyport.model import Finding

_SURE = 0.9  # score of a person from which the parts are looked for
_SHORTEST = 3
_TITLES = frozenset(
    [
        "Mister",
        "Miss",
        "Mrs",
        "Sir",
        "Prof",
        "Professor",
        "Doctor",
        "Judge",
        "Herr",
        "Herrn",
        "Frau",
        "Monsieur",
        "Madame",
        "Mme",
        "Docteur",
        "Don",
        "Doña",
        "Sra",
        "Dra",
        "Signor",
        "Signora",
        "Sig",
        "Dott",
        "Dottssa",
        "Pan",
        "Pani",
        "Pana",
        "Dona",
        "Lord",
        "Lady",
        "President",
        "Senator",
        "Captain",
        "Coach",
        "Pastor",
        "Rev",
        "Uncle",
        "Aunt",
        "The",
        "Der",
        "Die",
        "Das",
        "Van",
        "Von",
        "Den",
    ]
)


def parts_of(texts: Sequence[str], findings: Sequence[Finding]) -> dict[str, Finding]:
    """Each word of a sure name that is capitalised as a name is, with the finding that it is from."""
    parts: dict[str, Finding] = {}
    for finding in findings:
        if finding.type == "person" and finding.score >= _SURE:
            for match in WORD.finditer(texts[finding.leaf], finding.start, finding.end):
                word = match[0]
                if (
                    len(word) >= _SHORTEST
                    and word[0].isupper()
                    and not word.isupper()
                    and word not in _TITLES
                ):
                    parts.setdefault(word, finding)
    return parts


def again(texts: Sequence[str], findings: Sequence[Finding]) -> Iterator[Finding]:
    """Further findings of `person`: parts of names that stand where nothing was found, as whole words."""
    parts = parts_of(texts, findings)
    if not parts:
        return
    for leaf, text in enumerate(texts):
        if not any(part in text for part in parts):
            continue
        taken = bytearray(len(text))
        for finding in findings:
            if finding.leaf == leaf:
                taken[finding.start : finding.end] = b"\1" * (finding.end - finding.start)
        for match in WORD.finditer(text):
            source = parts.get(match[0])
            if source is not None and not any(taken[match.start() : match.end()]):
                yield Finding(
                    type="person",
                    start=match.start(),
                    end=match.end(),
                    score=source.score,
                    layer=source.layer,
                    detector="tagger-again",
                    version=source.version,
                    leaf=leaf,
                )
