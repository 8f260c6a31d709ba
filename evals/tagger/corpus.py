"""Texts with labelled spans: filled templates and the public rows, split so that nothing trained on is measured on.

A text is `(text, [(start, end, label)])` with the labels PER, LOC, ORG and ADR.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections import Counter
from pathlib import Path

Spans = list[tuple[int, int, str]]
Text = tuple[str, Spans]
_PLACEHOLDER = re.compile(r"\{([a-z_0-9]+)\}")
_LABELS = {
    "PERSON": "PER", "TITLE": "PER", "PREFIX": "PER", "LOCATION": "LOC", "GPE": "LOC", "ORGANIZATION": "ORG",
    "GROUP": "ORG", "ADDRESS": "ADR", "STREET_ADDRESS": "ADR", "ZIP_CODE": "ADR",
}  # fmt: skip
_HELD_OUT = 5  # one in five templates, and the last fifth of a source without templates
NEGATIVE_SOURCES = (
    "banking77",
    "clinc150",
    "mitre_frr",
    "mitre_frr_mul_a",
    "slabs",
    "neuralchemy_neuralchemy_v1",
    "awesome_prompts_a",
)


def templates(folder: Path) -> list[tuple[str, str]]:
    """(language, template) of all files of a folder."""
    found = []
    for path in sorted(folder.glob("*.txt")):
        lines = path.read_text(encoding="utf-8").splitlines()
        found += [(path.stem, line.replace("\\n", "\n").replace("\\t", "\t")) for line in lines if line and not line.startswith("# The")
                  and not line.startswith("# One")]  # fmt: skip
    return found


def fill(template: str, language: str, values: object) -> Text:
    """A template with values in its placeholders, and where they are."""
    parts, spans, at, size = [], [], 0, 0
    for match in _PLACEHOLDER.finditer(template):
        if not hasattr(values, f"_{match[1]}"):
            continue
        value, label = values.draw(match[1], language)
        before = template[at : match.start()]
        parts += [before, value]
        size += len(before)
        if label:
            spans.append((size, size + len(value), label))
        size += len(value)
        at = match.end()
    return "".join((*parts, template[at:])), spans


def is_held_out(row: dict, place: float) -> bool:
    """Whether a public row is measured on; `place` is where it stands in its source, 0 to 1."""
    if "template" in row:
        key = re.sub(r"[^a-z_ ]", "", row["template"].lower())[:40]
        return hashlib.sha256(key.encode()).digest()[0] % _HELD_OUT == 0
    return place >= 1 - 1 / _HELD_OUT


def public(data: Path) -> tuple[dict[str, list[Text]], dict[str, list[Text]]]:
    """(training, held out) texts by source."""
    rows: dict[str, list[dict]] = {}
    for line in (data / "pii" / "spans.jsonl").open(encoding="utf-8"):
        row = json.loads(line)
        rows.setdefault(row["source"], []).append(row)
    training: dict[str, list[Text]] = {}
    measured: dict[str, list[Text]] = {}
    for source, its in rows.items():
        roles = _roles(its) if source.startswith("sec") else set()
        for number, row in enumerate(its):
            if re.search(r"\{[a-z_]+\}", row["text"]):
                continue
            target = measured if is_held_out(row, number / len(its)) else training
            target.setdefault(source, []).append((row["text"], _spans(row, roles)))
    return training, measured


def _roles(rows: list[dict]) -> set[str]:
    """Words like "Borrower" that filings call persons; they name nobody."""
    counts = Counter(
        row["text"][s["start"] : s["end"]] for row in rows for s in row["spans"] if s["type"] == "PERSON"
    )
    return {word for word, count in counts.items() if count > 2 or " " not in word}


def _spans(row: dict, roles: set[str]) -> Spans:
    text = row["text"]
    spans: Spans = []
    for s in sorted(row["spans"], key=lambda s: s["start"]):
        label, start, end = _LABELS.get(s["type"], ""), s["start"], s["end"]
        if not label or text[start:end] in roles:
            continue
        if (
            spans
            and spans[-1][2] == label == "PER"
            and re.fullmatch(r"\.? ?", text[spans[-1][1] : start])
            and _is_title(row, spans[-1])
        ):
            start = spans.pop()[0]
        spans.append((start, end, label))
    return [span for span in spans if not _is_title(row, span)]


def _is_title(row: dict, span: tuple[int, int, str]) -> bool:
    return any(
        s["start"] == span[0] and s["end"] == span[1] and s["type"] in ("TITLE", "PREFIX")
        for s in row["spans"]
    )


def benign(data: Path) -> tuple[list[str], list[tuple[str, str]]]:
    """(texts to learn from once a first model says that they name nobody, (source, text) to count alarms on)."""
    learn, count = [], []
    for line in (data / "detect" / "benign.jsonl").open(encoding="utf-8"):
        row = json.loads(line)
        if row["source"] in NEGATIVE_SOURCES:
            learn.append(row["text"])
        elif row["source"] in (
            "p3_t0_shared",
            "bfcl_irrelevance",
            "mt_bench",
            "self_instruct_user",
            "openai_mod_clean",
            "xstest_safe",
        ):
            count.append((row["source"], row["text"]))
    return learn, count


def altered(text: Text, rng: random.Random) -> Text:
    """The text as people also write it: lower case, capitals, without marks, or as its tokens stand apart."""
    string, spans = text
    form = rng.random()
    if form < 0.14:
        return (string.lower(), spans) if len(string.lower()) == len(string) else text
    if form < 0.20:
        return (string.upper(), spans) if len(string.upper()) == len(string) else text
    if form < 0.24 and spans:  # only the names in lower case or in capitals
        for start, end, _ in spans:
            change = string[start:end].lower() if form < 0.22 else string[start:end].upper()
            if len(change) == end - start:
                string = string[:start] + change + string[end:]
        return string, spans
    return text


def joined(text: Text) -> Text:
    """A tokenised text ("Hello , world .") as people write it."""
    string, spans = text
    keep = [True] * len(string)
    for match in re.finditer(r" (?=[.,;:!?)\]%'’])|(?<=[(\[$#@]) ", string):
        keep[match.start()] = False
    moved, total = [], 0
    for kept in keep:
        moved.append(total)
        total += kept
    moved.append(total)
    out = "".join(c for c, kept in zip(string, keep, strict=True) if kept)
    return out, [(moved[s], moved[e], label) for s, e, label in spans]


def planted(text: str, values: object, rng: random.Random) -> Text:
    """A text that names nobody, with a name, place or company in the place of some of its words."""
    spots = [m.span() for m in re.finditer(r"(?<![\w.])[a-z]{4,}(?!\w)", text)]
    chosen = sorted(rng.sample(spots, min(len(spots), rng.randint(1, 3))))
    parts, spans, at, size = [], [], 0, 0
    for start, end in chosen:
        kind = rng.choice(["first", "first", "last", "person", "person", "city", "org"])
        if re.search(r"\b(?:in|at|from|near|to) $", text[:start]) and rng.random() < 0.7:
            kind = rng.choice(["city", "city", "country", "org", "street", "address1"])
        value, label = values.draw(
            kind, rng.choice(["en", "en", "en", "de", "fr", "es", "it", "nl", "pl", "pt"])
        )
        parts += [text[at:start], value]
        size += start - at
        spans.append((size, size + len(value), label))
        size += len(value)
        at = end
    return "".join((*parts, text[at:])), spans


def capitalised(text: str, rng: random.Random) -> Text:
    """A text that names nobody, with capitals where nobody is named: in all words, or in some."""
    share = rng.choice([0.15, 0.3, 1.0])
    return re.sub(
        r"(?<!\w)[a-z](?=[a-z])", lambda m: m[0].upper() if rng.random() < share else m[0], text
    ), []
