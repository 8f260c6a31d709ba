"""Transcripts of `sallyport check`: each planted fault is found, at its key, with a fix that is its own."""

from __future__ import annotations

import datetime as dt
import socket
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sallyport.wiring.preflight import ADVICE

PROVIDER = '[[identity.providers]]\nname = "p"\nissuer = "https://login.example"\naudience = "a"\nroles = {{ g = "analyst" }}\n'
RULE = '[[inspection.actions]]\naction = "mask"\n'

# name: (what is put in, the key that is named, words of the problem, words of the fix). {here} is a folder.
FAULTS: dict[str, tuple[str, str, str, str]] = {
    "not toml": ("= 3", "sallyport.toml", "not valid TOML", "correct the line"),
    "an unknown key": ("[audit]\nreserve_byte = 1", "audit.reserve_byte", "not a known key", "reserve_bytes"),
    "a wrong kind": ("[tls]\npost_quantum = 'always'", "tls.post_quantum", "Invalid enum value", "docs/settings.md"),
    "no listening address": ('[server]\nlisten = "door.example:8443"', "server.listen", "no IP address", "127.0.0.1:8443"),
    "no port": ('[server]\nlisten = "127.0.0.1:99999"', "server.listen", "no port", "127.0.0.1:8443"),
    "a taken port": ('[server]\nlisten = "127.0.0.1:{taken}"', "server.listen", "taken", "another port"),
    "an address of another machine": ('[server]\nlisten = "192.0.2.1:8443"', "server.listen", "cannot be listened on", "address of this machine"),
    "no names": ("[server]\nnames = []", "server.names", "is empty", "localhost"),
    "a name that is an address": ('[server]\nnames = ["https://door"]', "server.names", "no host name", "name alone"),
    "a bound of nothing": ("[server.limits]\nin_flight = 0", "server.limits.in_flight", "bounds nothing", "256"),
    "a bound without end": ("[server.limits]\nstage_seconds = inf", "server.limits.stage_seconds", "bounds nothing", "5.0"),
    "a negative time": ("[gateway]\nkeepalive_seconds = -1.0", "gateway.keepalive_seconds", "bounds nothing", "10.0"),
    "an open state folder": ('[server]\nstate = "{open}"', "{open}", "other users may open it", "chmod 700"),
    "a file for a state folder": ('[server]\nstate = "{here}/file"', "server.state", "is a file", "a folder"),
    "a long path": ('[server]\nstate = "{here}/{long}"', "server.state", "too long", "shorter"),
    "a certificate without its key": ('[tls]\ncertificate = "{here}/good.pem"', "tls.certificate", "needs tls.key", "both or neither"),
    "no such certificate": ('[tls]\ncertificate = "/not/there.pem"\nkey = "/not/there.key"', "/not/there.pem", "cannot be read", "path"),
    "a key of another certificate": ('[tls]\ncertificate = "{here}/good.pem"\nkey = "{here}/other.key"', "tls.certificate", "cannot be used", "its key"),
    "an ended certificate": ('[tls]\ncertificate = "{here}/ended.pem"\nkey = "{here}/ended.key"', "tls.certificate", "ended on", "renew"),
    "an authority that is none": ('[tls]\nclient_ca = "{here}/file"', "tls.client_ca", "no certificate", "PEM"),
    "nobody can log in": ("[identity.directory]\nenabled = false", "identity", "nobody could log in", "add a provider"),
    "no role at all": (PROVIDER.replace('roles = {{ g = "analyst" }}\n', ""), "identity.providers.p.roles", "no claim maps", "map"),
    "a role that no policy knows": (PROVIDER.replace("analyst", "analist"), "identity.providers.p.roles", "'analist'", "analyst"),
    "an algorithm that proves nothing": (PROVIDER + 'algorithms = ["HS256"]', "identity.providers.p.algorithms", "not accepted", "RS256"),
    "every tenant of the world": (
        '[[identity.providers]]\nname = "p"\npreset = "entra"\nissuer = "https://login.microsoftonline.com/common/v2.0"\naudience = "a"\nroles = {{ g = "analyst" }}',
        "identity.providers.p.tenants", "multi-tenant", "list the tenants",
    ),
    "no key set": (PROVIDER + 'jwks_file = "{here}/file"', "{here}/file", "no usable key set", "JWK set"),
    "an address for a host": (PROVIDER + 'jwks_hosts = ["https://keys.example/jwks"]', "identity.providers.p.jwks_hosts", "no host name", "https://"),
    "a budget for nobody": ('[[access.budgets]]\nrole = "analist"', "access.budgets[0].role", "'analist'", "analyst"),
    "no policies": ('[access]\npolicies = "{here}/nothing"', "access.policies", "no *.cedar file", "default"),
    "a policy without an end": ('[access]\npolicies = "{here}/endless"', "access.policies", "does not end", ";"),
    "a policy about nowhere": ('[access]\npolicies = "{here}/nowhere"\nextend_default = true', "access.policies", "suport", "correct the name"),
    "no model": ("", "models", "there is none", "[[models]]"),
    "a segment that is not defined": (
        '[[segments]]\nname = "support"\n[[models]]\nname = "m"\nsegment = "suport"\nupstream = "u"',
        "models[0].segment", "'suport'", "support",
    ),
    "an upstream for nobody": ('[[upstreams]]\nname = "v"\nbase_url = "https://v.example/v1"', "upstreams.v", "no model uses it", "remove it"),
    "a key by value": ('[[upstreams]]\nname = "v"\nbase_url = "https://v.example/v1"\napi_key = "sk-1"', "secret", "reference", "env:NAME"),
    "a variable that is not set": ('[[upstreams]]\nname = "v"\nbase_url = "https://v.example/v1"\napi_key = "env:SALLYPORT_NO_SUCH"', "env:SALLYPORT_NO_SUCH", "no such variable", "export"),
    "a key file for everybody": ('[[upstreams]]\nname = "v"\nbase_url = "https://v.example/v1"\napi_key = "file:{here}/file"', "file:{here}/file", "readable by others", "chmod 600"),
    "an empty key": ('[[upstreams]]\nname = "v"\nbase_url = "https://v.example/v1"\napi_key = "file:{here}/empty"', "upstreams.v.api_key", "is empty", "put the key there"),
    "a key of two lines": ('[[upstreams]]\nname = "v"\nbase_url = "https://v.example/v1"\napi_key = "file:{here}/lines"', "upstreams.v.api_key", "no header", "one line"),
    "plain http to elsewhere": ('[[upstreams]]\nname = "v"\nbase_url = "http://v.example/v1"', "upstreams[1].base_url", "plain http", "https"),
    "a query with its mark": ('[[upstreams]]\nname = "v"\nbase_url = "https://v.example/v1"\nquery = "?api-version=1"', "upstreams.v.query", "question mark", "leave it out"),
    "an action for no finding": (RULE + 'type = "crd"', "inspection.actions[0].type", "'crd'", "card"),
    "an action for no channel": (RULE + 'channel = "users"', "inspection.actions[0].channel", "'users'", "user"),
    "an action for no role": (RULE + 'role = "analist"', "inspection.actions[0].role", "'analist'", "analyst"),
    "a canary that cannot be seen": ('[inspection]\ncanaries = ["abc"]', "inspection.canaries[0]", "too short", "8 letters"),
    "a detector that is not there": ('[[inspection.plug_ins]]\nname = "d"\nfactory = "no_such_module:build"', "inspection.plug_ins.d.factory", "cannot be found", "installed"),
    "a detector without a function": ('[[inspection.plug_ins]]\nname = "d"\nfactory = "json"', "inspection.plug_ins.d.factory", "cannot be found", "module:function"),
    "more space than there is": ("[audit]\nreserve_bytes = 9000000000000000000", "audit.reserve_bytes", "every call would be refused", "reserve less"),
    "a log's name with blanks": ('[audit]\norigin = "our log"', "audit.origin", "no blanks", "log.example.com"),
    "a root key that is none": ('[keys]\nroot = "file:{here}/lines"', "{here}/lines", "32 bytes", "backup"),
    "a root key elsewhere": ('[keys]\nroot = "vault:secret/root"', "keys.root", "no reference", "file:/path"),
}  # fmt: skip
MODELS = """
[[segments]]
name = "support"
[[upstreams]]
name = "u"
base_url = "https://models.example/v1"
[[models]]
name = "m"
segment = "support"
upstream = "u"
"""


