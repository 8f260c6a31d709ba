"""Numbers of records, accounts, plans, licences, vehicles and devices: found beside the words that say what they are.

The identifiers (H) to (M) and (R) of 45 CFR 164.514(b)(2)(i), in eight languages. A vehicle's number (ISO 3779) also
counts without a word, where its check digit is right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import re2

from sallyport.inspection.spans import Span

_NO = r"(?:number|numbers|num|no|nr|nº|n°|id|ids|identifier|code|#)"
_WORDS = {
    "medical-record": (
        rf"mrn|medical records? {_NO}|(?:patient|chart|hospital|encounter|admission|specimen|accession|health record)[ _-]{_NO}"
        r"|medical record|patientennummer|patienten-?(?:id|nr)|fallnummer|fall-?nr|aktenzeichen"
        r"|num[ée]ro (?:de dossier|de patient|d'admission)|dossier (?:m[ée]dical )?n[°o]|historia cl[íi]nica(?: n[º°o])?|n[º°o]\.? de historia(?: cl[íi]nica)?"
        r"|cartella clinica(?: n\.)?|pati[ëe]ntnummer|dossiernummer|numer (?:pacjenta|kartoteki|historii choroby)|prontu[áa]rio(?: n[º°o])?|n[úu]mero do (?:prontu[áa]rio|processo|utente)"
    ),
    "health-plan": (
        rf"(?:member|subscriber|beneficiary|health plan|insurance|policy|group|medicaid|medicare|claim)[ _-]{_NO}"
        r"|medicare beneficiary identifier|mbi|versicherten-?(?:nummer|nr)|versicherungs-?(?:nummer|nr)|krankenversicherungsnummer"
        r"|num[ée]ro (?:de s[ée]curit[ée] sociale|d'assur[ée]|de mutuelle|de police)|n[úu]mero de (?:p[óo]liza|asegurado|afiliaci[óo]n|seguro)|numero (?:di polizza|tessera sanitaria)"
        r"|polisnummer|verzekerdennummer|numer (?:polisy|ubezpieczenia)|n[úu]mero da (?:ap[óo]lice|carteirinha)"
    ),
    "account": (
        rf"(?:account|acct|customer|client|bank account|invoice account|loan|employee|personnel|student)\.?[ _-]{_NO}|acct|kontonummer|konto-?nr|kunden-?(?:nummer|nr)"
        r"|num[ée]ro de (?:compte|client)|n[úu]mero de (?:cuenta|cliente)|numero (?:di conto|cliente)|rekeningnummer|klantnummer"
        r"|numer (?:konta|rachunku|klienta)|n[úu]mero d[ae] (?:conta|cliente)"
    ),
    "licence": (
        rf"(?:driver'?s?|driving|professional|medical|pilot|nursing|business|software)? ?licen[cs]e[ _-]{_NO}|driver'?s? licen[cs]e|driving licen[cs]e|certificate[ _-]{_NO}|dea[ _-]{_NO}|npi|passport(?:[ _-]{_NO})?"
        r"|f[üu]hrerschein(?:nummer|-?nr)|zertifikats?nummer|reisepass(?:nummer|-?nr)|num[ée]ro de (?:permis|licence|certificat|passeport)|permis de conduire(?: n[°o])?"
        r"|n[úu]mero de (?:licencia|permiso|certificado|pasaporte)|numero (?:di patente|di licenza|di certificato|di passaporto)|patente(?: n\.)?|rijbewijsnummer|paspoortnummer"
        r"|numer (?:prawa jazdy|paszportu|licencji)|n[úu]mero da (?:carta|cnh|licen[çc]a)|passaporte(?: n[º°o])?"
    ),
    "vehicle": (
        rf"vin|vehicle (?:identification )?{_NO}|chassis {_NO}|(?:licen[cs]e|number|registration) plate(?:[ _-]{_NO})?|plate[ _-]{_NO}|registration[ _-]{_NO}|plates?"
        r"|kfz-?kennzeichen|kennzeichen|fahrgestellnummer|fahrzeug-?identnummer|(?:plaque d')?immatriculation|num[ée]ro de ch[âa]ssis"
        r"|matr[íi]cula|bastidor|targa|numero di telaio|kenteken|chassisnummer|numer rejestracyjny|tablic[ay] rejestracyjn[ae]|placa"
    ),
    "device": (
        rf"(?:serial|device|equipment|implant|pacemaker|lot)[ _-]{_NO}|s/n|imei|meid|udi|serien-?(?:nummer|nr)|ger[äa]te-?(?:nummer|nr|id)|num[ée]ro de s[ée]rie|n[úu]mero de s[ée]rie"
        r"|numero (?:di serie|seriale)|serienummer|numer seryjny"
    ),
    "case": rf"(?:case|file|docket|reference|ref|tracking|confirmation|booking)\.?[ _-]{_NO}|vorgangsnummer|referenznummer|num[ée]ro de r[ée]f[ée]rence",
}
_LINK = r"""[ \t]*(?:\([^()\n]{1,20}\))?[ \t]*(?:number|no\.?|nr\.?|nº|n°|id|#)?[ \t]*(?:is|was|are|reads?|lautet|ist|war|est|es|è|jest|to|é|of|["'`*|]{0,3}[:#=]{0,2}["'`*|]{0,3})[ \t]*["'`*#:|]{0,2}[ \t]*"""
_VALUE = r"[A-Za-z0-9]{1,24}(?:[-/.][A-Za-z0-9]{1,12}){0,5}"
_PLATE = r"[A-Z]{1,3}[- ][A-Z]{0,3}[- ]?[0-9]{1,4}(?:[- ][A-Z]{1,3})?|[A-Z]{1,3}[0-9]{1,4} ?[A-Z]{1,3}|[0-9]{1,4}[- ][A-Z]{1,3}(?:[- ][0-9]{1,4})?"
_GROUPED = r"[A-Z]{0,4}[ -]?[0-9]{2,6}(?: [0-9]{2,6}){1,4}"
_TAGGED = re2.compile(
    r"(?i)(?:\b|_)(?:"
    + "|".join(f"({its})" for its in _WORDS.values())
    + rf")[#.]?(?:\b|[_ :=\t]){_LINK}((?-i:{_GROUPED})|(?-i:{_PLATE})|{_VALUE})(?:[^A-Za-z0-9\-]|-[^A-Za-z0-9]|\z)"
)
_VALUE_GROUP = len(_WORDS) + 1
_VIN = re2.compile(r"\b[A-HJ-NPR-Z0-9]{17}\b")
_DIGIT = re.compile(rb"[0-9]")
_FEWEST_DIGITS, _FEWEST_CHARACTERS = 2, 4
_VIN_VALUES = {
    **{str(n): n for n in range(10)},
    **dict(zip("ABCDEFGH", range(1, 9), strict=True)),
    **dict(zip("JKLMN", range(1, 6), strict=True)),
    "P": 7, "R": 9, **dict(zip("STUVWXYZ", range(2, 10), strict=True)),
}  # fmt: skip
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_VIN_CHECK = 8


def scan(data: bytes) -> Iterator[Span]:
    """Spans of numbers of records, in bytes; possibly overlapping."""
    for match in _TAGGED.finditer(data):
        start, end = match.span(_VALUE_GROUP)
        value = data[start:end]
        if len(_DIGIT.findall(value)) >= _FEWEST_DIGITS and len(value) >= _FEWEST_CHARACTERS:
            kind = next(name for name, its in zip(_WORDS, match.groups(), strict=False) if its is not None)
            yield Span("record_number", start, end, 0.9, kind)
    for match in _VIN.finditer(data):
        if _is_vin(match[0].decode()):
            yield Span("record_number", match.start(), match.end(), 1.0, "vehicle")


def _is_vin(number: str) -> bool:
    """Whether the check digit is right (49 CFR 565.15) and it is no mere number."""
    if number.isdigit() or number.isalpha():
        return False
    total = sum(_VIN_VALUES[c] * w for c, w in zip(number, _VIN_WEIGHTS, strict=True))
    return number[_VIN_CHECK] == "0123456789X"[total % 11]
