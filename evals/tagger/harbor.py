"""The 18 identifiers of HIPAA's Safe Harbor (45 CFR 164.514(b)(2)(i)) on generated notes: is every character masked?

The notes are made by us, so the figures say how well forms are known, not how notes of a hospital would fare.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from evals.tagger import corpus, measure
from sallyport.inspection.detector import NAMES as TYPES
from sallyport.inspection.engine import Engine
from sallyport.inspection.tagging.look import Looker, LookOptions

_FILLS = 25
IDENTIFIERS = (
    ("A", "names", ("first", "last", "person", "titled"), ""),
    ("B", "places smaller than a state", ("street", "address1", "city", "zip"), ""),
    ("C", "dates, except the year", ("date",), ""),
    ("C", "ages over 89", ("old",), ""),
    ("D", "telephone numbers", ("phone",), ""),
    ("E", "fax numbers", ("fax",), ""),
    ("F", "e-mail addresses", ("email",), ""),
    ("G", "social security numbers", ("ssn",), ""),
    ("H", "medical record numbers", ("mrn",), ""),
    ("I", "health plan numbers", ("plan",), ""),
    ("J", "account numbers", ("account",), ""),
    ("K", "certificate and licence numbers", ("licence",), ""),
    ("L", "vehicle identifiers and plates", ("plate", "vin"), ""),
    ("M", "device identifiers and serial numbers", ("serial",), ""),
    ("N", "web addresses", ("url",), ""),
    ("O", "IP addresses", ("ip",), ""),
    (
        "P",
        "biometric identifiers",
        (),
        "not text: a finger print or voice print is no string that can be recognised",
    ),
    (
        "Q",
        "full-face photographs",
        (),
        "not text: images are refused unless a policy lets them pass uninspected",
    ),
    (
        "R",
        "any other unique number or code",
        (),
        "without a form or a word beside it nothing tells it from other numbers: use patterns and dictionaries",
    ),
)
_VIN_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"


class Notes:
    """Values for notes: those of `Values`, and numbers."""

    def __init__(self, values: object) -> None:
        self._values, self._random = values, random.Random(11)

    def __getattr__(self, name: str) -> object:
        return getattr(self._values, name)

    def draw(self, name: str, language: str) -> tuple[str, str]:
        """A value, labelled with its placeholder."""
        own = _NUMBERS.get(name)
        return (own(self._random), name) if own else (self._values.draw(name, language)[0], name)


def _digits(r: random.Random, low: int, high: int) -> str:
    return "".join(r.choice("0123456789") for _ in range(r.randint(low, high)))


def _vin(r: random.Random) -> str:
    return "".join(r.choice(_VIN_LETTERS) for _ in range(17))


_NUMBERS = {
    "mrn": lambda r: r.choice([_digits(r, 6, 9), f"{_digits(r, 2, 3)}-{_digits(r, 3, 5)}", f"M{_digits(r, 6, 8)}"]),
    "plan": lambda r: r.choice([f"{r.choice('ABCXYZ')}{_digits(r, 8, 10)}", f"{_digits(r, 3, 3)}-{_digits(r, 6, 6)}"]),
    "account": lambda r: r.choice([_digits(r, 7, 11), f"AC-{_digits(r, 5, 7)}"]),
    "licence": lambda r: r.choice([f"{r.choice('ABDRS')}{_digits(r, 7, 7)}", _digits(r, 7, 9)]),
    "serial": lambda r: r.choice([f"SN{_digits(r, 6, 8)}", f"{r.choice('ABCX')}{r.choice('JKQ')}-{_digits(r, 4, 6)}"]),
    "plate": lambda r: r.choice([f"{r.choice('ABCDM')}-{r.choice('XYZ')}{r.choice('AK')} {_digits(r, 2, 4)}", f"{r.choice('ABCD')}{r.choice('KLM')}{_digits(r, 2, 2)} XYZ", f"{_digits(r, 1, 1)}ABC{_digits(r, 3, 3)}"]),
    "vin": _vin,
    "url": lambda r: f"https://portal.example.org/patient/{_digits(r, 4, 6)}",
    "ip": lambda r: ".".join(str(r.randint(11, 220)) for _ in range(4)),
    "ssn": lambda r: f"{r.randint(100, 599)}-{r.randint(10, 99)}-{r.randint(1000, 9999)}",
    "fax": lambda r: f"({r.randint(201, 799)}) {r.randint(201, 999)}-{r.randint(1000, 9999)}",
    "old": lambda r: str(r.randint(90, 104)),
}  # fmt: skip


def table(values: object, folder: Path) -> Iterator[str]:
    """The lines of the table."""
    for name in _NUMBERS:
        setattr(values, f"_{name}", lambda _language: "")
    notes = Notes(values)
    texts = [
        corpus.fill(t.replace("{{", "{").replace("}}", "}"), language, notes)
        for language, t in corpus.templates(folder)
        for _ in range(_FILLS)
    ]
    engine, looker = Engine(), Looker(LookOptions(types=TYPES))
    tally: dict[str, list[int]] = {}
    for text, spans in texts:
        covered = bytearray(len(text))
        found = [(f.start, f.end) for f in engine.scan(((text, "user"),), "input")]
        for start, end in [*found, *((s.start, s.end) for s in looker.scan(text))]:
            covered[start:end] = b"\1" * (end - start)
        for start, end, name in spans:
            its = tally.setdefault(name, [0, 0])
            its[0] += 1
            its[1] += all(
                c or not ch.strip() for c, ch in zip(covered[start:end], text[start:end], strict=True)
            )
    yield "| | identifier | in notes | masked in full | 95 % | why not |\n|---|---|---|---|---|---|"
    for letter, words, names, reason in IDENTIFIERS:
        of, hits = (sum(tally.get(name, (0, 0))[at] for name in names) for at in (0, 1))
        if of:
            low, high = measure.interval(hits, of)
            yield f"| {letter} | {words} | {of} | {hits / of:.3f} | {low:.3f}-{high:.3f} | {reason} |"
        else:
            yield f"| {letter} | {words} | | | | {reason} |"
