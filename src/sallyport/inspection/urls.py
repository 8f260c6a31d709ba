r"""What an address says of where it leads and what it may carry. Pure.

How browsers read an address is the WHATWG URL standard: `\\` counts as `/`, everything before the last `@` of the
authority is a name, hosts are compared in lower case and in their ASCII form (IDNA).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from urllib.parse import unquote

from msgspec import Struct

from sallyport.inspection.fold import fold

_AUTHORITY = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.\-]*:)?[/\\]*([^/?#\\]*)([^?#]*)(\?[^#]*)?(#.*)?", re.DOTALL)
_PORT = re.compile(r":\d{0,5}\Z")
_RUN = re.compile(r"[A-Za-z0-9+/_=\-]{16,}")
_HEX = re.compile(r"[0-9a-f]{16,}", re.IGNORECASE)
_WORDS = re.compile(r"[a-z]{1,14}(?:[-_][a-z]{1,14})*(?:[-_]?\d{1,4})?", re.IGNORECASE)
_NUMERIC = re.compile(r"(?:0x[0-9a-f]+|\d+)(?:\.(?:0x[0-9a-f]+|0\d+|\d+))*", re.IGNORECASE)
_QUAD = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}")
_ORDINARY = re.compile(r"[A-Za-z0-9.\-]*[A-Za-z]\.?(?::\d{0,5})?")  # its last label is no number
_OWN = ("localhost", "127.0.0.1", "[::1]")  # never leaves the machine of who looks at it
LONG_PATH, LONG_SEGMENT, LONG_QUERY = 100, 40, 80
LONG_LABEL, LONG_HOST = 30, 80
_FOREIGN = ("CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU", "GEORGIAN")


class Address(Struct, frozen=True):
    """An address in its parts. `host` is normalised; `written` is the authority as it was written."""

    written: str
    host: str
    path: str
    query: str
    fragment: str


def address(url: str) -> Address:
    """The parts of an address, with or without a scheme."""
    match = _AUTHORITY.match(url)
    written, path, query, fragment = (part or "" for part in match.groups()) if match else ("", "", "", "")
    host = written.rpartition("@")[2]
    host = _PORT.sub("", unquote(host) if "%" in host else host)
    return Address(written, normalised(host), path, query[1:], fragment[1:])


def normalised(host: str) -> str:
    """A host name as it is compared: lower case, ASCII where it has such a form, without the last dot."""
    host = host.lower().rstrip(".")
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return host


class Hosts:
    """The hosts that addresses may lead to; `*.example.com` is every name below example.com. None given: no rule."""

    def __init__(self, entries: Sequence[str]) -> None:
        names = [normalised(entry) for entry in entries]
        self.given = bool(names)
        self._exact = frozenset((*(name for name in names if not name.startswith("*.")), *_OWN))
        self._below = tuple(name[1:] for name in names if name.startswith("*."))

    def allow(self, host: str) -> bool:
        """Whether a normalised host is one of them."""
        return host in self._exact or (bool(self._below) and host.endswith(self._below))

    def expression(self) -> str:
        """RE2: a text whose first `//` leads to one of the hosts; "" where none are given."""
        if not self.given:
            return ""
        names = [re.escape(name) for name in sorted(self._exact)]
        names += [rf"[a-z0-9.\-]+{re.escape(name)}" for name in self._below]
        return rf"(?i)^[^/]*//(?:{'|'.join(names)})(?::[0-9]{{0,5}})?(?:[/?#]|$)"


def disguise(of: Address) -> str:
    """How a host looks like another than it is; "" if it does not."""
    written = of.written
    if _ORDINARY.fullmatch(written) and "xn--" not in written.lower():
        return "misleading-host" if of.path.startswith("\\") else ""
    name = written.rpartition("@")[2]
    if any(unicodedata.category(character) in ("Cf", "Cc", "Mn") for character in name):
        return "invisible-in-host"
    if "%" in name:
        return "encoded-host"
    if "." in written.rpartition("@")[0] or of.path.startswith("\\"):
        return "misleading-host"
    host = _PORT.sub("", name)
    if _NUMERIC.fullmatch(host) and not _QUAD.fullmatch(host):
        return "number-as-host"
    return "imitated-host" if any(map(_imitates, host.split("."))) else ""


def _imitates(label: str) -> bool:
    """A label with letters of another script, all of which look Latin (UTS #39)."""
    if label.lower().startswith("xn--"):
        try:
            label = label.lower().encode().decode("idna")
        except UnicodeError:
            return True
    if label.isascii():
        return False
    foreign = any(unicodedata.name(c, "").startswith(_FOREIGN) for c in label if not c.isascii())
    return foreign and fold(label)[0].isascii()


def carries(of: Address) -> str:
    """Where an address has room for data that somebody could want out; "" if nowhere."""
    labels = of.host.split(".")
    if len(of.host) > LONG_HOST or any(len(label) > LONG_LABEL or _encoded(label) for label in labels):
        return "host"
    query = of.query or of.fragment
    if len(query) > LONG_QUERY or any(_encoded(run) for run in _RUN.findall(query)):
        return "query"
    if len(of.path) > LONG_PATH or any(
        len(part) > LONG_SEGMENT or _encoded(part) for part in re.split(r"[/\\.]", of.path)
    ):
        return "path"
    return ""


def _encoded(run: str) -> bool:
    """Whether a run reads like base64, base32 or hex, and not like words."""
    if len(run) < 16 or _WORDS.fullmatch(run):  # noqa: PLR2004 - as the run's own expression
        return False
    if _HEX.fullmatch(run):
        return True
    digits = sum(character.isdigit() for character in run)
    changes = sum(a.islower() != b.islower() for a, b in pairwise(run) if a.isalpha() and b.isalpha())
    return "-" not in run.strip("-") and (digits >= len(run) // 8 or changes >= len(run) // 4)
