from __future__ import annotations

import base64
import hashlib
import zlib

import pytest

from sallyport.inspection.engine import Engine
from sallyport.inspection.secrets import FORMATS, entropy

ENGINE = Engine()
RANDOM = "q7Rz2LmX9vKp4TnW8sYb3HcJ6dGf1AeU5oViN0tQxZwMyBrCkDhEjFlPgSuOaI2R7T"
HEX = hashlib.sha256(b"test").hexdigest()


def base62(number: int) -> str:
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    digits = ""
    while number:
        number, rest = divmod(number, 62)
        digits = alphabet[rest] + digits
    return digits.rjust(6, "0")


def github(kind: str = "ghp_") -> str:
    return kind + RANDOM[:30] + base62(zlib.crc32(RANDOM[:30].encode()))


def own_key() -> str:
    body = "sp_" + RANDOM[:43]
    return body + base64.urlsafe_b64encode(hashlib.sha256(body.encode()).digest()[:3]).decode()


PEM = (
    "-----BEGIN {0}PRIVATE KEY-----\n"
    + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n" * 4
    + "-----END {0}PRIVATE KEY-----"
)
CASES = [
    ("private-key", PEM.format(""), PEM.format("")),
    ("private-key", PEM.format("RSA "), PEM.format("RSA ")),
    ("private-key", PEM.format("OPENSSH "), PEM.format("OPENSSH ")),
    ("sallyport-key", own_key(), own_key()),
    ("github-token", github(), github()),
    ("github-token", github("ghs_"), github("ghs_")),
    ("github-fine-grained", "github_pat_" + RANDOM[:22] + "_" + RANDOM[:59], None),
    ("aws-access-key-id", "AKIA" + "QYLPMN5HHHFPZAM2", None),
    ("aws-secret-key", "aws_secret_access_key = " + (RANDOM + "/")[:40], RANDOM[:40]),
    ("google-api-key", "AIza" + RANDOM[:35], None),
    ("google-oauth", "ya29." + RANDOM[:40], None),
    ("slack-token", "xoxb-" + "123456789012-" + RANDOM[:24], None),
    ("slack-webhook", "https://hooks.slack.com/services/T000/B000/" + RANDOM[:24], None),
    ("stripe-key", "sk_live_" + RANDOM[:24], None),
    ("anthropic-key", "sk-ant-api03-" + RANDOM, None),
    ("openai-key", "sk-proj-" + RANDOM, None),
    ("sk-key", "sk-" + RANDOM[:48], None),
    ("gitlab-token", "glpat-" + RANDOM[:20], None),
    ("npm-token", "npm_" + RANDOM[:36], None),
    ("pypi-token", "pypi-AgE" + RANDOM, None),
    ("huggingface-token", "hf_" + "qRzLmXvKpTnWsYbHcJdGfAeUoViNtQxZwMyB", None),
    ("sendgrid-key", "SG." + RANDOM[:22] + "." + RANDOM[:43], None),
    ("twilio-key", "SK" + HEX[:32], None),
    ("digitalocean-token", "dop_v1_" + HEX, None),
    ("shopify-token", "shpat_" + HEX[:32], None),
    ("vault-token", "hvs." + RANDOM[:24], None),
    ("azure-storage-key", "AccountKey=" + RANDOM[:44] + "==", RANDOM[:44] + "=="),
    ("jwt", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJzYW0ifQ." + RANDOM[:43], None),
    ("url-credentials", "postgres://app:" + RANDOM[:12] + "@db.example.org/x", RANDOM[:12]),
    ("assignment", "password = '" + RANDOM[:12] + "'", RANDOM[:12]),
    ("assignment", '"api_key": "' + RANDOM[:20] + '"', RANDOM[:20]),
    ("bearer", "Authorization: Bearer " + RANDOM[:40], RANDOM[:40]),
]


@pytest.mark.parametrize(("name", "text", "secret"), CASES, ids=[f"{i}-{c[0]}" for i, c in enumerate(CASES)])
def test_a_credential_is_covered(name: str, text: str, secret: str | None) -> None:
    whole = f"please use this: {text} , thanks"
    found = [f for f in ENGINE.scan(((whole, "user"),), "input") if f.layer == "secrets"]
    assert name in {f.detector for f in found}
    expected = secret or text
    start = whole.index(expected)
    assert any(f.start <= start and f.end >= start + len(expected) for f in found)


def test_every_format_has_a_case() -> None:
    assert {f.id for f in FORMATS} | {"private-key"} == {name for name, _, _ in CASES}


@pytest.mark.parametrize(
    "text",
    [
        "password: ********",
        "password = 'changeme'",
        "set password=<your password here>",
        "password: ${DB_PASSWORD}",
        "the password is required",
        "token = get_token(request)",
        "The secret: nobody knows it",
        "secret = os.environ['KEY']",
        "sp_executesql_with_a_very_long_stored_procedure_name",
        "sp_" + "a" * 47,
        "ghp_" + "a" * 36,
        "https://example.org/a:b/c@d",
        "mailto:someone@example.org",
        "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
        "ask-ant-colonies-about-their-long-journeys-home",
        "a task-oriented approach",
    ],
)
def test_everyday_text_is_no_credential(text: str) -> None:
    assert [f for f in ENGINE.scan(((text, "user"),), "input") if f.layer == "secrets"] == []


def test_a_private_key_that_was_cut_off_is_covered_to_its_end() -> None:
    text = PEM.format("")[:120]
    found = ENGINE.scan(((text, "user"),), "input")
    assert [(f.type, f.start, f.end) for f in found] == [("private_key", 0, 120)]


def test_two_private_keys_are_two_findings() -> None:
    text = PEM.format("") + "\nhello there\n" + PEM.format("EC ")
    found = [f for f in ENGINE.scan(((text, "user"),), "input") if f.type == "private_key"]
    assert [text[f.start : f.end] for f in found] == [PEM.format(""), PEM.format("EC ")]


@pytest.mark.parametrize(("text", "bits"), [(b"aaaa", 0.0), (b"abab", 1.0), (b"abcd", 2.0)])
def test_entropy(text: bytes, bits: float) -> None:
    assert entropy(text) == pytest.approx(bits)
