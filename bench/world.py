"""A deployment to measure: 100 people of an OpenID provider with a static key set, 50 policies, two models."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

from joserfc import jwt
from joserfc.jwk import ECKey

from sallyport.access.policy_files import DEFAULT_FOLDER
from sallyport.gateway.edge import names

PEOPLE, POLICIES = 100, 50
ISSUER, AUDIENCE = "https://login.bench.example", "sallyport-bench"
SETTINGS = """\
[server]
listen = "127.0.0.1:{port}"
state = "{state}"
[[upstreams]]
name = "whole"
base_url = "http://127.0.0.1:{whole}/v1"
api_key = "file:{state}/model.key"
[[upstreams]]
name = "streams"
base_url = "http://127.0.0.1:{streams}/v1"
api_key = "file:{state}/model.key"
[[segments]]
name = "support"
[[models]]
name = "support-chat"
segment = "support"
upstream = "whole"
input_price = 0.5
output_price = 1.5
[[models]]
name = "support-stream"
segment = "support"
upstream = "streams"
input_price = 0.5
output_price = 1.5
[access]
policies = "{state}/policies"
[[access.budgets]]
role = "support-agent"
requests_per_minute = 100000000
tokens_per_day = 1000000000000
[inspection]
unsafe_off = {off}
[audit]
reserve_bytes = 16777216
[[identity.providers]]
name = "bench"
issuer = "{issuer}"
audience = "{audience}"
jwks_file = "{state}/jwks.json"
[identity.providers.roles]
support = "support-agent"
[identity.providers.mfa]
amr = ["mfa"]
"""
FILLER = """
@id("bench-{n}")
@says("Department {n} may use the models of its own segment.")
permit (
  principal in Sallyport::Role::"department-{n}",
  action in [Sallyport::Action::"chat", Sallyport::Action::"list_model"],
  resource in Sallyport::Segment::"department-{n}"
);
"""


class World:
    """The files of a deployment, and headers for its people as the edge would send them on."""

    def __init__(self, state: Path, *, whole: int, streams: int, guards: bool, port: int = 8443):
        state.mkdir(mode=0o700, parents=True)
        self.state, self.secret = state, "bench-edge-secret-0123456789abcdef"
        _private(state / "model.key", "bench-model-key-0123456789abcdef")
        _policies(state / "policies")
        key = ECKey.generate_key("P-256", {"kid": "bench-1", "use": "sig", "alg": "ES256"})
        _private(state / "jwks.json", json.dumps({"keys": [key.as_dict(private=False)]}))
        self.tokens = [_token(key, person) for person in range(PEOPLE)]
        self.toml = SETTINGS.format(
            port=port, state=state, whole=whole, streams=streams, off=str(not guards).lower(),
            issuer=ISSUER, audience=AUDIENCE,
        )  # fmt: skip
        self.file = state / "sallyport.toml"
        _private(self.file, self.toml)

    def headers(self, token: str, *, edge: bool = True) -> dict[str, str]:
        """Headers of a call; with `edge` also those that the edge adds."""
        own = {
            "Host": "localhost", "Authorization": f"Bearer {token}", "Content-Type": "application/json",
            "Accept": "application/json", "User-Agent": "OpenAI/Python 3.54.0", "X-Stainless-Lang": "python",
        }  # fmt: skip
        asserted = {
            names.SECRET: self.secret, names.VERSION: "TLSv1.3", names.CIPHER: "TLS_AES_256_GCM_SHA384",
            names.GROUP: "X25519MLKEM768", names.PEER: "127.0.0.1", names.CERTIFICATE: "-",
            names.SAN_URI: "-", names.SAN_DNS: "-",
        }  # fmt: skip
        return own | asserted if edge else own


def _policies(folder: Path) -> None:
    folder.mkdir()
    for file in DEFAULT_FOLDER.glob("*.cedar"):
        shutil.copy(file, folder)
    missing = POLICIES - sum(file.read_text().count("@id(") for file in folder.iterdir())
    (folder / "40-bench.cedar").write_text("".join(FILLER.format(n=n) for n in range(missing)))


def _token(key: ECKey, person: int) -> str:
    now = int(time.time())
    claims = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": f"person-{person:03}", "iat": now, "exp": now + 7200,
        "auth_time": now, "groups": ["support"], "amr": ["pwd", "mfa"],
        "email": f"person-{person:03}@bench.example", "jti": f"bench-{person:03}",
    }  # fmt: skip
    return jwt.encode({"alg": "ES256", "kid": "bench-1", "typ": "at+jwt"}, claims, key)


def _private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)
