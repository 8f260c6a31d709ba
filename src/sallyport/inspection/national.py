"""National identification and tax numbers, by form and check digit (python-stdnum).

Numbers whose check is weak, or whose form is common, count only near a word that says what they are.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator

import re2
from msgspec import Struct

from sallyport.inspection.numbers import Run
from sallyport.inspection.spans import Span


class Number(Struct, frozen=True):
    """One kind of number.

    `shapes` are its usual groupings (see `numbers`), accepted without a word of `words` nearby; its digits
    in one group (`bare`), or in any shape of `weak`, need such a word.
    """

    id: str
    module: str  # of python-stdnum
    shapes: tuple[str, ...] = ()
    weak: tuple[str, ...] = ()
    words: tuple[bytes, ...] = ()


DIGITS = (
    Number("uk-nhs", "gb.nhs", weak=("j", "ccd"), words=(b"nhs",)),
    Number("de-tax-id", "de.idnr", weak=("k", "bccc", "bcccc"), words=(b"steuer", b"idnr", b"tax", b"tin", b"identifikationsnummer")),
    Number("fr-nir", "fr.nir", shapes=("abbbccb", "o", "abbbbbcb"), weak=("m",), words=(b"nir", b"secu", b"insee")),
    Number("nl-bsn", "nl.bsn", weak=("i", "dbc", "ccc"), words=(b"bsn", b"burgerservice", b"sofi")),
    Number("br-cpf", "br.cpf", shapes=("cccb",), weak=("k",), words=(b"cpf",)),
    Number("in-aadhaar", "in_.aadhaar", shapes=(), weak=("l", "ddd"), words=(b"aadhaar", b"aadhar", b"uid")),
    Number("ca-sin", "ca.sin", weak=("i", "ccc"), words=(b"sin", b"social insurance", b"nas")),
    Number("au-tfn", "au.tfn", weak=("i", "h", "ccc"), words=(b"tfn", b"tax file")),
    Number("ch-ahv", "ch.ssn", shapes=("cddb", "m"), words=(b"ahv", b"avs")),
    Number("be-nn", "be.nn", shapes=("bbbcb",), weak=("k",), words=(b"rijksregister", b"national", b"nn", b"niss")),
    Number("se-personnummer", "se.personnummer", shapes=("fd", "hd"), weak=("j", "l"), words=(b"personnummer", b"personal")),
    Number("dk-cpr", "dk.cpr", weak=("fd", "j"), words=(b"cpr", b"personnummer")),
    Number("no-fodselsnummer", "no.fodselsnummer", shapes=("fe",), weak=("k",), words=(b"dselsnummer", b"fnr", b"personnummer", b"national")),
    Number("pl-pesel", "pl.pesel", weak=("k",), words=(b"pesel",)),
    Number("ro-cnp", "ro.cnp", shapes=("m",), words=(b"cnp",)),
    Number("tr-tckimlik", "tr.tckimlik", weak=("k",), words=(b"kimlik", b"tckn")),
    Number("za-id", "za.idnr", shapes=(), weak=("m", "fdabb", "fdc"), words=(b"id number", b"id no", b"identity")),
    Number("kr-rrn", "kr.rrn", shapes=("fg",), weak=("m",), words=(b"rrn", b"resident")),
    Number("cn-ric", "cn.ric", shapes=("r",)),
    Number("jp-my-number", "jp.in_", weak=("l", "ddd"), words=(b"my number", b"mynumber", b"kojin")),
    Number("pt-nif", "pt.nif", weak=("i", "ccc"), words=(b"nif", b"contribuinte")),
    Number("us-itin", "us.itin", shapes=("cbd",), weak=("i",), words=(b"itin", b"taxpayer")),
    Number("us-ein", "us.ein", weak=("bg", "i"), words=(b"ein", b"employer identification")),
)  # fmt: skip

LETTERS: tuple[tuple[str, str, bytes], ...] = (
    ("uk-nino", "", rb"(?i)(?:\b|_)([A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][ -]?[0-9]{2}[ -]?[0-9]{2}[ -]?[0-9]{2}[ -]?[A-D])(?:\b|_)"),
    ("es-dni", "es.dni", rb"(?i)(?:\b|_)([0-9]{8}[ -]?[A-HJ-NP-TV-Z])(?:\b|_)"),
    ("es-nie", "es.nie", rb"(?i)(?:\b|_)([XYZ][ -]?[0-9]{7}[ -]?[A-HJ-NP-TV-Z])(?:\b|_)"),
    ("it-codice-fiscale", "it.codicefiscale", rb"(?i)(?:\b|_)([A-Z]{3} ?[A-Z]{3} ?[0-9]{2}[ABCDEHLMPRST][0-9]{2} ?[A-Z][0-9LMNP-V]{3}[A-Z])(?:\b|_)"),
    ("fr-nir-corsica", "fr.nir", rb"(?i)(?:\b|_)([12] ?[0-9]{2} ?[0-9]{2} ?2[AB] ?[0-9]{3} ?[0-9]{3} ?[0-9]{2})(?:\b|_)"),
    ("mx-curp", "mx.curp", rb"(?i)(?:\b|_)([A-Z]{4}[0-9]{6}[HM][A-Z]{5}[0-9A-Z][0-9])(?:\b|_)"),
    ("fi-hetu", "fi.hetu", rb"(?i)(?:\b|_)([0-9]{6}[-+A-FU-Y][0-9]{3}[0-9A-FHJ-NPR-Y])(?:\b|_)"),
    ("sg-nric", "", rb"(?:\b|_)([STFGM][0-9]{7}[A-Z])(?:\b|_)"),
    ("tw-id", "", rb"(?:\b|_)([A-Z][12][0-9]{8})(?:\b|_)"),
    ("cn-ric-x", "cn.ric", rb"(?i)(?:\b|_)([1-9][0-9]{16}X)(?:\b|_)"),
    ("in-pan", "in_.pan", rb"(?:\b|_)([A-Z]{3}[ABCFGHJLPT][A-Z][0-9]{4}[A-Z])(?:\b|_)"),
    ("ie-pps", "ie.pps", rb"(?:\b|_)([0-9]{7}[A-W][A-IW]?)(?:\b|_)"),
)  # fmt: skip
_NRIC_WEIGHTS = (2, 7, 6, 5, 4, 3, 2)
_NRIC = {  # what is added to the weighted sum, and the letter for each remainder
    "S": (0, "JZIHGFEDCBA"),
    "T": (4, "JZIHGFEDCBA"),
    "F": (0, "XWUTRQPNMLK"),
    "G": (4, "XWUTRQPNMLK"),
    "M": (3, "XWUTRQPNJLK"),
}
_NEAR = 64


def _validator(module: str) -> Callable[[str], bool]:
    valid: Callable[[str], bool] = importlib.import_module(f"stdnum.{module}").is_valid
    return valid


def _nric(number: str) -> bool:
    """Singapore's NRIC and FIN: a weighted sum modulo 11 picks the letter."""
    offset, letters = _NRIC[number[0]]
    total = offset + sum(w * int(d) for w, d in zip(_NRIC_WEIGHTS, number[1:8], strict=True))
    return letters[total % 11] == number[8]


