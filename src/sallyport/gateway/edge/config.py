"""`EdgePlan` to Envoy's configuration. Pure: the same plan gives the same bytes.

TLS 1.3 only (RFC 8446), X25519MLKEM768 first (draft-ietf-tls-ecdhe-mlkem), Host allow-list, bounded headers,
connections, streams and times, no retries, no admin port, no request data in logs. What the edge asserts of a
connection it overwrites on every request, so that nothing from outside survives under those names.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from sallyport.gateway.edge.http import connection_manager
from sallyport.gateway.edge.plan import EdgePlan, seconds

__all__ = ["EdgePlan", "certificate_resource", "envoy_config", "envoy_document"]

_CERTIFICATE = "server"
_TYPE = "type.googleapis.com/envoy."


def envoy_config(plan: EdgePlan) -> bytes:
    """Envoy's bootstrap as JSON. Holds the edge secret: for a file descriptor, never for argv or a log."""
    return msgspec.json.encode(envoy_document(plan))


def certificate_resource(plan: EdgePlan) -> bytes:
    """What Envoy watches to learn of a renewed certificate (its "SDS" by file). Holds paths, no secret."""
    secret = {
        "@type": f"{_TYPE}extensions.transport_sockets.tls.v3.Secret",
        "name": _CERTIFICATE,
        "tls_certificate": {
            "certificate_chain": {"filename": plan.certificate},
            "private_key": {"filename": plan.key},
            # Watched, the two files are also read until they are of one renewal.
            "watched_directory": {"path": str(Path(plan.certificate).parent)},
        },
    }
    return msgspec.json.encode({"resources": [secret]})


def envoy_document(plan: EdgePlan) -> dict[str, Any]:
    """The bootstrap (envoy.config.bootstrap.v3.Bootstrap) as plain values."""
    return {
        "node": {"id": "door", "cluster": "sallyport"},
        "static_resources": {"listeners": [_listener(plan)], "clusters": [_cluster(plan)]},
        "overload_manager": _overload(plan),
        # Nobody reads Envoy's statistics here; not keeping them saves memory and time.
        "stats_config": {"stats_matcher": {"reject_all": True}},
    }


def _listener(plan: EdgePlan) -> dict[str, Any]:
    return {
        "name": "door",
        "address": {
            "socket_address": {
                "address": plan.host,
                "port_value": plan.port,
                "ipv4_compat": plan.host == "::",
            }
        },
        # With SO_REUSEPORT a second process of the same user could take a share of the calls.
        "enable_reuse_port": False,
        "per_connection_buffer_limit_bytes": 65_536,
        "tcp_keepalive": {"keepalive_time": 30, "keepalive_interval": 10, "keepalive_probes": 3},
        "filter_chains": [
            {
                "filters": [connection_manager(plan)],
                "transport_socket": _tls(plan),
                "transport_socket_connect_timeout": seconds(plan.handshake_seconds),
            }
        ],
    }


def _tls(plan: EdgePlan) -> dict[str, Any]:
    groups = ["X25519MLKEM768"] + (["X25519"] if plan.post_quantum == "preferred" else [])
    common: dict[str, Any] = {
        "tls_params": {
            "tls_minimum_protocol_version": "TLSv1_3",
            "tls_maximum_protocol_version": "TLSv1_3",
            "ecdh_curves": groups,
        },
        "tls_certificate_sds_secret_configs": [
            {
                "name": _CERTIFICATE,
                "sds_config": {
                    "path_config_source": {"path": plan.resource},
                    "resource_api_version": "V3",
                },
            }
        ],
        "alpn_protocols": ["h2", "http/1.1"],
    }
    if plan.client_certificates != "none":
        common["validation_context"] = {"trusted_ca": {"filename": plan.client_ca}}
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": f"{_TYPE}extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": common,
            "require_client_certificate": plan.client_certificates == "required",
            # A resumed session would not look at the client's certificate again.
            "disable_stateless_session_resumption": True,
            "disable_stateful_session_resumption": True,
        },
    }


def _cluster(plan: EdgePlan) -> dict[str, Any]:
    through = 2 * plan.in_flight * len(plan.workers)
    return {
        "name": "workers",
        "type": "STATIC",
        "connect_timeout": "5s",
        "lb_policy": "LEAST_REQUEST",
        "per_connection_buffer_limit_bytes": 65_536,
        "load_assignment": {
            "cluster_name": "workers",
            "endpoints": [
                {
                    "lb_endpoints": [
                        {"endpoint": {"address": {"pipe": {"path": path}}}} for path in plan.workers
                    ]
                }
            ],
        },
        "circuit_breakers": {
            "thresholds": [
                {
                    "max_connections": through,
                    "max_pending_requests": through,
                    "max_requests": through,
                    "max_retries": 0,
                }
            ]
        },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": f"{_TYPE}extensions.upstreams.http.v3.HttpProtocolOptions",
                # Shorter than the worker's own, so that no call is sent on a connection that is just closing.
                "common_http_protocol_options": {"idle_timeout": "30s", "max_headers_count": 200},
                "explicit_http_config": {"http_protocol_options": {}},
            }
        },
    }


def _overload(plan: EdgePlan) -> dict[str, Any]:
    kind = "extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig"
    return {
        "resource_monitors": [
            {
                "name": "envoy.resource_monitors.global_downstream_max_connections",
                "typed_config": {
                    "@type": f"{_TYPE}{kind}",
                    "max_active_downstream_connections": plan.connections,
                },
            }
        ]
    }
