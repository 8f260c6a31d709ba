"""Links in what a model writes: where they lead, whether a client follows them by itself, and what they may carry.

An address is looked at with the characters in front of it (at most `BEFORE`), which say what it is: the target of a
Markdown image or link (CommonMark 6.3, 6.4), a reference definition, an attribute of an HTML element, a style sheet's
`url()`, or bare. What that says does not change when more text comes; so windows of a stream see what the whole shows.
"""

from __future__ import annotations

import re

import re2

from sallyport.inspection.gate import GateBuilder
from sallyport.inspection.spans import Span
from sallyport.inspection.urls import Address, Hosts, address, carries, disguise

BEFORE = 400  # bytes in front of an address that say what it is
SURE, LIKELY, SEEN = 0.9, 0.6, 0.5

_URL = re2.compile(
    rb"(?i)(\]\(\s*<?|\]:\s*<?|=\s*[\"']?\s*|url\(\s*[\"']?)?"
    rb"(\b(?:https?|wss?|ftps?):[/\\]{1,4}[^\s<>\"'`]+|\b[a-z][a-z0-9+.\-]{1,20}://[^\s<>\"'`]+|[/\\]{2}[^\s<>\"'`/\\]+\.[^\s<>\"'`]+|\bwww\.[^\s<>\"'`]+)"
)
_GAP = rb"[\t\r\n]*"
_ACTIVE = re2.compile(
    rb"(?i)(\]\(\s*<?|\]:\s*<?|<|=\s*[\"']?)\s*((?:"
    + rb"|".join(_GAP.join(re.escape(word[i : i + 1]) for i in range(len(word))) for word in (b"javascript", b"vbscript", b"livescript", b"jscript"))
    + rb")[\t\r\n]*:[^\s>\"'`]+|data:(?:text/(?:html|xml|javascript|ecmascript|vbscript)|image/svg\+xml|application/(?:xhtml\+xml|xml|javascript|ecmascript))[^\s>\"'`)]*)"
)  # fmt: skip
HINTS = (
    r"://",
    r"(?:https?|wss?|ftps?):[/\\]",
    r"\bwww\.",
    r"\]\(",
    r"\]:",
    r"=\s{0,3}[\"']?\s{0,3}[/\\]{2}",
    r"url\(",
    r"script[\t\r\n]{0,3}:",
    r"\bdata:[a-z]",
    r"[jvl][\t\r\n]{0,3}[abis][\t\r\n]{1,3}[avs]",
)
_LOADS = frozenset(
    b"img iframe frame script embed object source video audio input image use link track body table td meta base".split()
)
_LOADING_ATTRIBUTES = frozenset(b"src srcset poster background data lowsrc imagesrcset".split())
_ATTRIBUTE = re.compile(rb"([A-Za-z:_\-]+)\s*=\s*(?:\"[^\"]*|'[^']*|[^\s\"']*)\Z")
_REFERENCE = re.compile(rb"\[[^\]\n]{1,300}\]:\Z")
_TAG = re.compile(rb"<\s*/?([A-Za-z][A-Za-z0-9:\-]*)")
_BLANKS, _QUOTES = b" \t\r\n", b" \t\r\n\"'"
_TRAILING = b".,;:!?*_~]}|\\"


class Egress:
    """Finds them. `hosts` as in the settings."""

    def __init__(self, hosts: tuple[str, ...], gate: GateBuilder) -> None:
        self.hosts = Hosts(hosts)
        self.mask = gate.any_of(HINTS)

    def scan(self, data: bytes) -> list[Span]:
        """Findings in bytes of a text: the addresses themselves."""
        found = [_active(match) for match in _ACTIVE.finditer(data)]
        for match in _URL.finditer(data):
            start, end = match.span(2)
            if data[start] in b"/\\" and not match.group(1):
                continue  # a comment or a path
            end = start + len(_trimmed(data[start:end]))
            span = self._judged(data, start, end)
            if span is not None:
                found.append(span)
        return found

    def _judged(self, data: bytes, start: int, end: int) -> Span | None:
        of = address(data[start:end].decode(errors="replace"))
        if not of.host:
            return None
        how = disguise(of)
        if how:
            sure = how not in ("number-as-host", "encoded-host")
            return Span("dangerous_link", start, end, SURE if sure else SEEN, how)
        if self.hosts.allow(of.host):
            return None
        place = _place(data[max(start - BEFORE, 0) : start], cut=start > BEFORE)
        if not self.hosts.given and (place == "link" or (place == "reference" and not carries(of))):
            return None
        return Span(*self._kind(place, of, start, end)) if place else None

    def _kind(self, place: str, of: Address, start: int, end: int) -> tuple[str, int, int, float, str]:
        data = carries(of) or ("query" if place != "link" and of.query else "")
        detector = f"{place}-with-{data}" if data else place
        if place == "link":
            return "egress_link", start, end, SURE if data else LIKELY, detector
        if not self.hosts.given:
            return "egress_image", start, end, SEEN, detector
        return "egress_image", start, end, SURE if data else LIKELY, detector


def _active(match: re2._Match) -> Span:
    start = match.start(2)
    score = SEEN if match.group(1)[:1] == b"=" else SURE
    return Span("dangerous_link", start, start + len(_trimmed(match.group(2))), score, "active-scheme")


def _trimmed(url: bytes) -> bytes:
    """Without what belongs to the text around it: a closing bracket that was not opened, and signs at the end."""
    if b")" not in url:
        return url.rstrip(_TRAILING) or url
    depth = 0
    for at, byte in enumerate(url):
        depth += (byte in b"(") - (byte in b")")
        if depth < 0:
            url = url[:at]
            break
    return url.rstrip(_TRAILING) or url


def _place(before: bytes, *, cut: bool) -> str:
    """What an address is by the bytes in front of it: `image` is loaded by itself, `link` is not, "" is neither.

    A `reference` may be that of a link or of an image, which stands elsewhere.
    """
    sign = before.rstrip(_BLANKS).removesuffix(b"<").rstrip(_BLANKS)
    if sign.endswith(b"]("):
        return "image" if _is_image(sign[:-2], cut=cut) else "link"
    if sign.endswith(b"]:") and _REFERENCE.search(sign):
        return "reference"
    if sign.rstrip(_QUOTES).lower().endswith((b"url(", b"@import")):
        return "image"
    tag = _open_tag(before)
    if tag:
        attribute = _ATTRIBUTE.search(before)
        name = attribute.group(1).lower() if attribute else b""
        if name.startswith(b"xmlns"):
            return ""
        return "image" if name in _LOADING_ATTRIBUTES or (name != b"action" and tag in _LOADS) else "link"
    return "link"


def _open_tag(before: bytes) -> bytes:
    """The name of the HTML element whose tag is not closed yet."""
    at = before.rfind(b"<")
    if at < 0 or before.find(b">", at) >= 0:
        return b""
    match = _TAG.match(before, at)
    return match.group(1).lower() if match and before[match.end() : match.end() + 1].isspace() else b""


def _is_image(label: bytes, *, cut: bool) -> bool:
    """Whether the bracket that belongs to the closing one after `label` has a `!` before it."""
    depth = 0
    for at in range(len(label) - 1, -1, -1):
        byte = label[at]
        if byte in b"]":
            depth += 1
        elif byte in b"[":
            if not depth:
                return label[at - 1 : at] == b"!" if at else cut
            depth -= 1
    return cut  # it begins further back than was looked
