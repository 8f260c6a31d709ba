"""E-mail and IP addresses in a text, in bytes.

E-mail: RFC 5322 and 6531 (letters of all scripts, quoted local parts, address literals), and the spellings with
which people hide one ("jane (at) example (dot) org"). IP: RFC 4291, also in brackets or with dots in brackets.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

import re2

from sallyport.inspection.spans import Span

_ASCII, _OTHER = rb"A-Za-z0-9_", rb"\p{L}\p{N}\p{M}"
_LOCAL = rb".%+\-'!#$^~{}*"
_LABEL = rb"(?:[A-Za-z0-9\-]+|[A-Za-z0-9\-" + _OTHER + rb"]+)"
# Other letters belong to the local part where one stands before the "@"; so words of a text without blanks do not.
_EMAIL = re2.compile(
    rb"(?:["
    + _ASCII
    + rb"+%]["
    + _ASCII
    + _LOCAL
    + rb"]*|["
    + _ASCII
    + _OTHER
    + rb"]["
    + _ASCII
    + _OTHER
    + _LOCAL
    + rb"]*["
    + _OTHER
    + rb"]|\"[^\"\n@]{1,64}\")"
    rb"@(?:" + _LABEL + rb"(?:\." + _LABEL + rb")+|\[[0-9A-Fa-f.:]{3,45}\])"
)
_AT, _DOT = rb"(?:at|@|arroba|chez)", rb"(?:dot|\.|punkt|punto|point|ponto)"
_OPEN, _CLOSE = rb"\s{0,2}[\[({<]\s{0,2}", rb"\s{0,2}[\])}>]\s{0,2}"
_ANY_DOT = rb"(?:\.|" + _OPEN + _DOT + _CLOSE + rb"|\s{1,2}(?:dot|punkt)\s{1,2})"
_HIDDEN = re2.compile(
    rb"(?i)[A-Z0-9][A-Z0-9._%+\-]{0,63}(?:"
    rb"(?:" + _OPEN + _AT + _CLOSE + rb"|\s{1,2}@\s{1,2}|@)[A-Z0-9\-]+(?:" + _ANY_DOT + rb"[A-Z0-9\-]+)+"
    rb"|\s{1,2}at\s{1,2}[A-Z0-9\-]+(?:(?:\.|\s{1,2}dot\s{1,2})[A-Z0-9\-]+)*\s{1,2}dot\s{1,2}[A-Z0-9\-]+)"
)
EMAIL_HINTS = (
    r"@[a-z0-9\-\x80-\xff]+\.[a-z0-9\x80-\xff]",
    r"@\[[0-9a-f]",
)
HIDDEN_HINTS = (
    r"[\[({<] ?(?:at|@|arroba|chez) ?[\])}>]",
    r" at [a-z0-9\-. ]{1,80} dot ",
    r"[a-z0-9] {0,2}@ {0,2}[a-z0-9\-]{1,64}(?: dot |[\[({ ]{1,2}(?:dot|\.|punkt|punto|point|ponto)[\])} ])",
    r"[a-z0-9] {1,2}@ {1,2}[a-z0-9\-]{1,64}\.[a-z]{2}",
)

_DOTTED = rb"(?:\.|\[\.\]|\(\.\)|\[dot\])"
_IPV4 = re2.compile(rb"[0-9]{1,3}(?:" + _DOTTED + rb"[0-9]{1,3}){3,}")
_IPV6 = re2.compile(rb"(?i)[0-9a-f:]*:[0-9a-f]*:[0-9a-f:.]*")
_BRACKETS = re.compile(rb"[\[(]|[\])]")
_VERSIONED = re.compile(rb"(?i)(?:[a-z0-9][_\-/\\]|[a-z0-9\\]|\bversions? |\bv\.? |\brelease )\Z")
_RANGE_OR_URL = re.compile(rb"(?:[0-9] ?[\-/]|://|(?:\A|[^A-Za-z0-9])[/=])\Z")
_PRIVATE = re.compile(rb"192\.168\.|172\.(?:1[6-9]|2[0-9]|3[01])\.|(?:10|127)\.[0-9.]{5,11}:[0-9]")
_ZONE = re.compile(rb"%[A-Za-z0-9_.\-]{1,15}")
_LONGEST_IPV4, _LONGEST_IPV6, _SHORTEST_IPV6 = 31, 45, 3
_BEFORE = 24
IPV4_HINTS = (r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]", r"[0-9][\[(](?:\.|dot)[\])][0-9]")
IPV6_HINTS = (r"[0-9a-f]:[0-9a-f]{0,4}:|::[0-9a-f]",)


def emails(data: bytes) -> Iterator[Span]:
    """Spans of e-mail addresses."""
    for match in _EMAIL.finditer(data):
        start, end = match.span()
        yield Span("email", start, end, 1.0, "email")


def hidden_emails(data: bytes) -> Iterator[Span]:
    """Spans of e-mail addresses that are spelled so that machines do not see them."""
    for match in _HIDDEN.finditer(data):
        start, end = match.span()
        yield Span("email", start, end, 0.8, "email-hidden")


def ipv4(data: bytes) -> Iterator[Span]:
    """Spans of IPv4 addresses. What stands like a version number is none."""
    for match in _IPV4.finditer(data):
        start, end = match.span()
        if end - start > _LONGEST_IPV4 or _is_version(data, start):
            continue
        octets = _octets(data[start:end])
        if len(octets) == 4 and all(octet <= 255 for octet in octets):  # noqa: PLR2004 - IPv4
            yield Span("ip_address", start, end, 1.0, "ipv4")


def _octets(address: bytes) -> list[int]:
    plain = _BRACKETS.sub(b"", address).lower().replace(b"dot", b".")
    return [int(octet) for octet in plain.split(b".")]


def _is_version(data: bytes, start: int) -> bool:
    near = max(start - _BEFORE, 0)
    if not _VERSIONED.search(data, near, start) or _RANGE_OR_URL.search(data, near, start):
        return False
    return not (data[start - 1 : start] == b"/" and _PRIVATE.match(data, start))


def ipv6(data: bytes) -> Iterator[Span]:
    """Spans of IPv6 addresses, their zone included."""
    for match in _IPV6.finditer(data):
        start, end = match.span()
        if (
            start and data[start - 1 : start].isalnum()
        ):  # "Name:2001:db8::1": the word before it is none of it
            start = data.index(b":", start) + 1
        while end > start and data[end - 1] in b".:" and data[end - 2 : end] != b"::":
            end -= 1
        if data[end : end + 1].isalnum() or not _SHORTEST_IPV6 <= end - start <= _LONGEST_IPV6:
            continue
        try:
            ipaddress.IPv6Address(data[start:end].decode())
        except ValueError:
            continue
        zone = _ZONE.match(data, end)
        yield Span("ip_address", start, zone.end() if zone else end, 1.0, "ipv6")
