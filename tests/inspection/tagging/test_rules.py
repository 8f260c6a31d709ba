"""Dates, record numbers, web addresses and ages by rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sallyport.inspection.tagging import dates, others, records, streets


def found(scan, text):
    data = text.encode()
    return [data[span.start : span.end].decode() for span in scan(data)]


@pytest.mark.parametrize(
    "date",
    [
        "2024-05-01", "2024-05-01T10:11:12Z", "12/31/2024", "31/12/2024", "1.5.2024", "5. Mai 2024", "May 5th",
        "Feb 3", "sept. 4, 2020", "le 3 février 2021", "3 de mayo de 2020", "3 maja 1999", "5th of May, 2020",
        "March 2021", "12 marzo 2020", "3 maart 2020", "7 de março de 2020", "05.06.23",
    ],
)  # fmt: skip
def test_dates(date):
    assert found(dates.scan, f"seen on {date}, then left") == [date.removeprefix("le ")]


@pytest.mark.parametrize(
    "text",
    [
        "v1.2.2024",
        "10.0.12.5",
        "version 3.12.2",
        "may 5 times",
        "in 2024",
        "30 February",
        "99/99/2024",
        "a2024-05-01",
    ],
)
def test_what_is_no_date(text):
    assert found(dates.scan, text) in ([], ["30 February"])


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("MRN: 00482913", "00482913"),
        ("Patient ID 4471-22", "4471-22"),
        ('"mrn": 4459032,', "4459032"),
        ("Medicare number 1EG4-TE5-MK73", "1EG4-TE5-MK73"),
        ("my policy no. ABC-123456", "ABC-123456"),
        ("account number is 998877665.", "998877665"),
        ("account # 12345678", "12345678"),
        ("Kundennummer 4455667", "4455667"),
        ("driver's license D1234567", "D1234567"),
        ("passport number C01X00T47", "C01X00T47"),
        ("license plate: B-AB 1234", "B-AB 1234"),
        ("Kennzeichen M-XY 123", "M-XY 123"),
        ("plate AB12 CDE", "AB12 CDE"),
        ("device serial number SN-993-22AX", "SN-993-22AX"),
        ("IMEI 490154203237518", "490154203237518"),
        ("numéro de dossier : 20394-A", "20394-A"),
        ("prontuário nº 33221", "33221"),
        ("numer pacjenta: 88123", "88123"),
        ("it was 1HGCM82633A004352 there", "1HGCM82633A004352"),
    ],
)
def test_record_numbers(text, number):
    assert number in found(records.scan, text)


@pytest.mark.parametrize(
    "text",
    [
        "the account number you gave me",
        "policy number unknown",
        "1HGCM82633A004353",
        "a serial number has digits",
        "plates 5",
    ],
)
def test_what_is_no_record_number(text):
    assert not found(records.scan, text)


def test_web_addresses_and_ages():
    assert found(others.web_addresses, "see (https://a.example/b?c=1), or www.b.example.") == [
        "https://a.example/b?c=1",
        "www.b.example",
    ]
    assert found(others.ages, "age: 93, a 95-year-old, 92 Jahre, 101 ans") == ["93", "95", "92", "101"]
    assert not found(others.ages, "age 45, 89 years old, 93 boxes")


@given(st.binary(max_size=200))
def test_spans_lie_in_any_bytes(data):
    for scan in (dates.scan, records.scan, streets.scan, others.web_addresses, others.ages):
        assert all(0 <= span.start < span.end <= len(data) for span in scan(data))


@pytest.mark.parametrize(
    "street",
    [
        "14 Mann Street", "27 42nd Way", "12 maple road, apt 4", "4/3 Grainne Way", "Hodelstrasse 141", "Kaiserstr. 5a",
        "12 rue Victor Hugo", "Calle de Alcalá 45", "Via Roma 41", "ul. Długa 7", "Rua da Paz, nº 3", "Prinsengracht 263", "P.O. Box 101",
    ],
)  # fmt: skip
def test_streets(street):
    assert found(streets.scan, f"it is {street}; then") == [street]


@pytest.mark.parametrize(
    "text", ["5 ways to win", "the street was empty", "in 20 minutes we drive", "a 5 star hotel"]
)
def test_what_is_no_street(text):
    assert not found(streets.scan, text)


def test_postcodes():
    assert found(streets.scan, 'zip: 94103, PLZ 10115, "postcode": "L6 9AE", zip file') == [
        "94103",
        "10115",
        "L6 9AE",
    ]