def _tw_id(number: str) -> bool:
    """Taiwan's national identification number: the letter as two digits, weights 1 9 8 7 6 5 4 3 2 1 1."""
    code = "ABCDEFGHJKLMNPQRSTUVXYWZIO".index(number[0].upper()) + 10
    digits = [code // 10, code % 10, *(int(d) for d in number[1:])]
    return sum(w * d for w, d in zip((1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1), digits, strict=True)) % 10 == 0


_OWN: dict[str, Callable[[str], bool]] = {"uk-nino": lambda _: True, "sg-nric": _nric, "tw-id": _tw_id}


class _Shape(Struct, frozen=True):
    shape: str
    id: str
    check: Callable[[str], bool]
    words: re.Pattern[bytes] | None  # one of which must stand before the number


class NationalNumbers:
    """The table, loaded."""

    def __init__(self) -> None:
        self._by_first: dict[str, list[_Shape]] = {}
        for number in DIGITS:
            check = _validator(number.module)
            for shape in number.shapes:
                self._by_first.setdefault(shape[0], []).append(_Shape(shape, number.id, check, None))
            for shape in number.weak:
                row = _Shape(shape, number.id, check, _words(number.words))
                self._by_first.setdefault(shape[0], []).append(row)
        self._letters = [
            (name, re2.compile(pattern), _OWN.get(name) or _validator(module))
            for name, module, pattern in LETTERS
        ]
        self._any_letters = re2.compile(b"|".join(b"(?:%s)" % pattern for _, _, pattern in LETTERS))

    def in_run(self, run: Run) -> Iterator[Span]:
        """Numbers made of digits, in a run."""
        for first, letter in enumerate(run.shape):
            for row in self._by_first.get(letter, ()):
                if not run.shape.startswith(row.shape, first):
                    continue
                start, end = run.span(first, len(row.shape))
                if row.words is not None and not row.words.search(run.text, max(start - _NEAR, 0), start):
                    continue
                if row.check(run.number(first, len(row.shape)).decode()):
                    yield Span("national_id", start, end, 0.9 if row.words is None else 0.8, row.id)

    def in_text(self, data: bytes) -> Iterator[Span]:
        """Numbers with letters in them."""
        if self._any_letters.search(data) is None:
            return
        for name, expression, check in self._letters:
            for match in expression.finditer(data):
                start, end = match.span(1)
                if check(data[start:end].translate(None, b" -" if name != "fi-hetu" else b" ").decode()):
                    yield Span("national_id", start, end, 0.9, name)


def _words(words: tuple[bytes, ...]) -> re.Pattern[bytes]:
    return re.compile(rb"(?i)\b(?:" + b"|".join(map(re.escape, words)) + rb")")
