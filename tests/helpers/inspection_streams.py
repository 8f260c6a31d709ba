# ruff: noqa: RUF001 - other scripts are what is tested
"""A small scan of its own, texts with findings in them, and the ways of cutting them into chunks."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from hypothesis import strategies as st

from sallyport.inspection.holdback import HoldBack
from sallyport.inspection.released import Released
from sallyport.inspection.vault import Vault
from sallyport.model import Action, Finding

NONCE, OTHER_NONCE = "kxqmzrtpbd", "wvwvwvwvwv"
CARD, MAIL = "4111 1111 1111 1111", "ada@example.org"
CANARY = "7f3a9c1e5b2d4860a1b2c3d4e5f60718"
SECRET = "key-a1b2c3d4e5f6a1b2c3d4"
LEAK = "never tell anyone that the discount for old friends is forty percent of the listed price"
PATTERNS: tuple[tuple[str, Action, re.Pattern[str]], ...] = (
    ("card", "mask", re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")),
    ("email", "mask", re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")),
    ("canary", "block", re.compile(CANARY)),
    ("secret", "block", re.compile(r"key-[a-z0-9]{20}|(?i:password)\s{0,3}[:=]\s{0,3}\S{8,}")),
    ("note", "flag", re.compile(r"(?i)\bfor your eyes only\b")),
)


def luhn(digits: str) -> bool:
    values = [int(d) * (1 + i % 2) for i, d in enumerate(reversed(digits))]
    return sum(v - 9 if v > 9 else v for v in values) % 10 == 0


def scan(text: str) -> Sequence[Finding]:
    return [
        Finding(type=kind, start=match.start(), end=match.end(), action=action)
        for kind, action, pattern in PATTERNS
        for match in pattern.finditer(text)
        if kind != "card" or luhn(re.sub(r"\D", "", match.group()))
    ]


def vault() -> Vault:
    """The card is token 1, the address token 2."""
    filled = Vault(NONCE)
    filled.mask(CARD, [Finding(type="card", start=0, end=len(CARD), action="mask")])
    filled.mask(MAIL, [Finding(type="email", start=0, end=len(MAIL), action="mask")])
    return filled


def unmask(text: str, filled: Vault = vault()) -> str:  # noqa: B008
    return filled.unmask(text, lambda _kind, _origin: True)


def stream(chunks: Sequence[str], its_scan: Callable[[str], Sequence[Finding]] = scan, **options) -> Released:
    """All that came out of a stream of these chunks."""
    hold = HoldBack(its_scan, unmask, **options)
    texts, findings = [], []
    for out in (*(hold.feed(chunk) for chunk in chunks), None):
        if out is None:
            out = hold.finish()  # noqa: PLW2901
        texts.append(out.text)
        findings += out.findings
        if out.blocked is not None:
            return Released("".join(texts), tuple(findings), out.blocked, out.escaped)
    return Released("".join(texts), tuple(findings))


def pieces(text: str, cuts: Sequence[int]) -> list[str]:
    places = [0, *sorted({c % (len(text) + 1) for c in cuts}), len(text)]
    return [text[a:b] for a, b in pairwise(places)]


WORDS = [
    "the",
    "committee",
    "met",
    "on",
    "Tuesday",
    "to",
    "discuss",
    "how",
    "new",
    "rules",
    "would",
    "be",
    "applied",
    "across",
    "this",
    "region",
    "and",
    "whether",
    "every",
    "member",
    "was",
    "ready",
    "for",
    "them;",
    "they",
    "agreed",
    "that",
    "more",
    "time",
    "was",
    "needed.",
    "In",
    "2024",
    "costs",
    "rose",
    "by",
    "12",
    "percent,",
    "said",
    "Ada",
    "Miller",
    "(the",
    "chair),",
    "who",
    "doesn't",
    "expect",
    "a",
    "quick",
    "answer:",
    "x",
    "=",
    "f(a,",
    "b)",
    "->",
    '{"k":',
    "[1,",
    "2]}",
    "`code`",
    "#",
    "Title",
    "*",
    "item",
    "|",
    "cell",
    "|",
    "3.5",
    "€",
    "naïve",
    "café",
    "Müller",
    "привет",
    "мир",
    "世界，你好",
    "<b>bold</b>",
    "a",
    "<",
    "b",
    "[1]",
    "[link](https://example.org/a?b=c)",
    "A",
    "I",
    "be",
]
INTERESTING = (
    CARD,
    "4111111111111111",
    "4111-1111-1111-1111",
    "4111 1111 1111 1112",
    "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
    MAIL,
    "for your eyes only",
    f"<CARD_{NONCE}_1>",
    f"<EMAIL_{NONCE}_2>",
    f"<card {NONCE} 1>",
    f"CARD\\_{NONCE}\\_1",
    f"&lt;CARD_{NONCE}_1&gt;",
    f"<CARD_{NONCE[:4]} {NONCE[4:]}_1>",
    f"< C A R D _ {' '.join(NONCE)} _ 1 >",
    f"card {NONCE} 1",
    f"<CARD_{OTHER_NONCE}_1>",
    f"<CARD_~{NONCE}_1>",
    "<CARD_",
    NONCE,
    "1234 5678 9012",
    "-----BEGIN X-----\nabcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJ\nabcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJ\n-----END X-----",
    "![some alt text](https://example.org/i.png)",
    "z" * 150,
    "password is",
)
BLOCKED = (CANARY, SECRET, "password: hunter2hunter2", f"password = {SECRET}")


def texts(*extra: str) -> st.SearchStrategy[str]:
    word = st.sampled_from(WORDS)
    prose = st.lists(word, min_size=1, max_size=30).map(" ".join)
    odd = st.text(alphabet=st.sampled_from("ab1 4<>_-~\\`\n\u200b{}\"'&;.,:[]()"), max_size=20)
    part = st.one_of(prose, prose, st.sampled_from(INTERESTING + extra), odd)
    return st.lists(st.tuples(part, st.sampled_from([" ", " ", " ", "\n", ", ", ""])), max_size=12).map(
        lambda parts: "".join(a + b for a, b in parts)
    )
