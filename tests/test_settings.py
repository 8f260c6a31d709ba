from __future__ import annotations

import pytest

from sallyport import settings
from sallyport.errors import SettingsError

BAD = {
    "unknown table": ("serve = {}", "serve", "did you mean server"),
    "unknown key": ('[server]\nlisen = "x"', "server.lisen", "did you mean listen"),
    "unknown key in a list": (
        '[[models]]\nname = "a"\nsegmen = "s"',
        "models[0].segmen",
        "did you mean segment",
    ),
    "unknown key deep": (
        "[server.limits]\nbody_byte = 3",
        "server.limits.body_byte",
        "did you mean body_bytes",
    ),
    "wrong kind": ("[server]\nlisten = 3", "server.listen", "Expected `str`"),
    "not toml": ("= 3", "toml", "not valid TOML"),
    "a secret by value": (
        '[[upstreams]]\nname = "u"\nbase_url = "https://x/v1"\napi_key = "sk-123"',
        "secret",
        "env:NAME or file:/path",
    ),
    "segment not defined": (
        '[[segments]]\nname="support"\n[[models]]\nname="a"\nsegment="suport"\nupstream="u"',
        "models[0].segment",
        "did you mean support",
    ),
    "named twice": ('[[segments]]\nname="a"\n[[segments]]\nname="a"', "segments", "given twice"),
    "plain http": (
        '[[upstreams]]\nname="u"\nbase_url="http://10.0.0.1/v1"',
        "upstreams[0].base_url",
        "https",
    ),
    "credentials in a url": (
        '[[upstreams]]\nname="u"\nbase_url="https://a:b@x/v1"',
        "upstreams[0].base_url",
        "without",
    ),
    "http issuer": (
        '[[identity.providers]]\nname="p"\nissuer="http://x"\naudience="a"',
        "identity.providers[0].issuer",
        "https",
    ),
    "certificate without key": ('[tls]\ncertificate="a.pem"', "tls.certificate", "tls.key"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_named_with_its_fix(name):
    text, key, says = BAD[name]
    with pytest.raises(SettingsError) as caught:
        settings.loads(text)
    assert caught.value.key == key
    assert says in str(caught.value)


def test_secrets_are_resolved_and_never_shown(tmp_path, monkeypatch):
    monkeypatch.setenv("SALLYPORT_TEST_KEY", "s3cr3t-value")
    text = '[[upstreams]]\nname="u"\nbase_url="https://x/v1"\napi_key="env:SALLYPORT_TEST_KEY"'
    loaded = settings.loads(text)
    assert loaded.upstreams[0].api_key.reveal() == "s3cr3t-value"
    assert "s3cr3t" not in repr(loaded)
    assert "s3cr3t" not in str(loaded.upstreams[0].api_key)


def test_a_secret_file_that_others_can_read_is_refused(tmp_path):
    file = tmp_path / "key"
    file.write_text("value\n")
    file.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        settings.resolve(f"file:{file}")
    file.chmod(0o600)
    assert settings.resolve(f"file:{file}").reveal() == "value"


def test_a_missing_variable_is_named():
    with pytest.raises(SettingsError, match="SALLYPORT_NOT_THERE"):
        settings.resolve("env:SALLYPORT_NOT_THERE")


def test_unsafe_switches_are_listed_by_their_dotted_names():
    loaded = settings.loads(
        '[inspection]\nunsafe_off = true\n[[upstreams]]\nname="u"\nbase_url="http://10.0.0.1/v1"\nunsafe_http=true'
    )
    assert settings.unsafe_switches(loaded) == ["inspection.unsafe_off", "upstreams[0].unsafe_http"]
    assert settings.unsafe_switches(settings.loads("")) == []
