"""What `sallyport inspect TEXT` shows: findings where they stand, what follows for whom, and what the model gets."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sallyport.cli.output import neutral

if TYPE_CHECKING:
    from sallyport.model import Finding
    from sallyport.wiring.inspect_text import Explained

AROUND, LONGEST = 20, 32  # characters of an excerpt beside a finding, and of the finding itself
MOST_FINDINGS = 40
MOST_TEXT = 4000
STYLES = {
    "allow": "green",
    "flag": "yellow",
    "mask": "cyan",
    "redact": "cyan",
    "block": "bold red",
    "step-up": "bold red",
    "quarantine": "bold red",
}
HEADLINES = {"allow": "ALLOWED", "flag": "ALLOWED, and flagged in the log", "block": "BLOCKED"}
_ONE_LINE = {ord(c): " " for c in "\n\r\t\v\f\x85\u2028\u2029"}


def show(told: Explained) -> None:
    """All of it on standard output, in colour on a terminal (and not where NO_COLOR says so)."""
    console = Console(highlight=False, width=None if os.isatty(1) else 120)
    console.print(_headline(told))
    if told.seen.findings:
        console.print("", _findings(told), sep="\n")
    if len(told.seen.findings) > MOST_FINDINGS:
        console.print(f"... and {len(told.seen.findings) - MOST_FINDINGS} more; --json names all.")
    console.print("", _roles(told), sep="\n")
    output = told.reading.direction == "output"
    console.print("", f"What the {'caller' if output else 'model'} gets:", sep="\n")
    console.print(_delivered(told))


def _headline(told: Explained) -> Text:
    seen, reading = told.seen, told.reading
    masked = seen.verdict != "block" and seen.delivered != told.text
    words = HEADLINES[seen.verdict] + (", with values masked" if masked else "")
    style = STYLES["mask"] if masked and seen.verdict == "allow" else STYLES[seen.verdict]
    whose = f"{'said by' if reading.direction == 'output' else 'from'}: {reading.channel}"
    role = f", role: {reading.role}" if reading.role else ""
    return Text.assemble(
        (words, style),
        f"   attack score {seen.score:.2f}   ({whose}{neutral(role)}; {len(told.text)} characters)",
    )


def _findings(told: Explained) -> Text:
    """Two lines for each: what it is and who saw it; where it stands."""
    shown = told.seen.findings[:MOST_FINDINGS]
    width = max(len(neutral(finding.type)) for finding in shown)
    longest = max(len(finding.action) for finding in shown)
    lines = []
    for f in shown:
        lines.append(
            Text.assemble(
                (f"{neutral(f.type):<{width}}  {f.action:<{longest}}", STYLES[f.action]),
                f"  score {f.score:.2f}  at {f.start}-{f.end}  by {neutral(f.layer)}",
                f": {neutral(f.detector)}" if f.detector else "",
            )
        )
        lines.append(Text("    ").append_text(excerpt(told.text, f)))
    return Text("\n").join(lines)


def excerpt(text: str, finding: Finding) -> Text:
    """The finding in one line, marked, with what stands around it; nothing in it that a terminal would obey."""
    start, end = finding.start, finding.end
    before = ("..." if start > AROUND else "") + text[max(start - AROUND, 0) : start]
    after = text[end : end + AROUND] + ("..." if end + AROUND < len(text) else "")
    found = text[start:end]
    if len(found) > LONGEST:
        found = f"{found[: LONGEST // 2]}...{found[-LONGEST // 4 :]}"
    return Text.assemble(
        (_plain(before), "dim"), ("»", "dim"), (_plain(found), STYLES[finding.action]), ("«", "dim"), (_plain(after), "dim"),
    )  # fmt: skip


def _plain(text: str) -> str:
    return neutral(text.translate(_ONE_LINE))


def _roles(told: Explained) -> Table:
    table = Table("role", "the text is", "because of", box=None, header_style="bold", pad_edge=False)
    words = {
        "allow": "allowed",
        "flag": "flagged",
        "mask": "masked",
        "redact": "redacted",
        "block": "blocked",
        "step-up": "refused (step-up)",
        "quarantine": "refused (quarantine)",
    }
    alone = len(told.outcomes) == 1
    for outcome in told.outcomes:
        why = ", ".join(f"{kind} ({action})" for kind, action in outcome.types)
        table.add_row(
            "every role" if alone else Text(neutral(", ".join(outcome.roles))),
            Text(words[outcome.action], STYLES[outcome.action]),
            Text(neutral(why or "nothing was found")),
        )
    return table


def _delivered(told: Explained) -> Text:
    if told.seen.verdict == "block":
        return Text("nothing", STYLES["block"])
    text = told.seen.delivered
    left = len(text) - MOST_TEXT
    shown = Text(neutral(text[:MOST_TEXT]))
    shown.highlight_regex(r"<[A-Z_]+_~*[a-z]{10}_\d+[a-z]?>|\[[A-Z_ ]+\]", STYLES["mask"])
    return shown.append(f"\n... and {left} characters more; --json has all." if left > 0 else "")
