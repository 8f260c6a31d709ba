"""Made-up people, places and companies for training texts, from faker's locales and our own lists."""

from __future__ import annotations

import random
from collections.abc import Callable

from faker import Faker

LOCALES = {
    "en": ("en_US", "en_GB", "en_CA", "en_AU", "en_IN", "en_IE", "en_NZ"),
    "de": ("de_DE", "de_AT", "de_CH"),
    "fr": ("fr_FR", "fr_CH", "fr_CA"),
    "es": ("es_ES", "es_MX", "es_CO"),
    "it": ("it_IT",),
    "nl": ("nl_NL", "nl_BE"),
    "pl": ("pl_PL",),
    "pt": ("pt_PT", "pt_BR"),
}
OTHERS = (
    "cs_CZ",
    "hu_HU",
    "sv_SE",
    "da_DK",
    "no_NO",
    "fi_FI",
    "ro_RO",
    "hr_HR",
    "sl_SI",
    "tr_TR",
    "sk_SK",
    "lt_LT",
)
_KNOWN = (
    "Google|Microsoft|Apple|Amazon|Siemens|Bosch|Volkswagen|BMW|Airbus|Boeing|Nestlé|Novartis|Pfizer|Bayer|BASF|SAP|"
    "Oracle|IBM|Intel|Nvidia|Tesla|Ford|Toyota|Sony|Samsung|LG|Philips|ING|ABN AMRO|Deutsche Bank|Commerzbank|BNP Paribas|"
    "Barclays|HSBC|Lloyds|Goldman Sachs|JPMorgan|Morgan Stanley|Citibank|Wells Fargo|Bank of America|Visa Europe|PayPal|"
    "Netflix|Spotify|Facebook|Meta|Twitter|LinkedIn|Uber|Lyft|Airbnb|Walmart|Target|Costco|IKEA|Lidl|Aldi|Carrefour|Tesco|"
    "Sainsbury's|Coca-Cola|Pepsi|McDonald's|Starbucks|Nike|Adidas|Puma|Zara|H&M|Reuters|BBC|CNN|NBC|Fox News|The Guardian|"
    "New York Times|NASA|ESA|FBI|CIA|NATO|UNESCO|UNICEF|WHO|IMF|World Bank|Red Cross|Greenpeace|Amnesty International|"
    "Manchester United|Real Madrid|FC Barcelona|Bayern Munich|LA Lakers|Chicago Bulls|Deutsche Bahn|Air France|Lufthansa|"
    "Ryanair|British Airways|KLM|Telekom|Vodafone|Orange|Telefónica|Enel|Eni|Shell|BP|Total|Exxon|Maersk|DHL|UPS|FedEx"
).split("|")
_PLACES = (
    "{city}",
    "St. Mary's",
    "Saint Luke's",
    "{last} Memorial",
    "Mount Sinai",
    "{city} General",
    "Mercy",
    "{last}",
)
_HEADS = (
    "Global",
    "United",
    "Northern",
    "First",
    "Blue",
    "Green",
    "Alpha",
    "Nova",
    "Bright",
    "Royal",
    "Pacific",
    "Atlas",
)
_KINDS = (
    "Systems|Solutions|Consulting|Logistics|Energy|Foods|Media|Capital|Partners|Industries|Labs|Robotics|Bank|Insurance|"
    "Pharma|Motors|Airlines|Software|Networks|Holdings|Foundation|Institute|Council|Association|Trust|Health|Studios"
).split("|")
_ENDS = (
    "Inc.",
    "Inc",
    "LLC",
    "Ltd",
    "Ltd.",
    "Corp.",
    "Corporation",
    "GmbH",
    "AG",
    "S.A.",
    "SARL",
    "S.p.A.",
    "B.V.",
    "plc",
    "& Co.",
    "Group",
    "KG",
    "Sp. z o.o.",
    "Lda.",
)
_TITLES = {
    "en": (
        "Mr",
        "Mrs",
        "Ms",
        "Miss",
        "Dr",
        "Mr.",
        "Mrs.",
        "Ms.",
        "Dr.",
        "Prof.",
        "Professor",
        "Sir",
        "Judge",
        "Doctor",
    ),
    "de": ("Herr", "Frau", "Dr.", "Prof. Dr.", "Herrn"),
    "fr": ("M.", "Mme", "Monsieur", "Madame", "Dr", "Docteur"),
    "es": ("Sr.", "Sra.", "Don", "Doña", "Dr.", "Dra."),
    "it": ("Sig.", "Sig.ra", "Dott.", "Dott.ssa", "Signor"),
    "nl": ("dhr.", "mevr.", "meneer", "mevrouw", "dr."),
    "pl": ("Pan", "Pani", "dr", "Pana"),
    "pt": ("Sr.", "Sra.", "Dr.", "Dra.", "Dona"),
}
_DAYS = {
    "en": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday tomorrow",
    "de": "Montag Dienstag Mittwoch Donnerstag Freitag Samstag",
    "fr": "lundi mardi mercredi jeudi vendredi samedi",
    "es": "lunes martes miércoles jueves viernes sábado",
    "it": "lunedì martedì mercoledì giovedì venerdì sabato",
    "nl": "maandag dinsdag woensdag donderdag vrijdag",
    "pl": "poniedziałek wtorek środę czwartek piątek",
    "pt": "segunda terça quarta quinta sexta",
}
_MONTHS = "January February March April May June July August September October November December".split()
_COUNTRIES = "Germany France Spain Italy Poland Portugal Canada Mexico Brazil Japan China India Kenya Norway Sweden Egypt Turkey Greece Ireland Austria Switzerland Belgium Deutschland Frankreich Polen Allemagne Espagne Polska Brasil".split()
_STREETS = "Main High Church Oak Maple Park Elm Station Mill King Queen Victoria Green Lake Hill Cedar Washington Lincoln 2nd 5th 42nd Broad Market Bridge".split()
_ROADS = "St|Street|Ave|Avenue|Road|Rd|Rd.|Lane|Ln|Drive|Dr|Blvd|Boulevard|Court|Ct|Way|Place|Square|Terrace|Close|Crescent|Parkway|Highway".split(
    "|"
)
_UNITS = ("Apt. {n}", "Apt {n}", "Suite {n}", "Unit {n}", "Flat {n}", "#{n}", "Floor {n}", "Room {n}")


