"""promptfoo as an independent suite: our own cases, at the model and through the door, in one run of theirs."""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.redteam.cases import ATTACKS, HARMLESS, TOOL, Case, conversation

VERSION = "0.121.20"
DIRECT, DOOR = "direct", "door"
SECONDS, FAILED = 600, 100  # its exit code where a case failed: at the bare model they do
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Result:
    """What came of one case on one way."""

    case: Case
    way: str
    passed: bool
    refused: bool
    error: str


@dataclass(frozen=True)
class Way:
    """Where the cases are sent."""

    name: str
    url: str
    model: str
    key: str


def run(folder: Path, program: Path, ways: list[Way], canary: str, ca: str) -> tuple[list[Result], float]:
    """Run all cases on all ways. Raises RuntimeError where promptfoo fails."""
    (folder / "config").mkdir(parents=True)
    (folder / "provider.mjs").write_bytes((HERE / "provider.mjs").read_bytes())
    config = folder / "promptfooconfig.json"
    config.write_text(json.dumps(_config(ways, canary)))
    environment = {
        **os.environ, "NODE_EXTRA_CA_CERTS": ca, "PROMPTFOO_CONFIG_DIR": str(folder / "config"),
        **dict.fromkeys((
            "PROMPTFOO_DISABLE_TELEMETRY", "PROMPTFOO_DISABLE_UPDATE", "PROMPTFOO_DISABLE_REMOTE_GENERATION",
            "PROMPTFOO_DISABLE_REDTEAM_REMOTE_GENERATION", "PROMPTFOO_DISABLE_SHARING",
        ), "true"),
        **{_variable(way): way.key for way in ways},
    }  # fmt: skip
    out = folder / "out.json"
    command = [str(program), "eval", "-c", str(config), "--no-cache", "--no-table", "--no-progress-bar"]
    command += ["--max-concurrency", "4", "-o", str(out)]
    began = time.monotonic()
    with (folder / "promptfoo.log").open("wb") as log:
        done = subprocess.run(
            command, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            timeout=SECONDS, check=False,
        )  # fmt: skip
    if done.returncode not in (0, FAILED) or not out.exists():
        said = (folder / "promptfoo.log").read_text()[-2000:]
        raise RuntimeError(f"promptfoo ended with {done.returncode}:\n{said}")
    return read(out.read_text()), time.monotonic() - began


def _variable(way: Way) -> str:
    return f"REDTEAM_KEY_{way.name.upper()}"


def _config(ways: list[Way], canary: str) -> dict[str, Any]:
    return {
        "description": "Sallyport's own cases",
        "prompts": ["{{call}}"],
        "providers": [
            {
                "id": "file://provider.mjs",
                "label": way.name,
                "config": {"url": way.url, "model": way.model, "key": _variable(way)},
            }
            for way in ways
        ],
        "tests": [_test(case, canary) for case in (*ATTACKS, *HARMLESS)],
    }


def _test(case: Case, canary: str) -> dict[str, Any]:
    call: dict[str, Any] = {"messages": conversation(case, canary)}
    if case.tools:
        call["tools"] = [TOOL]
    never = case.never.replace("{canary}", canary) or "[refused:"
    # As a text of JSON: promptfoo would take a list for several tests.
    return {
        "description": case.name,
        "vars": {"call": json.dumps(call)},
        "options": {"disableVarExpansion": True},
        "assert": [{"type": "not-contains", "value": never}],
    }


def read(out: str) -> list[Result]:
    """Their results as ours. Raises RuntimeError where a case is missing on a way."""
    cases = {case.name: case for case in (*ATTACKS, *HARMLESS)}
    results = [
        Result(
            cases[row["testCase"]["description"]],
            row["provider"]["label"],
            bool(row["success"]),
            "[refused:" in str((row.get("response") or {}).get("output", "")),
            str((row.get("response") or {}).get("error") or ""),
        )
        for row in json.loads(out)["results"]["results"]
    ]
    if len(results) % len(cases) or not results:
        raise RuntimeError(f"promptfoo gave {len(results)} results for {len(cases)} cases")
    return results
