"""What the documents tell a newcomer to type, typed: on a real door of its own."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from running import RunningDoor

from sallyport.cli.up import demo_port
from sallyport.settings import load
from sallyport.wiring.preflight import preflight

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    running = RunningDoor(tmp_path_factory.mktemp("door")).start()
    yield running
    assert running.stop() == 0, running.log.read_text()[-2000:]


@pytest.fixture(scope="module")
def shell(door, tmp_path_factory):
    """Runs a block of a document in a shell where the door is where documents say it is."""
    tools = tmp_path_factory.mktemp("bin")
    for name, module in {"sallyport": "-m sallyport", "python": ""}.items():
        (tools / name).write_text(f'#!/bin/sh\nexec {sys.executable} {module} "$@"\n')
        (tools / name).chmod(0o755)
    here = tmp_path_factory.mktemp("here")
    environment = {**door.environment, "PATH": f"{tools}:{door.environment['PATH']}"}

    def run(text: str) -> subprocess.CompletedProcess:
        text = text.replace("https://127.0.0.1:8443", door.url)
        text = text.replace("~/.local/share/sallyport", str(door.state))
        text = text.replace("--demo sam", f"--demo sam --state {door.state}")
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=here,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run


def blocks(text: str, language: str, after: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text.partition(after)[2], re.DOTALL)


def good(done: subprocess.CompletedProcess) -> str:
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module", autouse=True)
def logged_in(shell):
    good(shell("sallyport login --demo sam"))


def test_the_readmes_three_lines_and_the_official_sdk(pages, shell):
    lines, program = (blocks(pages["README.md"], kind, "## Use it")[0] for kind in ("sh", "python"))
    assert len(lines.splitlines()) == 3
    said = good(shell(f"{lines}\npython - <<'END'\n{program}\nEND"))
    assert "4111 1111 1111 1111" in said


def test_the_readmes_settings_for_a_real_model_would_start(pages, door, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_PROVIDER_KEY", "a-key-for-the-test")
    new = blocks(pages["README.md"], "toml", "## Use a real model")[0]
    changes = re.findall(r'^(base_url|api_key|upstream_model) = (".*?")', new, re.MULTILINE)
    assert len(changes) == 3
    text = (door.state / "sallyport.toml").read_text()
    for key, value in changes:
        text = re.sub(rf"^{key} = .*$", f"{key} = {value}", text, flags=re.MULTILINE)
    model = f'name = "support-chat"\nupstream_model = {dict(changes)["upstream_model"]}'
    changed = tmp_path / "sallyport.toml"
    changed.write_text(text.replace('name = "support-chat"', model))
    assert preflight(changed) == ([], [])
    assert demo_port(door.state, load(changed).upstreams) == 0  # the demo model stays away


def test_the_quick_starts_client(pages, door, shell):
    block, program = (
        blocks(pages["docs/quickstart.md"], kind, "## Call a model")[0] for kind in ("sh", "python")
    )
    assert "support-chat" in good(shell(block))
    program = program.replace("authority.pem", str(door.authority)) + "\nprint(client.models.list())"
    assert "support-chat" in good(shell(f"python - <<'END'\n{program}\nEND"))


def test_the_quick_starts_other_client(pages, shell):
    block = blocks(pages["docs/quickstart.md"], "sh", "## Call a model")[1]
    assert "ANTHROPIC" in block
    assert "4111 1111 1111 1111" in good(shell(block))


@pytest.fixture(scope="module")
def answered(pages, door, shell):
    """The first steps of the page, done; the log's key."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    call, ask = blocks(pages["docs/verify-an-answer.md"], "sh", "## 1.")[:2]
    assert "The receipt holds." in good(shell(call + ask))
    return door.run("audit", "key", "--dir", str(door.state / "audit")).stdout.strip()


def test_a_stranger_verifies_an_answer(pages, shell, answered):
    command = blocks(pages["docs/verify-an-answer.md"], "sh", "## 2.")[0].replace("$KEY", answered)
    assert good(shell(command)).splitlines()[-1] == "The receipt holds."
    assert shell(command.replace("answer.json", "head.txt")).returncode == 1


def test_a_stranger_without_our_program(pages, shell, answered):
    program = blocks(pages["docs/verify-an-answer.md"], "python", "## 2.")[0]
    check = f"cat > check.py <<'END'\n{program}\nEND\npython check.py receipt.json "
    assert good(shell(f"{check} answer.json {answered}")) == "holds: intent outcome\n"
    assert shell(f"{check} head.txt {answered}").returncode == 1
    assert shell(f"{check} answer.json {base64.b64encode(bytes(32)).decode()}").returncode == 1


MARK, CARD = "the-umbrella-of-my-aunt", "4111 1111 1111 1111"


def test_the_log_and_our_output_hold_no_text_no_value_and_no_name(door):
    """SECURITY.md: neither payload nor name, anywhere on the disk, readable."""
    key = door.login("dan")
    with door.client(key) as client:
        said = client.chat.completions.create(
            model="support-chat", messages=[{"role": "user", "content": f"{MARK} costs {CARD}"}]
        )
    assert MARK in said.choices[0].message.content
    assert CARD in said.choices[0].message.content
    secret = [MARK, CARD, CARD.replace(" ", ""), "local|dan", key]
    files = [path for path in Path(door.state).rglob("*") if path.is_file()]
    assert len(files) > 10
    for path in [*files, door.log]:
        content = path.read_bytes()
        assert not [word for word in secret if word.encode() in content], path
