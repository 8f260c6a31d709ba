# ruff: noqa: RUF001 - digits of other scripts are what is tested
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sallyport.inspection.checks import luhn, mod97
from sallyport.inspection.engine import Engine
from sallyport.inspection.numbers import issuer

ENGINE = Engine()


def seen(text: str) -> list[tuple[str, str]]:
    return [
        (f.type, text[f.start : f.end])
        for f in ENGINE.scan(((text, "user"),), "input")
        if f.layer == "identifiers"
    ]


@pytest.mark.parametrize(
    ("kind", "before", "value", "after"),
    [
        ("card", "my card is ", "4111111111111111", "."),
        ("card", "", "4111 1111 1111 1111", ""),
        ("card", "card:", "4111-1111-1111-1111", ","),
        ("card", "(", "4111.1111.1111.1111", ")"),
        ("card", "Card", "4111111111111111", " ok"),
        ("card", "カード", "4111111111111111", "です"),
        ("card", "amex ", "3782 822463 10005", ""),
        ("card", "", "378282246310005", ""),
        ("card", "diners ", "3056 930902 5904", ""),
        ("card", "", "5555555555554444", ""),
        ("card", "", "2223003122003222", ""),
        ("card", "", "6011111111111117", ""),
        ("card", "", "3530111333300000", ""),
        ("card", "this card: ", "676222165679", ""),
        ("card", "", "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", ""),
        ("card", "", "41 11 11 11 11 11 11 11", ""),
        ("card", "", "41111111 11111111", ""),
        ("card", "", "4111–1111–1111–1111", ""),
        ("card", "", "4111\u00a01111\u00a01111\u00a01111", ""),
        ("card", "", "４１１１１１１１１１１１１１１１", ""),
        ("card", "", "٤١١١١١١١١١١١١١١١", ""),
        ("card", "", "4111\u200b1111\u200b1111\u200b1111", ""),
        ("card", "", "4111 1111 1111 1111", " 123 4567"),
        ("iban", "IBAN ", "DE89 3704 0044 0532 0130 00", "."),
        ("iban", "", "gb82west12345698765432", ""),
        ("iban", "", "FR14 2004 1010 0505 0001 3M02 606", ""),
        ("iban", "", "NO93 8601 1117 947", ""),
        ("iban", "", "MT84MALT011000012345MTLCAST001S", ""),
        ("ssn", "ssn ", "078-05-1120", ""),
        ("ssn", "", "123 45 6789", ""),
        ("ssn", "my social security number: ", "123456789", ""),
        ("phone", "", "+49 30 901820", ""),
        ("phone", "", "+1 (212) 555-0187", ""),
        ("phone", "", "(212) 555-0187", ""),
        ("phone", "", "212-555-0187 x123", ""),
        ("phone", "", "0044 20 7946 0958", ""),
        ("phone", "call me on ", "020 7946 0958", ""),
        ("phone", "Telefon: ", "030/901820", ""),
        ("phone", "mobile ", "0171 2345678", ""),
        ("email", "write to ", "sam.lee+x@mail.example.co.uk", "."),
        ("email", "<", "o_o@example.org", ">"),
        ("ip_address", "from ", "192.168.10.20", ":8080"),
        ("ip_address", "", "2001:db8:0:0:0:0:2:1", ""),
        ("ip_address", "host ", "fe80::1", ""),
        ("date_of_birth", "born on ", "12/03/1984", ""),
        ("date_of_birth", "DOB: ", "1984-03-12", ""),
        ("date_of_birth", "geboren am ", "12.03.1984", ""),
        ("date_of_birth", "date of birth ", "March 12, 1984", ""),
        ("date_of_birth", "née le ", "12 mars 1984", ""),
        ("national_id", "NHS number ", "943 476 5870", ""),
        ("national_id", "NINO ", "AB 12 34 56 C", ""),
        ("national_id", "Steuer-ID ", "36 574 261 809", ""),
        ("national_id", "", "2 95 10 99 126 111 93", ""),
        ("national_id", "DNI ", "54362315K", ""),
        ("national_id", "", "X2482300W", ""),
        ("national_id", "", "RCCMNL83S18D969H", ""),
        ("national_id", "BSN ", "111222333", ""),
        ("national_id", "", "390.533.447-05", ""),
        ("national_id", "Aadhaar ", "2341 2341 2346", ""),
        ("national_id", "SIN ", "123 456 782", ""),
        ("national_id", "", "756.9217.0769.85", ""),
        ("national_id", "", "85.07.30-033.28", ""),
        ("national_id", "", "880320-0016", ""),
        ("national_id", "PESEL ", "44051401359", ""),
        ("national_id", "", "131052-308T", ""),
        ("national_id", "", "S1234567D", ""),
        ("national_id", "", "A123456789", ""),
        ("national_id", "", "BOXW310820HNERXN09", ""),
    ],
)
def test_every_character_is_covered(kind: str, before: str, value: str, after: str) -> None:
    assert (kind, value) in seen(before + value + after)


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112",
        "order 1234567890123456",
        "sha256 4111111111111111a4111111111111111b",
        "0000 0000 0000 0000",
        "DE89 3704 0044 0532 0130 01",
        "ssn 666-12-3456",
        "part no. 000-12-3456 of it",
        "2026-11-24 10:30:00",
        "24.11.2026",
        "version 1.2.3.4",
        "v10.2.3.4",
        "numpy-1.26.4.1",
        "999.1.1.1",
        "12:30:45",
        "std::vector<int>",
        "Foo::Bar",
        "we sold 1,250,000 units in 2019 and 1,300,000 in 2020",
        "see RFC 6962 section 2.1.1",
        "year 1998 1999 2000 2001",
        "@someone and a@b",
        "$1 234 567 890",
        "pages 12-15, 18-20, 33-41",
        "pi is 3.14159265358979",
        "9434 765 870 items",
        "111222333",
    ],
)
def test_everyday_numbers_are_no_identifiers(text: str) -> None:
    assert seen(text) == []


