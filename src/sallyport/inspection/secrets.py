"""Credentials, recognised by the format of their issuer and, where it has one, by its check digits."""

from __future__ import annotations

import base64
import hashlib
import math
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator

import re2
from msgspec import Struct

from sallyport.inspection.gate import GateBuilder
from sallyport.inspection.spans import Span

_BASE62 = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def _always(_value: bytes) -> bool:
    return True


def _github_checksum(value: bytes) -> bool:
    """The last six characters are the CRC32 of the 30 before them, base 62 (GitHub's token format of 2021)."""
    body, check = value[4:-6], value[-6:]
    number, digits = zlib.crc32(body), b""
    while number:
        number, rest = divmod(number, 62)
        digits = _BASE62[rest : rest + 1] + digits
    return digits.rjust(6, b"0") == check


def _own_checksum(value: bytes) -> bool:
    """The last four characters are the first 24 bits of the SHA-256 of those before, base64url."""
    return base64.urlsafe_b64encode(hashlib.sha256(value[:-4]).digest()[:3]) == value[-4:]


def entropy(value: bytes) -> float:
    """Shannon entropy in bits per character."""
    counts = Counter(value)
    return -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())


_PLACEHOLDER = re.compile(
    rb"(?i)^(?:x+|\*+|\.+|<.*>|\{.*\}|\[.*\]|\$.*|%.*%|your.*|my.*|example.*|placeholder.*|changeme|change_me|none|null|"
    rb"true|false|undefined|password|passwd|secret|token|string|required|optional|redacted|hidden|os\..*|process\..*|env.*|get.*\(.*)$"
)


def _looks_random(value: bytes) -> bool:
    """Not a placeholder, and letters mixed with digits or signs, at 3 bits a character or more."""
    if _PLACEHOLDER.match(value) or b"(" in value:
        return False
    kinds = bool(re.search(rb"[a-z]", value)) + bool(re.search(rb"[A-Z]", value))
    kinds += bool(re.search(rb"[0-9]", value)) + bool(re.search(rb"[^A-Za-z0-9]", value))
    return kinds >= 2 and entropy(value) >= min(3.0, math.log2(len(value)) - 0.6)  # noqa: PLR2004 - two kinds


class Format(Struct, frozen=True):
    """One kind of credential: the literals that gate it, its expression (group 1 is the secret), its check."""

    id: str
    literals: tuple[str, ...]
    expression: bytes
    check: Callable[[bytes], bool] = _always
    type: str = "secret"
    score: float = 1.0
    hint: str = ""  # an expression for the gate, where the literals would be too common


