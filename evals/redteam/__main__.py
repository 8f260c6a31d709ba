"""Runs the suites and writes evals/REDTEAM.md and evals/REDTEAM.json.

    scripts/redteam --data DIR [--garak] [--promptfoo] [--benign]

Without a choice, all three. Exit code 0: targets reached; 1: a target missed; 2: a suite could not run, or something
else than an answer or a refusal came, which is never a pass. A page with all three parts alone is written.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
import tempfile
import time
from pathlib import Path

from evals.redteam import benign, garak_suite, promptfoo_suite, report
from evals.redteam.door import MODEL, Door, Seen, running
from evals.redteam.leaky import Leaky
from sallyport import __version__

HERE = Path(__file__).parents[1]
PARTS = ("garak", "promptfoo", "benign")


def main() -> int:
    """Run what was asked for."""
    options = _options()
    chosen = {part for part in PARTS if getattr(options, part)} or set(PARTS)
    key = secrets.token_urlsafe(32)
    with tempfile.TemporaryDirectory(prefix="sallyport-redteam-") as place, Leaky(key) as model:
        figures = report.Figures(_machine())
        try:
            with running(Path(place), model.port, key) as door:
                _run(chosen, options, Path(place), model, key, door, figures)
        except RuntimeError as error:
            say(str(error))
            return 2
    return _ended(figures, whole=chosen == set(PARTS))


def _run(
    chosen: set[str],
    options: argparse.Namespace,
    place: Path,
    model: Leaky,
    key: str,
    door: Door,
    f: report.Figures,
) -> None:
    bare = f"http://127.0.0.1:{model.port}"
    if "garak" in chosen:
        say("garak, directly (half a minute)")
        wire = "/v1/chat/completions"
        f.direct = garak_suite.run(
            options.garak_program, place / "direct", uri=bare + wire, model=MODEL, key=key
        )
        say("garak, through the door")
        seen, before = Seen(door), model.calls
        f.door = garak_suite.run(
            options.garak_program, place / "door", uri=door.url + wire, model=MODEL, key=door.key, ca=door.ca
        )
        f.door_log, f.door_calls = seen.refusals(), model.calls - before
    if "promptfoo" in chosen:
        say("promptfoo, both ways (some seconds)")
        ways = [
            promptfoo_suite.Way(promptfoo_suite.DIRECT, bare, MODEL, key),
            promptfoo_suite.Way(promptfoo_suite.DOOR, door.url, MODEL, door.key),
        ]
        canary = f"quillfeather-{secrets.token_hex(16)}"
        f.cases, _ = promptfoo_suite.run(
            place / "promptfoo", options.promptfoo_program, ways, canary, door.ca
        )
    if "benign" in chosen:
        f.benign = benign.run(door, benign.texts(options.data, options.each), _progress)


def _ended(figures: report.Figures, *, whole: bool) -> int:
    page = report.markdown(figures)
    if whole:
        (HERE / "REDTEAM.md").write_text(page, encoding="utf-8")
        (HERE / "REDTEAM.json").write_text(
            json.dumps(report.plain(figures), indent=1) + "\n", encoding="utf-8"
        )
    print(page)
    wrong, short = report.problems(figures), report.missed(figures)
    for line in (*wrong, *short):
        say(line)
    return 2 if wrong else 1 if short else 0


def _machine() -> dict[str, str]:
    lines = Path("/etc/os-release").read_text().splitlines()
    name = next((line.partition("=")[2].strip('"') for line in lines if line.startswith("PRETTY_NAME")), "")
    return {
        "date": time.strftime("%Y-%m-%d"),
        "system": name,
        "cores": str(os.cpu_count()),
        "version": __version__,
    }


def _progress(done: int, total: int) -> None:
    if done % 250 == 0 or done == total:
        say(f"harmless texts: {done} of {total}")


def say(text: str) -> None:
    """Progress, on standard error."""
    print(text, file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/redteam")
    parser.add_argument("--data", type=Path, required=True, help="the folder with labelled texts")
    for part in PARTS:
        parser.add_argument(f"--{part}", action="store_true", help=f"only {part} (and what else is named)")
    parser.add_argument(
        "--each", type=int, default=1500, help="everyday texts, and hard ones, that are drawn"
    )
    parser.add_argument("--garak-program", type=Path, help="an installed garak of this version")
    parser.add_argument("--promptfoo-program", type=Path, help="an installed promptfoo of this version")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
