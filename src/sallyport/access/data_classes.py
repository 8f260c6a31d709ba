"""The families of classes of data, so that a policy can speak of several at once. A class is a finding type."""

from __future__ import annotations

FAMILIES: dict[str, tuple[str, ...]] = {
    "contact": ("email", "phone", "street_address", "ip_address", "web_address"),
    "financial": ("card", "iban"),
    "government": ("ssn", "national_id"),
    "personal": (
        "person",
        "organisation",
        "location",
        "date",
        "date_of_birth",
        "age_over_89",
        "record_number",
    ),
    "secret": ("secret", "private_key", "sallyport_key"),
}
OTHER = "other"  # what a deployment looks for by its own dictionaries and patterns
_FAMILY = {name: family for family, names in FAMILIES.items() for name in names}


def family_of(name: str) -> str:
    """The family of a class."""
    return _FAMILY.get(name, OTHER)
