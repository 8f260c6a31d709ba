"""Starts Canaille, the provider of pytest-iam, in an environment of its own (tests/identity/iam)."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from identity_idp import Browser

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "tests" / "identity" / "iam"
HOME = ROOT / f".venv-iam-{sys.version_info.major}.{sys.version_info.minor}"


def install() -> Path:
    """The environment's Python; built once per lock file, with uv where there is one."""
    lock_file = FOLDER / "requirements.txt"
    digest = hashlib.sha256(lock_file.read_bytes()).hexdigest()
    stamp, python = HOME / ".locked", HOME / "bin" / "python"
    with (Path(tempfile.gettempdir()) / f"sallyport-test-iam-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_text() == digest:
            return python
        uv = shutil.which("uv")
        make = (
            [uv, "venv", "--clear", "-q", "-p", sys.executable]
            if uv
            else [sys.executable, "-m", "venv", "--clear"]
        )
        pip = [uv, "pip", "install", "-q", "-p", python] if uv else [python, "-m", "pip", "install", "-q"]
        for command in ([*make, HOME], [*pip, "--require-hashes", "-r", lock_file]):
            subprocess.run(command, check=True, capture_output=True, timeout=300)
        stamp.write_text(digest)
    return python


class Iam:
    """One running Canaille."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [install(), FOLDER / "serve.py"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert self._process.stdout is not None
        self.issuer = json.loads(self._process.stdout.readline())["issuer"]

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)
        self._process.stdout.close()

    async def sign_in(self, who: str, *, rfc9068: bool) -> dict[str, object]:
        """What the token endpoint issued to this person's client."""
        async with Browser(self.issuer) as browser:
            await browser.page(f"{self.issuer}/test/rfc9068?on={int(rfc9068)}&who={who}")
            return await browser.sign_in(scope="openid profile groups", prompt="")