def certificate(folder: Path, name: str, days: int) -> None:
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - dt.timedelta(days=9))
        .not_valid_after(now + dt.timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / f"{name}.pem").write_bytes(made.public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / f"{name}.key").write_bytes(private)


@pytest.fixture
def planted(tmp_path):
    """A folder with everything that the faults refer to, and the words that they are filled with."""
    here = tmp_path / "here"
    for folder in ("open", "nothing", "endless", "nowhere"):
        (here / folder).mkdir(parents=True)
    (here / "open").chmod(0o755)
    for name, text in {"file": "text", "empty": "", "lines": "two\nlines"}.items():
        (here / name).write_text(text)
        (here / name).chmod(0o644 if name == "file" else 0o600)
    (here / "endless" / "a.cedar").write_text('@id("a")\nforbid (principal, action, resource)')
    (here / "nowhere" / "a.cedar").write_text(
        '@id("a")\nforbid (principal, action, resource in Sallyport::Segment::"suport");'
    )
    for name, days in {"good": 9, "other": 9, "ended": -1}.items():
        certificate(here, name, days)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield {"here": here, "open": here / "open", "long": "x" * 100, "taken": taken.getsockname()[1]}


@pytest.fixture
def check(run, home, planted):
    def call(text: str, *more: str):
        path = home / "sallyport.toml"
        path.write_text(text)
        return run("check", "-c", str(path), *more)

    return call


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def good(planted, server: str = "", *, models: bool = True) -> str:
    """A configuration without fault, with these lines in the table of the server."""
    own = [f'listen = "127.0.0.1:{free_port()}"', f'state = "{planted["here"]}/state"']
    kept = [line for line in own if line.partition(" = ")[0] not in server]
    return "\n".join(["[server]", *kept, server, MODELS if models else ""])


