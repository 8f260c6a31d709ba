"""Streets with a number, by the words that streets are called in eight languages, and postcodes beside their name: by rule.

What the tagger learned from examples sees more; this sees what has an unmistakable form, also in lower case and capitals.
"""

from __future__ import annotations

from collections.abc import Iterator

import re2

from sallyport.inspection.spans import Span

_NUMBER = r"[0-9]{1,5}(?:[-/][0-9]{1,4})?[A-Za-z]?"
_ANY = r"[A-Za-z\x{80}-\x{10ffff}]"  # a letter, or what may be one: small for RE2
_WORD = rf"{_ANY}[A-Za-z\x{{80}}-\x{{10ffff}}.'-]*"
_ORDINAL = r"[0-9]{1,3}(?:st|nd|rd|th)"
_PLAIN = "street|avenue|ave|road|lane|boulevard|blvd|terrace|crescent|parkway|pkwy|highway|hwy|turnpike|st|rd|ln|dr"
_DOUBTFUL = (  # also ordinary words: only with capitals
    "Drive|Court|Landing|Ridges?|Way|Place|Square|Circle|Trail|Alley|Close|Grove|Gardens|Mews|Row|Walk|Plaza|Ct|Sq|Ter|Cres|Rest|Pl"
)
_TAIL = (
    rf"{_ANY}*(?:straße|strasse|str\.|weg|platz|gasse|allee|damm|ufer|straat|laan|plein|gracht|kade|steenweg)"
)
_BEFORE = (
    r"(?:rue|avenue|av\.|boulevard|bd|chemin|impasse|quai|calle|c/|avenida|avda\.?|plaza|paseo|via|viale|piazza|corso|vicolo"
    r"|ulica|ul\.|aleja|al\.|plac|rua|r\.|travessa|praça|alameda|largo)"
)
_NAMED = rf"(?:[ \t]+(?:de|des|du|del|della|la|le|les|los|las|da|do|dos|di|d'|l')?[ \t]?{_WORD}){{1,4}}"
_UNIT = r"(?:,?[ \t](?:apt|apartment|suite|ste|unit|flat|floor|room|#)\.?[ \t]?[0-9A-Za-z]{1,5}\b)?"
_STREETS = tuple(
    re2.compile(rf"(?i)\b{form}{_UNIT}")
    for form in (
        rf"{_NUMBER}[ \t]+(?:(?:{_WORD}|{_ORDINAL})[ \t]+){{1,3}}(?:(?:{_PLAIN})\b|(?-i:(?:{_DOUBTFUL}|{_DOUBTFUL.upper()})\b))\.?",
        rf"(?:{_TAIL}[ \t]+{_NUMBER}\b|P\.?[ ]?O\.?[ ]Box[ ][0-9]{{1,6}})",
        rf"(?:{_NUMBER},?[ \t]+{_BEFORE}{_NAMED}|{_BEFORE}{_NAMED},?[ \t]+(?:n\.?[º°]?[ \t]*)?{_NUMBER}\b)",
    )
)
_PROSE = re2.compile(
    r"\b(?:the|an?|of|in|on|from|to|and|we|per|this|that|my|your|down|up|along|is|are|was|with|for|by|at|it|minutes?|metres?|meters|years?)\b"
)
_POSTCODE = re2.compile(
    r"(?i)\b(?:zip(?:[ _-]?code)?|post(?:al)?[ _-]?code|plz|postleitzahl|code postal|c[óo]digo postal|cep|cap|kod pocztowy)\b"
    r"[\"']?[ \t]*[:=]?[ \t]*(?:is[ \t]+)?[\"']?([0-9A-Z]{2,6}(?:[ -][0-9A-Z]{2,4})?)\b"
)


def scan(data: bytes) -> Iterator[Span]:
    """Spans of streets with their numbers, and of postcodes, in bytes."""
    for form in _STREETS:
        for match in form.finditer(data):
            if not _PROSE.search(match.group()):
                yield Span("street_address", match.start(), match.end(), 0.8, "street")
    for match in _POSTCODE.finditer(data):
        if any(48 <= byte <= 57 for byte in match.group(1)):  # noqa: PLR2004 - a digit
            yield Span("street_address", match.start(1), match.end(1), 0.9, "postcode")