def test_a_card_in_front_of_an_iban_is_seen() -> None:
    assert seen("4111 1111 1111 1111 DE89 3704 0044 0532 0130 00") == [
        ("card", "4111 1111 1111 1111"),
        ("iban", "DE89 3704 0044 0532 0130 00"),
    ]


def test_two_cards_in_a_row_are_covered() -> None:
    text = "4111 1111 1111 1111 5555 5555 5555 4444"
    covered = {i for f in ENGINE.scan(((text, "user"),), "input") for i in range(f.start, f.end)}
    assert covered >= {i for i, c in enumerate(text) if c.isdigit()}


@given(st.integers(10**14, 10**15 - 1), st.sampled_from(["", " ", "-", "."]))
def test_any_card_of_a_known_issuer_is_seen(number: int, separator: str) -> None:
    body = f"4{str(number)[:14]}"
    digits = next(body + str(check) for check in range(10) if luhn((body + str(check)).encode()))
    text = separator.join(digits[i : i + 4] for i in range(0, 16, 4))
    assert any(kind == "card" and value == text for kind, value in seen(f"pay with {text} please"))


@pytest.mark.parametrize(
    ("digits", "good"), [(b"79927398713", True), (b"79927398710", False), (b"0", True), (b"18", True)]
)
def test_luhn(digits: bytes, good: bool) -> None:
    assert luhn(digits) is good


@pytest.mark.parametrize(
    ("iban", "good"), [(b"GB82WEST12345698765432", True), (b"GB82WEST12345698765431", False)]
)
def test_mod97(iban: bytes, good: bool) -> None:
    assert mod97(iban) is good


