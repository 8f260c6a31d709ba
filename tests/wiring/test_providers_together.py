"""`sallyport check` sees what no provider shows by itself."""

from __future__ import annotations

from sallyport.wiring.preflight import preflight

PROVIDER = """
[[identity.providers]]
name = "{name}"
issuer = "https://idp.example"
audience = "{name}"
roles = {{ staff = "analyst" }}
mfa = {{ amr = ["{amr}"] }}
"""


def problems(tmp_path, *providers):
    path = tmp_path / "sallyport.toml"
    path.write_text(
        f'[server]\nstate = "{tmp_path / "state"}"\n' + "".join(PROVIDER.format(**p) for p in providers)
    )
    return {problem.key for problem in preflight(path)[0]}


def test_two_providers_with_one_issuer(tmp_path):
    one, two = {"name": "one", "amr": "mfa"}, {"name": "two", "amr": "mfa"}
    assert "identity.providers.two.issuer" in problems(tmp_path, one, two)
    assert "identity.providers.one.issuer" not in problems(tmp_path, one)


def test_a_proof_that_is_nothing(tmp_path):
    assert "identity.providers.one.mfa" in problems(tmp_path, {"name": "one", "amr": ""})
