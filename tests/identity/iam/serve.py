"""Canaille, the provider behind pytest-iam, on loopback. Run by the Python of its own environment.

Prints one line of JSON when it listens. One person is signed in already; each GET of /test/rfc9068?on=1 or 0
chooses between Canaille's own access tokens and those of authlib's RFC 9068 generator.
"""

import json
import os
import sys
import uuid

import portpicker
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from canaille import create_app
from canaille.app import models
from canaille.backends import Backend
from canaille.oidc import provider
from flask import request
from joserfc.jwk import RSAKey
from pytest_iam import Server

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
port = portpicker.pick_unused_port()
key = RSAKey.generate_key(2048, auto_kid=True)
app = create_app(
    config={
        "TESTING": True,
        "ENV_FILE": None,
        "SECRET_KEY": str(uuid.uuid4()),
        "WTF_CSRF_ENABLED": False,
        "PREFERRED_URL_SCHEME": "http",
        "SERVER_NAME": f"localhost:{port}",
        "CANAILLE": {
            "DATABASE": "memory",
            "JAVASCRIPT": False,
            "ACL": {"DEFAULT": {"PERMISSIONS": ["use_oidc", "manage_oidc"]}},
        },
        "CANAILLE_OIDC": {"ACTIVE_JWKS": [key.as_dict(private=True)]},
    }
)
server = Server(app, port, Backend.instance)
state = {"rfc9068": False}
own_tokens = provider.generate_access_token


class Rfc9068(JWTBearerTokenGenerator):
    """Access tokens as the standard has them."""

    def get_jwks(self):
        return {"keys": [key.as_dict(private=True)]}

    def get_audiences(self, client, user, scope):
        return ["api://sallyport"]

    def get_amr(self, user):
        return ["pwd", "otp", "mfa"] if user.get_user_id() == "alice" else ["pwd"]

    def get_extra_claims(self, client, grant_type, user, scope):
        return {"groups": ["support-agents"]}


class Subject:
    """A person as authlib wants to see one."""

    def __init__(self, user):
        self.user = user

    def get_user_id(self):
        return self.user.user_name


def access_token(client, grant_type, user, scope):
    if not state["rfc9068"]:
        return own_tokens(client, grant_type, user, scope)
    return Rfc9068(issuer=provider.get_issuer()).access_token_generator(
        client, grant_type, Subject(user), scope
    )


def switch():
    state["rfc9068"] = request.args["on"] == "1"
    server.login(people[request.args["who"]])
    return "ok"


app.config["OAUTH2_ACCESS_TOKEN_GENERATOR"] = access_token
provider.generate_access_token = access_token
with app.app_context():
    provider.setup_oauth(app)
    client = models.Client(
        client_id="cli",
        client_name="cli",
        redirect_uris=["http://127.0.0.1/callback"],
        grant_types=["authorization_code", "refresh_token"],
        response_types=["code"],
        scope=["openid", "profile", "groups"],
        token_endpoint_auth_method="none",
    )
    server.backend.save(client)
    client.audience = [client]
    server.backend.save(client)
    people = {name: server.random_user(user_name=name) for name in ("alice", "bob")}
    for person in people.values():
        server.consent(person)
app.add_url_rule("/test/rfc9068", view_func=switch)
print(json.dumps({"issuer": server.url.rstrip("/")}), flush=True)  # noqa: T201 the parent reads it
sys.stdout.flush()
server.httpd.serve_forever()