@pytest.mark.parametrize(
    ("digits", "known"),
    [
        (b"4" + b"0" * 15, True),
        (b"4" + b"0" * 14, False),
        (b"9" * 16, False),
        (b"37" + b"0" * 13, True),
        (b"5100000000000000", True),
    ],
)
def test_issuer(digits: bytes, known: bool) -> None:
    assert issuer(digits) is known


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("card", "4111 1111\n1111 1111"),
        ("card", "4111\r\n1111\r\n1111\r\n1111"),
        ("card", "4111_1111_1111_1111"),
        ("card", "4111|1111|1111|1111"),
        ("card", "4111,1111,1111,1111"),
        ("card", "4111    1111    1111    1111"),
        ("iban", "DE89.3704.0044.0532.0130.00"),
        ("iban", "DE89/3704/0044/0532/0130/00"),
        ("iban", "DE 89 3704 0044 0532 0130 00"),
        ("iban", "DE89 3704 0044\n0532 0130 00"),
        ("iban", "DE89  3704  0044  0532  0130  00"),
        ("email", "o'brien@example.com"),
        ("email", '"jane doe"@example.com'),
        ("email", "用户@例子.公司"),
        ("email", "пётр@почта.рф"),
        ("email", "jörg@müller.example"),
        ("email", "jane@[192.168.0.1]"),
        ("email", "jane (at) example (dot) com"),
        ("email", "jane [at] example.com"),
        ("email", "jane at example dot com"),
        ("email", "jane @ example.com"),
        ("phone", "(415) 555-2671"),
        ("phone", "+49 30\n901820"),
        ("ip_address", "192.168.001.010"),
        ("ip_address", "192[.]168[.]1[.]10"),
        ("ip_address", "fe80::1%eth0"),
        ("date_of_birth", "12-Mar-1984"),
        ("date_of_birth", "12 Mar 84"),
        ("date_of_birth", "March 1984"),
    ],
)
@pytest.mark.parametrize("around", ["to {} now", "_{}_", "({})", "|{}|", "a=", "**{}**", '"{}"'])
def test_no_character_is_left_of_unusual_spellings(kind: str, value: str, around: str) -> None:
    before = "born " if kind == "date_of_birth" else "we know "
    text = before + (around.format(value) if "{}" in around else f"{around}{value};")
    covered = {
        i for f in ENGINE.scan(((text, "user"),), "input") if f.type == kind for i in range(f.start, f.end)
    }
    at = text.index(value)
    assert covered >= set(range(at, at + len(value)))


_ADJACENT = {
    "card": "4111 1111 1111 1111",
    "iban": "DE89 3704 0044 0532 0130 00",
    "ssn": "536-90-4399",
    "phone": "+49 30 901820",
    "phone in America": "415-555-2671",
    "email": "jane@example.com",
    "ip_address": "192.168.1.10",
    "national_id": "529.982.247-25",
    "national_id with letter": "12345678Z",
    "date_of_birth": "born 12.03.1984",
}


@pytest.mark.parametrize("separator", [" ", "\n", ", ", "; ", "|", "\t"])
@pytest.mark.parametrize("first", _ADJACENT)
@pytest.mark.parametrize("second", _ADJACENT)
def test_identifiers_next_to_each_other_are_all_covered(first: str, second: str, separator: str) -> None:
    text = separator.join((_ADJACENT[first], _ADJACENT[second], _ADJACENT[first]))
    covered = {i for f in ENGINE.scan(((text, "user"),), "input") for i in range(f.start, f.end)}
    assert (
        "".join(c for i, c in enumerate(text) if c.isalnum() and i not in covered).replace("born", "") == ""
    )


@pytest.mark.parametrize(
    "text",
    [
        "Wed, 20 Jan 2021 05:21:33 +1100\n\nregards",
        "Mozilla/5.0 Chrome/120.0.0.0 Safari/537.36",
        "lib_1.2.3.4 and app-10.2.3.4",
        "4511\n3321\n2234\n9911\n4123\n",
        "at 10 past 12 we left, be 20 years",
        "is 25 years old, me 30, it 40",
        "commit de12ab34cd56ef7890ad12",
        "meet me at the station, ring the dot com people",
        "one,two,3,4,5 @decorator.name",
        "f(a+4930901820)",
        "Abe\n4111 1111 1111 1112",
    ],
)
def test_what_only_looks_like_an_unusual_spelling_is_none(text: str) -> None:
    assert seen(text) == []


def test_a_short_word_at_the_end_of_the_line_before_hides_no_card() -> None:
    assert seen("Abe\n4111111111111111") == [("card", "4111111111111111")]
    assert seen("release\n10.20.30.40") == [("ip_address", "10.20.30.40")]