FORMATS = (
    Format("sallyport-key", ("sp_",), rb"\b(sp_[A-Za-z0-9_\-]{47})", _own_checksum, type="sallyport_key"),
    Format("github-token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), rb"\b(gh[pousr]_[A-Za-z0-9]{36})\b", _github_checksum),
    Format("github-fine-grained", ("github_pat_",), rb"\b(github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59})\b"),
    Format("aws-access-key-id", ("AKIA", "ASIA"), rb"\b((?:AKIA|ASIA)[A-Z2-7]{16})\b"),
    Format("aws-secret-key", (), rb"(?i)aws.{0,30}?(?:secret|key).{0,30}?[=:\"' ]\s*[\"']?([A-Za-z0-9/+]{40})(?:[^A-Za-z0-9/+=]|$)", _looks_random, hint=r"aws.{0,30}(?:secret|key)"),
    Format("google-api-key", ("AIza",), rb"\b(AIza[A-Za-z0-9_\-]{35})"),
    Format("google-oauth", ("ya29.", "GOCSPX-"), rb"\b(ya29\.[A-Za-z0-9_\-]{30,}|GOCSPX-[A-Za-z0-9_\-]{28})"),
    Format("slack-token", ("xox", "xapp-"), rb"\b(xox[abeoprs]-[A-Za-z0-9\-]{10,}|xapp-[0-9]-[A-Za-z0-9\-]{20,})"),
    Format("slack-webhook", ("hooks.slack.com",), rb"(https://hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_\-]{20,})"),
    Format("stripe-key", ("_live_", "_test_", "whsec_"), rb"\b((?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9]{24,})"),
    Format("anthropic-key", ("sk-ant-",), rb"\b(sk-ant-[A-Za-z0-9_\-]{20,})"),
    Format("openai-key", ("sk-proj-", "sk-svcacct-", "sk-admin-", "T3BlbkFJ"), rb"\b(sk-(?:proj|svcacct|admin)-[A-Za-z0-9_\-]{20,}|sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20})"),
    Format("sk-key", ("sk-",), rb"\b(sk-(?:or-v1-)?[A-Za-z0-9]{32,64})\b", _looks_random),
    Format("gitlab-token", ("glpat-", "gldt-", "glrt-"), rb"\b(gl(?:pat|dt|rt)-[A-Za-z0-9_\-]{20,})"),
    Format("npm-token", ("npm_",), rb"\b(npm_[A-Za-z0-9]{36})\b"),
    Format("pypi-token", ("pypi-",), rb"\b(pypi-AgE[A-Za-z0-9_\-]{50,})"),
    Format("huggingface-token", ("hf_",), rb"\b(hf_[A-Za-z]{34,})\b"),
    Format("sendgrid-key", ("SG.",), rb"\b(SG\.[A-Za-z0-9_\-]{22}\.[A-Za-z0-9_\-]{43})"),
    Format("twilio-key", (), rb"\b(SK[0-9a-f]{32})\b", hint=r"(?-i)\bSK[0-9a-f]{32}"),
    Format("digitalocean-token", ("_v1_",), rb"\b(do[opr]_v1_[0-9a-f]{64})\b"),
    Format("shopify-token", ("shpat_", "shpss_", "shpca_"), rb"\b(shp(?:at|ss|ca|pa)_[0-9a-fA-F]{32})\b"),
    Format("vault-token", ("hvs.", "hvb."), rb"\b(hv[sb]\.[A-Za-z0-9_\-]{24,})"),
    Format("azure-storage-key", ("AccountKey=", "SharedAccessKey="), rb"(?:AccountKey|SharedAccessKey)=([A-Za-z0-9+/]{43,86}={0,2})"),
    Format("jwt", ("eyJ",), rb"\b(eyJ[A-Za-z0-9_\-]{10,}\.eyJ[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]*)"),
    Format("url-credentials", (), rb"[a-zA-Z][a-zA-Z0-9+.\-]{1,20}://[^\s:/@'\"<>]{0,80}:([^\s/@'\"<>]{3,128})@[A-Za-z0-9\[]", lambda v: not _PLACEHOLDER.match(v), hint=r"://[^\s/@'\"<>]{1,210}@"),
    Format(
        "assignment",
        (),
        rb"(?i)(?:passw(?:or)?d|pwd|passphrase|secret(?:[_-]?key)?|token|api[_-]?key|access[_-]?key|auth[_-]?key|private[_-]?key)[\"']?\s{0,3}(?:=|:|=>|:=)\s{0,3}[\"'`]?([^\s\"'`,;<>]{8,200})",
        _looks_random,
        score=0.8,
        hint=r"(?:passw(?:or)?d|pwd|passphrase|secret|token|key)[\"']?\s{0,3}(?:=|:)",
    ),
    Format(
        "bearer",
        (),
        rb"(?i)\bbearer\s+([A-Za-z0-9._~+/\-]{20,}=*)",
        _looks_random,
        hint=r"\bbearer\s+[a-z0-9._~+/\-]{20}",
    ),
)  # fmt: skip


_KEY_BEGIN = re2.compile(rb"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_KEY_BODY = re2.compile(rb"[A-Za-z0-9+/=\s:,\\]*")
_KEY_END, _DASHES = b"-----END ", b"-----"


def _private_keys(data: bytes) -> Iterator[Span]:
    """PEM and PGP private keys (RFC 7468), also ones that were cut off."""
    end = -1
    for match in _KEY_BEGIN.finditer(data):
        start, body = match.span()
        if 0 <= end < body or end == -1:
            end = data.find(_KEY_END, body)
            end = len(data) if end < 0 else end
        closing = data.find(_DASHES, end + len(_KEY_END), end + 80)
        if closing >= 0 and _KEY_BEGIN.search(data, body, end) is None:
            yield Span("private_key", start, closing + len(_DASHES), 1.0, "private-key")
        else:
            yield Span("private_key", start, _KEY_BODY.match(data, body).end(), 1.0, "private-key")


class Secrets:
    """The formats, compiled, and the gate's bits that call for each."""

    def __init__(self, gate: GateBuilder) -> None:
        self._keys = gate.literal("PRIVATE KEY", caseless=False)
        self._formats = [
            (
                gate.any_of([form.hint]) if form.hint else gate.literals(form.literals, caseless=False),
                re2.compile(form.expression),
                form,
            )
            for form in FORMATS
        ]
        self.mask = self._keys
        for bits, _, _ in self._formats:
            self.mask |= bits

    def scan(self, data: bytes, hits: int) -> list[Span]:
        """All credentials in `data`, in bytes, possibly overlapping."""
        found = [
            Span(form.type, match.start(1), match.end(1), form.score, form.id)
            for bits, expression, form in self._formats
            if hits & bits
            for match in expression.finditer(data)
            if form.check(match.group(1))
        ]
        return [*found, *_private_keys(data)] if hits & self._keys else found
