"""The HTTP half of Envoy's configuration: limits, the Host allow-list, asserted headers, the edge's own errors."""

from __future__ import annotations

from typing import Any

import msgspec

from sallyport.errors import CATALOGUE
from sallyport.gateway.edge.names import ASSERTED, NOT_BELIEVED, SECRET, host_names
from sallyport.gateway.edge.plan import EdgePlan, seconds

_HCM = "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_TYPE = "type.googleapis.com/envoy."
# Status of an answer that Envoy gives by itself -> code of the catalogue.
_OWN_ANSWERS = {
    400: "edge_request_invalid",
    403: "edge_request_invalid",  # an upgrade
    404: "edge_host_unknown",
    408: "edge_timeout",
    413: "body_too_large",
    426: "edge_request_invalid",  # HTTP/1.0
    431: "headers_too_large",
    501: "edge_request_invalid",  # a transfer coding that is none
    503: "worker_unavailable",
    504: "deadline_exceeded",
}


def connection_manager(plan: EdgePlan) -> dict[str, Any]:
    """The HttpConnectionManager filter."""
    return {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {
            "@type": f"{_TYPE}{_HCM}",
            "stat_prefix": "door",
            "codec_type": "AUTO",
            **_caller(),
            **_paths(),
            **_limits(plan),
            "route_config": _routes(plan),
            "http_filters": [_router()],
            "local_reply_config": _local_replies(),
        },
    }


def _caller() -> dict[str, Any]:
    """Who the caller is comes from the connection, never from a header."""
    return {
        "use_remote_address": True,
        # From an "internal" caller Envoy would obey x-envoy-* (retries, timeouts). Nobody is: a range with no peer.
        "internal_address_config": {"cidr_ranges": [{"address_prefix": "0.0.0.0", "prefix_len": 32}]},  # noqa: S104
        "forward_client_cert_details": "SANITIZE_SET",
        "set_current_client_cert_details": {"uri": True, "dns": True},
        "generate_request_id": False,
        "server_header_transformation": "PASS_THROUGH",
    }


def _paths() -> dict[str, Any]:
    """One spelling per path, so that the worker authorises what it routes (CWE-22, CWE-444)."""
    return {
        "normalize_path": True,
        "merge_slashes": False,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
    }


def _limits(plan: EdgePlan) -> dict[str, Any]:
    return {
        "max_request_headers_kb": max(1, plan.header_bytes // 1024),
        "request_headers_timeout": seconds(plan.header_seconds),
        # Runs until the request is received or its answer begins; it does not end a streamed answer.
        "request_timeout": seconds(plan.header_seconds + plan.body_seconds),
        "stream_idle_timeout": seconds(plan.stream_idle_seconds),
        "drain_timeout": "1s",
        "common_http_protocol_options": {
            "idle_timeout": seconds(plan.connection_idle_seconds),
            "max_headers_count": 100,
            "headers_with_underscores_action": "REJECT_REQUEST",
        },
        "http_protocol_options": {"accept_http_10": False},
        "http2_protocol_options": {
            "max_concurrent_streams": 128,
            "initial_stream_window_size": 65_536,
            "initial_connection_window_size": 1_048_576,
            "connection_keepalive": {"interval": "30s", "timeout": "10s"},
        },
    }


def _routes(plan: EdgePlan) -> dict[str, Any]:
    return {
        "name": "door",
        "virtual_hosts": [
            {
                "name": "door",
                "domains": host_names(plan.names, plan.port),
                "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "workers", "timeout": "0s"}}],
                "include_request_attempt_count": False,
            }
        ],
        # Removed first, then written: an inbound copy, also a second one, never survives.
        "request_headers_to_remove": [SECRET, *ASSERTED, *NOT_BELIEVED],
        "request_headers_to_add": [_overwrite(SECRET, plan.secret)]
        + [_overwrite(name, operator) for name, operator in ASSERTED.items()],
    }


def _overwrite(name: str, value: str) -> dict[str, Any]:
    return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def _router() -> dict[str, Any]:
    return {
        "name": "envoy.filters.http.router",
        "typed_config": {
            "@type": f"{_TYPE}extensions.filters.http.router.v3.Router",
            "suppress_envoy_headers": True,
            "dynamic_stats": False,
        },
    }


def _local_replies() -> dict[str, Any]:
    """Envoy's own answers as the error object that the callers' SDKs parse."""
    return {
        "mappers": [_mapper(status, code) for status, code in _OWN_ANSWERS.items()],
        "body_format": _body("worker_unavailable"),
    }


def _mapper(status: int, code: str) -> dict[str, Any]:
    equals = {"op": "EQ", "value": {"default_value": status, "runtime_key": "unused"}}
    return {
        "filter": {"status_code_filter": {"comparison": equals}},
        "status_code": CATALOGUE[code].status,
        "body_format_override": _body(code),
    }


def _body(code: str) -> dict[str, Any]:
    spec = CATALOGUE[code]
    message = f"{spec.message} {spec.next_step}".strip()
    error = {"message": message, "type": spec.type, "param": None, "code": code}
    text = msgspec.json.encode({"error": error}).decode().replace("%", "%%")
    return {"text_format_source": {"inline_string": text}, "content_type": "application/json"}