class Values:
    """Draws values in the language of a template. Seeded."""

    def __init__(self, seed: int, pools: dict[str, list[str]]) -> None:
        self._random = random.Random(seed)
        self._pools = pools
        self._fakers = {name: Faker(name) for names in LOCALES.values() for name in names}
        self._fakers |= {name: Faker(name) for name in OTHERS}
        for number, faker in enumerate(self._fakers.values()):
            faker.seed_instance(seed + number)

    def _faker(self, language: str) -> Faker:
        if self._random.random() < 0.25:
            return self._fakers[self._random.choice(list(self._fakers))]
        return self._fakers[self._random.choice(LOCALES[language])]

    def _pooled(self, kind: str, share: float, make: Callable[[], str]) -> str:
        pool = self._pools.get(kind)
        return self._random.choice(pool) if pool and self._random.random() < share else make()

    def draw(self, name: str, language: str) -> tuple[str, str]:
        """A value and its label ("" for none)."""
        value, label = getattr(self, f"_{name}")(language), LABELS.get(name, "")
        return value, label

    def _first(self, language: str) -> str:
        return self._faker(language).first_name()

    def _upper_first(self, language: str) -> str:
        return self._first(language).upper()

    def _last(self, language: str) -> str:
        return self._faker(language).last_name()

    def _person(self, language: str) -> str:
        return self._pooled("PER", 0.25, lambda: self._made_person(language))

    def _made_person(self, language: str) -> str:
        r, faker = self._random, self._faker(language)
        first, last = faker.first_name(), faker.last_name()
        form = r.random()
        if form < 0.66:
            return f"{first} {last}"
        if form < 0.76:
            return f"{first} {r.choice('ABCDEFGHJKLMNPRSTVW')}{r.choice(['.', ''])} {last}"
        if form < 0.82:
            return f"{first} {faker.first_name()} {last}"
        if form < 0.88:
            return f"{r.choice('ABCDEFGHJKLMNPRSTVW')}. {last}"
        if form < 0.94:
            return f"{r.choice(_TITLES[language])} {first} {last}"
        return f"{first} {last}-{faker.last_name()}"

    def _titled(self, language: str) -> str:
        title = self._random.choice(_TITLES[language])
        return f"{title} {self._last(language)}"

    def _lower_person(self, language: str) -> str:
        return self._made_person(language).lower()

    def _number(self) -> str:
        r = self._random
        return str(r.randint(1, r.choice([30, 200, 2000, 99999]))) + r.choice(
            ["", "", "", "", "a", "B", "-12", "/3"]
        )

    def _street(self, language: str) -> str:
        return self._pooled("STREET", 0.1, lambda: self._made_street(language))

    def _made_street(self, language: str) -> str:
        r, faker = self._random, self._faker(language)
        if r.random() < 0.5:
            street = faker.street_address().replace("\n", ", ")
        elif language == "en":
            name = r.choice([r.choice(_STREETS), faker.last_name(), faker.first_name()])
            street = (
                f"{self._number()} {r.choice(['', '', '', 'N ', 'West ', 'S. '])}{name} {r.choice(_ROADS)}"
            )
        else:
            street = f"{faker.street_name()} {self._number()}"
        if r.random() < 0.2:
            street += r.choice([", ", " ", "\n"]) + r.choice(_UNITS).format(n=r.randint(1, 900))
        return street

    def _road(self, language: str) -> str:
        if self._random.random() < 0.5 and language == "en":
            return f"{self._random.choice(_STREETS)} {self._random.choice(_ROADS)}"
        return self._faker(language).street_name()

    def _corner(self, language: str) -> str:
        other = self._random.choice([self._road, self._street])(language)
        return f"{self._random.choice(['', '', 'the corner of ', 'corner of '])}{self._road(language)} and {other}"

    def _zip(self, language: str) -> str:
        return self._faker(language).postcode()

    def _address(self, language: str) -> str:
        return self._pooled("ADR", 0.25, lambda: self._made_address(language))

    def _made_address(self, language: str) -> str:
        r, faker = self._random, self._faker(language)
        form = r.random()
        if form < 0.35:
            return faker.address()
        street, city, code = self._made_street(language), faker.city(), faker.postcode()
        join = r.choice([", ", ", ", "\n", " "])
        if form < 0.6:
            return join.join([street, r.choice([f"{code} {city}", f"{city} {code}", city])])
        if form < 0.7:
            return f"{self._number()} {street}{join}{city}{join}{self._country(language)}{r.choice([' ', join])}{code}"
        if form < 0.75:
            return f"P.O. Box {r.randint(1, 9999)}{join}{city}{r.choice(['', ' ' + code])}"
        if form < 0.8:
            state = faker.last_name()[:2].upper()
            return f"Unit {r.randint(1, 9999)} Box {r.randint(1, 9999)}\n{r.choice(['DPO', 'APO', 'FPO'])} {r.choice(['AE', 'AP', state])} {code}"
        if form < 0.9:
            return f"{street}{join}{city}{r.choice([', ', ' '])}{r.choice(['CA', 'NY', 'TX', 'ON', 'FL', 'KA'])} {code}"
        return f"{street}{join}{city}{join}{self._country(language)}"

    def _address1(self, language: str) -> str:
        return self._address(language).replace("\n", ", ")

    def _city(self, language: str) -> str:
        return self._pooled("CITY", 0.5, lambda: self._faker(language).city())

    def _country(self, language: str) -> str:
        if self._random.random() < 0.4:
            return self._random.choice(_COUNTRIES)
        return self._faker(language).country()

    def _org(self, language: str) -> str:
        return self._pooled("ORG", 0.3, lambda: self._made_org(language))

    def _made_org(self, language: str) -> str:
        r, faker = self._random, self._faker(language)
        form = r.random()
        if form < 0.25:
            return r.choice(_KNOWN)
        if form < 0.6:
            return faker.company()
        if form < 0.8:
            return f"{r.choice([r.choice(_HEADS), faker.last_name(), faker.city()])} {r.choice(_KINDS)}{r.choice(['', '', ' ' + r.choice(_ENDS)])}"
        return f"{faker.last_name()}{r.choice(['', ' & ' + faker.last_name()])} {r.choice(_ENDS)}"

    def _university(self, language: str) -> str:
        city = self._faker(language).city()
        return self._random.choice(
            ["University of {}", "{} University", "Universität {}", "{} College", "Institute of {}"]
        ).format(city)

    def _hospital(self, language: str) -> str:
        faker = self._faker(language)
        name = self._random.choice(_PLACES).format(city=faker.city(), last=faker.last_name())
        return f"{name} {self._random.choice(['Hospital', 'Medical Center', 'Clinic', 'Klinikum', 'Health Centre'])}"

    def _phone(self, language: str) -> str:
        return self._faker(language).phone_number()

    def _email(self, language: str) -> str:
        return self._faker("en").email()

    def _user(self, language: str) -> str:
        return self._faker("en").user_name()

    def _num(self, language: str) -> str:
        return str(self._random.randint(1, 100_000))

    def _age(self, language: str) -> str:
        return str(self._random.randint(18, 99))

    def _year(self, language: str) -> str:
        return str(self._random.randint(1930, 2026))

    def _month(self, language: str) -> str:
        return self._random.choice(_MONTHS)

    def _weekday(self, language: str) -> str:
        return self._random.choice(_DAYS[language].split())

    def _date(self, language: str) -> str:
        r, year = self._random, self._year(language)
        day, month, name = r.randint(1, 28), r.randint(1, 12), self._month(language)
        return r.choice(
            [
                f"{day}/{month}/{year}",
                f"{year}-{month:02}-{day:02}",
                f"{day}.{month}.{year}",
                f"{name} {day}, {year}",
                f"{day} {name} {year}",
            ]
        )


LABELS = {
    "first": "PER", "last": "PER", "person": "PER", "titled": "PER", "lower_person": "PER", "upper_first": "PER",
    "street": "ADR", "road": "ADR", "address": "ADR", "address1": "ADR", "corner": "ADR", "zip": "ADR",
    "city": "LOC", "country": "LOC", "org": "ORG", "university": "ORG", "hospital": "ORG",
}  # fmt: skip
