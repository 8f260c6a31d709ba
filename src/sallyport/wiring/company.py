"""The demo company: its configuration, its people, and a small identity provider that knows no second factor.

Made once in an empty state folder. The secrets of its people are written to one file of mode 0600, because a
demo that nobody can log in to shows nothing; they are random, and good for this state folder only.
"""

from __future__ import annotations

import json
import secrets
import time
from pathlib import Path

import pyotp
from joserfc import jwt
from joserfc.jwk import ECKey
from msgspec import Struct
from msgspec.json import decode, encode

from sallyport.errors import Refusal, SettingsError
from sallyport.identity.directory import Directory
from sallyport.settings import loads
from sallyport.stores.files import own_folder, write_new
from sallyport.wiring.offline import open_directory

PEOPLE = {
    "sam": ("Customer service agent", "support-agent"),
    "ana": ("Analyst", "analyst"),
    "dan": ("Data scientist", "data-scientist"),
    "sue": ("Security administrator", "security-admin"),
}
ISSUER, AUDIENCE = "https://login.demo.example", "sallyport-demo"
CONFIGURATION = """\
# The demo company of Sallyport. Change what you like; `sallyport check -c FILE` says whether it will start.
demo = true  # start the demo model beside the door

[server]
listen = "{listen}"
state = "{state}"

# To use a real model, put your provider here: these three lines, for OpenAI, Azure, vLLM or Ollama.
[[upstreams]]
name = "demo"
base_url = "http://127.0.0.1:{port}/v1"
api_key = "file:{state}/demo/model.key"

# The same for Anthropic's models: its clients speak another wire.
[[upstreams]]
name = "demo-anthropic"
kind = "anthropic"
base_url = "http://127.0.0.1:{port}/v1"
api_key = "file:{state}/demo/model.key"

[[segments]]
name = "support"
[[segments]]
name = "analysis"
[[segments]]
name = "tuning"
environment = "dev"

[[models]]
name = "support-chat"
segment = "support"
upstream = "demo"
input_price = 0.5
output_price = 1.5

[[models]]
name = "support-claude"
segment = "support"
upstream = "demo-anthropic"
input_price = 3.0
output_price = 15.0

[[models]]
name = "analysis-chat"
segment = "analysis"
upstream = "demo"
input_price = 2.0
output_price = 8.0

[[models]]
name = "research-embed"
segment = "tuning"
upstream = "demo"
surfaces = ["embeddings"]

[[models]]
name = "tuning-chat"
segment = "tuning"
upstream = "demo"

[[access.budgets]]
role = "support-agent"
requests_per_minute = 120
tokens_per_day = 500000
money_per_day = 5.0

# What people may have for a limited time, who may ask for it, and who must agree.
[[access.requestable]]
role = "analyst"
eligible = ["support-agent"]
approvers = {{ security-admin = 1 }}
most_seconds = 7200
extend_seconds = 3600
emergency_seconds = 900

[[access.requestable]]
role = "data-scientist"
eligible = ["support-agent", "analyst"]
approvers = {{ security-admin = 1 }}
most_seconds = 7200

[audit]
reserve_bytes = 16777216

# A provider whose tokens carry no proof of a second factor, so that the demo can show what happens then.
[[identity.providers]]
name = "demo-login"
issuer = "{issuer}"
audience = "{audience}"
jwks_file = "{state}/demo/login.jwks.json"
[identity.providers.roles]
support = "support-agent"
[identity.providers.mfa]
amr = ["mfa", "otp", "hwk"]
"""


class DemoPerson(Struct, frozen=True, kw_only=True):
    """A person of the demo company, with both factors."""

    name: str
    title: str
    role: str
    password: str
    totp: str

    def code(self, now: float) -> str:
        """The one-time code of this moment (RFC 6238)."""
        return pyotp.TOTP(self.totp).at(int(now))

    def __repr__(self) -> str:
        return f"DemoPerson({self.name!r})"


def configuration_path(state: Path) -> Path:
    """Where the demo company's configuration is."""
    return state / "sallyport.toml"


def write_configuration(state: Path, listen: str, model_port: int) -> Path:
    """Write the configuration and the keys that it names. Raises SettingsError where the folder is not ours."""
    own_folder(state)
    demo = state / "demo"
    own_folder(demo)
    _write(demo / "model.key", secrets.token_urlsafe(32).encode())
    key = ECKey.generate_key("P-256", {"kid": "demo-1", "use": "sig", "alg": "ES256"})
    _write(demo / "login.key.json", json.dumps(key.as_dict(private=True)).encode())
    _write(demo / "login.jwks.json", json.dumps({"keys": [key.as_dict(private=False)]}).encode())
    text = CONFIGURATION.format(listen=listen, state=state, port=model_port, issuer=ISSUER, audience=AUDIENCE)
    loads(text)
    path = configuration_path(state)
    _write(path, text.encode())
    return path


def _write(path: Path, data: bytes) -> None:
    path.unlink(missing_ok=True)
    write_new(path, data)


async def enrol_everybody(toml: str, state: Path) -> None:
    """Enter the company's people with both factors. Does nothing where that was done."""
    path = state / "demo" / "people.json"
    if path.exists():
        return
    async with open_directory(loads(toml)) as directory:
        people = [await _enrol(directory, name, *what) for name, what in PEOPLE.items()]
    _write(path, encode(people))


async def _enrol(directory: Directory, name: str, title: str, role: str) -> DemoPerson:
    password = secrets.token_urlsafe(15)
    link = await directory.create_person(name, [role], by="local|installer")
    if isinstance(link, Refusal):
        link = await directory.recovery_link(name, by="local|installer")
    begun = link if isinstance(link, Refusal) else await directory.enrol_begin(link.secret, password)
    if isinstance(begun, Refusal):
        raise SettingsError("demo", f"{name} cannot be enrolled ({begun.code})", "start over with --fresh")
    # The code of the step before this one: today's first login can then use the current one.
    code = pyotp.TOTP(begun.secret).at(int(time.time()) - 30)
    done = await directory.enrol_finish(link.secret, code)  # type: ignore[union-attr]
    if isinstance(done, Refusal):
        raise SettingsError("demo", f"{name} cannot be enrolled ({done.code})", "start over with --fresh")
    return DemoPerson(name=name, title=title, role=role, password=password, totp=begun.secret)


def people(state: Path) -> list[DemoPerson]:
    """Everybody, with their factors. Raises SettingsError where there is no demo company."""
    try:
        return decode((state / "demo" / "people.json").read_bytes(), type=list[DemoPerson])
    except OSError:
        raise SettingsError(str(state), "there is no demo company", "run: sallyport up") from None


def one_factor_token(state: Path, name: str) -> str:
    """A valid token of the demo provider that proves a password and nothing more."""
    key = ECKey.import_key(json.loads((state / "demo" / "login.key.json").read_bytes()))
    now = int(time.time())
    claims = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": name, "iat": now, "exp": now + 300, "auth_time": now,
        "groups": ["support"], "amr": ["pwd"],
    }  # fmt: skip
    return jwt.encode({"alg": "ES256", "kid": "demo-1", "typ": "at+jwt"}, claims, key)