def with_fault(planted, fault: str) -> str:
    text = fault.format(**planted)
    if text.startswith("[server]"):
        return good(planted, text.removeprefix("[server]\n"))
    return good(planted, models=bool(text) and "[[models]]" not in text) + f"\n{text}\n"


def test_a_good_configuration(check, planted):
    said = check(good(planted))
    assert said == (0, "The configuration is good.\n", "")


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found_with_its_fix(check, planted, name):
    fault, key, problem, fix = FAULTS[name]
    said = check(with_fault(planted, fault), "--json")
    assert said.code == 78
    found = {p["key"]: p for p in said.json["problems"]}
    key = key.format(**planted)
    match = next((p for k, p in found.items() if k == key or k.endswith("/" + key)), None)
    assert match, said.out
    assert problem in match["problem"]
    assert fix in match["fix"]
    assert match["fix"] != ADVICE or fix in ADVICE


def test_every_problem_is_said_at_once(check, planted):
    text = good(planted) + '[audit]\norigin = "our log"\n[inspection]\ncanaries = ["abc"]\n'
    said = check(text)
    assert said.out.splitlines() == [
        "PROBLEM  inspection.canaries[0]: is too short to be recognised",
        "         fix: use 8 letters and digits or more",
        "PROBLEM  audit.origin: a log's name has no blanks and no plus",
        "         fix: write log.example.com/door",
        "The door would not start.",
    ]


def test_unsafe_switches_are_listed_and_do_not_stop_the_start(check, planted):
    said = check(good(planted) + "[inspection]\nunsafe_off = true\n")
    assert said == (
        0,
        "UNSAFE   inspection.unsafe_off is set; it weakens the door\nThe configuration is good.\n",
        "",
    )
    assert check(good(planted) + "[inspection]\nunsafe_off = true\n", "--json").json == {
        "problems": [],
        "unsafe": ["inspection.unsafe_off"],
    }


def test_no_secret_is_told(check, planted):
    (planted["here"] / "lines").write_text("very-\nsecret")
    said = check(with_fault(planted, FAULTS["a key of two lines"][0]))
    assert said.code == 78
    assert "secret\n" not in said.out
    assert "very-" not in said.out + said.err


def test_the_port_of_the_own_door_is_no_problem(check, planted):
    """Who checks before a restart has the old door still running."""
    text = with_fault(planted, FAULTS["a taken port"][0])
    assert check(text).code == 78
    sockets = planted["here"] / "state" / "run"
    sockets.mkdir(parents=True)
    (planted["here"] / "state").chmod(0o700)
    with socket.socket(socket.AF_UNIX) as own:
        own.bind(str(sockets / "worker-0.sock"))
        own.listen()
        assert check(text).code == 0


def test_the_production_start_refuses_what_check_refuses(run, home, planted):
    path = home / "sallyport.toml"
    path.write_text(with_fault(planted, FAULTS["an action for no finding"][0]))
    said = run("serve", "-c", str(path))
    assert said.code == 78
    assert said.err.startswith(
        "sallyport: inspection.actions[0].type: no detector finds 'crd' (write one of: "
    )
    assert not (planted["here"] / "state").exists()


def test_the_production_start_takes_no_demo(run, home, planted):
    path = home / "sallyport.toml"
    path.write_text("demo = true\n" + good(planted))
    assert run("serve", "-c", str(path)) == (
        2,
        "",
        "sallyport: demo = true is for `sallyport up`. Remove it, or run: sallyport up\n",
    )
